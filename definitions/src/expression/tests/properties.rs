//! What holds for every expression.

use arrow::array::Array;
use arrow::compute::concat;
use arrow::record_batch::RecordBatch;
use proptest::prelude::*;

use super::super::functions;
use super::{Expression, FIELDS, Row, batch, compiled, fields, shown};

/// Every function, with arguments at the ends of their types. None may panic, and a row gives the same
/// whether it is alone or not.
#[test]
fn functions_survive_extremes() {
    let ints = [None, Some(i64::MIN), Some(-1), Some(0), Some(1), Some(40), Some(i64::MAX)];
    let floats =
        [None, Some(f64::NAN), Some(f64::INFINITY), Some(-1e300), Some(-0.0), Some(0.5), Some(5e-324)];
    let texts = [
        None,
        Some(""),
        Some("a"),
        Some("ünïcödé 🦀"),
        Some("-12"),
        Some("2013-07-01T00:00:00Z"),
        Some("%_\\"),
    ];
    let mut rows = Vec::new();
    for (at, n) in ints.iter().enumerate() {
        for shift in 0..ints.len() {
            let other = (at + shift) % ints.len();
            rows.push(Row {
                flag: Some(shift % 2 == 0),
                i: n.map(|n| n.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32),
                n: *n,
                m: ints[other],
                f: floats[at].map(|x| x as f32),
                x: floats[at],
                y: floats[other],
                s: texts[at],
                bytes: texts[other].map(str::as_bytes),
                day: n.map(|n| n.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32),
                at: *n,
                carrier: texts[other],
            });
        }
    }
    let arguments = [
        "",
        "n",
        "x",
        "s",
        "at",
        "day",
        "i",
        "flag",
        "n, m",
        "x, y",
        "x, i",
        "s, n",
        "s, \"flight.Carrier\"",
        "s, \"flight.Carrier\", s",
        "s, n, m",
        "s, n, s",
        "s, \"flight.Carrier\", n",
        "s, 10, \"flight.Carrier\"",
        "'year', at",
        "'week', at",
        "'month', day",
        "'epoch', at",
        "'hour', at",
        "'second', at",
        "'microsecond', at",
        "interval '15 minutes', at",
        "interval '1 month', at",
        "n, n, n",
        "i, i, i",
        "n, 'x'",
    ];
    let mut calls = 0;
    for name in functions::names() {
        for argument in arguments {
            let sql = format!("{name}({argument})");
            if let Ok(expression) = Expression::compile(&sql, &fields()) {
                calls += 1;
                assert_same_alone(&expression, &batch(&rows), &sql);
            }
        }
    }
    assert!(calls > 150, "only {calls} calls were accepted");
    let types = ["bool", "int", "bigint", "real", "double", "string", "bytea", "date", "timestamp"];
    let casts = FIELDS.iter().take(11).flat_map(|(name, _)| types.map(|to| format!("cast({name} as {to})")));
    let operations = [
        "n + m",
        "n - m",
        "n * m",
        "n / m",
        "n % m",
        "i * i",
        "-i",
        "x / y",
        "x % y",
        "x % 0",
        "day + n",
        "day - n",
        "day + i",
        "day - day",
        "at + interval '1 month'",
        "at - interval '100 years'",
        "at - interval '1 day'",
        "at + (at - at)",
        "day + interval '1 month'",
        "day - interval '290000 years'",
        "day = at",
        "day < at",
        "at > '2013-01-01'",
        "n & m",
        "s || n",
        "extract(hour from day)",
        "s like s",
        "s ilike \"flight.Carrier\"",
    ];
    for sql in casts.chain(operations.map(str::to_owned)) {
        if let Ok(expression) = Expression::compile(&sql, &fields()) {
            assert_same_alone(&expression, &batch(&rows), &sql);
        }
    }
}

/// Evaluates a batch whole, and row by row, and wants the same bits and the same count.
fn assert_same_alone(expression: &Expression, batch: &RecordBatch, sql: &str) {
    let whole = expression.evaluate(batch);
    let alone: Vec<_> = (0..batch.num_rows()).map(|row| expression.evaluate(&batch.slice(row, 1))).collect();
    let columns: Vec<&dyn Array> = alone.iter().map(|evaluated| evaluated.column.as_ref()).collect();
    if let Ok(columns) = concat(&columns) {
        // Arrow compares floats by their bits.
        assert_eq!(shown(&columns), shown(&whole.column), "{sql}");
        assert_eq!(columns.to_data(), whole.column.to_data(), "{sql}");
    }
    assert_eq!(alone.iter().map(|evaluated| evaluated.failed).sum::<u64>(), whole.failed, "{sql}");
}

/// Expressions of type int64, float64 and bool, made of each other.
fn expressions() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("n".to_owned()),
        Just("m".to_owned()),
        Just("i".to_owned()),
        Just("0".to_owned()),
        Just("1".to_owned()),
        Just("cast(x as bigint)".to_owned()),
        Just("cast(s as bigint)".to_owned()),
        Just("cast(null as bigint)".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let condition = prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} < {b}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} = {b}")),
            inner.clone().prop_map(|a| format!("x * {a} > y")),
            inner.clone().prop_map(|a| format!("({a}) is null")),
            Just("flag".to_owned()),
        ];
        let condition = prop_oneof![
            condition.clone(),
            (condition.clone(), condition.clone()).prop_map(|(a, b)| format!("({a} and {b})")),
            (condition.clone(), condition.clone()).prop_map(|(a, b)| format!("({a} or {b})")),
            condition.prop_map(|a| format!("(not ({a}))")),
        ];
        prop_oneof![
            (inner.clone(), inner.clone(), "[-+*/%]").prop_map(|(a, b, op)| format!("({a} {op} {b})")),
            inner.clone().prop_map(|a| format!("(-{a})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("coalesce({a}, {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("nullif({a}, {b})")),
            (condition.clone(), inner.clone()).prop_map(|(c, a)| format!("case when {c} then {a} end")),
            (condition, inner.clone(), inner.clone())
                .prop_map(|(c, a, b)| format!("case when {c} then {a} else {b} end")),
            (inner.clone(), inner.clone(), inner.clone(), inner)
                .prop_map(|(a, b, c, d)| format!("case {a} when {b} then {c} else {d} end")),
        ]
    })
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let int =
        || prop_oneof![Just(None), (-2..3_i64).prop_map(Some), Just(Some(i64::MAX)), Just(Some(i64::MIN))];
    let float = || {
        prop_oneof![
            Just(None),
            (-2..3_i32).prop_map(|x| Some(f64::from(x))),
            Just(Some(-0.0)),
            Just(Some(f64::NAN)),
            Just(Some(-f64::NAN)),
            Just(Some(f64::INFINITY)),
        ]
    };
    let text = prop_oneof![Just(None), Just(Some("0")), Just(Some("7")), Just(Some("no"))];
    let flag = prop_oneof![Just(None), Just(Some(true)), Just(Some(false))];
    let row = (flag, int(), int(), float(), float(), text, proptest::option::of(-2..3_i32))
        .prop_map(|(flag, n, m, x, y, s, i)| Row { flag, n, m, x, y, s, i, ..Row::default() });
    proptest::collection::vec(row, 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn a_row_gives_the_same_in_every_batch(sql in expressions(), rows in rows()) {
        assert_same_alone(&compiled(&sql), &batch(&rows), &sql);
    }
}
