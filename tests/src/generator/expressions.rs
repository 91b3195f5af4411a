//! Expressions over the fields that every source has.

use rand::Rng;
use thalweg_core::{FieldType, Value};

use super::Chance;
use super::values::pick;
use crate::definition::{Comparison, Expression, Operation};

/// The fields of every source that features are about, with their types.
pub const FIELDS: [(&str, FieldType); 12] = [
    ("flag", FieldType::Bool),
    ("num32", FieldType::Int32),
    ("num64", FieldType::Int64),
    ("other64", FieldType::Int64),
    ("real32", FieldType::Float32),
    ("real64", FieldType::Float64),
    ("other_real64", FieldType::Float64),
    ("deep.level", FieldType::Float64),
    ("label", FieldType::String),
    ("blob", FieldType::Binary),
    ("day_of", FieldType::Date),
    ("moment", FieldType::Timestamp),
];

/// Something to aggregate, and its type: most often a field.
pub fn input(chance: &mut Chance) -> (Expression, FieldType) {
    let (field, field_type) = pick(chance, &FIELDS);
    if chance.random_bool(0.65) {
        return (Expression::field(field), field_type);
    }
    match chance.random_range(0..5) {
        0 => (float(chance), FieldType::Float64),
        1 => (integer(chance), FieldType::Int64),
        2 => (condition(chance, 1), FieldType::Bool),
        3 => {
            let then = Expression::Literal(Value::String("none".into()));
            (Expression::Coalesce(Box::new(Expression::field("label")), Box::new(then)), FieldType::String)
        }
        _ => {
            let (then, otherwise) =
                (Expression::Literal(Value::Float64(1.0)), Expression::Literal(Value::Float64(0.0)));
            let case = Expression::Case(Box::new(condition(chance, 1)), Box::new(then), Box::new(otherwise));
            (case, FieldType::Float64)
        }
    }
}

/// A condition of at most `depth` connectives on each other.
pub fn condition(chance: &mut Chance, depth: u32) -> Expression {
    if depth > 0 && chance.random_bool(0.4) {
        let mut part = || Box::new(condition(chance, depth - 1));
        let (a, b) = (part(), part());
        return match chance.random_range(0..3) {
            0 => Expression::And(a, b),
            1 => Expression::Or(a, b),
            _ => Expression::Not(a),
        };
    }
    let comparison = pick(
        chance,
        &[
            Comparison::Equal,
            Comparison::Different,
            Comparison::Less,
            Comparison::LessOrEqual,
            Comparison::Greater,
        ],
    );
    match chance.random_range(0..7) {
        0 => Expression::field("flag"),
        1 => {
            let (field, _) = pick(chance, &FIELDS);
            Expression::IsNull(Box::new(Expression::field(field)))
        }
        2 => float(chance)
            .compare(comparison, Expression::Literal(Value::Float64(pick(chance, &[0.0, 0.5, 1e15])))),
        3 => Expression::field("real64").compare(comparison, Expression::field("other_real64")),
        4 => integer(chance).compare(comparison, Expression::integer(pick(chance, &[-3, 0, 5]))),
        5 => Expression::field("real64").compare(comparison, Expression::integer(pick(chance, &[-3, 0, 15]))),
        _ => {
            let text = Value::String(pick(chance, &["a", "", "it's \"so\" \\", "é"]).into());
            Expression::field("label").compare(comparison, Expression::Literal(text))
        }
    }
}

/// An expression of type float64.
fn float(chance: &mut Chance) -> Expression {
    let field = Expression::field(pick(chance, &["real64", "other_real64", "deep.level"]));
    match chance.random_range(0..4) {
        0 => field,
        1 => field.combine(operation(chance), Expression::field("other_real64")),
        2 => field.combine(
            operation(chance),
            Expression::Literal(Value::Float64(pick(chance, &[2.0, 0.1, 1e300]))),
        ),
        _ => Expression::field("real32").combine(operation(chance), Expression::Literal(Value::Float64(0.1))),
    }
}

/// An expression of type int64: it overflows and divides by zero now and then.
fn integer(chance: &mut Chance) -> Expression {
    let field = Expression::field("num64");
    match chance.random_range(0..4) {
        0 => field,
        1 => field.combine(operation(chance), Expression::field("other64")),
        2 => field.combine(operation(chance), Expression::field("num32")),
        _ => Expression::field("num32")
            .combine(operation(chance), Expression::integer(pick(chance, &[3, -1, 0]))),
    }
}

fn operation(chance: &mut Chance) -> Operation {
    pick(chance, &[Operation::Add, Operation::Subtract, Operation::Multiply, Operation::Divide])
}
