//! On-demand features of a spine's rows: the expressions that lookups evaluate, over the values of the folds.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, RecordBatch, new_empty_array};
use arrow::compute::concat;
use rayon::prelude::*;
use thalweg_definitions::{FoldColumn, Layout, OnDemand, Origin};

use crate::Error;

/// Rows on which an expression is evaluated at a time: a row that fails has those beside it evaluated again.
const ROWS_AT_A_TIME: usize = 16_384;

/// The on-demand columns of an answer by their place among all, and for each view how often an expression
/// failed.
#[derive(Debug, Default)]
pub(crate) struct Computed {
    pub(crate) columns: BTreeMap<usize, ArrayRef>,
    pub(crate) failed: BTreeMap<String, u64>,
}

/// Computes the on-demand columns of `layout` for `rows` rows, from the values of the folds and the request
/// inputs in the rows' order.
///
/// # Errors
/// Where Arrow cannot put columns together.
pub(crate) fn compute(
    layout: &Layout<'_>,
    rows: usize,
    of_fold: impl Fn(FoldColumn) -> Result<ArrayRef, Error>,
    request: &BTreeMap<String, ArrayRef>,
) -> Result<Computed, Error> {
    let mut computed = Computed::default();
    for (position, on_demand) in layout.on_demand.iter().enumerate() {
        let of_request = |name: &str| {
            Ok(request.get(name).expect("every request input was read when the spine was checked").clone())
        };
        let inputs = on_demand.input_batch(rows, &of_fold, of_request)?;
        let failed = computed.failed.entry(on_demand.view.name.clone()).or_default();
        for (place, column) in layout.columns.iter().enumerate() {
            if let Origin::OnDemand { view, feature } = column.origin
                && view == position
            {
                let (values, count) = evaluate(on_demand, feature, &inputs)?;
                computed.columns.insert(place, values);
                *failed += count;
            }
        }
    }
    Ok(computed)
}

fn evaluate(
    on_demand: &OnDemand<'_>,
    feature: usize,
    inputs: &RecordBatch,
) -> Result<(ArrayRef, u64), Error> {
    let feature = &on_demand.view.features[feature];
    let starts: Vec<usize> = (0..inputs.num_rows()).step_by(ROWS_AT_A_TIME).collect();
    let evaluated: Vec<_> = starts
        .into_par_iter()
        .map(|start| {
            let rows = ROWS_AT_A_TIME.min(inputs.num_rows() - start);
            feature.evaluate(&inputs.slice(start, rows))
        })
        .collect();
    let failed = evaluated.iter().map(|evaluated| evaluated.failed).sum();
    let parts: Vec<&dyn Array> = evaluated.iter().map(|evaluated| evaluated.column.as_ref()).collect();
    match parts.is_empty() {
        true => Ok((new_empty_array(&feature.field_type.to_arrow()), failed)),
        false => Ok((concat(&parts)?, failed)),
    }
}
