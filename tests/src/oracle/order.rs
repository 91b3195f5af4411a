//! The order of values.

use std::cmp::Ordering;

use thalweg_core::Value;

/// How `min` and `max` order two values of one type: false before true, −0.0 before 0.0, NaN last, texts and
/// bytes by their bytes. Neither may be null.
pub fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Int32(a), Value::Int32(b)) | (Value::Date(a), Value::Date(b)) => a.cmp(b),
        (Value::Int64(a), Value::Int64(b)) | (Value::Timestamp(a), Value::Timestamp(b)) => a.cmp(b),
        (Value::Float32(a), Value::Float32(b)) => compare_doubles(f64::from(*a), f64::from(*b)),
        (Value::Float64(a), Value::Float64(b)) => compare_doubles(*a, *b),
        (Value::String(a), Value::String(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Value::Binary(a), Value::Binary(b)) => a.cmp(b),
        _ => panic!("{a:?} and {b:?} are not values of one type"),
    }
}

fn compare_doubles(a: f64, b: f64) -> Ordering {
    match (a.is_nan(), b.is_nan()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) if a < b => Ordering::Less,
        (false, false) if a > b => Ordering::Greater,
        // Equal as numbers: only zeros can still differ, and the one with a sign comes first.
        (false, false) => b.is_sign_negative().cmp(&a.is_sign_negative()),
    }
}
