//! Answering.

use std::ops::Range;

use smallvec::SmallVec;

use crate::aggregation::{Accumulator, Partial};
use crate::{Bounds, FoldPlan, Instant, Status, Value, Window};

use super::layout::{Fold, Layout};
use super::{Answer, KeyState};

/// A place between two events: the chunk (the tail counts as the last) and the row in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    chunk: usize,
    row: usize,
}

impl KeyState {
    /// A value and its status for each of the plan's features at `at`.
    pub fn values(&self, plan: &FoldPlan, at: Instant) -> Vec<(Value, Status)> {
        self.answer(plan, at).values
    }

    /// The values at `at`, with what there is to count about them.
    pub fn answer(&self, plan: &FoldPlan, at: Instant) -> Answer {
        let newest = self.last_event_time(at);
        let oldest = plan.ttl.map(|ttl| at.saturating_sub(ttl));
        let is_within_ttl = newest > oldest;
        let layout = Layout::of(plan);
        let mut places: SmallVec<[(Window, Range<Place>); 8]> = SmallVec::new();
        let mut fold = |fold: &Fold| {
            let known = places.iter().find(|(window, _)| *window == fold.window);
            let between = known.map(|(_, between)| between.clone()).unwrap_or_else(|| {
                let between = self.between(fold.window.bounds(at, plan.ttl));
                places.push((fold.window, between.clone()));
                between
            });
            let mut partial = layout.slots[fold.slot].identity();
            if fold.window.reach(plan.ttl).is_none() {
                self.base.fold(&layout, fold.slot, &mut partial);
            }
            self.fold(&layout, fold.slot, between, &mut partial);
            partial
        };
        let partials: SmallVec<[Accumulator; 4]> = layout.folds.iter().map(&mut fold).collect();
        let mut sum_overflows = 0;
        let values = plan.features.iter().zip(&layout.feature_folds).map(|(feature, fold)| {
            let partial = &partials[*fold as usize];
            let value = partial.finish(feature.aggregation);
            sum_overflows += u64::from(partial.overflows(feature.aggregation));
            let status = Status::of(newest.is_some(), is_within_ttl, value.is_null());
            (value, status)
        });
        Answer { values: values.collect(), sum_overflows }
    }

    /// The time of the newest event visible at `at`, at any age.
    pub fn last_event_time(&self, at: Instant) -> Option<Instant> {
        let end = self.place_after(at);
        let before = match end {
            Place { chunk, row: 0 } => chunk.checked_sub(1).map(|chunk| (chunk, self.rows(chunk) - 1)),
            Place { chunk, row } => Some((chunk, row - 1)),
        };
        let kept = before.map(|(chunk, row)| self.time(chunk, row));
        kept.max(self.base.newest().filter(|newest| *newest <= at))
    }

    /// The time of the key's first event, however long ago it was forgotten.
    pub fn first_event_time(&self) -> Option<Instant> {
        let kept = self.closed.first().map_or(&self.tail, |closed| &closed.chunk).first();
        self.base.first().into_iter().chain(kept.map(|first| first.time)).min()
    }

    /// The events that are kept and within `bounds`.
    fn between(&self, bounds: Bounds) -> Range<Place> {
        let start = bounds.after.map_or(Place { chunk: 0, row: 0 }, |after| self.place_after(after));
        start..self.place_after(bounds.until)
    }

    /// The place after all events at `time` and before.
    fn place_after(&self, time: Instant) -> Place {
        let chunk =
            self.closed.partition_point(|closed| closed.chunk.last().is_some_and(|last| last.time <= time));
        let row = self.closed.get(chunk).map_or(&self.tail, |closed| &closed.chunk).until(time);
        Place { chunk, row }
    }

    /// Takes the events of a range into the partial of the slot at `position`: partials of whole chunks,
    /// events at its two ends.
    fn fold(&self, layout: &Layout, position: usize, between: Range<Place>, partial: &mut Accumulator) {
        let slot = &layout.slots[position];
        if between.start >= between.end {
            return;
        }
        let mut fold = |chunk: usize| {
            let start = if chunk == between.start.chunk { between.start.row } else { 0 };
            let end = if chunk == between.end.chunk { between.end.row } else { self.rows(chunk) };
            match self.closed.get(chunk) {
                None => self.tail.fold(slot, start..end, partial),
                Some(closed) if start == 0 && end == closed.chunk.len() => {
                    partial.merge(&closed.partials(&layout.slots)[position]);
                }
                Some(closed) => closed.chunk.fold(slot, start..end, partial),
            }
        };
        let chunks = between.start.chunk..=between.end.chunk;
        if slot.family.newest_first() { chunks.rev().for_each(&mut fold) } else { chunks.for_each(&mut fold) }
    }

    fn rows(&self, chunk: usize) -> usize {
        self.closed.get(chunk).map_or(self.tail.len(), |closed| closed.chunk.len())
    }

    fn time(&self, chunk: usize, row: usize) -> Instant {
        self.closed.get(chunk).map_or(&self.tail, |closed| &closed.chunk).time(row)
    }
}
