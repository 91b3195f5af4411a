//! A spine's rows in the order in which a sweep takes them.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::UInt32Array;
use thalweg_core::{FieldType, SortedRows};
use thalweg_definitions::Fold;

use crate::Error;
use crate::key_index::KeyIndex;
use crate::spine::Spine;

/// The spine read by one choice of key columns: its rows by key and instant.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) index: KeyIndex,
    pub(crate) rows: SortedRows,
    /// For each spine row its position among the sorted ones.
    pub(crate) position_of_row: UInt32Array,
}

/// The reading of each fold; folds with equal key columns share one.
pub(crate) fn readings(folds: &[Fold<'_>], spine: &Spine) -> Result<Vec<Arc<Reading>>, Error> {
    let mut made: HashMap<&[(String, FieldType)], Arc<Reading>> = HashMap::new();
    let mut of_fold = Vec::with_capacity(folds.len());
    for fold in folds {
        let reading = match made.get(fold.key_columns.as_slice()) {
            Some(reading) => reading.clone(),
            None => {
                let (index, keys) = KeyIndex::build(spine.keys(&fold.key_columns)?);
                let rows = SortedRows::sort(&keys, index.len(), spine.instants())?;
                let position_of_row = invert(&rows.sources);
                Arc::new(Reading { index, rows, position_of_row })
            }
        };
        made.insert(&fold.key_columns, reading.clone());
        of_fold.push(reading);
    }
    Ok(of_fold)
}

/// For each number its place in `order`, which has every number once.
fn invert(order: &[u32]) -> UInt32Array {
    let mut place = vec![0; order.len()];
    for (at, &number) in order.iter().enumerate() {
        place[number as usize] = at as u32;
    }
    place.into()
}
