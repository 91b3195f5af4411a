//! When features change: between two turns every value and status stays what it is.
//!
//! A value changes where an event comes into a window or leaves it. When that is follows from the event's time and
//! the window alone, whatever other events there are. Aggregations that look at how long ago events were change
//! without that; they are said to drift.

use crate::{Aggregation, FeatureColumn, FoldPlan, Instant, TimeDelta, Window};

impl Aggregation {
    /// Whether its value changes with T even where the same events are in the window.
    pub const fn drifts(&self) -> bool {
        matches!(self, Self::ExpDecaySum { .. } | Self::TimeSinceFirst | Self::TimeSinceLast)
    }
}

impl FoldPlan {
    /// The first feature that changes from instant to instant, if there is one: then [`turns`](Self::turns) say
    /// nothing.
    pub fn drifting(&self) -> Option<&FeatureColumn> {
        self.features.iter().find(|feature| feature.aggregation.drifts())
    }

    /// Calls `turn` with every instant at which some feature or status may be other than just before because of
    /// an event at `time`. An instant may come several times, and nothing may change there.
    pub fn turns(&self, time: Instant, mut turn: impl FnMut(Instant)) {
        turn(time);
        let ages = self.ttl.into_iter().chain(self.forget);
        ages.filter_map(|age| later(time, age)).for_each(&mut turn);
        for (number, feature) in self.features.iter().enumerate() {
            if self.features[..number].iter().all(|other| other.window != feature.window) {
                feature.window.turns(time).into_iter().flatten().for_each(&mut turn);
            }
        }
    }
}

impl Window {
    /// When an event at `time` comes in, and when it leaves, as far as either is later than `time` and before the
    /// end of time.
    fn turns(self, time: Instant) -> [Option<Instant>; 2] {
        let t = i128::from(time.as_micros());
        let length = |span: TimeDelta| i128::from(span.as_micros());
        let [comes, leaves] = match self {
            Self::Lifetime => return [None, None],
            Self::Session { gap } => [t, t + length(gap) + 1],
            Self::Sliding { width, offset } => [t + length(offset), t + length(offset) + length(width)],
            Self::Coarse { width, offset, resolution } => {
                let resolution = length(resolution).max(1);
                let next_multiple = -((-t).div_euclid(resolution) * resolution);
                [t + length(offset), next_multiple + length(offset) + length(width)]
            }
            Self::Tumbling { width, offset } => {
                let width = length(width).max(1);
                let start = t.div_euclid(width) * width + i128::from(offset) * width;
                [start, start + width]
            }
        };
        [comes, leaves].map(|at| i64::try_from(at).ok().map(Instant::from_micros))
    }
}

fn later(time: Instant, span: TimeDelta) -> Option<Instant> {
    time.as_micros().checked_add(span.as_micros()).map(Instant::from_micros)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{World, cell, windows, worlds};
    use crate::{SortedRows, sweep};

    fn micros(micros: i64) -> Instant {
        Instant::from_micros(micros)
    }

    fn turns(window: Window, time: i64) -> [Option<i64>; 2] {
        window.turns(micros(time)).map(|turn| turn.map(Instant::as_micros))
    }

    #[test]
    fn each_window_has_its_own_turns() {
        let span = TimeDelta::from_micros;
        assert_eq!(turns(Window::Sliding { width: span(10), offset: span(3) }, 5), [Some(8), Some(18)]);
        let coarse = Window::Coarse { width: span(10), offset: span(0), resolution: span(4) };
        assert_eq!(turns(coarse, 5), [Some(5), Some(18)]);
        assert_eq!(turns(coarse, 8), [Some(8), Some(18)], "the beginning is outside");
        assert_eq!(turns(coarse, -5), [Some(-5), Some(6)]);
        let own = Window::Tumbling { width: span(10), offset: 0 };
        assert_eq!(turns(own, 17), [Some(10), Some(20)]);
        assert_eq!(turns(Window::Tumbling { width: span(10), offset: 2 }, -3), [Some(10), Some(20)]);
        assert_eq!(turns(Window::Session { gap: span(4) }, 1), [Some(1), Some(6)]);
        assert_eq!(turns(Window::Sliding { width: span(i64::MAX), offset: span(0) }, 1), [Some(1), None]);
    }

    /// The features that do not drift, and the last turn of each row's key up to the row.
    fn settled(mut world: World) -> (World, Vec<(u32, i64)>) {
        world.plan.features.retain(|feature| !feature.aggregation.drifts());
        let last_turn = |(key, at): &(u32, i64)| {
            let mut last = i64::MIN;
            for event in world.events.iter().filter(|event| event.key == *key) {
                world.plan.turns(event.order.time, |turn| {
                    if turn.as_micros() <= *at {
                        last = last.max(turn.as_micros());
                    }
                });
            }
            (*key, last)
        };
        let turned = world.rows.iter().map(last_turn).collect();
        (world, turned)
    }

    proptest! {
        /// The value at an instant is the value at the last turn before it.
        #[test]
        fn nothing_changes_between_turns(world in worlds(20)) {
            let (world, turned) = settled(world);
            let values = |rows: &[(u32, i64)]| {
                let (keys, at): (Vec<_>, Vec<_>) = rows.iter().copied().unzip();
                let rows = SortedRows::sort(&keys, crate::testing::KEYS, &at).expect("few rows");
                let swept = sweep(&world.plan, &world.sorted_events(), &rows).expect("few events");
                let mut of_row = vec![Vec::new(); keys.len()];
                for (position, source) in rows.sources.iter().enumerate() {
                    let cells = (0..swept.columns.len())
                        .map(|column| (cell(&swept.columns[column], position), swept.status(column, position)));
                    of_row[*source as usize] = cells.collect::<Vec<_>>();
                    // Where there are no columns the status of the events is all there is.
                    if swept.columns.is_empty() {
                        of_row[*source as usize].push((crate::Value::Null, swept.statuses[position]));
                    }
                }
                of_row
            };
            prop_assert_eq!(values(&world.rows), values(&turned));
        }

        /// No turn is missing where a window's bounds alone say who is in it.
        #[test]
        fn an_event_comes_and_leaves_at_turns(
            window in windows().prop_filter("a session has no bounds of its own", |w| w.gap().is_none()),
            time in -60..60_i64,
            at in -100..100_i64,
        ) {
            let is_in = |at: i64| window.bounds(micros(at), None).contains(micros(time));
            if is_in(at) != is_in(at - 1) {
                prop_assert!(at == time || turns(window, time).contains(&Some(at)), "{window:?}");
            }
        }
    }
}
