//! Whether what an online store answered is what a replay of the log gives.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use thalweg_core::Status;
use thalweg_definitions::{Repository, status_column};
use thalweg_log::Log;

use crate::{
    AsOf, Boundary, Budget, Cancellation, Commit, DEFAULT_TIMESTAMP_COLUMN, Error, Features, Pin, Prepared,
    TrainingSetRequest,
};

/// The differences of one comparison that are told; all are counted.
const TOLD: usize = 20;

/// What an online store answered, all of it at one moment, and what it says that rests on.
#[derive(Clone, Debug)]
pub struct Answered {
    /// The features that were looked up.
    pub features: Features,
    /// A row for each that was looked up: join keys, request inputs, and the instant, as
    /// [`DEFAULT_TIMESTAMP_COLUMN`].
    pub spine: RecordBatch,
    /// For each column of the features its values, a row each.
    pub values: Vec<ArrayRef>,
    /// For each column of the features what stands behind its values.
    pub statuses: Vec<Vec<Status>>,
    /// What was applied.
    pub pin: Pin,
}

/// What came of a comparison.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The training set that the answers were compared with.
    pub commit: Commit,
    /// How many values were compared, each with its status.
    pub cells: u64,
    /// How many of them were not the same.
    pub differing: u64,
    /// The first of these.
    pub differences: Vec<Difference>,
}

/// A value that is one thing online and another in a training set.
#[derive(Clone, Debug)]
pub struct Difference {
    /// Row of the spine.
    pub row: usize,
    /// Column of the answer.
    pub column: String,
    /// What was answered.
    pub online: Cell,
    /// What the replay gives.
    pub replayed: Cell,
}

/// One value.
#[derive(Clone, Debug)]
pub struct Cell {
    /// The value, as a column of one row.
    pub value: ArrayRef,
    /// What stands behind it.
    pub status: String,
}

/// Replays the log up to what was applied, and compares what was `answered` with the training set of the same
/// rows: bits of values, and statuses.
///
/// Memory holds the events of the keys, within `budget`; nothing of the online store is touched.
///
/// # Errors
/// What [`training_set`](crate::training_set) says.
pub fn verify(
    repository: &Repository,
    log: &dyn Log,
    answered: Answered,
    budget: &Budget,
    cancellation: &Cancellation,
) -> Result<Verdict, Error> {
    let Answered { features, spine, values, statuses, pin } = answered;
    let request = TrainingSetRequest {
        features,
        spine_schema: spine.schema(),
        spine: vec![spine],
        timestamp_column: DEFAULT_TIMESTAMP_COLUMN.to_owned(),
        as_of: AsOf::EventTime,
        history: None,
        boundary: Boundary::Inclusive,
        pin: Some(pin),
        statuses: true,
        full_feature_names: true,
    };
    let prepared = Prepared::new(repository, log, &request)?;
    let names: Vec<String> = prepared.layout.columns.iter().map(|column| column.name.clone()).collect();
    let commit = prepared.commit().clone();
    let mut verdict = Verdict { commit, cells: 0, differing: 0, differences: Vec::new() };
    if prepared.num_rows() == 0 {
        return Ok(verdict);
    }
    let set = prepared.run(budget, cancellation)?;
    for ((name, online), statuses) in names.into_iter().zip(values).zip(statuses) {
        let column = |name: &str| {
            let column = set.rows().column_by_name(name);
            column.cloned().expect("a training set has its features, and statuses that were asked for")
        };
        let (replayed, replayed_statuses) = (column(&name), column(&status_column(&name)));
        let replayed_statuses = replayed_statuses.as_string::<i32>();
        for (row, status) in statuses.iter().enumerate() {
            verdict.cells += 1;
            let same = status.name() == replayed_statuses.value(row);
            if same && is_same(&online, &replayed, row) {
                continue;
            }
            verdict.differing += 1;
            if verdict.differences.len() < TOLD {
                let cell = |values: &ArrayRef, status: &str| Cell {
                    value: values.slice(row, 1),
                    status: status.to_owned(),
                };
                verdict.differences.push(Difference {
                    row,
                    column: name.clone(),
                    online: cell(&online, status.name()),
                    replayed: cell(&replayed, replayed_statuses.value(row)),
                });
            }
        }
    }
    Ok(verdict)
}

/// Whether both columns have the same bits in `row`. Arrow compares the buffers of numbers, not what they
/// stand for.
fn is_same(one: &ArrayRef, other: &ArrayRef, row: usize) -> bool {
    one.len() > row && other.len() > row && one.slice(row, 1).to_data() == other.slice(row, 1).to_data()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, Int64Array, StringArray};

    use super::*;

    #[test]
    fn values_are_compared_bit_by_bit() {
        let floats = |values: Vec<Option<f64>>| -> ArrayRef { Arc::new(Float64Array::from(values)) };
        let one = floats(vec![Some(0.0), Some(f64::NAN), None, Some(1.0)]);
        let same = floats(vec![Some(7.0), Some(0.0), Some(f64::NAN), None, Some(1.0)]).slice(1, 4);
        assert!((0..4).all(|row| is_same(&one, &same, row)));
        let next = f64::from_bits(1.0_f64.to_bits() + 1);
        let other = floats(vec![Some(-0.0), Some(-f64::NAN), Some(0.0), Some(next)]);
        assert!((0..4).all(|row| !is_same(&one, &other, row)));
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["a", "b", "", "d"]));
        assert!(!is_same(&one, &texts, 0));
        let whole: ArrayRef = Arc::new(Int64Array::from(vec![0]));
        assert!(!is_same(&one, &whole, 0) && !is_same(&whole, &whole, 1));
    }
}
