//! The promise of this crate as properties: the state of a key and the sweep give the same bits, and both are
//! what the definition says.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::exact::{WeightedSum, nearest_power_of_two};
use crate::testing::{Event, KEYS, World, cell, times, worlds};
use crate::{
    Aggregation, ExactSquares, ExactSum, FeatureColumn, FieldType, Instant, KeyState, Lane, Nulls,
    Percentile, SortedRows, StateError, Status, TimeDelta, Value, Window, stddev, sweep, variance,
};

/// What happens to the state of a key between two events.
#[derive(Clone, Copy, Debug)]
enum Happening {
    Nothing,
    /// It is written and read again.
    Restart,
    /// What instants before this one could see is forgotten.
    Forget(i64),
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let happening = prop_oneof![
        6 => Just(Happening::Nothing),
        2 => Just(Happening::Restart),
        1 => (-45..20_i64).prop_map(Happening::Forget),
        1 => times().prop_map(|time| Happening::Forget(time.min(30))),
    ];
    prop::collection::vec(happening, 1..30)
}

/// A state with the parts it was last written as.
#[derive(Default)]
struct Kept {
    state: KeyState,
    parts: BTreeMap<u32, Vec<u8>>,
}

impl Kept {
    fn restart(&mut self, world: &World) {
        let changes = self.state.take_changes();
        changes.delete.iter().for_each(|part| drop(self.parts.remove(part)));
        self.parts.extend(changes.put);
        let read = KeyState::decode(&world.plan, |part| Ok::<_, StateError>(self.parts.get(&part)));
        self.state = read.expect("what was written can be read").unwrap_or_default();
    }
}

/// The states of all keys after everything has happened, and the latest horizon.
fn online(world: &World, happenings: &[Happening]) -> (Vec<Kept>, i64) {
    let inputs = world.inputs();
    let lanes: Vec<_> = inputs.iter().map(|input| Lane::of(input).expect("the type of a field")).collect();
    let mut kept: Vec<_> = (0..KEYS).map(|_| Kept::default()).collect();
    let mut horizon = i64::MIN;
    for (event, happening) in world.arrivals().into_iter().zip(happenings.iter().cycle()) {
        let Event { key, order, .. } = &world.events[event];
        let of_key = &mut kept[*key as usize];
        of_key.state.add(&world.plan, *order, &lanes, event);
        match happening {
            Happening::Nothing => {}
            Happening::Restart => of_key.restart(world),
            Happening::Forget(instant) => {
                horizon = horizon.max(*instant);
                kept.iter_mut()
                    .for_each(|kept| kept.state.forget(&world.plan, Instant::from_micros(*instant)));
            }
        }
    }
    (kept, horizon)
}

/// The values by the definition: filter the events, sort them, fold them one by one.
fn obvious(world: &World, key: u32, at: Instant) -> Vec<(Value, Status)> {
    let mut events: Vec<_> = world.events.iter().filter(|event| event.key == key).collect();
    events.sort_by_key(|event| event.order);
    let within = |age: Option<TimeDelta>, event: &Event| {
        age.is_none_or(|age| event.order.time > at.saturating_sub(age))
    };
    events.retain(|event| within(world.plan.forget, event));
    let seen = |event: &&&Event| event.order.time <= at;
    if let Some(shown) = world.plan.shown {
        events.retain(|event| seen(&event));
        let newest = events.pop();
        let shows = |event: &&Event| !event.value(world.plan.inputs[shown]).is_null();
        events = newest.into_iter().filter(shows).collect();
    }
    let any = events.iter().any(|event| seen(&event));
    let fresh = |event: &&Event| within(world.plan.ttl, event);
    let any_fresh = events.iter().filter(seen).any(fresh);
    let value = |feature: &FeatureColumn| {
        let within = seen_through(feature.window, world.plan.ttl, &events, at);
        let of = |input: Option<usize>, event: &Event| Some(event.value(world.plan.inputs[input?]));
        let rows = within.iter().map(|event| Row {
            value: of(feature.input, event),
            by: of(feature.by, event),
            time: event.order.time,
        });
        let keeps = feature.aggregation.nulls() == Nulls::Keep;
        let takes_part = |row: &Row| (keeps || row.value != Some(Value::Null)) && row.by != Some(Value::Null);
        obvious_fold(&feature.aggregation, &rows.filter(takes_part).collect::<Vec<_>>(), at)
    };
    let cell = |value: Value| {
        let status = Status::of(any, any_fresh, value.is_null());
        (value, status)
    };
    world.plan.features.iter().map(value).map(cell).collect()
}

/// Of events in order those that a window sees.
fn seen_through<'a>(
    window: Window,
    ttl: Option<TimeDelta>,
    events: &[&'a Event],
    at: Instant,
) -> Vec<&'a Event> {
    let bounds = window.bounds(at, ttl);
    let mut seen: Vec<_> = events.iter().copied().filter(|event| bounds.contains(event.order.time)).collect();
    if let Window::Session { gap } = window {
        let micros = |instant: Instant| i128::from(instant.as_micros());
        let mut next = micros(at);
        let mut session = Vec::new();
        while let Some(event) = seen.pop() {
            if next - micros(event.order.time) > i128::from(gap.as_micros()) {
                break;
            }
            next = micros(event.order.time);
            session.insert(0, event);
        }
        return session;
    }
    seen
}

/// What is read of an event.
struct Row {
    value: Option<Value>,
    by: Option<Value>,
    time: Instant,
}

fn obvious_fold(aggregation: &Aggregation, rows: &[Row], at: Instant) -> Value {
    let n = rows.len();
    if *aggregation == Aggregation::Count {
        return Value::Int64(n as i64);
    }
    let counted = counts(rows);
    if *aggregation == Aggregation::ApproxCountDistinct {
        return Value::Int64(counted.len() as i64);
    }
    if let Aggregation::CountDistinct { limit } = aggregation {
        let is_within = counted.len() <= *limit as usize;
        return if is_within { Value::Int64(counted.len() as i64) } else { Value::Null };
    }
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Value::Null };
    let mut sum = ExactSum::new();
    let mut squares = ExactSquares::new();
    let values: Vec<Value> = rows.iter().filter_map(|row| row.value.clone()).collect();
    for value in &values {
        match value {
            Value::Int32(x) => (sum.add_integer((*x).into()), squares.add_integer((*x).into())),
            Value::Int64(x) => (sum.add_integer(*x), squares.add_integer(*x)),
            Value::Float32(x) => (sum.add((*x).into()), squares.add((*x).into())),
            Value::Float64(x) => (sum.add(*x), squares.add(*x)),
            _ => continue,
        };
    }
    let float = |value: Option<f64>| value.map_or(Value::Null, Value::Float64);
    let since = |row: &Row| Value::Int64(at.as_micros().saturating_sub(row.time.as_micros()));
    let reduce = |takes_over: &dyn Fn(&Row, &Row) -> bool| {
        let best = rows.iter().reduce(|best, row| if takes_over(row, best) { row } else { best });
        best.and_then(|row| row.value.clone()).unwrap_or_default()
    };
    let value = |row: &Row| row.value.clone().unwrap_or_default();
    let by = |row: &Row| row.by.clone().unwrap_or_default();
    match aggregation {
        Aggregation::Sum if matches!(values[0], Value::Int32(_) | Value::Int64(_)) => {
            let sum = sum.to_integer().and_then(|sum| i64::try_from(sum).ok());
            sum.map_or(Value::Null, Value::Int64)
        }
        Aggregation::Count | Aggregation::CountDistinct { .. } | Aggregation::ApproxCountDistinct => {
            unreachable!("done above")
        }
        Aggregation::TopK { limit, .. } | Aggregation::Histogram { limit }
            if counted.len() > *limit as usize =>
        {
            Value::Null
        }
        Aggregation::TopK { k, .. } => {
            let mut ranking = counted;
            ranking.sort_by_key(|(_, count)| -count);
            Value::List(ranking.into_iter().take(*k as usize).map(|(value, _)| value).collect())
        }
        Aggregation::Histogram { .. } => Value::Map(counted),
        Aggregation::ApproxPercentile { percentiles } => {
            let mut numbers: Vec<f64> = values.iter().map(double).collect();
            numbers.sort_by(|a, b| a.partial_cmp(b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan())));
            let at = |percentile: &Percentile| {
                let share = u64::from(percentile.billionths()) * n as u64;
                let rank = share.div_ceil(1_000_000_000).max(1);
                Value::Float64(numbers[rank as usize - 1])
            };
            Value::List(percentiles.iter().map(at).collect())
        }
        Aggregation::Sum => Value::Float64(sum.round()),
        Aggregation::Avg => Value::Float64(sum.mean(n as u64)),
        Aggregation::Variance => float(variance(n as u64, &sum, &squares, 1)),
        Aggregation::VariancePop => float(variance(n as u64, &sum, &squares, 0)),
        Aggregation::Stddev => float(stddev(n as u64, &sum, &squares, 1)),
        Aggregation::StddevPop => float(stddev(n as u64, &sum, &squares, 0)),
        Aggregation::Min => reduce(&|row, best| above(&value(best), &value(row))),
        Aggregation::Max => reduce(&|row, best| above(&value(row), &value(best))),
        Aggregation::MinBy => reduce(&|row, best| !above(&by(row), &by(best))),
        Aggregation::MaxBy => reduce(&|row, best| !above(&by(best), &by(row))),
        Aggregation::Any => Value::Bool(values.contains(&Value::Bool(true))),
        Aggregation::All => Value::Bool(!values.contains(&Value::Bool(false))),
        Aggregation::First { .. } => value(first),
        Aggregation::Last { .. } => value(last),
        Aggregation::FirstN { n, .. } => Value::List(values.into_iter().take(*n as usize).collect()),
        Aggregation::LastN { n, .. } => Value::List(values.into_iter().rev().take(*n as usize).collect()),
        Aggregation::ExpDecaySum { half_life } => decayed(rows, *half_life, at),
        Aggregation::TimeSinceFirst => since(first),
        Aggregation::TimeSinceLast => since(last),
    }
}

fn double(value: &Value) -> f64 {
    match value {
        Value::Int32(x) => (*x).into(),
        Value::Int64(x) => *x as f64,
        Value::Float32(x) => (*x).into(),
        Value::Float64(x) => *x,
        other => panic!("{other:?} is no number"),
    }
}

/// Whether a value is what it should be: the same, or where that is said as near as that says.
fn within_bounds(aggregation: &Aggregation, expected: &Value, found: &Value) -> bool {
    match (aggregation, expected, found) {
        // So few values hardly ever share a register.
        (Aggregation::ApproxCountDistinct, Value::Int64(a), Value::Int64(b)) => (a - b).abs() <= 2 + a / 20,
        (Aggregation::ApproxPercentile { .. }, Value::List(a), Value::List(b)) => {
            let near =
                |(a, b): (&Value, &Value)| a == b || (double(a) - double(b)).abs() <= 0.01 * double(a).abs();
            a.len() == b.len() && a.iter().zip(b).all(near)
        }
        _ => expected == found,
    }
}

/// The sum of decaying values, put together of exact sums of whole multiples of weights.
fn decayed(rows: &[Row], half_life: TimeDelta, at: Instant) -> Value {
    let weight = |time: Instant| {
        let (time, length) = (time.as_micros(), half_life.as_micros());
        let within = time.rem_euclid(length).unsigned_abs();
        (time.div_euclid(length), nearest_power_of_two(within, length.unsigned_abs()))
    };
    let (epoch, of_t) = weight(at);
    let mut sum = WeightedSum::default();
    for row in rows {
        let (of_row, mantissa) = weight(row.time);
        if epoch.saturating_sub(of_row) < 2_200 {
            let power = (of_row - epoch) as i32;
            match &row.value {
                Some(Value::Int64(x)) => sum.add_integer(*x, mantissa, power, false),
                value => sum.add(double(value.as_ref().unwrap_or(&Value::Null)), mantissa, power, false),
            }
        }
    }
    Value::Float64(sum.over(of_t, 0))
}

/// The distinct values in order, each with the number of rows that have it.
fn counts(rows: &[Row]) -> Vec<(Value, i64)> {
    let mut counts: Vec<(Value, i64)> = Vec::new();
    for value in rows.iter().filter_map(|row| row.value.clone()).filter(|value| !value.is_null()) {
        let value = match value {
            // −0.0 + 0.0 is 0.0.
            Value::Float32(x) => Value::Float32(x + 0.0),
            Value::Float64(x) => Value::Float64(x + 0.0),
            value => value,
        };
        match counts.iter().position(|(known, _)| !above(&value, known)) {
            Some(place) if counts[place].0 == value => counts[place].1 += 1,
            place => counts.insert(place.unwrap_or(counts.len()), (value, 1)),
        }
    }
    counts
}

/// Whether `a` is greater than `b`, spelt out.
fn above(a: &Value, b: &Value) -> bool {
    fn floats(a: f64, b: f64) -> bool {
        match (a.is_nan(), b.is_nan()) {
            (true, other) => !other,
            (false, true) => false,
            _ if a == 0.0 && b == 0.0 => a.is_sign_positive() && b.is_sign_negative(),
            _ => a > b,
        }
    }
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => a > b,
        (Value::Int32(a), Value::Int32(b)) | (Value::Date(a), Value::Date(b)) => a > b,
        (Value::Int64(a), Value::Int64(b)) | (Value::Timestamp(a), Value::Timestamp(b)) => a > b,
        (Value::Float32(a), Value::Float32(b)) => floats((*a).into(), (*b).into()),
        (Value::Float64(a), Value::Float64(b)) => floats(*a, *b),
        (Value::String(a), Value::String(b)) => a.as_bytes() > b.as_bytes(),
        (Value::Binary(a), Value::Binary(b)) => a > b,
        _ => panic!("{a:?} and {b:?} are of two types"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn state_and_sweep_and_definition_agree(world in worlds(90), happenings in happenings()) {
        let keys: Vec<_> = world.rows.iter().map(|(key, _)| *key).collect();
        let at: Vec<_> = world.rows.iter().map(|(_, at)| *at).collect();
        let rows = SortedRows::sort(&keys, KEYS, &at).expect("few rows");
        let swept = sweep(&world.plan, &world.sorted_events(), &rows).expect("few events");
        for (column, feature) in swept.columns.iter().zip(&world.plan.features) {
            let input = feature.input.map(|input| FieldType::ALL[input]);
            prop_assert_eq!(Ok(column.data_type().clone()), feature.aggregation.output(input));
        }

        let (mut kept, horizon) = online(&world, &happenings);
        let mut overflows = 0;
        for (row, source) in rows.sources.iter().enumerate() {
            let (key, at) = world.rows[*source as usize];
            let at_instant = Instant::from_micros(at);
            let offline: Vec<_> = swept
                .columns
                .iter()
                .enumerate()
                .map(|(column, values)| (cell(values, row), swept.status(column, row)))
                .collect();
            let expected = obvious(&world, key, at_instant);
            for ((feature, found), expected) in world.plan.features.iter().zip(&offline).zip(&expected) {
                let agrees = found.1 == expected.1 && within_bounds(&feature.aggregation, &expected.0, &found.0);
                prop_assert!(agrees, "{} for {} at {}: {:?}, not {:?}", feature.name, key, at, found, expected);
            }
            if at >= horizon {
                let of_key = &mut kept[key as usize];
                prop_assert_eq!(&of_key.state.values(&world.plan, at_instant), &offline, "the state of {} at {}", key, at);
                of_key.restart(&world);
                let answer = of_key.state.answer(&world.plan, at_instant);
                prop_assert_eq!(&answer.values, &offline, "the state of {} at {}, read again", key, at);
                overflows += answer.overflows;
                if world.plan.shown.is_none() {
                    let times = world.events.iter().filter(|e| e.key == key).map(|e| e.order.time);
                    let newest = times.filter(|time| *time <= at_instant).max();
                    let gone = world.plan.forget.map(|age| at_instant.saturating_sub(age));
                    let newest = newest.filter(|newest| Some(*newest) > gone);
                    prop_assert_eq!(of_key.state.last_event_time(&world.plan, at_instant), newest);
                }
            }
        }
        if horizon == i64::MIN {
            prop_assert_eq!(overflows, swept.overflows);
        }
    }
}
