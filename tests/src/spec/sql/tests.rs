//! What is read, and what is not.

use super::*;

fn read(sql: &str) -> Outcome<String> {
    let fields = [
        ("flag", FieldType::Bool),
        ("n", FieldType::Int64),
        ("i", FieldType::Int32),
        ("x", FieldType::Float64),
        ("r", FieldType::Float32),
        ("deep.level", FieldType::Float64),
        ("label", FieldType::String),
        ("list[]", FieldType::Float64),
    ];
    let fields = fields.map(|(name, of_type)| (name.to_owned(), of_type)).into();
    expression(sql, &fields).map(|(expression, of_type)| format!("{expression}: {of_type}"))
}

#[test]
fn expressions_bind_as_in_sql() {
    for (sql, expected) in [
        ("n + 2 * i - 1", "((n + (2 * i)) - 1): int64"),
        ("-x / 0.5", "((-1.0 * x) / 0.5): float64"),
        ("n - -5", "(n - -5): int64"),
        ("list[n + 1] * 2", "(list[(n + 1)] * 2): float64"),
        ("not flag or n > 1 and x <= deep.level", "((not flag) or ((n > 1) and (x <= deep.level))): bool"),
        ("x >= 1", "(1 <= x): bool"),
        ("not (n between 1 and 3)", "(not ((1 <= n) and (n <= 3))): bool"),
        ("label not in ('a', 'b')", "(not ((label = 'a') or (label = 'b'))): bool"),
        ("label IS NOT NULL", "(not (label is null)): bool"),
        ("coalesce(label, 'none')", "coalesce(label, 'none'): string"),
        ("nullif(n, -9)", "(case when (n = -9) then null else n end): int64"),
        ("coalesce(x, r * 1.0, 0)", "coalesce(x, coalesce((r * 1.0), 0.0)): float64"),
        ("CASE WHEN x > 15 THEN 1.0 ELSE 0 END", "(case when (x > 15) then 1.0 else 0.0 end): float64"),
    ] {
        assert_eq!(read(sql).as_deref(), Ok(expected), "{sql}");
    }
    let (case, _) = expression("case n when 1 then 'a' end", &[("n".to_owned(), FieldType::Int64)].into())
        .expect("a case without else");
    assert!(
        matches!(case, Expression::Case(_, _, otherwise) if *otherwise == Expression::Literal(Value::Null))
    );
}

#[test]
fn what_it_cannot_say_is_refused() {
    for sql in [
        "abs(x)",
        "i + i",
        "r + i",
        "x % 2",
        "list",
        "n[1]",
        "list[x]",
        "list[1",
        "cast(n as int32)",
        "coalesce(i, 0)",
        "label = 1",
        "label || 'a'",
        "case when flag then n else x end",
        "null",
        "n n",
        "(n",
        "other",
        "x and flag",
    ] {
        assert!(read(sql).is_err(), "{sql}");
    }
}
