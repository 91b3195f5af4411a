//! Values worked out by hand from the written semantics.

use std::collections::BTreeMap;

use thalweg_core::{Aggregation, FieldType, Instant, Nulls, Status, TimeDelta, Value, Window};

use super::{DeadEvent, dead_events, placed_events, value, watermark};
use crate::definition::{
    Comparison, Definitions, Entity, Event, Expression, Feature, Format, Lookback, Operation, Row, Source,
    Time, View,
};

/// An event of the key "k" with a float `x` and an integer `n`.
fn row(time: i64, x: f64, n: i64) -> Row {
    Row::from([
        ("t".to_owned(), Value::Timestamp(time)),
        ("key".to_owned(), Value::String("k".into())),
        ("x".to_owned(), Value::Float64(x)),
        ("n".to_owned(), Value::Int64(n)),
    ])
}

fn definitions() -> Definitions {
    let source = Source {
        name: "s".into(),
        is_table: false,
        format: Format::Json,
        fields: BTreeMap::from([
            ("t".into(), "timestamp"),
            ("key".into(), "string"),
            ("x".into(), "float64"),
        ]),
        around: BTreeMap::new(),
        event_time: Time::Field("t".into()),
        append_time: None,
        order_by: Some("turn".into()),
        max_ahead: None,
    };
    let entity = Entity { name: "e".into(), join_keys: vec![("key".into(), FieldType::String)] };
    let view = View {
        name: "v".into(),
        source: 0,
        entity: 0,
        join_keys: vec![None],
        filter: None,
        ttl: None,
        forget: None,
        lookback: Lookback::Unbounded,
        features: Vec::new(),
    };
    Definitions { sources: vec![source], entities: vec![entity], views: vec![view], on_demand: Vec::new() }
}

fn of(field: &str, field_type: FieldType) -> Option<(Expression, FieldType)> {
    Some((Expression::field(field), field_type))
}

fn feature(aggregation: Aggregation, of: Option<(Expression, FieldType)>, windows: &[Window]) -> Feature {
    Feature {
        name: "f".into(),
        aggregations: vec![aggregation],
        listed: false,
        of,
        by: None,
        filter: None,
        windows: windows.to_vec(),
    }
}

fn sliding(width: i64, offset: i64) -> Window {
    Window::Sliding { width: TimeDelta::from_micros(width), offset: TimeDelta::from_micros(offset) }
}

fn events(rows: &[Row]) -> Vec<Event<'_>> {
    let event = |(offset, row)| Event {
        partition: 0,
        offset,
        timestamp_ms: 0,
        key: None,
        is_tombstone: false,
        is_delete: false,
        row: Some(row),
    };
    (0..).zip(rows).map(event).collect()
}

/// The value of `feature` at `at` for the key "k" over these rows, in a view with this ttl.
fn ask(feature: Feature, rows: &[Row], at: i64, ttl: Option<i64>) -> (Value, Status) {
    let definitions = definitions();
    let view = View { ttl: ttl.map(TimeDelta::from_micros), ..definitions.views[0].clone() };
    let placed = placed_events(&definitions, &view, &events(rows));
    let key = [Value::String("k".into())];
    value(&view, &feature.columns()[0], &placed, &key, Instant::from_micros(at))
}

/// What `aggregation` makes of these floats, one microsecond after the other.
fn floats(aggregation: Aggregation, values: &[f64]) -> Value {
    let rows: Vec<_> = (0..).zip(values).map(|(time, x)| row(time, *x, 0)).collect();
    ask(feature(aggregation, of("x", FieldType::Float64), &[]), &rows, 1_000, None).0
}

/// What `aggregation` makes of these integers.
fn integers(aggregation: Aggregation, values: &[i64]) -> Value {
    let rows: Vec<_> = (0..).zip(values).map(|(time, n)| row(time, 0.0, *n)).collect();
    ask(feature(aggregation, of("n", FieldType::Int64), &[]), &rows, 1_000, None).0
}

#[test]
fn a_window_holds_its_end_and_not_its_start() {
    let rows = [row(90, 0.0, 0), row(91, 0.0, 0), row(100, 0.0, 0), row(101, 0.0, 0)];
    let count = |window, at| ask(feature(Aggregation::Count, None, &[window]), &rows, at, None).0;
    assert_eq!(count(sliding(10, 0), 100), Value::Int64(2));
    assert_eq!(count(sliding(10, 0), 99), Value::Int64(2));
    assert_eq!(count(sliding(9, 0), 100), Value::Int64(1));
    // (100 - 9 - 5, 100 - 9]: 90 and 91.
    assert_eq!(count(sliding(5, 9), 100), Value::Int64(2));
    assert_eq!(count(sliding(1, 9), 100), Value::Int64(1));
    assert_eq!(count(Window::Lifetime, 100), Value::Int64(3));
    assert_eq!(count(Window::Lifetime, 89), Value::Int64(0));
}

#[test]
fn instants_stop_at_the_ends_of_time() {
    let rows = [row(i64::MIN, 0.0, 0), row(i64::MIN + 1, 0.0, 0)];
    let count = |window, at| ask(feature(Aggregation::Count, None, &[window]), &rows, at, None).0;
    assert_eq!(count(sliding(100, 0), i64::MIN + 5), Value::Int64(1));
    assert_eq!(count(Window::Lifetime, i64::MIN), Value::Int64(1));
    assert_eq!(count(sliding(i64::MAX, i64::MAX), i64::MAX), Value::Int64(0));
}

#[test]
fn a_ttl_hides_what_is_old_from_every_fold() {
    let rows = [row(0, 1.0, 0), row(5, 2.0, 0)];
    let sum =
        |at, ttl| ask(feature(Aggregation::Sum, of("x", FieldType::Float64), &[]), &rows, at, Some(ttl));
    assert_eq!(sum(5, 6), (Value::Float64(3.0), Status::Present));
    assert_eq!(sum(5, 5), (Value::Float64(2.0), Status::Present));
    assert_eq!(sum(9, 5), (Value::Float64(2.0), Status::Present));
    assert_eq!(sum(10, 5), (Value::Null, Status::OutsideMaxAge));
    assert_eq!(sum(-1, 5), (Value::Null, Status::NotFound));
}

#[test]
fn statuses_tell_why() {
    let rows = [row(100, 1.0, 0)];
    let count = feature(Aggregation::Count, None, &[sliding(10, 20)]);
    assert_eq!(ask(count.clone(), &rows, 99, None), (Value::Int64(0), Status::NotFound));
    assert_eq!(ask(count.clone(), &rows, 100, None), (Value::Int64(0), Status::Present));
    assert_eq!(ask(count, &rows, 150, Some(50)), (Value::Int64(0), Status::OutsideMaxAge));
    let last =
        feature(Aggregation::Last { nulls: Nulls::Skip }, of("x", FieldType::Float64), &[sliding(10, 0)]);
    assert_eq!(ask(last.clone(), &rows, 110, None), (Value::Null, Status::NullValue));
    assert_eq!(ask(last.clone(), &rows, 109, None), (Value::Float64(1.0), Status::Present));
    let nan = [row(100, f64::NAN, 0)];
    assert_eq!(ask(last, &nan, 100, None).1, Status::Present);
}

#[test]
fn nothing_folded_is_zero_or_null() {
    for aggregation in [
        Aggregation::Count,
        Aggregation::Sum,
        Aggregation::Max,
        Aggregation::LastN { n: 2, nulls: Nulls::Skip },
    ] {
        let expected = if aggregation == Aggregation::Count { Value::Int64(0) } else { Value::Null };
        assert_eq!(floats(aggregation, &[]), expected);
    }
    let mut without = row(0, 0.0, 0);
    without.remove("x");
    let count = |of| ask(feature(Aggregation::Count, of, &[]), &[without.clone()], 0, None);
    assert_eq!(count(None), (Value::Int64(1), Status::Present));
    assert_eq!(count(of("x", FieldType::Float64)), (Value::Int64(0), Status::Present));
}

#[test]
fn sums_are_exact_and_rounded_once() {
    assert_eq!(floats(Aggregation::Sum, &[1e16, 1.0, -1e16]), Value::Float64(1.0));
    assert_eq!(floats(Aggregation::Sum, &[f64::MAX, f64::MAX, f64::MIN]), Value::Float64(f64::MAX));
    assert_eq!(floats(Aggregation::Sum, &[f64::MAX, f64::MAX]), Value::Float64(f64::INFINITY));
    // Half a last place more than 1 is a tie and goes to even; a trace more goes up.
    let half = f64::EPSILON / 2.0;
    assert_eq!(floats(Aggregation::Sum, &[1.0, half]), Value::Float64(1.0));
    assert_eq!(floats(Aggregation::Sum, &[1.0, half, 5e-324]), Value::Float64(1.0 + f64::EPSILON));
    assert_eq!(floats(Aggregation::Sum, &[5e-324, 5e-324]), Value::Float64(1e-323));
    assert_eq!(floats(Aggregation::Sum, &[-0.0, -0.0]), Value::Float64(0.0));
    assert_eq!(floats(Aggregation::Sum, &[0.1; 10]), Value::Float64(1.0));
    assert_eq!(floats(Aggregation::Avg, &[0.1, 0.2, 0.3]), Value::Float64(0.2));
    assert_eq!(floats(Aggregation::Avg, &[f64::MAX, f64::MAX]), Value::Float64(f64::MAX));
}

#[test]
fn infinities_and_nan_go_through_sums() {
    let nan = Value::Float64(f64::from_bits(0x7ff8_0000_0000_0000));
    let infinity = f64::INFINITY;
    assert_eq!(floats(Aggregation::Sum, &[1.0, infinity, infinity]), Value::Float64(infinity));
    assert_eq!(floats(Aggregation::Avg, &[-infinity, 1.0]), Value::Float64(-infinity));
    assert_eq!(floats(Aggregation::Sum, &[infinity, -infinity]), nan);
    assert_eq!(floats(Aggregation::Sum, &[-f64::NAN, 1.0]), nan);
    assert_eq!(floats(Aggregation::Variance, &[infinity, 1.0]), nan);
    assert_eq!(floats(Aggregation::StddevPop, &[f64::NAN]), nan);
    assert_eq!(floats(Aggregation::Variance, &[f64::NAN]), Value::Null);
}

#[test]
fn integers_overflow_to_null_and_average_exactly() {
    assert_eq!(integers(Aggregation::Sum, &[i64::MAX, 1, -1]), Value::Int64(i64::MAX));
    assert_eq!(integers(Aggregation::Sum, &[i64::MAX, 1]), Value::Null);
    assert_eq!(
        integers(Aggregation::Avg, &[i64::MAX, i64::MAX]),
        Value::Float64(9_223_372_036_854_775_807.0)
    );
    assert_eq!(integers(Aggregation::Avg, &[1, 2]), Value::Float64(1.5));
    // One more than 2⁵³ is no double, but the variance of it and its neighbour is.
    assert_eq!(integers(Aggregation::VariancePop, &[(1 << 53) + 1, (1 << 53) - 1]), Value::Float64(1.0));
}

#[test]
fn variances_and_deviations() {
    assert_eq!(floats(Aggregation::Variance, &[2.0, 4.0]), Value::Float64(2.0));
    assert_eq!(floats(Aggregation::VariancePop, &[2.0, 4.0]), Value::Float64(1.0));
    assert_eq!(floats(Aggregation::Stddev, &[2.0, 4.0]), Value::Float64(std::f64::consts::SQRT_2));
    assert_eq!(
        floats(Aggregation::StddevPop, &[1.0, 5.0, 3.0, 3.0]),
        Value::Float64(std::f64::consts::SQRT_2)
    );
    assert_eq!(floats(Aggregation::Variance, &[7.0]), Value::Null);
    assert_eq!(floats(Aggregation::VariancePop, &[7.0]), Value::Float64(0.0));
    // The variance is more than a double can be, its root is not.
    assert_eq!(floats(Aggregation::VariancePop, &[1e200, -1e200]), Value::Float64(f64::INFINITY));
    assert_eq!(floats(Aggregation::StddevPop, &[1e200, -1e200]), Value::Float64(1e200));
    // And less than the least double.
    assert_eq!(floats(Aggregation::VariancePop, &[5e-324, -5e-324]), Value::Float64(0.0));
    assert_eq!(floats(Aggregation::StddevPop, &[5e-324, -5e-324]), Value::Float64(5e-324));
    assert_eq!(
        floats(Aggregation::Stddev, &[1e16 + 2.0, 1e16 + 4.0]),
        Value::Float64(std::f64::consts::SQRT_2)
    );
}

#[test]
fn least_and_greatest() {
    assert_eq!(floats(Aggregation::Min, &[0.0, -0.0, 0.0]), Value::Float64(-0.0));
    assert_eq!(floats(Aggregation::Max, &[-0.0, 0.0, -0.0]), Value::Float64(0.0));
    assert_eq!(floats(Aggregation::Min, &[f64::NAN, f64::INFINITY]), Value::Float64(f64::INFINITY));
    assert!(matches!(floats(Aggregation::Max, &[f64::NAN, f64::INFINITY]), Value::Float64(x) if x.is_nan()));
    assert_eq!(floats(Aggregation::Min, &[f64::NEG_INFINITY, -1.0]), Value::Float64(f64::NEG_INFINITY));
}

#[test]
fn first_and_last_go_by_the_total_order() {
    let turn = |mut row: Row, turn| {
        row.insert("turn".into(), Value::Int64(turn));
        row
    };
    // One instant: no turn first, then by turn, then by offset.
    let rows = [
        turn(row(7, 3.0, 0), 2),
        turn(row(7, 2.0, 0), 1),
        row(7, 1.0, 0),
        turn(row(7, 4.0, 0), 2),
        row(9, 9.0, 0),
    ];
    let at = |aggregation, at| ask(feature(aggregation, of("x", FieldType::Float64), &[]), &rows, at, None).0;
    assert_eq!(at(Aggregation::First { nulls: Nulls::Skip }, 8), Value::Float64(1.0));
    assert_eq!(at(Aggregation::Last { nulls: Nulls::Skip }, 8), Value::Float64(4.0));
    let list = |values: &[f64]| Value::List(values.iter().map(|x| Value::Float64(*x)).collect());
    assert_eq!(at(Aggregation::FirstN { n: 3, nulls: Nulls::Skip }, 9), list(&[1.0, 2.0, 3.0]));
    assert_eq!(at(Aggregation::LastN { n: 2, nulls: Nulls::Skip }, 9), list(&[9.0, 4.0]));
    assert_eq!(at(Aggregation::LastN { n: 9, nulls: Nulls::Skip }, 9), list(&[9.0, 4.0, 3.0, 2.0, 1.0]));
    assert_eq!(at(Aggregation::LastN { n: 9, nulls: Nulls::Skip }, 6), Value::Null);
}

#[test]
fn values_are_compared_by_others_and_the_later_of_equals_counts() {
    let rows = [row(0, 1.0, 5), row(1, 2.0, 3), row(2, 3.0, 5), row(3, 4.0, 3), row(4, f64::NAN, 4)];
    let by = |aggregation, of_field, of_type, by: &str| {
        let compared =
            Feature { by: Some(Expression::field(by)), ..feature(aggregation, of(of_field, of_type), &[]) };
        ask(compared, &rows, 9, None).0
    };
    assert_eq!(by(Aggregation::MinBy, "x", FieldType::Float64, "n"), Value::Float64(4.0));
    assert_eq!(by(Aggregation::MaxBy, "x", FieldType::Float64, "n"), Value::Float64(3.0));
    assert_eq!(by(Aggregation::MaxBy, "n", FieldType::Int64, "x"), Value::Int64(4));
    assert_eq!(by(Aggregation::MaxBy, "nothing", FieldType::Int64, "x"), Value::Null);
    assert_eq!(by(Aggregation::MinBy, "n", FieldType::Int64, "nothing"), Value::Null);
}

#[test]
fn any_and_all_look_at_what_is_not_null() {
    let rows = [row(0, 1.0, 0), row(1, 2.0, 0)];
    let truth = |aggregation, greater: i64| {
        let compared = Expression::field("x").compare(Comparison::Greater, Expression::integer(greater));
        ask(feature(aggregation, Some((compared, FieldType::Bool)), &[]), &rows, 9, None).0
    };
    assert_eq!(
        (truth(Aggregation::Any, 1), truth(Aggregation::All, 1)),
        (Value::Bool(true), Value::Bool(false))
    );
    assert_eq!(
        (truth(Aggregation::Any, 2), truth(Aggregation::All, 0)),
        (Value::Bool(false), Value::Bool(true))
    );
    let unknown = of("nothing", FieldType::Bool);
    assert_eq!(ask(feature(Aggregation::All, unknown, &[]), &rows, 9, None).0, Value::Null);
}

#[test]
fn values_are_counted_up_to_a_limit() {
    let rows = [row(0, 0.0, 5), row(1, -0.0, 3), row(2, f64::NAN, 5), row(3, -f64::NAN, 3), row(4, 1.0, 4)];
    let of_n = |aggregation| ask(feature(aggregation, of("n", FieldType::Int64), &[]), &rows, 9, None).0;
    let of_x = |limit| {
        let distinct = Aggregation::CountDistinct { limit };
        ask(feature(distinct, of("x", FieldType::Float64), &[]), &rows, 9, None).0
    };
    assert_eq!((of_x(3), of_x(2)), (Value::Int64(3), Value::Null));
    let integers = |items: &[i64]| Value::List(items.iter().map(|n| Value::Int64(*n)).collect());
    assert_eq!(of_n(Aggregation::TopK { k: 2, limit: 9 }), integers(&[3, 5]));
    assert_eq!(of_n(Aggregation::TopK { k: 9, limit: 9 }), integers(&[3, 5, 4]));
    let counts = [(3, 2), (4, 1), (5, 2)].map(|(n, times)| (Value::Int64(n), times)).to_vec();
    assert_eq!(of_n(Aggregation::Histogram { limit: 3 }), Value::Map(counts));
    assert_eq!(of_n(Aggregation::Histogram { limit: 2 }), Value::Null);
    let none = |aggregation| ask(feature(aggregation, of("nothing", FieldType::Bool), &[]), &rows, 9, None).0;
    assert_eq!(none(Aggregation::CountDistinct { limit: 9 }), Value::Int64(0));
    assert_eq!(none(Aggregation::Histogram { limit: 9 }), Value::Null);
}

#[test]
fn decaying_sums_count_half_after_every_half_life() {
    let rows = [row(0, 1.0, 4), row(10, 1.0, -1), row(20, f64::INFINITY, 0)];
    let sum = |field, field_type, at| {
        let decaying = Aggregation::ExpDecaySum { half_life: TimeDelta::from_micros(10) };
        ask(feature(decaying, of(field, field_type), &[]), &rows, at, None).0
    };
    assert_eq!(sum("n", FieldType::Int64, 10), Value::Float64(1.0));
    assert_eq!(sum("n", FieldType::Int64, 40), Value::Float64(0.125));
    assert_eq!(sum("x", FieldType::Float64, 10), Value::Float64(1.5));
    assert_eq!(sum("x", FieldType::Float64, 15), Value::Float64(1.5 / std::f64::consts::SQRT_2));
    assert_eq!(sum("x", FieldType::Float64, 22_019), Value::Float64(f64::INFINITY));
    assert_eq!(sum("x", FieldType::Float64, 22_020), Value::Float64(0.0));
    assert_eq!(sum("nothing", FieldType::Float64, 10), Value::Null);
}

#[test]
fn nulls_are_kept_where_that_is_said() {
    let rows = [row(0, 1.0, 0), row(1, 2.0, 0)];
    let last = |nulls| {
        ask(feature(Aggregation::LastN { n: 3, nulls }, of("nothing", FieldType::Bool), &[]), &rows, 9, None)
    };
    assert_eq!(last(Nulls::Skip), (Value::Null, Status::NullValue));
    assert_eq!(last(Nulls::Keep), (Value::List(vec![Value::Null, Value::Null]), Status::Present));
}

#[test]
fn times_since_events_go_by_t() {
    let rows = [row(3, 1.0, 0), row(5, 2.0, 0)];
    let since = |aggregation, of, at| ask(feature(aggregation, of, &[sliding(10, 1)]), &rows, at, None).0;
    assert_eq!(since(Aggregation::TimeSinceFirst, None, 9), Value::Int64(6));
    assert_eq!(since(Aggregation::TimeSinceLast, None, 9), Value::Int64(4));
    assert_eq!(
        since(Aggregation::TimeSinceLast, None, 5),
        Value::Int64(2),
        "the last one is past the window"
    );
    assert_eq!(since(Aggregation::TimeSinceLast, of("nothing", FieldType::Bool), 9), Value::Null);
    let first = [row(i64::MIN, 0.0, 0)];
    let longest = ask(feature(Aggregation::TimeSinceLast, None, &[]), &first, i64::MAX, None).0;
    assert_eq!(longest, Value::Int64(i64::MAX));
}

#[test]
fn windows_begin_at_multiples_where_they_say_so() {
    let span = TimeDelta::from_micros;
    let rows: Vec<_> = (-25..25).map(|time| row(time, 0.0, 0)).collect();
    let count = |window, at| ask(feature(Aggregation::Count, None, &[window]), &rows, at, None).0;
    let coarse = Window::Coarse { width: span(10), offset: span(1), resolution: span(4) };
    assert_eq!(count(coarse, 19), Value::Int64(10), "(8, 18]");
    assert_eq!(count(coarse, 9), Value::Int64(12), "(-4, 8]");
    assert_eq!(count(Window::Tumbling { width: span(10), offset: 0 }, 17), Value::Int64(8), "[10, 17]");
    assert_eq!(count(Window::Tumbling { width: span(10), offset: 0 }, -1), Value::Int64(10), "[-10, -1]");
    assert_eq!(count(Window::Tumbling { width: span(10), offset: 4 }, 17), Value::Int64(5), "[-30, -20)");
}

#[test]
fn sessions_end_with_the_last_event_and_break_at_a_gap() {
    let rows = [row(0, 0.0, 0), row(3, 0.0, 1), row(7, 0.0, 0), row(12, 0.0, 0)];
    let session = Window::Session { gap: TimeDelta::from_micros(4) };
    let count = |at, ttl| ask(feature(Aggregation::Count, None, &[session]), &rows, at, ttl).0;
    let counted = [(2, 1), (3, 2), (8, 3), (11, 3), (12, 1), (16, 1), (17, 0)];
    for (at, expected) in counted {
        assert_eq!(count(at, None), Value::Int64(expected), "at {at}");
    }
    assert_eq!(count(8, Some(6)), Value::Int64(2));
    let some = Expression::field("n").compare(Comparison::Equal, Expression::integer(0));
    let filtered = Feature { filter: Some(some), ..feature(Aggregation::Count, None, &[session]) };
    assert_eq!(
        ask(filtered, &rows, 8, None).0,
        Value::Int64(2),
        "what a feature leaves out splits no session"
    );
}

#[test]
fn conditions_keep_what_is_true() {
    let rows = [row(0, 1.0, 1), row(1, 2.0, 0), row(2, -0.0, 3)];
    let count = |filter: Expression| {
        let filtered = Feature { filter: Some(filter), ..feature(Aggregation::Count, None, &[]) };
        ask(filtered, &rows, 9, None).0
    };
    let (x, n) = (Expression::field("x"), Expression::field("n"));
    assert_eq!(count(x.clone().compare(Comparison::Equal, Expression::integer(0))), Value::Int64(1));
    let nothing = Expression::field("nothing");
    assert_eq!(count(nothing.clone().compare(Comparison::Equal, x.clone())), Value::Int64(0));
    assert_eq!(count(Expression::IsNull(Box::new(nothing))), Value::Int64(3));
    // 6 / n fails on the second event, whatever is made of it.
    let quotient = Expression::integer(6).combine(Operation::Divide, n.clone());
    let large = quotient.clone().compare(Comparison::Greater, Expression::integer(-1));
    assert_eq!(count(large.clone()), Value::Int64(2));
    assert_eq!(count(Expression::Not(Box::new(large))), Value::Int64(0));
    assert_eq!(count(Expression::IsNull(Box::new(quotient.clone()))), Value::Int64(0));
    // What is not looked at cannot fail.
    let zero = n.compare(Comparison::Equal, Expression::integer(0));
    let either = Expression::Or(
        Box::new(zero),
        Box::new(quotient.compare(Comparison::Greater, Expression::integer(2))),
    );
    assert_eq!(count(either), Value::Int64(2));
}

#[test]
fn keys_are_compared_by_their_parts() {
    let mut definitions = definitions();
    definitions.entities[0].join_keys.push(("second".into(), FieldType::String));
    definitions.views[0].join_keys.push(None);
    let of_key = |first: &str, second: &str| {
        let mut row = row(0, 1.0, 0);
        row.insert("key".into(), Value::String(first.into()));
        row.insert("second".into(), Value::String(second.into()));
        row
    };
    let rows = [of_key("a", "bc"), of_key("ab", "c"), of_key("", "abc"), row(0, 1.0, 0)];
    let view = &definitions.views[0];
    let placed = placed_events(&definitions, view, &events(&rows));
    let count = feature(Aggregation::Count, None, &[]);
    for (first, second, expected) in [("a", "bc", 1), ("", "abc", 1), ("abc", "", 0)] {
        let key = [Value::String(first.into()), Value::String(second.into())];
        let (found, _) = value(view, &count.columns()[0], &placed, &key, Instant::from_micros(0));
        assert_eq!(found, Value::Int64(expected), "{first:?} {second:?}");
    }
    let dead = dead_events(&definitions, 0, &events(&rows));
    assert_eq!(dead, [DeadEvent { view: Some("v".into()), partition: 0, offset: 3 }]);
}

#[test]
fn what_is_no_event_is_dead_for_all_views() {
    let mut definitions = definitions();
    definitions.sources[0].append_time = Some(Time::Record);
    definitions.sources[0].max_ahead = Some(TimeDelta::from_micros(10));
    let mut untimed = row(0, 1.0, 0);
    untimed.remove("t");
    let rows = [row(10, 1.0, 0), row(11, 1.0, 0), untimed];
    let mut events = events(&rows);
    events.push(Event {
        partition: 0,
        offset: 3,
        timestamp_ms: 0,
        key: None,
        is_tombstone: false,
        is_delete: false,
        row: None,
    });
    let dead = |offset| DeadEvent { view: None, partition: 0, offset };
    assert_eq!(dead_events(&definitions, 0, &events), [dead(1), dead(2), dead(3)]);
    assert_eq!(placed_events(&definitions, &definitions.views[0], &events).len(), 1);
}

#[test]
fn the_watermark_waits_for_the_slowest_partition_with_more_to_come() {
    let rows = [row(10, 0.0, 0), row(30, 0.0, 0), row(20, 0.0, 0)];
    let definitions = definitions();
    let event = |partition, offset, row| Event {
        partition,
        offset,
        timestamp_ms: 0,
        key: None,
        is_tombstone: false,
        is_delete: false,
        row: Some(row),
    };
    let events = [event(0, 0, &rows[0]), event(0, 1, &rows[1]), event(1, 0, &rows[2])];
    for (applied, expected) in
        [([2, 1], Some(30)), ([1, 1], Some(10)), ([2, 0], None), ([0, 1], None), ([1, 0], None)]
    {
        assert_eq!(watermark(&definitions.sources[0], &events, &applied), expected, "{applied:?}");
    }
}
