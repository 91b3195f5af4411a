//! Online answers beside training rows, bit for bit.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use thalweg_backfill::{DEFAULT_TIMESTAMP_COLUMN, Features, TrainingSet};
use thalweg_core::Instant;
use thalweg_definitions::status_column;

use crate::Error;
use crate::json::to_json;
use crate::lookup::LookupRequest;
use crate::node::Node;

/// What a comparison came to.
pub(super) struct Compared {
    pub(super) rows: u64,
    pub(super) values: u64,
    /// Where the two differ, in words.
    pub(super) differences: Vec<String>,
}

/// Looks up `count` rows of `spine`, spread evenly, each at its own instant, and compares every value and
/// status with those of `set`.
pub(super) fn compare(
    node: &Node,
    service: &str,
    spine: &RecordBatch,
    set: &TrainingSet,
    count: usize,
) -> Result<Compared, Error> {
    let all = arrow::compute::concat_batches(&set.schema, &set.batches().collect::<Vec<_>>())?;
    let times = spine
        .column_by_name(DEFAULT_TIMESTAMP_COLUMN)
        .and_then(|times| times.as_primitive_opt::<TimestampMicrosecondType>())
        .ok_or_else(|| Error::internal("the spine's instants are not in microseconds"))?;
    let keys = ["carrier", "origin", "dest", "tailnum"];
    let count = count.min(spine.num_rows());
    let mut compared = Compared { rows: count as u64, values: 0, differences: Vec::new() };
    for number in 0..count {
        let row = number * spine.num_rows() / count;
        let key =
            |name: &str| spine.column_by_name(name).map(|column| (name.to_owned(), column.slice(row, 1)));
        let entities: BTreeMap<String, ArrayRef> = keys.into_iter().filter_map(key).collect();
        let answer = node.lookup(&LookupRequest {
            features: Features::Service(service.to_owned()),
            entities,
            request_inputs: BTreeMap::new(),
            at: Some(Instant::from_micros(times.value(row))),
            full_feature_names: true,
        })?;
        for column in &answer.columns {
            let offline = |name: &str| {
                all.column_by_name(name)
                    .map(|column| column.slice(row, 1))
                    .ok_or_else(|| Error::internal(format!("the training set lacks column `{name}`")))
            };
            let values = offline(&column.name)?;
            let status = offline(&status_column(&column.name))?;
            compared.values += 2;
            // Arrays are compared by their bits: −0.0 differs from 0.0, and one NaN from another.
            let same_status = status.as_string::<i32>().value(0) == column.statuses[0].name();
            if values.to_data() != column.values.to_data() || !same_status {
                compared.differences.push(format!(
                    "row {row}, {}: online {} {}, offline {} {}",
                    column.name,
                    to_json(&column.values, 0),
                    column.statuses[0].name(),
                    to_json(&values, 0),
                    status.as_string::<i32>().value(0),
                ));
            }
        }
    }
    Ok(compared)
}
