//! What an expression is worth for an event.

use std::cmp::Ordering;

use thalweg_core::{Status, Value};

use super::number::{as_double, as_integer};
use super::order::compare;
use crate::definition::{Comparison, Expression, Operation, Row};

/// The value for an event with these fields; null where the expression fails.
pub fn evaluate(expression: &Expression, row: &Row) -> Value {
    canonical(attempt(expression, row).unwrap_or(Value::Null))
}

/// The value of what is computed on demand from these inputs, and its status.
pub fn computed(expression: &Expression, inputs: &Row) -> (Value, Status) {
    let value = evaluate(expression, inputs);
    let status = if value.is_null() { Status::NullValue } else { Status::Present };
    (value, status)
}

/// Whether the expression is true, not false and not null.
pub fn is_true(expression: &Expression, row: &Row) -> bool {
    evaluate(expression, row) == Value::Bool(true)
}

/// The value, or none where some part of the expression that has to be known fails. Parts are looked at from
/// left to right, and no further than it takes.
fn attempt(expression: &Expression, row: &Row) -> Option<Value> {
    let value = |part: &Expression| attempt(part, row);
    let truth = |part: &Expression| match attempt(part, row)? {
        Value::Null => Some(None),
        Value::Bool(truth) => Some(Some(truth)),
        other => panic!("`{part}` gives {other:?}, no truth"),
    };
    Some(match expression {
        Expression::Field(name) => row.get(name).cloned().unwrap_or(Value::Null),
        Expression::Literal(value) => value.clone(),
        Expression::Arithmetic(operation, a, b) => arithmetic(*operation, &value(a)?, &value(b)?)?,
        Expression::Compare(comparison, a, b) => match ordering(&value(a)?, &value(b)?) {
            None => Value::Null,
            Some(ordering) => Value::Bool(holds(*comparison, ordering)),
        },
        Expression::And(a, b) => match truth(a)? {
            Some(false) => Value::Bool(false),
            Some(true) => value(b)?,
            None if truth(b)? == Some(false) => Value::Bool(false),
            None => Value::Null,
        },
        Expression::Or(a, b) => match truth(a)? {
            Some(true) => Value::Bool(true),
            Some(false) => value(b)?,
            None if truth(b)? == Some(true) => Value::Bool(true),
            None => Value::Null,
        },
        Expression::Not(a) => truth(a)?.map_or(Value::Null, |truth| Value::Bool(!truth)),
        Expression::IsNull(a) => Value::Bool(value(a)?.is_null()),
        Expression::Case(condition, then, otherwise) => match truth(condition)? {
            Some(true) => value(then)?,
            _ => value(otherwise)?,
        },
        Expression::Coalesce(a, b) => match value(a)? {
            Value::Null => value(b)?,
            value => value,
        },
        Expression::Element(list, number) => match (row.get(list), as_integer(&value(number)?)) {
            (Some(Value::List(items)), Some(number)) => {
                let numbered = (1..).zip(items);
                numbered
                    .filter(|(n, _)| *n == number)
                    .map(|(_, item)| item.clone())
                    .next()
                    .unwrap_or(Value::Null)
            }
            _ => Value::Null,
        },
    })
}

/// The value with the one NaN there is.
fn canonical(value: Value) -> Value {
    match value {
        Value::Float32(x) if x.is_nan() => Value::Float32(f32::from_bits(0x7fc0_0000)),
        Value::Float64(x) if x.is_nan() => Value::Float64(f64::from_bits(0x7ff8_0000_0000_0000)),
        value => value,
    }
}

/// Arithmetic of two int64, or with a float of doubles; none if there is no result.
fn arithmetic(operation: Operation, a: &Value, b: &Value) -> Option<Value> {
    if a.is_null() || b.is_null() {
        return Some(Value::Null);
    }
    if let (Some(a), Some(b)) = (as_integer(a), as_integer(b)) {
        let exact = match operation {
            Operation::Add => a + b,
            Operation::Subtract => a - b,
            Operation::Multiply => a * b,
            Operation::Divide => a.checked_div(b)?,
        };
        return i64::try_from(exact).ok().map(Value::Int64);
    }
    let (a, b) = (as_double(a), as_double(b));
    Some(Value::Float64(match operation {
        Operation::Add => a + b,
        Operation::Subtract => a - b,
        Operation::Multiply => a * b,
        Operation::Divide => a / b,
    }))
}

/// How two values compare in an expression: zeros are one, NaN is one and above all; none if either is null.
fn ordering(a: &Value, b: &Value) -> Option<Ordering> {
    if a.is_null() || b.is_null() {
        return None;
    }
    let is_float = |value: &Value| matches!(value, Value::Float32(_) | Value::Float64(_));
    if is_float(a) || is_float(b) {
        // Adding +0.0 takes the sign from a zero and changes nothing else.
        return Some(compare(&Value::Float64(as_double(a) + 0.0), &Value::Float64(as_double(b) + 0.0)));
    }
    match (as_integer(a), as_integer(b)) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        _ => Some(compare(a, b)),
    }
}

fn holds(comparison: Comparison, ordering: Ordering) -> bool {
    match comparison {
        Comparison::Equal => ordering.is_eq(),
        Comparison::Different => ordering.is_ne(),
        Comparison::Less => ordering.is_lt(),
        Comparison::LessOrEqual => ordering.is_le(),
        Comparison::Greater => ordering.is_gt(),
    }
}
