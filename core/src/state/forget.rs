//! Letting go of the past.

use std::cell::OnceCell;

use crate::layout::Layout;
use crate::{FoldPlan, Instant, Lookback};

use super::KeyState;
use super::parts::HEAD;

impl KeyState {
    /// Lets go of what no instant from `horizon` on can tell apart: the folds of what windows still see all of or
    /// nothing of go to the base, the rest is dropped; of a table's records, those that others have replaced; of a
    /// key that is unknown from `horizon` on, all of it. Under
    /// [`Lookback::Unbounded`] nothing is.
    ///
    /// After this, answers at instants before `horizon` mean nothing. It is cheap to call often: a chunk is
    /// left alone until at least half of it can go.
    pub fn forget(&mut self, plan: &FoldPlan, horizon: Instant) {
        if plan.lookback == Lookback::Unbounded {
            return;
        }
        if plan.shown.is_some() {
            self.forget_replaced(horizon);
        } else {
            self.forget_events(plan, horizon);
        }
        let gone = plan.forget.map(|age| horizon.saturating_sub(age));
        if gone.is_some() && !self.is_empty() && self.newest() <= gone {
            self.vanish();
        }
    }

    /// Forgets that there ever was an event.
    fn vanish(&mut self) {
        self.deleted.extend(self.closed.drain(..).map(|closed| closed.part));
        self.deleted.push(HEAD);
        (self.base, self.tail) = Default::default();
        self.head_changed = false;
    }

    /// The time of the newest event.
    fn newest(&self) -> Option<Instant> {
        self.tail.last().map(|last| last.time).max(self.base.newest())
    }

    fn forget_events(&mut self, plan: &FoldPlan, horizon: Instant) {
        if self.base.has_many() {
            self.forget_stretches(plan, &Layout::of(plan), horizon);
        }
        let Some(until) = forgettable(plan, horizon) else { return };
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
        for closed in self.closed.drain(..behind) {
            // No event that is kept may come before one that is not: the run of a session goes through both.
            closed.chunk.last().iter().for_each(|last| self.base.advance(last.time));
            self.base.take(&layout, &closed.chunk, || closed.partials(&layout.slots));
            self.deleted.push(closed.part);
        }
        if trims {
            self.base.advance(until);
            let straddling = self.closed.first_mut().map_or(&mut self.tail, |closed| &mut closed.chunk);
            let newer = straddling.split_off(rows);
            let older = std::mem::replace(straddling, newer);
            let partials = OnceCell::new();
            self.base.take(&layout, &older, || partials.get_or_init(|| older.partials(&layout.slots)));
            if let Some(closed) = self.closed.first_mut() {
                closed.note_change();
            }
        }
        self.forget_stretches(plan, &layout, horizon);
        self.base.forget(horizon);
    }

    /// Drops the stretches of the past that no window sees any more at `horizon`.
    fn forget_stretches(&mut self, plan: &FoldPlan, layout: &Layout, horizon: Instant) {
        for grain in 0..layout.grains.len() {
            let windows = layout.folds.iter().filter(|fold| fold.grain == Some(grain));
            let oldest =
                windows.map(|fold| fold.window.bounds(horizon, plan.max_age()).after).min().flatten();
            self.head_changed |= self.base.drop_until(grain, oldest);
        }
    }
}

/// The latest time at or before which no window tells two events apart at `horizon` and later, but by its grain;
/// `None` if there is no such time.
fn forgettable(plan: &FoldPlan, horizon: Instant) -> Option<Instant> {
    let settled = plan.features.iter().map(|feature| feature.window.settled(plan.max_age(), horizon));
    settled.min().unwrap_or(Some(horizon)).min(Some(horizon))
}

#[cfg(test)]
mod tests {
    use super::super::chunk::CHUNK_EVENTS;
    use super::*;
    use crate::{Aggregation, FeatureColumn, Lane, Order, Status, TimeDelta, Value, Window};

    fn plan(window: Window, ttl: Option<i64>) -> FoldPlan {
        let feature = FeatureColumn {
            name: "n".to_owned(),
            aggregation: Aggregation::Count,
            input: None,
            by: None,
            window,
        };
        FoldPlan {
            inputs: Vec::new(),
            features: vec![feature],
            ttl: ttl.map(TimeDelta::from_micros),
            shown: None,
            forget: None,
            lookback: Lookback::Within(TimeDelta::ZERO),
        }
    }

    fn at(micros: i64) -> Instant {
        Instant::from_micros(micros)
    }

    fn add(state: &mut KeyState, plan: &FoldPlan, time: i64) {
        let lanes: [Lane<'_>; 0] = [];
        let order = Order { time: at(time), order_by: None, partition: 0, offset: time };
        state.add(plan, order, &lanes, 0);
    }

    #[test]
    fn a_window_without_end_keeps_the_count_and_drops_the_events() {
        let plan = plan(Window::Lifetime, None);
        let mut state = KeyState::new();
        (0..100).for_each(|time| add(&mut state, &plan, time));
        let kept = state.bytes_in_memory();
        state.forget(&plan, at(99));
        assert!(state.closed.is_empty() && state.tail.len() == 0);
        assert!(state.bytes_in_memory() < kept / 2);
        add(&mut state, &plan, 5);
        add(&mut state, &plan, 200);
        assert_eq!(state.values(&plan, at(150)), [(Value::Int64(101), Status::Present)]);
        assert_eq!(state.values(&plan, at(200)), [(Value::Int64(102), Status::Present)]);
    }

    #[test]
    fn a_key_once_seen_is_never_unknown() {
        let window = Window::Sliding { width: TimeDelta::from_micros(10), offset: TimeDelta::ZERO };
        let plan = plan(window, Some(20));
        let mut state = KeyState::new();
        assert_eq!(state.values(&plan, at(0)), [(Value::Int64(0), Status::NotFound)]);
        add(&mut state, &plan, 0);
        state.forget(&plan, at(15));
        assert_eq!(state.tail.len(), 0);
        assert_eq!(state.values(&plan, at(15)), [(Value::Int64(0), Status::Present)]);
        assert_eq!(state.values(&plan, at(20)), [(Value::Int64(0), Status::OutsideMaxAge)]);
    }

    #[test]
    fn a_key_of_which_all_is_forgotten_leaves_nothing_behind() {
        let plan = FoldPlan { forget: Some(TimeDelta::from_micros(20)), ..plan(Window::Lifetime, None) };
        let mut state = KeyState::new();
        (0..=CHUNK_EVENTS as i64).for_each(|time| add(&mut state, &plan, time));
        let written = state.take_changes();
        assert_eq!(written.put.len(), 2);
        let last = CHUNK_EVENTS as i64;
        state.forget(&plan, at(last + 19));
        assert_eq!(state.values(&plan, at(last + 19)), [(Value::Int64(1), Status::Present)]);
        state.forget(&plan, at(last + 20));
        assert!(state.is_empty() && state.has_changes());
        assert_eq!(state.values(&plan, at(last + 20)), [(Value::Int64(0), Status::NotFound)]);
        let changes = state.take_changes();
        assert_eq!(changes, crate::state::Changes { put: Vec::new(), delete: vec![HEAD, 1] });
        assert!(!state.has_changes());
        add(&mut state, &plan, 200);
        assert_eq!(state.values(&plan, at(200)), [(Value::Int64(1), Status::Present)]);
        assert_eq!(state.take_changes().put.len(), 1);
    }

    #[test]
    fn a_key_that_comes_back_at_once_is_written_and_not_deleted() {
        let plan = FoldPlan { forget: Some(TimeDelta::from_micros(5)), ..plan(Window::Lifetime, None) };
        let mut state = KeyState::new();
        add(&mut state, &plan, 0);
        state.take_changes();
        state.forget(&plan, at(5));
        add(&mut state, &plan, 6);
        let changes = state.take_changes();
        assert!(changes.put.len() == 1 && changes.delete.is_empty());
    }

    #[test]
    fn an_event_that_comes_after_kept_ones_is_kept() {
        let plan = plan(Window::Lifetime, None);
        let mut state = KeyState::new();
        [0; CHUNK_EVENTS].into_iter().chain([1, 3, 4, 5, 6]).for_each(|time| add(&mut state, &plan, time));
        state.forget(&plan, at(2));
        assert!(state.closed.is_empty() && state.tail.len() == 5);
        add(&mut state, &plan, 2);
        assert_eq!(state.tail.len(), 6);
        assert_eq!(state.last_event_time(&plan, at(2)), Some(at(2)));
        assert_eq!(state.values(&plan, at(2)), [(Value::Int64(CHUNK_EVENTS as i64 + 2), Status::Present)]);
    }

    #[test]
    fn nothing_is_forgotten_where_lookback_has_no_end() {
        let plan = FoldPlan { lookback: Lookback::Unbounded, ..plan(Window::Lifetime, None) };
        let mut state = KeyState::new();
        add(&mut state, &plan, 0);
        state.forget(&plan, Instant::MAX);
        assert_eq!(state.tail.len(), 1);
    }

    #[test]
    fn a_chunk_is_left_alone_until_half_of_it_can_go() {
        let window = Window::Sliding { width: TimeDelta::from_micros(10), offset: TimeDelta::ZERO };
        let plan = plan(window, None);
        let mut state = KeyState::new();
        (0..4).for_each(|time| add(&mut state, &plan, time));
        state.take_changes();
        state.forget(&plan, at(10));
        assert!(!state.has_changes() && state.tail.len() == 4);
        state.forget(&plan, at(11));
        assert!(state.has_changes() && state.tail.len() == 2);
    }

    #[test]
    fn a_tumbling_window_keeps_its_bucket_and_drops_older_ones() {
        let plan = plan(Window::Tumbling { width: TimeDelta::from_micros(10), offset: 0 }, None);
        let mut state = KeyState::new();
        (0..40).for_each(|time| add(&mut state, &plan, time));
        state.forget(&plan, at(35));
        assert!(state.closed.is_empty() && state.tail.len() == 4);
        assert!(!state.base.has_many());
        add(&mut state, &plan, 31);
        assert_eq!(state.values(&plan, at(35)), [(Value::Int64(7), Status::Present)]);
        add(&mut state, &plan, 29);
        state.forget(&plan, at(36));
        assert!(!state.base.has_many());
        assert_eq!(state.values(&plan, at(39)), [(Value::Int64(11), Status::Present)]);
        assert_eq!(state.values(&plan, at(40)), [(Value::Int64(0), Status::Present)]);
    }

    #[test]
    fn a_late_event_brings_forgotten_sessions_together() {
        let plan = plan(Window::Session { gap: TimeDelta::from_micros(10) }, None);
        let mut state = KeyState::new();
        [0, 3, 20, 22, 41, 45].into_iter().for_each(|time| add(&mut state, &plan, time));
        state.forget(&plan, at(45));
        assert!(state.closed.is_empty() && state.tail.len() == 0 && state.base.has_many());
        let count = |state: &KeyState, time| state.values(&plan, at(time)).remove(0).0;
        assert_eq!(count(&state, 50), Value::Int64(2));
        add(&mut state, &plan, 31);
        assert_eq!(count(&state, 50), Value::Int64(5));
        add(&mut state, &plan, 12);
        assert_eq!(count(&state, 55), Value::Int64(8));
        assert_eq!(count(&state, 56), Value::Int64(0));
        add(&mut state, &plan, 52);
        assert_eq!(count(&state, 60), Value::Int64(9));
        assert!(!state.base.has_many());
    }
}
