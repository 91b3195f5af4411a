//! Generated plans, events and rows, shared by this crate's properties.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use proptest::prelude::*;

use crate::{
    Aggregation, FeatureColumn, FieldType, FoldPlan, Instant, Lookback, Nulls, OrderColumns, Parameters,
    Percentiles, SortedEvents, TimeDelta, Value, Window, column_of,
};

/// How many keys there are.
pub(crate) const KEYS: usize = 3;

/// An event, with the row of the world's inputs that it is.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) key: u32,
    pub(crate) order: crate::Order,
    /// Chooses the values.
    seed: u16,
    /// Says when it arrives, relative to the others.
    arrival: u32,
}

impl Event {
    /// The event's value of one type: what is special about the type, or null.
    pub(crate) fn value(&self, field_type: FieldType) -> Value {
        special_value(field_type, usize::from(self.seed).wrapping_mul(31 + field_type as usize) / 7)
    }
}

/// A plan over an input of every type, events in offset order, and instants to ask at.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) plan: FoldPlan,
    pub(crate) events: Vec<Event>,
    pub(crate) rows: Vec<(u32, i64)>,
}

impl World {
    /// The input columns, a row for each event.
    pub(crate) fn inputs(&self) -> Vec<ArrayRef> {
        let column = |field_type: &FieldType| {
            column_of(&field_type.to_arrow(), self.events.iter().map(|event| event.value(*field_type)))
        };
        self.plan.inputs.iter().map(column).collect()
    }

    /// Positions of the events in the order in which they arrive.
    pub(crate) fn arrivals(&self) -> Vec<usize> {
        let mut arrivals: Vec<_> = (0..self.events.len()).collect();
        arrivals.sort_by_key(|event| self.events[*event].arrival);
        arrivals
    }

    /// The events as the sweep takes them.
    pub(crate) fn sorted_events(&self) -> SortedEvents {
        let order = self.order();
        SortedEvents::sort(&order.keys, KEYS, order.columns(), &self.inputs()).expect("few events")
    }

    /// Keys and orders of the events.
    pub(crate) fn order(&self) -> KeysAndOrders {
        let order = |event: &Event| event.order;
        let orders = self.events.iter().map(order);
        KeysAndOrders {
            keys: self.events.iter().map(|event| event.key).collect(),
            times: orders.clone().map(|order| order.time.as_micros()).collect(),
            order_by: orders.clone().map(|order| order.order_by).collect(),
            partitions: orders.clone().map(|order| order.partition).collect(),
            offsets: orders.map(|order| order.offset).collect(),
        }
    }
}

/// Keys and orders of events as columns.
pub(crate) struct KeysAndOrders {
    pub(crate) keys: Vec<u32>,
    times: Vec<i64>,
    order_by: Int64Array,
    partitions: Vec<i32>,
    offsets: Vec<i64>,
}

impl KeysAndOrders {
    /// The orders.
    pub(crate) fn columns(&self) -> OrderColumns<'_> {
        let Self { times, order_by, partitions, offsets, .. } = self;
        OrderColumns { times, order_by: Some(order_by), partitions, offsets }
    }
}

/// Worlds with up to `most_events` events.
pub(crate) fn worlds(most_events: usize) -> impl Strategy<Value = World> {
    let rows = prop::collection::vec((0..KEYS as u32, times()), 1..20);
    (plans(), prop::collection::vec(events(), 0..most_events), rows).prop_map(|(plan, mut events, rows)| {
        for (event, offset) in events.iter_mut().zip(0..) {
            event.order.offset = offset;
        }
        World { plan, events, rows }
    })
}

/// Times near the epoch, many of them equal, and some at the ends of time.
pub(crate) fn times() -> impl Strategy<Value = i64> {
    let ends = prop::sample::select(vec![i64::MIN, i64::MIN + 1, i64::MIN + 9, i64::MAX - 9, i64::MAX]);
    prop_oneof![12 => -40..40_i64, 1 => ends]
}

fn events() -> impl Strategy<Value = Event> {
    let order_by = prop::option::weighted(0.3, -1..2_i64);
    let key = prop_oneof![4 => Just(0_u32), 1 => Just(1), 1 => Just(2)];
    (key, times(), order_by, 0..3_i32, any::<u16>(), any::<u32>()).prop_map(
        |(key, time, order_by, partition, seed, arrival)| {
            let time = Instant::from_micros(time);
            Event { key, order: crate::Order { time, order_by, partition, offset: 0 }, seed, arrival }
        },
    )
}

fn plans() -> impl Strategy<Value = FoldPlan> {
    let choices: Vec<_> = features().collect();
    let features = prop::collection::vec((prop::sample::select(choices), windows()), 1..16);
    // Of each of these inputs some values are null.
    let shown = prop::option::weighted(0.3, prop::sample::select(vec![0, 1, 2]));
    let age = |weight| prop::option::weighted(weight, spans());
    (features, age(0.4), age(0.3), shown).prop_map(|(features, ttl, forget, shown)| FoldPlan {
        inputs: FieldType::ALL.to_vec(),
        features: features
            .into_iter()
            .map(|(Feature { aggregation, input, by }, window)| FeatureColumn {
                name: format!("{aggregation:?}_{input:?}_{by:?}_{window:?}"),
                aggregation,
                input,
                by,
                window,
            })
            .collect(),
        ttl,
        shown,
        forget,
        lookback: Lookback::Within(TimeDelta::ZERO),
    })
}

/// An aggregation and what it reads.
#[derive(Clone, Debug)]
pub(crate) struct Feature {
    pub(crate) aggregation: Aggregation,
    pub(crate) input: Option<usize>,
    pub(crate) by: Option<usize>,
}

/// Every aggregation, with several parameters, over every input it takes.
pub(crate) fn features() -> impl Iterator<Item = Feature> {
    let said = [
        (1, Nulls::Skip, 3, 1, vec!["0.5"]),
        (2, Nulls::Keep, 65_536, 7, vec!["0", "100", "99.9999999", "1"]),
        (11, Nulls::Skip, 4, i64::MAX, vec!["0.25"]),
    ]
    .map(|(n, nulls, limit, half_life, percentiles)| Parameters {
        n: Some(n),
        k: Some(n),
        half_life: Some(TimeDelta::from_micros(half_life)),
        percentiles: Some(Percentiles::read(&percentiles).expect("percentiles")),
        nulls: Some(nulls),
        limit: Some(limit),
    });
    let named = |name: &&str| said.each_ref().map(|said| Aggregation::named(name, said));
    let mut aggregations: Vec<Aggregation> = Vec::new();
    for aggregation in Aggregation::NAMES.iter().flat_map(named) {
        let aggregation = aggregation.expect("all parameters are said").expect("a known name");
        if !aggregations.contains(&aggregation) {
            aggregations.push(aggregation);
        }
    }
    let inputs = || std::iter::once(None).chain((0..FieldType::ALL.len()).map(Some));
    aggregations
        .into_iter()
        .flat_map(move |aggregation| inputs().map(move |input| (aggregation.clone(), input)))
        .filter(|(aggregation, input)| aggregation.output(input.map(|i| FieldType::ALL[i])).is_ok())
        .flat_map(|(aggregation, input)| {
            let another = input.map(|input| (input * 5 + 4) % FieldType::ALL.len());
            let by = match (aggregation.takes_by(), aggregation.nulls()) {
                (true, _) => vec![another, input],
                (false, Nulls::Keep) => vec![another, None],
                (false, Nulls::Skip) => vec![None],
            };
            by.into_iter().map(move |by| Feature { aggregation: aggregation.clone(), input, by })
        })
}

/// Windows of every kind.
pub(crate) fn windows() -> impl Strategy<Value = Window> {
    let offset = || prop_oneof![2 => Just(TimeDelta::ZERO), 1 => spans()];
    let buckets = prop_oneof![2 => Just(0_u32), 2 => 1..4_u32, 1 => Just(u32::MAX)];
    prop_oneof![
        3 => (spans(), offset()).prop_map(|(width, offset)| Window::Sliding { width, offset }),
        2 => (spans(), offset(), spans())
            .prop_map(|(width, offset, resolution)| Window::Coarse { width, offset, resolution }),
        2 => (spans(), buckets).prop_map(|(width, offset)| Window::Tumbling { width, offset }),
        2 => spans().prop_map(|gap| Window::Session { gap }),
        1 => Just(Window::Lifetime),
    ]
}

/// Lengths of time, short and long.
pub(crate) fn spans() -> impl Strategy<Value = TimeDelta> {
    prop::sample::select(vec![1, 2, 3, 5, 20, 60, i64::MAX]).prop_map(TimeDelta::from_micros)
}

fn special_value(field_type: FieldType, choice: usize) -> Value {
    let pick = |values: &[Value]| values[choice % values.len()].clone();
    match field_type {
        FieldType::Bool => pick(&[Value::Null, Value::Bool(true), Value::Bool(false)]),
        FieldType::Int32 => {
            pick(&[0, 1, -1, 7, i32::MAX, i32::MIN, 3].map(Value::Int32).map(null_if(Value::Int32(3))))
        }
        FieldType::Int64 => pick(
            &[0, 1, -5, 7, i64::MAX, i64::MIN, 1 << 53, 3].map(Value::Int64).map(null_if(Value::Int64(3))),
        ),
        FieldType::Float32 => pick(
            &[0.0, -0.0, 0.1, -2.5, f32::MAX, f32::MIN_POSITIVE, 1e-45, f32::NAN, f32::INFINITY, 3.0, 3.0]
                .map(Value::Float32)
                .map(null_if(Value::Float32(3.0))),
        ),
        FieldType::Float64 => pick(
            &[
                0.0,
                -0.0,
                0.1,
                -0.1,
                1e16,
                f64::MAX,
                f64::MIN,
                5e-324,
                f64::NAN,
                f64::INFINITY,
                f64::NEG_INFINITY,
                3.0,
                3.0,
                1.5,
                1.5,
                2.5,
            ]
            .map(Value::Float64)
            .map(null_if(Value::Float64(3.0))),
        ),
        FieldType::String => pick(
            &["", "a", "ab", "é", "z", "null"]
                .map(|text| Value::String(text.into()))
                .map(null_if(Value::String("null".into()))),
        ),
        FieldType::Binary => pick(&[
            Value::Null,
            Value::Binary([].into()),
            Value::Binary([0].into()),
            Value::Binary([0, 255].into()),
        ]),
        FieldType::Date => pick(&[Value::Null, Value::Date(-1), Value::Date(20_000), Value::Date(i32::MAX)]),
        FieldType::Timestamp => pick(&[Value::Timestamp(i64::MIN), Value::Timestamp(5), Value::Null]),
    }
}

fn null_if(stand_in: Value) -> impl Fn(Value) -> Value {
    move |value| if value == stand_in { Value::Null } else { value }
}

/// The cell of a column at `row`.
pub(crate) fn cell(column: &ArrayRef, row: usize) -> Value {
    use arrow::array::{Array, AsArray};
    if let Some(maps) = column.as_map_opt() {
        let entries = maps.value(row);
        let (keys, counts) =
            (entries.column(0), entries.column(1).as_primitive::<arrow::datatypes::Int64Type>());
        let entry = |entry| (cell(keys, entry), counts.value(entry));
        return if maps.is_null(row) {
            Value::Null
        } else {
            Value::Map((0..entries.len()).map(entry).collect())
        };
    }
    match column.as_list_opt::<i32>() {
        Some(lists) if lists.is_null(row) => Value::Null,
        Some(lists) => {
            let items = lists.value(row);
            Value::List((0..items.len()).map(|item| cell(&items, item)).collect())
        }
        None => crate::Lane::of(&Arc::clone(column)).expect("the type of a field").value(row),
    }
}
