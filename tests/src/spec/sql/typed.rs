//! Putting expressions together, by their types.
//!
//! An error says what the oracle cannot say.

use thalweg_core::{FieldType, Value};

use crate::definition::{Comparison, Expression, Operation};
use crate::harness::Outcome;

/// An expression and its type; no type for a mere `null`.
pub type Typed = (Expression, Option<FieldType>);

/// An int64 or float64 literal.
pub fn number(digits: &str) -> Outcome<Typed> {
    if let Ok(n) = digits.parse() {
        return Ok((Expression::integer(n), Some(FieldType::Int64)));
    }
    let x = digits.parse().map_err(|_| format!("the number `{digits}`"))?;
    Ok((Expression::Literal(Value::Float64(x)), Some(FieldType::Float64)))
}

pub fn truth((expression, of_type): Typed) -> Outcome<Box<Expression>> {
    match of_type {
        Some(FieldType::Bool) | None => Ok(Box::new(expression)),
        Some(other) => Err(format!("`{expression}`, which is {other}, as a condition")),
    }
}

pub fn negated_if(negated: bool, expression: Expression) -> Typed {
    let expression = if negated { Expression::Not(Box::new(expression)) } else { expression };
    (expression, Some(FieldType::Bool))
}

pub fn compare((a, a_type): Typed, comparison: Comparison, (b, b_type): Typed) -> Outcome<Typed> {
    let numbers = a_type.zip(b_type).is_some_and(|(a, b)| a.is_number() && b.is_number());
    if a_type.is_none() || !(numbers || a_type == b_type) {
        return Err(format!("a comparison of `{a}` ({a_type:?}) with `{b}` ({b_type:?})"));
    }
    Ok((a.compare(comparison, b), Some(FieldType::Bool)))
}

/// Arithmetic on int64, or on float64: what is narrower on both sides would give a narrow result.
pub fn combine((a, a_type): Typed, operation: Operation, (b, b_type): Typed) -> Outcome<Typed> {
    use FieldType::{Float32, Float64, Int32, Int64};
    let of_type = match (a_type, b_type) {
        (Some(Int64), Some(Int32 | Int64)) | (Some(Int32), Some(Int64)) => Int64,
        (Some(Float64), Some(Int32 | Int64 | Float32 | Float64)) => Float64,
        (Some(Int32 | Int64 | Float32), Some(Float64)) => Float64,
        _ => return Err(format!("`{a}` ({a_type:?}) and `{b}` ({b_type:?}) in arithmetic")),
    };
    Ok((a.combine(operation, b), Some(of_type)))
}

/// Two expressions one of which is taken: of one type, but for integer literals among floats, and null.
pub fn alike((a, a_type): Typed, (b, b_type): Typed) -> Outcome<(Expression, Expression, Option<FieldType>)> {
    let as_float = |expression: &Expression| match expression {
        Expression::Literal(Value::Int64(n)) => Some(Expression::Literal(Value::Float64(*n as f64))),
        _ => None,
    };
    match (a_type, b_type) {
        (a_type, b_type) if a_type == b_type || b_type.is_none() => Ok((a, b, a_type)),
        (None, b_type) => Ok((a, b, b_type)),
        (Some(FieldType::Int64), Some(FieldType::Float64)) if let Some(a) = as_float(&a) => {
            Ok((a, b, b_type))
        }
        (Some(FieldType::Float64), Some(FieldType::Int64)) if let Some(b) = as_float(&b) => {
            Ok((a, b, a_type))
        }
        _ => Err(format!("`{a}` ({a_type:?}) or `{b}` ({b_type:?})")),
    }
}
