//! Events of many keys, and a plan that folds them.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use thalweg_core::{
    Aggregation, FeatureColumn, FieldType, FoldPlan, Instant, Lookback, Order, OrderColumns, SortedEvents,
    SortedRows, TimeDelta, Window,
};

use crate::numbers::{delay, key};

/// Microseconds of a day.
pub const DAY_US: i64 = 86_400_000_000;
const HOUR_US: i64 = DAY_US / 24;

/// The stretch of time that events lie in, unless it is another one: 90 days.
const SPAN_US: i64 = 90 * DAY_US;

/// Share of late events, one in so many, and how late they are at most.
const ONE_LATE_IN: u32 = 10;
const LATEST_US: i64 = HOUR_US;

/// Counts, sums, averages, extremes and standard deviations of one column of doubles over an hour, a day and
/// a week: 18 features.
pub fn windows_plan() -> FoldPlan {
    let aggregations = [
        Aggregation::Count,
        Aggregation::Sum,
        Aggregation::Avg,
        Aggregation::Min,
        Aggregation::Max,
        Aggregation::Stddev,
    ];
    let widths = [("1h", HOUR_US), ("1d", DAY_US), ("7d", 7 * DAY_US)];
    let feature = |(name, width): (&str, i64), aggregation: Aggregation| FeatureColumn {
        name: format!("{}_{name}", aggregation.name()),
        aggregation,
        input: Some(0),
        by: None,
        window: Window::Sliding { width: TimeDelta::from_micros(width), offset: TimeDelta::ZERO },
    };
    FoldPlan {
        inputs: vec![FieldType::Float64],
        features: widths
            .into_iter()
            .flat_map(|width| aggregations.clone().map(|a| feature(width, a)))
            .collect(),
        ttl: None,
        shown: None,
        forget: None,
        lookback: Lookback::Unbounded,
    }
}

/// Events in the order in which they arrive.
#[derive(Clone, Debug)]
pub struct Events {
    /// How many keys there are.
    pub key_count: u32,
    /// The key of each event, some far more often than others.
    pub keys: Vec<u32>,
    /// Event times, microseconds since the epoch.
    pub times: Vec<i64>,
    /// Positions, which serve as offsets.
    pub offsets: Vec<i64>,
    /// Partition of each event.
    pub partitions: Vec<i32>,
    /// Delays in minutes.
    pub values: ArrayRef,
    span_us: i64,
    seed: u64,
}

impl Events {
    /// So many events of so many keys within 90 days, in order of time.
    pub fn in_order(count: usize, key_count: u32, seed: u64) -> Self {
        Self::spread(count, key_count, SPAN_US, seed)
    }

    /// So many events of so many keys within `span_us`, in order of time.
    fn spread(count: usize, key_count: u32, span_us: i64, seed: u64) -> Self {
        let mut random = SmallRng::seed_from_u64(seed);
        let mut times: Vec<_> = (0..count).map(|_| random.random_range(0..span_us)).collect();
        times.sort_unstable();
        let values: Vec<_> = times.iter().map(|_| delay(&mut random)).collect();
        Self {
            key_count,
            keys: times.iter().map(|_| key(&mut random, key_count)).collect(),
            offsets: (0..).take(count).collect(),
            partitions: vec![0; count],
            values: Arc::new(Float64Array::from(values)),
            times,
            span_us,
            seed,
        }
    }

    /// As [`in_order`](Self::in_order), but one event in ten arrives late, by up to an hour.
    pub fn some_late(count: usize, key_count: u32, seed: u64) -> Self {
        Self::in_order(count, key_count, seed).with_late_ones()
    }

    /// So many times the history of `count` events: as many events an hour, for so many times 90 days; one in
    /// ten late.
    pub fn history(times: usize, count: usize, key_count: u32, seed: u64) -> Self {
        Self::spread(times * count, key_count, times as i64 * SPAN_US, seed).with_late_ones()
    }

    fn with_late_ones(mut self) -> Self {
        let mut random = SmallRng::seed_from_u64(!self.seed);
        for time in &mut self.times {
            if random.random_ratio(1, ONE_LATE_IN) {
                *time -= random.random_range(0..LATEST_US);
            }
        }
        self
    }

    /// The order of each event.
    pub fn orders(&self) -> Vec<Order> {
        let order = |(time, offset): (&i64, &i64)| Order {
            time: Instant::from_micros(*time),
            order_by: None,
            partition: 0,
            offset: *offset,
        };
        self.times.iter().zip(&self.offsets).map(order).collect()
    }

    /// The events as the sweep takes them.
    pub fn sorted(&self) -> SortedEvents {
        let orders = OrderColumns {
            times: &self.times,
            order_by: None,
            partitions: &self.partitions,
            offsets: &self.offsets,
        };
        let values = std::slice::from_ref(&self.values);
        SortedEvents::sort(&self.keys, self.key_count as usize, orders, values)
            .expect("fewer than 2^32 events")
    }

    /// So many rows of a spine, over the same keys and the same time.
    pub fn spine(&self, count: usize) -> SortedRows {
        let mut random = SmallRng::seed_from_u64(self.seed.rotate_left(32));
        let keys: Vec<_> = (0..count).map(|_| key(&mut random, self.key_count)).collect();
        let at: Vec<_> = (0..count).map(|_| random.random_range(0..self.span_us)).collect();
        SortedRows::sort(&keys, self.key_count as usize, &at).expect("fewer than 2^32 rows")
    }
}

#[cfg(test)]
mod tests {
    use thalweg_core::sweep;

    use super::*;

    #[test]
    fn a_seed_gives_the_same_events_and_some_are_late() {
        let (events, again) = (Events::in_order(1_000, 10, 1), Events::in_order(1_000, 10, 1));
        assert!(events.times.is_sorted() && events.keys.iter().all(|key| *key < 10));
        assert_eq!((&events.times, &events.keys, &events.values), (&again.times, &again.keys, &again.values));
        let late = Events::some_late(1_000, 10, 1);
        let moved = late.times.iter().zip(&events.times).filter(|(late, in_time)| late < in_time).count();
        assert!((50..150).contains(&moved), "{moved} of 1,000 are late");
    }

    #[test]
    fn the_sweep_takes_them() {
        let events = Events::some_late(1_000, 10, 1);
        let swept = sweep(&windows_plan(), &events.sorted(), &events.spine(100)).expect("few events");
        assert_eq!(swept.columns.len(), 18);
        assert!(swept.columns.iter().all(|column| column.len() == 100));
    }
}
