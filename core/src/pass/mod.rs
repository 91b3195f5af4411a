//! One pass over sorted events, and what aggregations make of it.
//!
//! A [`Pass`] is all that an aggregation sees of a [`sweep`](crate::sweep()): the events that take part in it and
//! for each row a range of them. Ranges only ever move forward, so there are a few good ways to walk them, and
//! these are here: picking events ([`pick`]), and folds that events enter and leave ([`slide`]).

mod events;
mod pick;
mod ranges;
mod ranked;
mod slide;

pub(crate) use events::Events;
pub(crate) use pick::{best, first, last, lists, pick};
pub(crate) use ranges::Ranges;
pub(crate) use ranked::Ranked;
pub(crate) use slide::{Sliding, slide};

use arrow::array::ArrayRef;

/// The events that take part in an aggregation, ordered by key and within it by the total order, and for each
/// row a range of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pass<'a> {
    /// The events.
    pub(crate) events: &'a Events<'a>,
    /// For each row the events it sees.
    pub(crate) ranges: &'a Ranges,
    /// The instant of each row, microseconds since the epoch.
    pub(crate) at: &'a [i64],
}

impl<'a> Pass<'a> {
    /// The values of the events.
    ///
    /// # Panics
    ///
    /// If events alone are folded: no aggregation is defined over them that asks for values.
    pub(crate) fn values(&self) -> &'a ArrayRef {
        self.events.values.as_ref().expect("an aggregation of values has an input")
    }

    /// What the events are compared by.
    ///
    /// # Panics
    ///
    /// As [`values`](Self::values) does.
    pub(crate) fn by(&self) -> &'a ArrayRef {
        self.events.by.as_ref().expect("an aggregation by a second input has one")
    }

    /// When the events happened, microseconds since the epoch.
    pub(crate) fn times(&self) -> &'a [i64] {
        self.events.times()
    }
}
