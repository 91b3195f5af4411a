//! What expressions give, row by row, and what is refused.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Float32Array, Float64Array, Int32Array,
    Int64Array, StringArray, TimestampMicrosecondArray,
};
use arrow::compute::concat;
use arrow::datatypes::{Float64Type, Int64Type};
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use proptest::prelude::*;
use thalweg_core::FieldType;
use thalweg_log::Field;

use super::{Evaluated, Expression, functions};

const FIELDS: [(&str, FieldType); 12] = [
    ("flag", FieldType::Bool),
    ("i", FieldType::Int32),
    ("n", FieldType::Int64),
    ("m", FieldType::Int64),
    ("f", FieldType::Float32),
    ("x", FieldType::Float64),
    ("y", FieldType::Float64),
    ("s", FieldType::String),
    ("bytes", FieldType::Binary),
    ("day", FieldType::Date),
    ("at", FieldType::Timestamp),
    ("flight.Carrier", FieldType::String),
];

fn fields() -> Vec<Field> {
    FIELDS.iter().map(|(name, field_type)| Field::new(*name, *field_type)).collect()
}

/// A row of the test batch.
#[derive(Clone, Debug, Default)]
struct Row {
    flag: Option<bool>,
    i: Option<i32>,
    n: Option<i64>,
    m: Option<i64>,
    f: Option<f32>,
    x: Option<f64>,
    y: Option<f64>,
    s: Option<&'static str>,
    bytes: Option<&'static [u8]>,
    day: Option<i32>,
    at: Option<i64>,
    carrier: Option<&'static str>,
}

fn batch(rows: &[Row]) -> RecordBatch {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(rows.iter().map(|r| r.flag).collect::<BooleanArray>()),
        Arc::new(rows.iter().map(|r| r.i).collect::<Int32Array>()),
        Arc::new(rows.iter().map(|r| r.n).collect::<Int64Array>()),
        Arc::new(rows.iter().map(|r| r.m).collect::<Int64Array>()),
        Arc::new(rows.iter().map(|r| r.f).collect::<Float32Array>()),
        Arc::new(rows.iter().map(|r| r.x).collect::<Float64Array>()),
        Arc::new(rows.iter().map(|r| r.y).collect::<Float64Array>()),
        Arc::new(rows.iter().map(|r| r.s).collect::<StringArray>()),
        Arc::new(rows.iter().map(|r| r.bytes).collect::<BinaryArray>()),
        Arc::new(rows.iter().map(|r| r.day).collect::<Date32Array>()),
        Arc::new(rows.iter().map(|r| r.at).collect::<TimestampMicrosecondArray>().with_timezone("UTC")),
        Arc::new(rows.iter().map(|r| r.carrier).collect::<StringArray>()),
    ];
    let named = FIELDS.iter().zip(columns).map(|((name, _), column)| (*name, column, true));
    RecordBatch::try_from_iter_with_nullable(named).expect("columns of one length")
}

fn compiled(sql: &str) -> Expression {
    Expression::compile(sql, &fields()).unwrap_or_else(|error| panic!("{sql}: {error}"))
}

fn refused(sql: &str) -> String {
    match Expression::compile(sql, &fields()) {
        Ok(expression) => panic!("{sql} is accepted as {}", expression.canonical()),
        Err(error) => error.to_string(),
    }
}

fn shown(column: &ArrayRef) -> Vec<String> {
    let options = FormatOptions::new().with_null("null");
    let formatter = ArrayFormatter::try_new(column, &options).expect("a column that can be shown");
    (0..column.len()).map(|row| formatter.value(row).to_string()).collect()
}

/// Evaluates on one row.
fn value(sql: &str, row: &Row) -> (String, u64) {
    let Evaluated { column, failed } = compiled(sql).evaluate(&batch(std::slice::from_ref(row)));
    (shown(&column).remove(0), failed)
}

fn usual() -> Row {
    Row {
        flag: Some(true),
        i: Some(7),
        n: Some(-5),
        m: None,
        f: Some(0.5),
        x: Some(2.5),
        y: Some(-0.0),
        s: Some("Hello"),
        bytes: Some(b"\x01\xff"),
        day: Some(-1),
        at: Some(-1),
        carrier: Some("UA"),
    }
}

#[test]
fn values_and_types() {
    use FieldType::{Binary, Bool, Date, Float32, Float64, Int32, Int64, String, Timestamp};
    for (sql, field_type, wanted) in [
        ("1", Int64, "1"),
        ("1.5", Float64, "1.5"),
        ("1e3", Float64, "1000.0"),
        ("-9223372036854775808", Int64, "-9223372036854775808"),
        ("9223372036854775807", Int64, "9223372036854775807"),
        ("'a'", String, "a"),
        ("true", Bool, "true"),
        ("X'01ff'", Binary, "01ff"),
        ("i", Int32, "7"),
        ("i + 1", Int64, "8"),
        ("i + i", Int32, "14"),
        ("n * 2 - i", Int64, "-17"),
        ("-i", Int32, "-7"),
        ("- - n", Int64, "-5"),
        ("+n", Int64, "-5"),
        ("-y", Float64, "0.0"),
        ("n / 2", Int64, "-2"),
        ("n % 3", Int64, "-2"),
        ("n / 2.0", Float64, "-2.5"),
        ("f", Float32, "0.5"),
        ("f + x", Float64, "3.0"),
        ("1.0 / 0", Float64, "inf"),
        ("m", Int64, "null"),
        ("m + 1", Int64, "null"),
        ("n & 3", Int64, "3"),
        ("s || '!' || i", String, "Hello!7"),
        ("upper(s)", String, "HELLO"),
        ("LENGTH(s)", Int32, "5"),
        ("substring(s from 2 for 3)", String, "ell"),
        ("substr(s, 2)", String, "ello"),
        ("position('l' in s)", Int32, "3"),
        ("trim(both 'H' from s)", String, "ello"),
        ("lpad(s, 7, '.')", String, "..Hello"),
        ("split_part('a-b-c', '-', 2)", String, "b"),
        ("concat(s, null, carrier)", String, "HelloUA"),
        ("s like 'He%'", Bool, "true"),
        ("s not ilike '%LO'", Bool, "false"),
        ("s in ('Hello', 'x')", Bool, "true"),
        ("n not in (1, 2, null)", Bool, "null"),
        ("n between -5 and 5", Bool, "true"),
        ("n not between -5 and 5", Bool, "false"),
        ("flag and m > 0", Bool, "null"),
        ("not flag or m is null", Bool, "true"),
        ("m is distinct from null", Bool, "false"),
        ("flag is true", Bool, "true"),
        ("(m > 0) is unknown", Bool, "true"),
        ("case when n < 0 then 'neg' when n = 0 then 'zero' else 'pos' end", String, "neg"),
        ("case i when 7 then 1.0 end", Float64, "1.0"),
        ("case s when 'Hello' then 1 when 'x' then 2 end", Int64, "1"),
        ("case when m > 0 then 1.0 else 0.0 end", Float64, "0.0"),
        ("coalesce(m, n, 1)", Int64, "-5"),
        ("coalesce(m, 1.5)", Float64, "1.5"),
        ("coalesce(n)", Int64, "-5"),
        ("nvl(m, 3)", Int64, "3"),
        ("nvl2(m, 1, 2)", Int64, "2"),
        ("nvl2(n, 1, 2)", Int64, "1"),
        ("nullif(n, -5)", Int64, "null"),
        ("nullif(n, m)", Int64, "-5"),
        ("greatest(n, i, 3)", Int64, "7"),
        ("least(n, i, null)", Int64, "-5"),
        ("abs(n)", Int64, "5"),
        ("sqrt(x * 10)", Float64, "5.0"),
        ("power(i, 2)", Float64, "49.0"),
        ("log(100)", Float64, "2.0"),
        ("log(2, 8)", Float64, "3.0"),
        ("round(x)", Float64, "3.0"),
        ("round(2.345, 2)", Float64, "2.35"),
        ("floor(x)", Float64, "2.0"),
        ("ceil(x)", Float64, "3.0"),
        ("cast(x as int64)", Int64, "2"),
        ("cast(x as bigint)", Int64, "2"),
        ("x::int", Int32, "2"),
        ("cast(n as string)", String, "-5"),
        ("cast('12' as int32)", Int32, "12"),
        ("try_cast(s as int64)", Int64, "null"),
        ("cast(n as double)", Float64, "-5.0"),
        ("cast(n as real)", Float32, "-5.0"),
        ("cast(flag as int)", Int32, "1"),
        ("cast(null as string)", String, "null"),
        ("day", Date, "1969-12-31"),
        ("day - date '1969-12-01'", Int64, "30"),
        ("date '2013-07-01'", Date, "2013-07-01"),
        ("cast(day as timestamp)", Timestamp, "1969-12-31T00:00:00Z"),
        ("at", Timestamp, "1969-12-31T23:59:59.999999Z"),
        ("cast(at as date)", Date, "1969-12-31"),
        ("cast(at as bigint)", Int64, "-1"),
        ("cast(1 as timestamp)", Timestamp, "1970-01-01T00:00:00.000001Z"),
        ("timestamp '2013-07-01T12:00:00'", Timestamp, "2013-07-01T12:00:00Z"),
        ("timestamp '2013-07-01T12:00:00+02:00'", Timestamp, "2013-07-01T10:00:00Z"),
        ("timestamp '1969-12-31T23:59:59.999999999'", Timestamp, "1969-12-31T23:59:59.999999Z"),
        ("at < timestamp '9999-01-01'", Bool, "true"),
        ("at > '1969-12-31'", Bool, "true"),
        ("cast(8000000000000000000 as timestamp) > day", Bool, "true"),
        ("day < timestamp '9999-01-01'", Bool, "true"),
        ("coalesce(cast(null as timestamp), day)", Timestamp, "1969-12-31T00:00:00Z"),
        ("case when flag then at else day end", Timestamp, "1969-12-31T23:59:59.999999Z"),
        ("greatest(at, day)", Timestamp, "1969-12-31T23:59:59.999999Z"),
        ("day + 1", Date, "1970-01-01"),
        ("at + interval '1 second'", Timestamp, "1970-01-01T00:00:00.999999Z"),
        ("at - interval '1 month'", Timestamp, "1969-11-30T23:59:59.999999Z"),
        ("date_trunc('hour', at)", Timestamp, "1969-12-31T23:00:00Z"),
        ("date_trunc('month', at)", Timestamp, "1969-12-01T00:00:00Z"),
        ("date_part('hour', at)", Int32, "23"),
        ("extract(dow from day)", Int32, "3"),
        ("extract(epoch from day)", Float64, "-86400.0"),
        ("to_timestamp('2013-07-01T00:00:00')", Timestamp, "2013-07-01T00:00:00Z"),
        ("to_timestamp(1)", Timestamp, "1970-01-01T00:00:01Z"),
        ("to_timestamp_seconds(100000000000)", Timestamp, "5138-11-16T09:46:40Z"),
        ("to_timestamp_millis(-1)", Timestamp, "1969-12-31T23:59:59.999Z"),
        ("from_unixtime(1)", Timestamp, "1970-01-01T00:00:01Z"),
        ("to_timestamp_seconds(100000000000) > at", Bool, "true"),
        ("to_unixtime(timestamp '2013-07-01')", Int64, "1372636800"),
        ("make_date(2013, 7, 1)", Date, "2013-07-01"),
        ("flight.Carrier", String, "UA"),
        ("\"flight.Carrier\"", String, "UA"),
        ("flight.\"Carrier\" = 'UA'", Bool, "true"),
        ("n -- and a comment", Int64, "-5"),
    ] {
        let sql = sql.replace("carrier)", "\"flight.Carrier\")");
        let expression = compiled(&sql);
        assert_eq!(expression.result_type(), field_type, "{sql}: {}", expression.canonical());
        let Evaluated { column, failed } = expression.evaluate(&batch(&[usual()]));
        assert_eq!(*column.data_type(), field_type.to_arrow(), "{sql}");
        assert_eq!(
            (shown(&column).remove(0).as_str(), failed),
            (wanted, 0),
            "{sql}: {}",
            expression.canonical()
        );
    }
}

#[test]
fn what_fails_is_null_and_counted() {
    let row = Row { n: Some(i64::MAX), m: Some(i64::MIN), i: Some(i32::MIN), x: Some(f64::NAN), ..usual() };
    for sql in [
        "n + 1",
        "m - 1",
        "n * 2",
        "-m",
        "-i",
        "- (m + 0)",
        "abs(m)",
        "abs(i)",
        "m / -1",
        "i + i",
        "1 / 0",
        "n % 0",
        "n / (n - n)",
        "cast(s as int64)",
        "cast(n as int32)",
        "cast(x as int64)",
        "cast(x * 0 + 1e300 as int64)",
        "s::timestamp",
        "to_timestamp(n)",
        "to_timestamp_seconds(n)",
        "factorial(n)",
        "lcm(n, n - 1)",
        "power(0, -1)",
        "make_date(2013, 13, 1)",
        "at + interval '1000000 years'",
        "coalesce(null, 1 / 0)",
        "case when flag then 1 / 0 end",
        "flag and 1 / 0 > 0",
        "m is null and flag is null or 1 / 0 > 0",
    ] {
        assert_eq!(value(sql, &row), ("null".to_owned(), 1), "{sql}: {}", compiled(sql).canonical());
    }
}

#[test]
fn a_branch_that_is_not_taken_does_not_fail() {
    let row = Row { n: Some(0), m: None, flag: Some(false), ..usual() };
    for (sql, wanted) in [
        ("case when n <> 0 then 1 / n end", "null"),
        ("case when n <> 0 then 1 / n else 5 end", "5"),
        ("case when flag then 1 / 0 else 5 end", "5"),
        ("case n when 0 then 2 else 1 / n end", "2"),
        ("case when n = 0 then 2 when 1 / n > 0 then 3 end", "2"),
        ("n <> 0 and 1 / n > 2", "false"),
        ("n = 0 or 1 / n > 2", "true"),
        ("flag and 1 / 0 = 0", "false"),
        ("coalesce(n, 1 / n)", "0"),
        ("nvl(n, 1 / n)", "0"),
        ("1 / nullif(n, 0)", "null"),
    ] {
        assert_eq!(value(sql, &row), (wanted.to_owned(), 0), "{sql}");
    }
}

#[test]
fn failing_rows_leave_their_neighbours_alone() {
    let rows: Vec<Row> = (0..1000).map(|n| Row { n: Some(n % 7), m: Some(n), ..Row::default() }).collect();
    let Evaluated { column, failed } = compiled("m / n").evaluate(&batch(&rows));
    assert_eq!(failed, 143);
    let column = column.as_primitive::<Int64Type>();
    for (row, value) in rows.iter().zip(column) {
        let (n, m) = (row.n.expect("given"), row.m.expect("given"));
        assert_eq!(value, m.checked_div(n));
    }
    let Evaluated { column, failed } = compiled("1 / 0").evaluate(&batch(&rows));
    assert_eq!((column.null_count(), failed), (1000, 1000));
    let Evaluated { column, failed } = compiled("m / n").evaluate(&batch(&[]));
    assert_eq!((column.len(), failed), (0, 0));
}

#[test]
fn comparisons_see_one_zero_and_one_nan_above_all() {
    let other_nan = f64::from_bits(0xfff8_0000_0000_0001);
    let above = f64::INFINITY;
    for (x, y, order) in [
        (0.0, -0.0, 0),
        (-0.0, 0.0, 0),
        (f64::NAN, other_nan, 0),
        (other_nan, f64::NAN, 0),
        (other_nan, above, 1),
        (above, other_nan, -1),
        (other_nan, -1.0, 1),
        (-1.0, f64::NAN, -1),
        (1.0, 2.0, -1),
    ] {
        for float32 in [false, true] {
            let (left, right) = if float32 { ("cast(x as real)", "cast(y as real)") } else { ("x", "y") };
            let row = Row { x: Some(x), y: Some(y), ..Row::default() };
            for (template, wanted) in [
                ("L = R", order == 0),
                ("L <> R", order != 0),
                ("L < R", order < 0),
                ("L <= R", order <= 0),
                ("L > R", order > 0),
                ("L >= R", order >= 0),
                ("L is distinct from R", order != 0),
                ("L is not distinct from R", order == 0),
                ("L in (R)", order == 0),
                ("L in (R, 17)", order == 0),
                ("L not in (R, 17)", order != 0),
                ("L between R and R", order == 0),
                ("L not between R and R", order != 0),
                ("case L when R then true else false end", order == 0),
                ("nullif(L, R) is null", order == 0),
                ("greatest(L, R) = case when L > R then L else R end", true),
                ("least(L, R) = case when L > R then R else L end", true),
            ] {
                let sql = template.replace('L', left).replace('R', right);
                assert_eq!(value(&sql, &row), (wanted.to_string(), 0), "{sql} with x = {x}, y = {y}");
            }
        }
    }
    let zero = Row { x: Some(-0.0), y: Some(f64::NAN), ..Row::default() };
    for (sql, wanted) in [
        ("x = 0.0", "true"),
        ("x in (0.0, 1.0)", "true"),
        ("x in (0, 1)", "true"),
        ("case x when 0.0 then 1 end", "1"),
        ("y in (cast('nan' as double), 1.0)", "true"),
        ("nullif(x, 3)", "-0.0"),
        ("greatest(x, -1)", "-0.0"),
    ] {
        assert_eq!(value(sql, &zero), (wanted.to_owned(), 0), "{sql}");
    }
}

#[test]
fn a_nan_in_a_result_is_the_canonical_one() {
    let nan = f64::from_bits(0xfff8_dead_beef_0001);
    let row = Row { x: Some(nan), f: Some(f32::from_bits(0xffc0_0001)), ..Row::default() };
    for sql in ["x", "-x", "x * 2", "coalesce(x, 1.0)", "greatest(x, 1.0)", "sqrt(-1.0)", "ln(-1)", "abs(x)"]
    {
        let column = compiled(sql).evaluate(&batch(std::slice::from_ref(&row))).column;
        let bits = column.as_primitive::<Float64Type>().value(0).to_bits();
        assert_eq!(bits, 0x7ff8_0000_0000_0000, "{sql}");
    }
    let column = compiled("f").evaluate(&batch(&[row])).column;
    assert_eq!(column.as_primitive::<arrow::datatypes::Float32Type>().value(0).to_bits(), 0x7fc0_0000);
}

#[test]
fn what_is_no_expression_is_refused_with_its_place() {
    let mut others = Vec::new();
    for (sql, wanted) in [
        ("", "the expression is empty"),
        ("  -- nothing", "the expression is empty"),
        ("n +", "expected: an expression, found: EOF"),
        ("n n", "`n` stands after the end of the expression: give one expression only (line 1, column 3"),
        (
            "n; drop table x",
            "`;` stands after the end of the expression: give one expression only (line 1, column 2",
        ),
        ("n, m", "`,` stands after the end"),
        ("n as k", "`as` stands after the end"),
        ("'abc", "unterminated string literal (line 1, column 1"),
        ("n\n  + nn", "there is no field `nn`: did you mean `n`? (line 2, column 5"),
        (
            "flight.carrier",
            "there is no field `flight.carrier`: did you mean `flight.Carrier`? (line 1, column 1",
        ),
        ("N > 1", "there is no field `N`: did you mean `n`? (line 1, column 1"),
        (
            "now()",
            "there is no function `now`: an expression gives the same value whenever it is evaluated (line 1",
        ),
        ("current_timestamp", "there is no function `current_timestamp`: an expression gives the same value"),
        ("random()", "there is no function `random`"),
        ("uuid()", "there is no function `uuid`"),
        ("1 + uper(s)", "there is no function `uper`: did you mean `upper`? (line 1, column 5"),
        ("sum(n)", "there is no function `sum`: an expression is evaluated on one event"),
        ("row_number() over ()", "there is no function `row_number`: there are no window functions"),
        ("abs(n) over ()", "`abs` takes plain arguments in parentheses and nothing else"),
        ("abs(distinct n)", "`abs` takes plain arguments"),
        ("abs(n) filter (where flag)", "`abs` takes plain arguments"),
        ("repeat(s, 5)", "there is no function `repeat`"),
        ("lpad(s, n)", "the size given to lpad must be a literal, and not above 1024"),
        ("lpad(s, 1025)", "the size given to lpad must be a literal"),
        ("(select 1)", "a subquery is not an expression over one event"),
        ("n in (select 1)", "a subquery is not an expression"),
        ("exists (select 1)", "a subquery is not an expression"),
        ("n = any(select 1)", "`n = ANY(SELECT 1)` is not supported"),
        ("$1", "nothing stands for `$1`"),
        ("?", "nothing stands for `?`"),
        ("@n", "there is no field `@n`"),
        ("*", "expected: an expression"),
        ("(n, m)", "`(n, m)` is not supported"),
        ("[1, 2]", "`[1, 2]` is not supported"),
        ("s[1]", "`s[1]` is not supported"),
        ("n << 1", "the operator `<<` is not supported"),
        ("s ~ 'a'", "the operator `~` is not supported"),
        ("at at time zone 'UTC'", "`at time zone` is not supported"),
        ("9223372036854775808", "`9223372036854775808` is beyond int64: write `9223372036854775808.0`"),
        ("-9223372036854775809", "`-9223372036854775809` is beyond int64"),
        ("n - 9223372036854775808", "`9223372036854775808` is beyond int64"),
        ("99999999999999999999999999", "`99999999999999999999999999` is beyond int64"),
        ("1e999", "`1e999` is beyond float64"),
        ("null", "the expression is always null: give it a type with cast(null as …)"),
        ("at - at", "the expression gives a span of time"),
        ("interval '1 day'", "the expression gives a span of time"),
        ("cast(n as decimal(5, 2))", "the type `DECIMAL(5,2)` cannot be cast to"),
        ("cast(n as smallint)", "the type `SMALLINT` cannot be cast to"),
        ("cast(n as int[])", "the type `INT[]` cannot be cast to"),
        ("timestamp(9) '2013-01-01'", "the type `TIMESTAMP(9)` cannot be cast to"),
        ("s + 1", "cannot coerce arithmetic expression Utf8 + Int64"),
        ("s > n", "a text is compared with a value of type int64: cast one of them"),
        ("n = 'x'", "`x` is compared with a value of type int64, and is none"),
        ("at > 'yesterday'", "`yesterday` is compared with a value of type timestamp, and is none"),
        ("case n when s then 1 end", "a text is compared with a value of type int64"),
        ("abs()", "there is no `abs()`, but there is abs(Numeric"),
        ("abs(n, m)", "there is no `abs(Int64, Int64)`, but there is abs(Numeric"),
        ("abs(s)", "there is no `abs(Utf8)`, but there is abs(Numeric"),
        (
            "trim(n)",
            "there is no `btrim(Int64)`, but there is btrim(String, String), btrim(String): cast the arguments",
        ),
        ("sqrt(flag)", "there is no `sqrt(Boolean)`, but there is sqrt(Float64)"),
        ("if(flag, 1, 2)", "there is no function `if`: use case when"),
        ("date '2013-13-01'", "`2013-13-01` is no date"),
        ("cast(1e300 as bigint)", "`1"),
        ("interval 'x'", "invalid input syntax for type interval: \"x\""),
        ("case when n then 1 end", "what follows `when` must be true or false, and is int64"),
        ("greatest(s, n)", "a text is compared with a value of type int64"),
        ("date_part('fortnight', at)", "date_part knows year, isoyear"),
        ("extract(century from at)", "date_part knows year, isoyear"),
        ("date_trunc('fortnight', at)", "date_trunc knows microsecond"),
        ("date_trunc(s, at)", "what date_trunc floors to must be a literal"),
        ("date_trunc('hour', s)", "date_trunc takes a timestamp or a date"),
        ("nullif(n)", "nullif takes 2 arguments, not 1"),
        (
            "to_timestamp(x)",
            "to_timestamp takes an integer, a text or a date: cast the float to bigint first",
        ),
        ("not n", "unary operator 'NOT' requires a boolean expression, got Int64"),
        ("flag + flag", "cannot coerce arithmetic expression Boolean + Boolean"),
        ("n and m", "cannot infer common argument type for logical boolean operation Int64 AND Int64"),
    ] {
        let message = refused(sql);
        if !message.starts_with(wanted) || message.contains("Error") {
            others.push(format!("{sql}: {message}"));
        }
    }
    assert!(others.is_empty(), "{}", others.join("\n"));
}

#[test]
fn a_wanted_type_is_reached_by_widening_alone() {
    let compile_as = |sql: &str, wanted| Expression::compile_as(sql, &fields(), wanted);
    for (sql, wanted, shown_as) in [
        ("i", FieldType::Int64, "7"),
        ("n", FieldType::Int32, "-5"),
        ("i", FieldType::Float64, "7.0"),
        ("f", FieldType::Float64, "0.5"),
        ("day", FieldType::Timestamp, "1969-12-31T00:00:00Z"),
        ("s", FieldType::String, "Hello"),
    ] {
        let expression = compile_as(sql, wanted).expect("a widening");
        let Evaluated { column, failed } = expression.evaluate(&batch(&[usual()]));
        assert_eq!((*column.data_type()).clone(), wanted.to_arrow());
        assert_eq!((shown(&column).remove(0).as_str(), failed), (shown_as, 0));
    }
    let narrow = compile_as("n", FieldType::Int32).expect("checked on each row");
    let far = Row { n: Some(1 << 40), ..Row::default() };
    assert_eq!(narrow.evaluate(&batch(&[far, usual()])).failed, 1);
    for (sql, wanted) in
        [("x", FieldType::Int64), ("n", FieldType::String), ("s", FieldType::Int64), ("n", FieldType::Bool)]
    {
        let message = compile_as(sql, wanted).expect_err("no widening").to_string();
        assert!(
            message.contains(&format!("where {wanted} is needed: write cast(… as {wanted})")),
            "{message}"
        );
    }
}

#[test]
fn limits_are_errors_and_not_overflows() {
    let deep = |open: &str, close: &str| format!("{}n{}", open.repeat(10_000), close.repeat(10_000));
    assert!(refused(&deep("(", ")")).contains("more than the 4096"));
    for (open, close) in [
        ("(", ")"),
        ("not ", ""),
        ("-(", ")"),
        ("abs(", ")"),
        ("cast(", " as int)"),
        ("case when ", " then 1 end"),
    ] {
        for depth in [100, 700] {
            let sql = format!("{}n{}", open.repeat(depth), close.repeat(depth));
            let message = refused(&sql);
            assert!(message.contains("nested more than 64 deep"), "{open} {depth}: {message}");
        }
    }
    assert!(refused(&format!("n{}", " + n".repeat(2_000))).contains("nested more than 64 deep"));
    assert!(refused(&format!("'{}'", "x".repeat(70_000))).contains("70002 bytes, more than the 65536"));
    assert!(
        refused(&format!("cast(n as {}int{})", "array<".repeat(1_500), ">".repeat(1_500)))
            .contains("cannot be cast")
    );

    let chain = format!("n = 0{}", (1..=800).map(|n| format!(" or n = {n}")).collect::<String>());
    assert_eq!(value(&chain, &Row { n: Some(800), ..Row::default() }), ("true".to_owned(), 0));
    assert_eq!(value(&chain, &Row { n: Some(801), ..Row::default() }), ("false".to_owned(), 0));
    let list = format!("n in (0{})", (1..=1_500).map(|n| format!(", {n}")).collect::<String>());
    assert_eq!(value(&list, &Row { n: Some(1_500), ..Row::default() }), ("true".to_owned(), 0));
    let sixty = format!("{}n{}", "(".repeat(200), ")".repeat(200));
    assert!(refused(&sixty).contains("nested more than 64 deep"));
    let sum = format!("n{}", " + n".repeat(60));
    assert_eq!(value(&sum, &Row { n: Some(1), ..Row::default() }), ("61".to_owned(), 0));
}

#[test]
fn the_canonical_text_is_the_meaning() {
    let same = |a: &str, b: &str| compiled(a).canonical() == compiled(b).canonical();
    assert!(same("n+1", " ( N + 1 ) ".replace('N', "n").as_str()));
    assert!(same("UPPER(s)", "upper(s) -- loud"));
    assert!(same("length(s)", "char_length(s)"));
    assert!(same("cast(n as int32)", "n::int"));
    assert!(same("coalesce(m, n)", "case when m is not null then m else n end"));
    assert!(same("flight.Carrier", "\"flight.Carrier\""));
    assert!(!same("n + 1", "1 + n"));
    assert!(!same("n + 1", "n + 1.0"));
    assert!(!same("s || 'a'", "s || 'b'"));
    assert!(!same("cast(n as int32)", "try_cast(n as int32)"));
    assert!(!same("s like 'a'", "s ilike 'a'"));
    assert!(!same("'a\",\"b'", "'a\\\",\\\"b'"));
    let wanted = r#">(comparable_float(field("x":Float64)), 0x3ff0000000000000:Float64)"#;
    assert_eq!(compiled("x > 1").canonical(), wanted);
    assert!(same("x > 1", "x > 1.0"));
    let expression = compiled("flight.Carrier || s || s");
    assert_eq!(expression.fields(), ["flight.Carrier", "s"]);
    assert!(compiled("1").fields().is_empty());
}

/// Every function, with arguments at the ends of their types. None may panic, and a row gives the same whether
/// it is alone or not.
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
