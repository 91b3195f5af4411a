//! What a feature view folds, in the terms of this crate.

use crate::{Aggregation, FieldType, TimeDelta, Window};

/// Everything the folds of one feature view need to know.
///
/// Inputs are columns that a [`Selection`](crate::Selection) delivers: expressions already evaluated, a
/// feature's `where` already applied (a row it drops is null in the input).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FoldPlan {
    /// Types of the input columns, by position.
    pub inputs: Vec<FieldType>,
    /// What is computed, a column each.
    pub features: Vec<FeatureColumn>,
    /// Age at which an event stops being visible to every fold.
    pub ttl: Option<TimeDelta>,
    /// How far behind the watermark an instant can lie and still be answered online.
    pub lookback: Lookback,
}

/// One column of a feature view: an aggregation of an input over a window.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FeatureColumn {
    /// Name within the view, such as `dep_delay_avg_1h`.
    pub name: String,
    /// How values become one.
    pub aggregation: Aggregation,
    /// Position in [`FoldPlan::inputs`]; `None` for a count of rows.
    pub input: Option<usize>,
    /// Which events take part.
    pub window: Window,
}

/// How far behind the watermark the online state stays exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lookback {
    /// This far; what only older instants could see is forgotten.
    Within(TimeDelta),
    /// Without end: nothing is forgotten.
    Unbounded,
}
