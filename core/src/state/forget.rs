//! Letting go of the past.

use crate::{FoldPlan, Instant, Lookback};

use super::KeyState;
use super::layout::Layout;

impl KeyState {
    /// Lets go of what no instant from `horizon` on can tell apart: the fold of what only windows without
    /// end still see goes to the base, the rest is dropped. Under [`Lookback::Unbounded`] nothing is.
    ///
    /// After this, answers at instants before `horizon` mean nothing. It is cheap to call often: a chunk is
    /// left alone until at least half of it can go.
    pub fn forget(&mut self, plan: &FoldPlan, horizon: Instant) {
        if plan.lookback == Lookback::Unbounded {
            return;
        }
        let until = forgettable(plan, horizon);
        let behind =
            self.closed.partition_point(|closed| closed.chunk.last().is_some_and(|last| last.time <= until));
        let straddling = self.closed.get(behind).map_or(&self.tail, |closed| &closed.chunk);
        let rows = straddling.until(until);
        let trims = rows > 0 && rows * 2 >= straddling.len();
        if behind == 0 && !trims {
            return;
        }
        let layout = Layout::of(plan);
        self.head_changed = true;
        self.base.advance(until);
        for closed in self.closed.drain(..behind) {
            self.base.take(&layout, &closed.chunk, &closed.partials);
            self.deleted.push(closed.part);
        }
        if !trims {
            return;
        }
        let straddling = self.closed.first_mut().map_or(&mut self.tail, |closed| &mut closed.chunk);
        let newer = straddling.split_off(rows);
        let older = std::mem::replace(straddling, newer);
        self.base.take(&layout, &older, &older.partials(&layout));
        if let Some(closed) = self.closed.first_mut() {
            closed.partials = closed.chunk.partials(&layout);
            closed.changed = true;
        }
    }
}

/// The latest time at which an event is the same to all windows at `horizon` and later: outside of them, or
/// inside of those without end.
fn forgettable(plan: &FoldPlan, horizon: Instant) -> Instant {
    let start = |window: crate::Window| window.bounds(horizon, plan.ttl).after.unwrap_or(horizon);
    plan.features.iter().map(|feature| start(feature.window)).min().unwrap_or(horizon).min(horizon)
}
