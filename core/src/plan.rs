//! What a feature view folds, in the terms of this crate.

use crate::aggregation::Types;
use crate::lane::{Lane, Lanes};
use crate::{Aggregation, FieldType, Instant, Nulls, Status, TimeDelta, Window};

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
    /// Age at which an event stops being visible to every fold, while its key stays known.
    pub ttl: Option<TimeDelta>,
    /// Over a table, the position in [`Self::inputs`] of the column that says which records are shown while they
    /// stand, the newest of their key: those for which it is not null. The others delete, or the view's `where` hides
    /// them. `None` over a stream, of which every event counts.
    pub shown: Option<usize>,
    /// Age at which an event is as if it had never been: no fold sees it, and a key that has only such events is
    /// unknown.
    pub forget: Option<TimeDelta>,
    /// How far behind the watermark an instant can lie and still be answered online.
    pub lookback: Lookback,
}

impl FoldPlan {
    /// Age at which an event stops being visible to every fold.
    pub(crate) fn max_age(&self) -> Option<TimeDelta> {
        self.ttl.into_iter().chain(self.forget).min()
    }

    /// The status at `at` of a value of a key whose newest event up to then happened at `newest`.
    pub(crate) fn status(&self, newest: Option<Instant>, at: Instant, is_null: bool) -> Status {
        let is_within = |age: Option<TimeDelta>| newest > age.map(|age| at.saturating_sub(age));
        Status::of(is_within(self.forget), is_within(self.max_age()), is_null)
    }
}

/// One column of a feature view: an aggregation of an input over a window.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FeatureColumn {
    /// Name within the view, such as `dep_delay_avg_1h`.
    pub name: String,
    /// How values become one.
    pub aggregation: Aggregation,
    /// Position in [`FoldPlan::inputs`] of the values; `None` where events alone matter.
    pub input: Option<usize>,
    /// Position in [`FoldPlan::inputs`] of a second input: what events are compared by, or, where nulls are kept,
    /// a column that tells which events take part. Those do for which it is not null.
    pub by: Option<usize>,
    /// Which events take part.
    pub window: Window,
}

impl FeatureColumn {
    /// What this column reads of each event.
    pub(crate) const fn reads(&self) -> Reads {
        Reads { input: self.input, by: self.by, nulls: self.aggregation.nulls() }
    }
}

/// What a feature reads of each event. Those that read alike see the same events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reads {
    /// Position of the first input.
    pub(crate) input: Option<usize>,
    /// Position of the second.
    pub(crate) by: Option<usize>,
    /// Whether an event whose first input is null takes part.
    pub(crate) nulls: Nulls,
}

impl Reads {
    /// The lanes that are read, where `lane` gives each input's.
    pub(crate) fn lanes<'a>(&self, lane: impl Fn(usize) -> Lane<'a>) -> Lanes<'a> {
        Lanes { values: self.input.map(&lane), by: self.by.map(&lane), nulls: self.nulls }
    }

    /// The types of what is read.
    pub(crate) fn types(&self, plan: &FoldPlan) -> Types {
        let field_type = |input: usize| plan.inputs[input];
        Types { values: self.input.map(field_type), by: self.by.map(field_type) }
    }
}

/// How far behind the watermark the online state stays exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lookback {
    /// This far; what only older instants could see is forgotten.
    Within(TimeDelta),
    /// Without end: nothing is forgotten.
    Unbounded,
}
