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
            self.base.take(&layout, &closed.chunk, closed.partials(&layout.slots));
            self.deleted.push(closed.part);
        }
        if !trims {
            return;
        }
        let straddling = self.closed.first_mut().map_or(&mut self.tail, |closed| &mut closed.chunk);
        let newer = straddling.split_off(rows);
        let older = std::mem::replace(straddling, newer);
        self.base.take(&layout, &older, &older.partials(&layout.slots));
        if let Some(closed) = self.closed.first_mut() {
            closed.note_change();
        }
    }
}

/// The latest time at which an event is the same to all windows at `horizon` and later: outside of them, or
/// inside of those without end.
fn forgettable(plan: &FoldPlan, horizon: Instant) -> Instant {
    let start = |window: crate::Window| window.bounds(horizon, plan.ttl).after.unwrap_or(horizon);
    plan.features.iter().map(|feature| start(feature.window)).min().unwrap_or(horizon).min(horizon)
}

#[cfg(test)]
mod tests {
    use super::super::chunk::CHUNK_EVENTS;
    use super::*;
    use crate::{Aggregation, FeatureColumn, Lane, Order, Status, TimeDelta, Value, Window};

    fn plan(window: Window, ttl: Option<i64>) -> FoldPlan {
        let feature =
            FeatureColumn { name: "n".to_owned(), aggregation: Aggregation::Count, input: None, window };
        FoldPlan {
            inputs: Vec::new(),
            features: vec![feature],
            ttl: ttl.map(TimeDelta::from_micros),
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
        assert_eq!(state.first_event_time(), Some(at(0)));
    }

    #[test]
    fn a_late_event_can_be_newer_than_those_that_are_kept() {
        let plan = plan(Window::Lifetime, None);
        let mut state = KeyState::new();
        [0; CHUNK_EVENTS].into_iter().chain([1, 3, 4, 5, 6]).for_each(|time| add(&mut state, &plan, time));
        state.forget(&plan, at(2));
        assert!(state.closed.is_empty() && state.tail.len() == 5);
        add(&mut state, &plan, 2);
        assert_eq!(state.last_event_time(at(2)), Some(at(2)));
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
}
