//! Answering.

use smallvec::SmallVec;

use crate::aggregation::{Accumulator, Partial};
use crate::layout::{Fold, Layout};
use crate::{FoldPlan, Instant, Status, Value, Window};

use super::seen::Seen;
use super::{Answer, KeyState};

impl KeyState {
    /// A value and its status for each of the plan's features at `at`.
    pub fn values(&self, plan: &FoldPlan, at: Instant) -> Vec<(Value, Status)> {
        self.answer(plan, at).values
    }

    /// The values at `at`, with what there is to count about them.
    pub fn answer(&self, plan: &FoldPlan, at: Instant) -> Answer {
        let newest = self.last_event_time(plan, at);
        let layout = Layout::of(plan);
        let mut known: SmallVec<[(Window, Seen); 8]> = SmallVec::new();
        let mut fold = |fold: &Fold| {
            let position = known.iter().position(|(window, _)| *window == fold.window).unwrap_or_else(|| {
                known.push((fold.window, self.seen_through(fold, plan, at)));
                known.len() - 1
            });
            self.fold(&layout, fold, &known[position].1)
        };
        let partials: SmallVec<[Accumulator; 4]> = layout.folds.iter().map(&mut fold).collect();
        let mut overflows = 0;
        let values = plan.features.iter().zip(&layout.feature_folds).map(|(feature, fold)| {
            let partial = &partials[*fold as usize];
            let value = partial.finish(&feature.aggregation, at);
            overflows += u64::from(partial.overflows(&feature.aggregation));
            let status = plan.status(newest, at, value.is_null());
            (value, status)
        });
        Answer { values: values.collect(), overflows }
    }

    /// The time of the newest event visible at `at`, at any age but those that the plan forgets; over a table, of the
    /// record that stands, if it is shown.
    pub fn last_event_time(&self, plan: &FoldPlan, at: Instant) -> Option<Instant> {
        let newest = match plan.shown {
            Some(column) => self.standing(column, at).map(|(_, time)| time),
            None => {
                let kept = self.newest_until(at).map(|place| self.chunk(place.chunk).time(place.row));
                kept.max(self.base.newest().filter(|newest| *newest <= at))
            }
        };
        let gone = plan.forget.map(|age| at.saturating_sub(age));
        newest.filter(|newest| Some(*newest) > gone)
    }

    /// The fold of what is seen: partials of forgotten events and of whole chunks, and events at the two ends of
    /// those that are kept.
    fn fold(&self, layout: &Layout, fold: &Fold, seen: &Seen) -> Accumulator {
        let slot = &layout.slots[fold.slot];
        let mut partial = slot.identity();
        if let Some(grain) = fold.grain {
            self.base.fold(layout, grain, seen.forgotten.clone(), fold.slot, &mut partial);
        }
        let kept = &seen.kept;
        if kept.start >= kept.end {
            return partial;
        }
        let mut take = |chunk: usize| {
            let start = if chunk == kept.start.chunk { kept.start.row } else { 0 };
            let end = if chunk == kept.end.chunk { kept.end.row } else { self.chunk(chunk).len() };
            match self.closed.get(chunk) {
                Some(closed) if start == 0 && end == closed.chunk.len() => {
                    partial.merge(&closed.partials(&layout.slots)[fold.slot]);
                }
                _ => self.chunk(chunk).fold(slot, start..end, &mut partial),
            }
        };
        let chunks = kept.start.chunk..=kept.end.chunk;
        if slot.family.newest_first() {
            chunks.rev().for_each(&mut take)
        } else {
            chunks.for_each(&mut take)
        }
        partial
    }
}
