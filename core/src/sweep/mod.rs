//! The as-of sweep: the values of many rows from sorted events, in one pass.
//!
//! Windows give ranges of positions ([`ranges`]), aggregations consume ranges ([`slide`], [`select`]); both
//! only ever move forward, so the work grows with events + rows, never with their product.

mod compact;
mod ranges;
mod select;
mod slide;
mod sort;

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

use crate::{Aggregation, FoldPlan, Instant, Lane, Status, Window};

use compact::Compacted;
use ranges::Ranges;
pub use sort::{OrderColumns, SortedEvents, SortedRows};

/// Why events cannot be sorted or swept.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// More events or rows than 32 bits count.
    #[error("{count} {what} in one sweep, more than 2^32 - 2: cut the work into more shards")]
    TooMany {
        /// Events or rows.
        what: &'static str,
        /// How many there are.
        count: usize,
    },
    /// An input column is not what the plan says.
    #[error("input {input} has type {found}, and the plan says {expected}")]
    InputType {
        /// Position of the input.
        input: usize,
        /// Type by the plan.
        expected: DataType,
        /// Type of the column.
        found: DataType,
    },
    /// Most likely a column that outgrows what Arrow's 32-bit offsets reach.
    #[error("cannot build the column of {column}: {cause}; cut the work into more shards or smaller batches")]
    Column {
        /// The feature's name, or the input's position.
        column: String,
        /// Arrow's reason.
        cause: ArrowError,
    },
}

/// What a sweep gives, an entry for each of [`SortedRows`], in their order.
#[derive(Clone, Debug)]
pub struct Swept {
    /// A column for each of [`FoldPlan::features`].
    pub columns: Vec<ArrayRef>,
    /// The status of each row's values where they are not null: never [`Status::NullValue`].
    pub statuses: Vec<Status>,
    /// For each column, how many of its values are null because an integer sum does not fit 64 bits.
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

/// The values of the plan's features for every row: what [`KeyState::values`](crate::KeyState::values) says
/// of the same events at the row's T, bit for bit.
///
/// # Errors
///
/// See [`SweepError`].
///
/// # Panics
///
/// If events or rows are not sorted as they say, or not over the same keys.
pub fn sweep(plan: &FoldPlan, events: &SortedEvents, rows: &SortedRows) -> Result<Swept, SweepError> {
    let inputs = compacted(plan, events)?;
    let mut sweep = Sweep { plan, inputs, columns: vec![None; plan.features.len()] };
    let windows = distinct(plan.features.iter().map(|feature| feature.window));
    for window in windows {
        let ranges = Ranges::of(window, plan.ttl, events, rows);
        for input in distinct(sweep.features_over(window).map(|(_, input, _)| input)) {
            sweep.fold(window, input, &ranges)?;
        }
    }
    let filled = |column: Option<_>| column.expect("every feature has a window and an input, or counts");
    let (columns, sum_overflows) = sweep.columns.into_iter().map(filled).unzip();
    Ok(Swept { columns, statuses: statuses(plan, events, rows), sum_overflows })
}

/// The inputs without nulls, those that no feature has left out.
fn compacted(plan: &FoldPlan, events: &SortedEvents) -> Result<Vec<Option<Compacted>>, SweepError> {
    let compacted = |(input, (field_type, values)): (usize, (&crate::FieldType, &ArrayRef))| {
        let expected = field_type.to_arrow();
        if *values.data_type() != expected {
            return Err(SweepError::InputType { input, expected, found: values.data_type().clone() });
        }
        let is_used = plan.features.iter().any(|feature| feature.input == Some(input));
        let compacted = is_used.then(|| Compacted::of(values)).transpose();
        compacted.map_err(|cause| SweepError::Column { column: format!("input {input}"), cause })
    };
    plan.inputs.iter().zip(&events.inputs).enumerate().map(compacted).collect()
}

/// A sweep under way.
struct Sweep<'a> {
    plan: &'a FoldPlan,
    inputs: Vec<Option<Compacted>>,
    /// For each feature its column, and how many sums overflowed.
    columns: Vec<Option<(ArrayRef, u64)>>,
}

impl Sweep<'_> {
    /// Position, input and aggregation of the features over `window`.
    fn features_over(&self, window: Window) -> impl Iterator<Item = (usize, Option<usize>, Aggregation)> {
        let features = self.plan.features.iter().enumerate();
        features
            .filter(move |(_, feature)| feature.window == window)
            .map(|(column, feature)| (column, feature.input, feature.aggregation))
    }

    /// Fills the columns of all features of one input over one window.
    fn fold(&mut self, window: Window, input: Option<usize>, ranges: &Ranges) -> Result<(), SweepError> {
        let features: Vec<_> = self
            .features_over(window)
            .filter(|(_, other, _)| *other == input)
            .map(|(column, _, aggregation)| (column, aggregation))
            .collect();
        let Some(compacted) = input.and_then(|input| self.inputs[input].as_ref()) else {
            features.iter().for_each(|(column, _)| self.columns[*column] = Some((counts(ranges), 0)));
            return Ok(());
        };
        let ranges = compacted.translate(ranges);
        let values = &compacted.values;
        let lane = Lane::of(values).expect("the types of inputs were checked");
        let (sums, others): (Vec<_>, Vec<_>) = features.into_iter().partition(|(_, a)| a.is_moment());
        let aggregations: Vec<_> = sums.iter().map(|(_, aggregation)| *aggregation).collect();
        let slid = if sums.is_empty() { Vec::new() } else { slide::slide(&lane, &ranges, &aggregations) };
        for ((column, _), filled) in sums.into_iter().zip(slid) {
            self.columns[column] = Some(filled);
        }
        for (column, aggregation) in others {
            let filled = pick(aggregation, values, &lane, &ranges);
            let name = || self.plan.features[column].name.clone();
            let filled = filled.map_err(|cause| SweepError::Column { column: name(), cause })?;
            self.columns[column] = Some((filled, 0));
        }
        Ok(())
    }
}

/// The column of an aggregation that is no sum.
fn pick(
    aggregation: Aggregation,
    values: &ArrayRef,
    lane: &Lane<'_>,
    ranges: &Ranges,
) -> Result<ArrayRef, ArrowError> {
    match aggregation {
        Aggregation::Min => select::best(values, lane, ranges, Ordering::Less),
        Aggregation::Max => select::best(values, lane, ranges, Ordering::Greater),
        Aggregation::First => select::first(values, ranges),
        Aggregation::Last => select::last(values, ranges),
        Aggregation::FirstN { n } => select::lists(values, ranges, n, false),
        Aggregation::LastN { n } => select::lists(values, ranges, n, true),
        Aggregation::Count => Ok(counts(ranges)),
        Aggregation::Sum
        | Aggregation::Avg
        | Aggregation::Variance
        | Aggregation::Stddev
        | Aggregation::VariancePop
        | Aggregation::StddevPop => unreachable!("sums slide"),
    }
}

fn counts(ranges: &Ranges) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(ranges.iter().map(|(start, end)| (end - start) as i64)))
}

/// The status of each row's values where they are not null.
fn statuses(plan: &FoldPlan, events: &SortedEvents, rows: &SortedRows) -> Vec<Status> {
    let mut statuses = Vec::with_capacity(rows.at.len());
    for (events_of_key, rows_of_key) in sort::ranges(&events.key_starts).zip(sort::ranges(&rows.key_starts)) {
        let times = &events.times[..events_of_key.end];
        let mut end = events_of_key.start;
        for at in &rows.at[rows_of_key] {
            let at = Instant::from_micros(*at);
            end = ranges::after(times, end, at);
            let newest = (end > events_of_key.start).then(|| Instant::from_micros(times[end - 1]));
            let oldest = plan.ttl.map(|ttl| at.saturating_sub(ttl));
            statuses.push(Status::of(newest.is_some(), newest > oldest, false));
        }
    }
    statuses
}

/// Each item once, in the order of first appearance.
fn distinct<T: PartialEq>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut distinct = Vec::new();
    for item in items {
        if !distinct.contains(&item) {
            distinct.push(item);
        }
    }
    distinct
}
