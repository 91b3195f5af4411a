//! Values of features and join keys as specification files write them.

use arrow::datatypes::DataType;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use thalweg_core::Value;

use super::json::is_number;
use super::time::{date_text, instant_text, parse_date, parse_instant};
use super::yaml::{Content, Node, quoted, written};
use crate::harness::Outcome;

/// The value of type `data_type` that `node` writes.
///
/// # Errors
/// If it writes none.
pub fn typed(node: &Node, data_type: &DataType) -> Outcome<Value> {
    match (&node.content, data_type) {
        (Content::Null, _) => Ok(Value::Null),
        (Content::List(items), DataType::List(item)) => {
            let items: Outcome<_> = items.iter().map(|node| typed(node, item.data_type())).collect();
            Ok(Value::List(items?))
        }
        (Content::Map(entries), DataType::Map(field, _)) => {
            let DataType::Struct(parts) = field.data_type() else { return Err(node.wrong("a map")) };
            let entry = |(key, count): &(String, Node)| {
                let key = scalar(key, true, parts[0].data_type());
                let key = key.ok_or_else(|| node.wrong(&format!("keys of type {}", parts[0].data_type())))?;
                match typed(count, &DataType::Int64)? {
                    Value::Int64(count) => Ok((key, count)),
                    _ => Err(count.wrong("a count")),
                }
            };
            Ok(Value::Map(entries.iter().map(entry).collect::<Outcome<_>>()?))
        }
        (Content::Scalar(text, plain), _) => {
            scalar(text, *plain, data_type).ok_or_else(|| node.wrong(&format!("a value of type {data_type}")))
        }
        _ => Err(node.wrong(&format!("a value of type {data_type}"))),
    }
}

/// A single value; numbers and booleans stand without quotes.
fn scalar(text: &str, plain: bool, data_type: &DataType) -> Option<Value> {
    let number = || (plain && is_number(text)).then_some(text);
    Some(match data_type {
        DataType::Boolean if plain => Value::Bool(text.parse().ok()?),
        DataType::Int32 => Value::Int32(number()?.parse().ok()?),
        DataType::Int64 => Value::Int64(number()?.parse().ok()?),
        DataType::Float32 => Value::Float32(match special(text, plain) {
            Some(special) => special as f32,
            None => number()?.parse().ok()?,
        }),
        DataType::Float64 => Value::Float64(match special(text, plain) {
            Some(special) => special,
            None => number()?.parse().ok()?,
        }),
        DataType::Utf8 => Value::String(text.into()),
        DataType::Binary => Value::Binary(BASE64_STANDARD.decode(text).ok()?.into()),
        DataType::Date32 => Value::Date(parse_date(text)?),
        DataType::Timestamp(..) => Value::Timestamp(instant(text, plain)?),
        _ => return None,
    })
}

/// The doubles that are no numbers, as YAML writes them.
fn special(text: &str, plain: bool) -> Option<f64> {
    match text {
        ".nan" if plain => Some(f64::NAN),
        ".inf" if plain => Some(f64::INFINITY),
        "-.inf" if plain => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

/// An instant, microseconds since the epoch: RFC 3339, or an integer of microseconds.
pub fn instant(text: &str, plain: bool) -> Option<i64> {
    if plain && is_number(text) { text.parse().ok() } else { parse_instant(text) }
}

/// `value` as [`typed`] reads it.
pub fn spelt(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Int32(n) => n.to_string(),
        Value::Int64(n) => n.to_string(),
        Value::Float32(x) if x.is_finite() => format!("{x:?}"),
        Value::Float64(x) if x.is_finite() => format!("{x:?}"),
        Value::Float32(x) => not_finite(f64::from(*x)).to_owned(),
        Value::Float64(x) => not_finite(*x).to_owned(),
        Value::String(text) => written(text),
        Value::Binary(bytes) => quoted(&BASE64_STANDARD.encode(bytes)),
        Value::Date(days) => quoted(&date_text(*days)),
        Value::Timestamp(micros) => match instant_text(*micros) {
            Some(text) => quoted(&text),
            None => micros.to_string(),
        },
        Value::List(items) => format!("[{}]", items.iter().map(spelt).collect::<Vec<_>>().join(", ")),
        Value::Map(entries) => {
            let entry = |(key, count): &(Value, i64)| format!("{}: {count}", spelt(key));
            format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
    }
}

fn not_finite(x: f64) -> &'static str {
    match (x.is_nan(), x > 0.0) {
        (true, _) => ".nan",
        (false, true) => ".inf",
        (false, false) => "-.inf",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::datatypes::Field;
    use thalweg_core::FieldType;

    use super::super::yaml::parse;
    use super::*;

    fn read(text: &str, data_type: &DataType) -> Outcome<Value> {
        let document = parse(&format!("x: {text}"), 1).expect("YAML");
        typed(document.get("x").expect("there"), data_type)
    }

    #[test]
    fn values_are_read_as_they_are_spelt() {
        for value in [
            Value::Null,
            Value::Bool(true),
            Value::Int32(i32::MIN),
            Value::Int64(i64::MAX),
            Value::Float32(0.1),
            Value::Float32(f32::NEG_INFINITY),
            Value::Float64(-0.0),
            Value::Float64(5e-324),
            Value::Float64(0.1 + 0.2),
            Value::Float64(f64::NAN),
            Value::String("".into()),
            Value::String("null".into()),
            Value::String("22".into()),
            Value::Binary([0, 255].into()),
            Value::Date(-1),
            Value::Date(i32::MAX),
            Value::Timestamp(-1),
            Value::Timestamp(i64::MIN),
        ] {
            let data_type = match &value {
                Value::Null | Value::Bool(_) => FieldType::Bool,
                Value::Int32(_) => FieldType::Int32,
                Value::Int64(_) => FieldType::Int64,
                Value::Float32(_) => FieldType::Float32,
                Value::Float64(_) => FieldType::Float64,
                Value::String(_) => FieldType::String,
                Value::Binary(_) => FieldType::Binary,
                Value::Date(_) => FieldType::Date,
                Value::Timestamp(_) | Value::List(_) | Value::Map(_) => FieldType::Timestamp,
            }
            .to_arrow();
            let text = spelt(&value);
            assert_eq!(read(&text, &data_type), Ok(value.clone()), "{text}");
            let list = DataType::List(Arc::new(Field::new("item", data_type, true)));
            assert_eq!(read(&format!("[{text}]"), &list), Ok(Value::List(vec![value])), "{text}");
        }
    }

    #[test]
    fn a_value_of_another_type_is_refused() {
        for (text, field_type) in [
            ("1.0", FieldType::Int64),
            ("3000000000", FieldType::Int32),
            ("\"1\"", FieldType::Int64),
            ("inf", FieldType::Float64),
            ("\".nan\"", FieldType::Float64),
            ("1", FieldType::Bool),
            ("[1]", FieldType::Int64),
            ("2013-07-01T00:00:00Z", FieldType::Date),
            ("noon", FieldType::Timestamp),
            ("a?", FieldType::Binary),
        ] {
            let refused = read(text, &field_type.to_arrow()).expect_err(text);
            assert!(refused.starts_with("line 1: expected a value of type"), "{refused}");
        }
    }
}
