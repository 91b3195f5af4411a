//! A spine's rows in the order in which a sweep takes them.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::UInt32Array;
use thalweg_core::{FieldType, SortedRows};
use thalweg_definitions::Fold;

use crate::Error;
use crate::key_index::KeyIndex;
use crate::spine::Spine;

/// The entity keys of a spine by one choice of key columns.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) index: KeyIndex,
    /// The number of each row's key.
    of_row: Vec<u32>,
}

/// Some of a spine's rows, by key and instant.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) rows: SortedRows,
    /// For each of the rows its position among the sorted ones.
    pub(crate) position_of_row: UInt32Array,
}

impl Keys {
    /// The number of the key in `row` of the spine.
    pub(crate) fn of_row(&self, row: u32) -> u32 {
        self.of_row[row as usize]
    }

    /// The spine's `rows` at their instants.
    pub(crate) fn reading(&self, rows: Range<usize>, instants: &[i64]) -> Result<Reading, Error> {
        self.read(&self.of_row[rows], instants)
    }

    /// The keys of these rows of the spine, each at the instant that stands where the row does.
    pub(crate) fn reading_of(&self, rows: &[u32], instants: &[i64]) -> Result<Reading, Error> {
        self.read(&rows.iter().map(|&row| self.of_row(row)).collect::<Vec<_>>(), instants)
    }

    fn read(&self, keys: &[u32], instants: &[i64]) -> Result<Reading, Error> {
        let rows = SortedRows::sort(keys, self.index.len(), instants)?;
        let position_of_row = invert(&rows.sources);
        Ok(Reading { rows, position_of_row })
    }
}

/// The keys of each fold; folds with equal key columns share them.
pub(crate) fn keys_of(folds: &[Fold<'_>], spine: &Spine) -> Result<Vec<Arc<Keys>>, Error> {
    let mut made: HashMap<&[(String, FieldType)], Arc<Keys>> = HashMap::new();
    let mut of_fold = Vec::with_capacity(folds.len());
    for fold in folds {
        let keys = match made.get(fold.key_columns.as_slice()) {
            Some(keys) => keys.clone(),
            None => {
                let (index, of_row) = KeyIndex::build(spine.keys(&fold.key_columns)?);
                Arc::new(Keys { index, of_row })
            }
        };
        made.insert(&fold.key_columns, keys.clone());
        of_fold.push(keys);
    }
    Ok(of_fold)
}

/// What `read` gives for the keys of each fold; folds that share their keys share it.
pub(crate) fn readings(
    keys: &[Arc<Keys>],
    read: impl Fn(&Keys) -> Result<Reading, Error>,
) -> Result<Vec<Arc<Reading>>, Error> {
    let mut readings: Vec<Arc<Reading>> = Vec::with_capacity(keys.len());
    for (position, own) in keys.iter().enumerate() {
        let reading = match keys[..position].iter().position(|other| Arc::ptr_eq(other, own)) {
            Some(same) => readings[same].clone(),
            None => Arc::new(read(own)?),
        };
        readings.push(reading);
    }
    Ok(readings)
}

/// For each number its place in `order`, which has every number once.
fn invert(order: &[u32]) -> UInt32Array {
    let mut place = vec![0; order.len()];
    for (at, &number) in order.iter().enumerate() {
        place[number as usize] = at as u32;
    }
    place.into()
}
