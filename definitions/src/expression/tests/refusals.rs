//! What is refused, what is not quite the type, and what is the same.

use thalweg_core::FieldType;

use super::{Evaluated, Expression, Row, batch, compiled, fields, refused, shown, usual, value};

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
        ("s[1]", "only a list has elements to be taken by number"),
        (
            "s[1:2]",
            "an element of a list is taken by its number: `some_list[1]` is the first (line 1, column 1",
        ),
        ("s['a']", "only a list has elements, and they are taken by number"),
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
        ("s > n", "a text stands beside a value of type int64: cast one of them"),
        ("n = 'x'", "`x` stands beside a value of type int64, and is none"),
        ("at > 'yesterday'", "`yesterday` stands beside a value of type timestamp, and is none"),
        ("case n when s then 1 end", "a text stands beside a value of type int64"),
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
        ("greatest(s, n)", "a text stands beside a value of type int64"),
        ("date_part('fortnight', at)", "date_part knows year, isoyear"),
        ("extract(century from at)", "date_part knows year, isoyear"),
        ("date_trunc('fortnight', at)", "date_trunc knows microsecond"),
        ("date_trunc(s, at)", "what date_trunc floors to must be a literal"),
        ("date_trunc('hour', s)", "date_trunc takes a timestamp or a date"),
        ("case when flag then 1 else s end", "a text stands beside a value of type int64"),
        ("coalesce(n, flag)", "coalesce was given values of types that do not go together"),
        ("nullif(n)", "nullif takes 2 arguments, not 1"),
        ("-coalesce()", "coalesce takes at least 1 argument"),
        ("coalesce(n, s)", "a text stands beside a value of type int64"),
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
    for (open, close) in [
        ("coalesce(", ", n)"),
        ("nullif(", ", 7)"),
        ("greatest(", ", n)"),
        ("case when flag then ", " else n end"),
        ("case ", " when 1 then 2 else 3 end"),
        ("abs(case when ", " in (n, 2) then n end)"),
        ("abs(i) + (case when flag then ", " else m end)"),
        ("abs(case when ", " between 1 and 2 then n else 0 end)"),
        ("case when flag and ", " > 1 then n end"),
    ] {
        let sql = format!("{}n{}", open.repeat(20), close.repeat(20));
        let expression = compiled(&sql);
        assert!(expression.canonical().len() < 100 * sql.len(), "{open}");
        expression.evaluate(&batch(&[usual()]));
        let deep = format!("{}n{}", open.repeat(60), close.repeat(60));
        if let Ok(expression) = Expression::compile(&deep, &fields()) {
            expression.evaluate(&batch(&[usual()]));
        }
    }
    let chain = format!("flag{}", " and flag".repeat(2_000));
    assert_eq!(value(&chain, &usual()), ("true".to_owned(), 0));
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
    assert!(same("coalesce(m, n)", "ifnull(m, n)"));
    assert!(same("flag and (n > 0 and m > 0) and x > 0", "((flag and n > 0) and m > 0) and x > 0"));
    assert!(!same("flag and n > 0 or m > 0", "flag and (n > 0 or m > 0)"));
    assert!(same("n not between 1 and 2", "not (n between 1 and 2)"));
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
