//! Tables: of all records of a key the newest one stands, alone.
//!
//! So a state of a table never has a base. It keeps the records that some instant may still find newest: those
//! after the horizon, and the newest one before.

use crate::{FoldPlan, Instant, Window};

use super::seen::{Place, Seen};
use super::{Closed, KeyState};

impl KeyState {
    /// The record that stands at `at`, if it is shown: where it is, and its time. `column` is the plan's
    /// [`shown`](FoldPlan::shown).
    pub(super) fn standing(&self, column: usize, at: Instant) -> Option<(Place, Instant)> {
        let place = self.newest_until(at)?;
        let chunk = self.chunk(place.chunk);
        chunk.is_valid(column, place.row).then(|| (place, chunk.time(place.row)))
    }

    /// Of the record that stands at `at` what `window` sees: it or nothing.
    pub(super) fn standing_through(
        &self,
        column: usize,
        window: Window,
        plan: &FoldPlan,
        at: Instant,
    ) -> Seen {
        let standing = self.standing(column, at).filter(|(_, time)| window.sees(*time, at, plan.max_age()));
        let kept = standing.map_or(Place::BEGINNING..Place::BEGINNING, |(place, _)| {
            place..Place { row: place.row + 1, ..place }
        });
        Seen { kept, forgotten: 0..0 }
    }

    /// Drops the records that are replaced at `horizon`. A chunk is left alone until at least half of it can go.
    ///
    /// The newest one stays though it deletes: else a late record that it replaces would stand.
    pub(super) fn forget_replaced(&mut self, horizon: Instant) {
        let Some(newest) = self.newest_until(horizon) else { return };
        let trims = newest.row > 0 && newest.row * 2 >= self.chunk(newest.chunk).len();
        if newest.chunk == 0 && !trims {
            return;
        }
        self.head_changed = true;
        self.deleted.extend(self.closed.drain(..newest.chunk).map(|closed| closed.part));
        if trims {
            let straddling = self.closed.first_mut().map_or(&mut self.tail, |closed| &mut closed.chunk);
            *straddling = straddling.split_off(newest.row);
            self.closed.first_mut().into_iter().for_each(Closed::note_change);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array};

    use crate::{
        Aggregation, FeatureColumn, FieldType, FoldPlan, Instant, KeyState, Lane, Lookback, Nulls, Order,
        Status, TimeDelta, Value, Window,
    };

    fn plan() -> FoldPlan {
        let feature = |aggregation, input| FeatureColumn {
            name: format!("{aggregation:?}"),
            aggregation,
            input,
            by: None,
            window: Window::Lifetime,
        };
        FoldPlan {
            inputs: vec![FieldType::Int64, FieldType::Int64],
            features: vec![
                feature(Aggregation::Last { nulls: Nulls::Skip }, Some(0)),
                feature(Aggregation::Count, None),
            ],
            ttl: None,
            forget: None,
            shown: Some(1),
            lookback: Lookback::Within(TimeDelta::ZERO),
        }
    }

    fn at(micros: i64) -> Instant {
        Instant::from_micros(micros)
    }

    /// Adds a record that is shown, or one that deletes.
    fn add(state: &mut KeyState, time: i64, value: Option<i64>, is_shown: bool) {
        let inputs: [ArrayRef; 2] = [
            Arc::new(Int64Array::from(vec![value])),
            Arc::new(Int64Array::from(vec![is_shown.then_some(1)])),
        ];
        let lanes = inputs.each_ref().map(|input| Lane::of(input).expect("integers"));
        let order = Order { time: at(time), order_by: None, partition: 0, offset: time };
        state.add(&plan(), order, &lanes, 0);
    }

    fn last_and_count(state: &KeyState, time: i64) -> (Value, Value, Status) {
        let values = state.values(&plan(), at(time));
        (values[0].0.clone(), values[1].0.clone(), values[0].1)
    }

    #[test]
    fn the_newest_record_stands_alone_and_a_delete_leaves_nothing() {
        let mut state = KeyState::new();
        add(&mut state, 10, Some(1), true);
        add(&mut state, 20, None, true);
        add(&mut state, 30, None, false);
        let nothing = (Value::Null, Value::Int64(0), Status::NotFound);
        assert_eq!(last_and_count(&state, 9), nothing);
        assert_eq!(last_and_count(&state, 19), (Value::Int64(1), Value::Int64(1), Status::Present));
        assert_eq!(last_and_count(&state, 20), (Value::Null, Value::Int64(1), Status::NullValue));
        assert_eq!(last_and_count(&state, 30), nothing);
        assert_eq!(state.last_event_time(&plan(), at(29)), Some(at(20)));
        assert_eq!(state.last_event_time(&plan(), at(30)), None);
    }

    #[test]
    fn one_record_before_the_horizon_is_enough() {
        let mut state = KeyState::new();
        (0..100).for_each(|time| add(&mut state, time, Some(time), true));
        state.forget(&plan(), at(97));
        assert_eq!(state.closed.len(), 0);
        assert!(state.tail.len() <= 6, "{} records are kept", state.tail.len());
        add(&mut state, 50, Some(-50), true);
        for time in 97..103 {
            let value = Value::Int64(time.min(99));
            assert_eq!(last_and_count(&state, time), (value, Value::Int64(1), Status::Present));
        }
        state.forget(&plan(), at(99));
        assert_eq!(state.tail.len(), 1);
    }

    #[test]
    fn a_delete_is_not_forgotten_while_it_stands() {
        let mut state = KeyState::new();
        add(&mut state, 1, Some(1), true);
        add(&mut state, 2, None, false);
        state.forget(&plan(), at(1_000));
        assert_eq!(state.tail.len(), 1);
        add(&mut state, 0, Some(7), true);
        assert_eq!(last_and_count(&state, 1_000).2, Status::NotFound);
    }
}
