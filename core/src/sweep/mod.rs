//! The as-of sweep: the values of many rows from sorted events, in one pass.
//!
//! Windows give ranges of positions ([`ranges`]), aggregations consume them (one [`Pass`] each); ranges only ever
//! move forward, so the work grows with events + rows, never with their product.

mod entering;
mod ranges;
mod sort;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::compute::concat;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

use crate::aggregation::Filled;
use crate::layout::{Fold, Layout};
use crate::pass::{Events, Pass};
use crate::plan::Reads;
use crate::{Aggregation, FeatureColumn, FoldPlan, Instant, Status};

pub use entering::{EnteringEvents, sweep_entering};
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
    /// How many of the values are null because they do not fit: integer sums 64 bits, distinct values their limit.
    pub overflows: u64,
}

impl Swept {
    /// The status of the value in `column` at `row`.
    pub fn status(&self, column: usize, row: usize) -> Status {
        match self.statuses[row] {
            Status::Present if self.columns[column].is_null(row) => Status::NullValue,
            status => status,
        }
    }

    /// One after the other what sweeps with `plan` over successive rows gave.
    ///
    /// # Errors
    ///
    /// If a column outgrows what Arrow's offsets reach.
    pub fn join(plan: &FoldPlan, parts: &[Self]) -> Result<Self, SweepError> {
        let column = |(position, feature): (usize, &FeatureColumn)| {
            let columns: Vec<_> = parts.iter().map(|part| Arc::clone(&part.columns[position])).collect();
            joined(&feature.name, &columns)
        };
        Ok(Self {
            columns: plan.features.iter().enumerate().map(column).collect::<Result<_, _>>()?,
            statuses: parts.iter().flat_map(|part| part.statuses.iter().copied()).collect(),
            overflows: parts.iter().map(|part| part.overflows).sum(),
        })
    }
}

/// Some columns, at least one, of the feature `name` as one.
fn joined(name: &str, columns: &[ArrayRef]) -> Result<ArrayRef, SweepError> {
    let columns: Vec<&dyn Array> = columns.iter().map(AsRef::as_ref).collect();
    concat(&columns).map_err(|cause| SweepError::Column { column: name.to_owned(), cause })
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
    check_types(plan, &events.inputs)?;
    let layout = Layout::of(plan);
    let read = distinct(layout.slots.iter().map(|slot| slot.reads)).into_iter().map(|reads| {
        let taking_part = Events::of(reads, &events.times, &events.inputs);
        let name = || format!("input {}", reads.input.or(reads.by).unwrap_or_default());
        Ok((reads, taking_part.map_err(|cause| SweepError::Column { column: name(), cause })?))
    });
    let read: Vec<(Reads, Events<'_>)> = read.collect::<Result<_, SweepError>>()?;
    let mut sweep = Sweep { plan, layout: &layout, columns: vec![None; plan.features.len()] };
    for window in distinct(layout.folds.iter().map(|fold| fold.window)) {
        let seen = match plan.shown {
            None => ranges::seen_through(window, plan.max_age(), events, rows),
            Some(column) => {
                ranges::standing_through(window, plan.max_age(), &events.inputs[column], events, rows)
            }
        };
        for (reads, events) in &read {
            let of_window = |fold: &Fold| fold.window == window && layout.slots[fold.slot].reads == *reads;
            let mut folds = (0..layout.folds.len()).filter(|fold| of_window(&layout.folds[*fold])).peekable();
            if folds.peek().is_some() {
                let ranges = events.translate(&seen);
                let pass = Pass { events, ranges: &ranges, at: &rows.at };
                folds.try_for_each(|fold| sweep.fill(fold, &pass))?;
            }
        }
    }
    let filled = |column: Option<Filled>| {
        let filled = column.expect("every feature has a fold");
        (filled.column, filled.overflows)
    };
    let (columns, overflows): (_, Vec<u64>) = sweep.columns.into_iter().map(filled).unzip();
    Ok(Swept { columns, statuses: statuses(plan, events, rows), overflows: overflows.iter().sum() })
}

/// Checks that the events' inputs are of the types that the plan says.
fn check_types(plan: &FoldPlan, inputs: &[ArrayRef]) -> Result<(), SweepError> {
    for (input, (field_type, values)) in plan.inputs.iter().zip(inputs).enumerate() {
        let expected = field_type.to_arrow();
        if *values.data_type() != expected {
            return Err(SweepError::InputType { input, expected, found: values.data_type().clone() });
        }
    }
    Ok(())
}

/// A sweep under way.
struct Sweep<'a> {
    plan: &'a FoldPlan,
    layout: &'a Layout,
    /// For each feature its column.
    columns: Vec<Option<Filled>>,
}

impl Sweep<'_> {
    /// Fills the columns of all features of the fold at position `fold`, which `pass` is of.
    fn fill(&mut self, fold: usize, pass: &Pass<'_>) -> Result<(), SweepError> {
        let features = self.plan.features.iter().zip(&self.layout.feature_folds).enumerate();
        let of_fold = features.filter(|(_, (_, of))| **of as usize == fold);
        let (positions, features): (Vec<_>, Vec<_>) = of_fold.map(|(n, (feature, _))| (n, feature)).unzip();
        let aggregations: Vec<&Aggregation> = features.iter().map(|feature| &feature.aggregation).collect();
        // The family of the slot may also answer what only features over other windows ask for.
        let families = aggregations.iter().map(|aggregation| aggregation.family());
        let Some(family) = families.map(Some).reduce(|a, b| a?.union(b?)).flatten() else {
            unreachable!("a fold has features, all of one family")
        };
        let filled = family.sweep(pass, &aggregations).map_err(|cause| {
            let names: Vec<_> = features.iter().map(|feature| feature.name.as_str()).collect();
            SweepError::Column { column: names.join(", "), cause }
        })?;
        for (position, filled) in positions.into_iter().zip(filled) {
            self.columns[position] = Some(filled);
        }
        Ok(())
    }
}

/// The status of each row's values where they are not null.
fn statuses(plan: &FoldPlan, events: &SortedEvents, rows: &SortedRows) -> Vec<Status> {
    let mut statuses = Vec::with_capacity(rows.at.len());
    let shows = |event: &usize| plan.shown.is_none_or(|column| events.inputs[column].is_valid(*event));
    ranges::for_newest(events, rows, |at, first, end| {
        let newest = (end > first).then(|| end - 1).filter(shows);
        let newest = newest.map(|newest| Instant::from_micros(events.times[newest]));
        statuses.push(plan.status(newest, at, false));
    });
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
