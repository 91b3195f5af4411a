//! The sweep where events come to be seen in an order of their own.
//!
//! Where a row sees an event only from some instant on (when the log learned of it, when a store had applied
//! it), the events of a row are no range of the sorted events any more. So the events of a key are folded one
//! by one as they come to be seen, by the very state that answers online ([`KeyState`]), which takes them in
//! any order and is asked at each row's T.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, Int64Array};
use arrow::datatypes::DataType;

use crate::{FoldPlan, Instant, KeyState, Lane, Lookback, Order, Status, TimeDelta, Value, column_of};

use super::sort::Arranged;
use super::{OrderColumns, SortedRows, SweepError, Swept, check_types, joined};

/// Rows whose values wait to become columns.
const ROWS_AT_ONCE: usize = 8_192;

/// Events sorted by key and by the instant from which on they are seen.
#[derive(Clone, Debug)]
pub struct EnteringEvents<'a> {
    /// Where the events of key k begin, for each key, then the number of events that are ever seen.
    key_starts: Vec<u32>,
    /// From when on each event is seen, microseconds since the epoch, ascending within a key.
    enters: Vec<i64>,
    /// Which of the unsorted events each one is.
    sources: Vec<u32>,
    orders: OrderColumns<'a>,
    inputs: &'a [ArrayRef],
}

impl<'a> EnteringEvents<'a> {
    /// Sorts events by their keys and by `enters`, the instant from which on each is seen (microseconds since
    /// the epoch, null for one that never is). All columns have an entry for each event.
    ///
    /// # Errors
    ///
    /// If there are more events than 32 bits count.
    ///
    /// # Panics
    ///
    /// If a key is not below `key_count`.
    pub fn sort(
        keys: &[u32],
        key_count: usize,
        enters: &Int64Array,
        orders: OrderColumns<'a>,
        inputs: &'a [ArrayRef],
    ) -> Result<Self, SweepError> {
        let seen: Vec<u32> = (0..).zip(enters).filter_map(|(event, enters)| enters.map(|_| event)).collect();
        let keys: Vec<u32> = seen.iter().map(|event| keys[*event as usize]).collect();
        let enters: Vec<i64> = enters.iter().flatten().collect();
        // Events that come to be seen together are folded fastest in their own order.
        let ties = |a: u32, b: u32| {
            let (a, b) = (seen[a as usize], seen[b as usize]);
            orders.times[a as usize].cmp(&orders.times[b as usize]).then(a.cmp(&b))
        };
        let Arranged { key_starts, times, sources } =
            Arranged::by("events", &keys, key_count, &enters, ties)?;
        let sources = sources.into_iter().map(|event| seen[event as usize]).collect();
        Ok(Self { key_starts, enters: times, sources, orders, inputs })
    }

    /// Ranges of keys that together are all of them, each with about so many events and `rows`, or one key.
    pub fn shares(&self, rows: &SortedRows, size: usize) -> Vec<Range<usize>> {
        let mut shares = Vec::new();
        let (mut start, mut weight) = (0, 0);
        for key in 0..self.key_starts.len() - 1 {
            let of = |starts: &[u32]| (starts[key + 1] - starts[key]) as usize;
            weight += of(&self.key_starts) + of(&rows.key_starts);
            if weight >= size {
                shares.push(start..key + 1);
                (start, weight) = (key + 1, 0);
            }
        }
        shares.push(start..self.key_starts.len() - 1);
        shares
    }

    fn order(&self, event: usize) -> Order {
        let row = self.sources[event] as usize;
        let OrderColumns { times, order_by, partitions, offsets } = self.orders;
        Order {
            time: Instant::from_micros(times[row]),
            order_by: order_by.filter(|column| column.is_valid(row)).map(|column| column.value(row)),
            partition: partitions[row],
            offset: offsets[row],
        }
    }
}

/// The values of the plan's features for the rows of `keys`: what [`KeyState::values`] says at the row's T of
/// the events of its key that are seen at T, bit for bit.
///
/// It takes the time of folding each event once, and for each row that of a lookup. Rows are asked in the order of
/// their instants, so what no later one can tell apart is forgotten on the way, as it is online: a lookup costs what
/// lies in its windows, however long the history is.
///
/// # Errors
///
/// See [`SweepError`].
///
/// # Panics
///
/// If events and rows are not over the same keys, or there is no such key.
pub fn sweep_entering(
    plan: &FoldPlan,
    events: &EnteringEvents<'_>,
    rows: &SortedRows,
    keys: Range<usize>,
) -> Result<Swept, SweepError> {
    check_types(plan, events.inputs)?;
    let lanes: Option<Vec<Lane<'_>>> = events.inputs.iter().map(Lane::of).collect();
    let lanes = lanes.expect("the types of inputs were checked");
    // No row looks back behind the one before.
    let plan = &FoldPlan { lookback: Lookback::Within(TimeDelta::ZERO), ..plan.clone() };
    let mut answers = Answers::new(plan);
    for key in keys {
        let (mut event, end) = (events.key_starts[key] as usize, events.key_starts[key + 1] as usize);
        let mut state = KeyState::new();
        for at in &rows.at[rows.key_starts[key] as usize..rows.key_starts[key + 1] as usize] {
            while event < end && events.enters[event] <= *at {
                state.add(plan, events.order(event), &lanes, events.sources[event] as usize);
                event += 1;
            }
            let at = Instant::from_micros(*at);
            state.forget(plan, at);
            answers.ask(&state, at);
        }
    }
    answers.finish()
}

/// Answers on their way into columns.
struct Answers<'a> {
    plan: &'a FoldPlan,
    types: Vec<DataType>,
    /// For each feature the values that are no column yet.
    waiting: Vec<Vec<Value>>,
    /// For each feature its columns so far.
    columns: Vec<Vec<ArrayRef>>,
    statuses: Vec<Status>,
    overflows: u64,
}

impl<'a> Answers<'a> {
    fn new(plan: &'a FoldPlan) -> Self {
        let output = |feature: &crate::FeatureColumn| {
            let input = feature.input.map(|input| plan.inputs[input]);
            feature.aggregation.output(input).expect("the types of a plan were checked")
        };
        Self {
            plan,
            types: plan.features.iter().map(output).collect(),
            waiting: vec![Vec::new(); plan.features.len()],
            columns: vec![Vec::new(); plan.features.len()],
            statuses: Vec::new(),
            overflows: 0,
        }
    }

    fn ask(&mut self, state: &KeyState, at: Instant) {
        let answer = state.answer(self.plan, at);
        let of_row = answer.values.first().map_or(Status::Present, |(_, status)| *status);
        self.statuses.push(if of_row == Status::NullValue { Status::Present } else { of_row });
        self.overflows += answer.overflows;
        for (waiting, (value, _)) in self.waiting.iter_mut().zip(answer.values) {
            waiting.push(value);
        }
        if self.statuses.len().is_multiple_of(ROWS_AT_ONCE) {
            self.make_columns();
        }
    }

    fn make_columns(&mut self) {
        let of_features = self.waiting.iter_mut().zip(&mut self.columns).zip(&self.types);
        for ((waiting, columns), data_type) in of_features {
            columns.push(column_of(data_type, waiting.drain(..)));
        }
    }

    fn finish(mut self) -> Result<Swept, SweepError> {
        self.make_columns();
        let columns = self.plan.features.iter().zip(&self.columns);
        let columns = columns.map(|(feature, columns)| joined(&feature.name, columns));
        let columns = columns.collect::<Result<_, _>>()?;
        Ok(Swept { columns, statuses: self.statuses, overflows: self.overflows })
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use arrow::datatypes::Int64Type;
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{KEYS, worlds};
    use crate::{Aggregation, FeatureColumn, Window, sweep};

    fn count_of_all() -> FoldPlan {
        let feature = FeatureColumn {
            name: "n".to_owned(),
            aggregation: Aggregation::Count,
            input: None,
            by: None,
            window: Window::Lifetime,
        };
        FoldPlan {
            inputs: Vec::new(),
            features: vec![feature],
            ttl: None,
            shown: None,
            forget: None,
            lookback: Lookback::Within(TimeDelta::ZERO),
        }
    }

    #[test]
    fn an_event_is_seen_once_it_has_happened_and_is_there() {
        let plan = count_of_all();
        let orders = OrderColumns {
            times: &[10, 20, 30, 40, 50],
            order_by: None,
            partitions: &[0; 5],
            offsets: &[0, 1, 2, 3, 4],
        };
        let enters = Int64Array::from(vec![Some(35), Some(5), None, Some(40), Some(60)]);
        let events = EnteringEvents::sort(&[1; 5], 2, &enters, orders, &[]).expect("a few events");
        let rows =
            SortedRows::sort(&[1, 1, 1, 1, 1, 1, 0], 2, &[19, 20, 34, 35, 40, 60, 60]).expect("a few rows");
        let swept = sweep_entering(&plan, &events, &rows, 0..2).expect("a count");
        assert_eq!(swept.columns[0].as_primitive::<Int64Type>().values(), &[0, 0, 1, 1, 2, 3, 4]);
        assert_eq!(swept.statuses[..3], [Status::NotFound, Status::NotFound, Status::Present]);
        let shares = events.shares(&rows, 1);
        assert_eq!(shares, [0..1, 1..2, 2..2]);
        let parts = shares.into_iter().map(|keys| sweep_entering(&plan, &events, &rows, keys));
        let parts: Vec<_> = parts.collect::<Result<_, _>>().expect("counts");
        let whole = Swept::join(&plan, &parts).expect("short columns");
        assert_eq!(whole.columns, swept.columns);
        assert_eq!(whole.statuses, swept.statuses);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn a_row_sees_what_a_sweep_over_the_events_that_are_there_gives(world in worlds(120)) {
            let arrivals = world.arrivals();
            let entering_at = |event: usize| {
                let other = arrivals[event];
                (other % 7 > 0).then(|| world.events[other].order.time.as_micros())
            };
            let inputs = world.inputs();
            let enters: Int64Array = (0..world.events.len()).map(entering_at).collect();
            let order = world.order();
            let events = EnteringEvents::sort(&order.keys, KEYS, &enters, order.columns(), &inputs)
                .expect("few events");
            let (keys, at): (Vec<_>, Vec<_>) = world.rows.iter().copied().unzip();
            let rows = SortedRows::sort(&keys, KEYS, &at).expect("few rows");
            let found = sweep_entering(&world.plan, &events, &rows, 0..KEYS).expect("the plan's types");
            let mut overflows = 0;
            for (place, source) in rows.sources.iter().enumerate() {
                let (key, at) = world.rows[*source as usize];
                let mut seen = world.clone();
                let mut event = 0..;
                seen.events.retain(|_| {
                    event.next().and_then(entering_at).is_some_and(|enters| enters <= at)
                });
                let row = SortedRows::sort(&[key], KEYS, &[at]).expect("one row");
                let wanted = sweep(&world.plan, &seen.sorted_events(), &row).expect("the plan's types");
                for (found, wanted) in found.columns.iter().zip(&wanted.columns) {
                    prop_assert_eq!(&found.slice(place, 1), wanted);
                }
                prop_assert_eq!(found.statuses[place], wanted.statuses[0]);
                overflows += wanted.overflows;
            }
            prop_assert_eq!(found.overflows, overflows);
        }
    }
}
