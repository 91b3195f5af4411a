//! What a window sees of a state at an instant.

use std::ops::Range;

use crate::layout::Fold;
use crate::{FoldPlan, Instant, TimeDelta};

use super::KeyState;
use super::chunk::Chunk;

/// A place between two events: the chunk (the tail counts as the last) and the row in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) chunk: usize,
    pub(super) row: usize,
}

/// Some events of a state: those that are kept between two places, and stretches of forgotten ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) kept: Range<Place>,
    pub(super) forgotten: Range<usize>,
}

impl KeyState {
    /// What the window of `fold` sees at `at`.
    pub(super) fn seen_through(&self, fold: &Fold, plan: &FoldPlan, at: Instant) -> Seen {
        if let Some(column) = plan.shown {
            return self.standing_through(column, fold.window, plan, at);
        }
        let bounds = fold.window.bounds(at, plan.max_age());
        let start = bounds.after.map_or(Place::BEGINNING, |after| self.place_after(after));
        let end = bounds.until.map_or(Place::BEGINNING, |until| self.place_after(until));
        match (fold.window.gap(), fold.grain) {
            (None, grain) => {
                let forgotten = grain.map_or(0..0, |grain| self.base.within(grain, bounds));
                Seen { kept: start..end, forgotten }
            }
            (Some(gap), grain) => {
                let (joint, neighbour) = self.session(gap, end, at);
                let last =
                    grain.filter(|_| joint == Place::BEGINNING).and_then(|grain| self.base.last(grain));
                let joined = last.filter(|(_, stretch)| stretch.last.is_within(gap, neighbour));
                Seen { kept: joint.max(start)..end, forgotten: joined.map_or(0..0, |(n, _)| n..n + 1) }
            }
        }
    }

    /// Where, among the kept events before `end`, the session begins that `at` would go on with; and the time of
    /// its first event, or `at` if there is none.
    fn session(&self, gap: TimeDelta, end: Place, at: Instant) -> (Place, Instant) {
        let mut first = at;
        let mut place = end;
        loop {
            let chunk = self.chunk(place.chunk);
            let joins = |row: usize| chunk.time(row).is_within(gap, first);
            let is_whole = place.row == chunk.len() && self.has_no_gap_over(gap, place.chunk);
            if place.row > 0 && joins(place.row - 1) {
                place.row = if is_whole { 0 } else { place.row - 1 };
                first = chunk.time(place.row);
            } else if place.row > 0 || place.chunk == 0 {
                return (place, first);
            } else {
                place = Place { chunk: place.chunk - 1, row: self.chunk(place.chunk - 1).len() };
            }
        }
    }

    /// Whether a closed chunk is known to lie within one session.
    fn has_no_gap_over(&self, gap: TimeDelta, chunk: usize) -> bool {
        self.closed.get(chunk).is_some_and(|closed| closed.widest_gap() <= gap.as_micros().unsigned_abs())
    }

    /// The place after all events at `time` and before.
    pub(super) fn place_after(&self, time: Instant) -> Place {
        let chunk =
            self.closed.partition_point(|closed| closed.chunk.last().is_some_and(|last| last.time <= time));
        Place { chunk, row: self.chunk(chunk).until(time) }
    }

    /// The place of the newest of the kept events at `time` and before.
    pub(super) fn newest_until(&self, time: Instant) -> Option<Place> {
        match self.place_after(time) {
            Place { chunk, row: 0 } => {
                let chunk = chunk.checked_sub(1)?;
                Some(Place { chunk, row: self.chunk(chunk).len() - 1 })
            }
            Place { chunk, row } => Some(Place { chunk, row: row - 1 }),
        }
    }

    /// A chunk by its position; after the closed ones comes the tail.
    pub(super) fn chunk(&self, position: usize) -> &Chunk {
        self.closed.get(position).map_or(&self.tail, |closed| &closed.chunk)
    }
}

impl Place {
    /// The place before all events.
    pub(super) const BEGINNING: Self = Self { chunk: 0, row: 0 };
}
