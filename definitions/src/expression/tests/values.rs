//! Values, row by row.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float32Type, Float64Type, Int64Type};
use thalweg_core::FieldType;

use super::{Evaluated, Row, batch, compiled, shown, usual, value};

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
        ("null in (1, 2)", Bool, "null"),
        ("cast(null as string) in ('a')", Bool, "null"),
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
    assert_eq!(column.as_primitive::<Float32Type>().value(0).to_bits(), 0x7fc0_0000);
}
