//! Values as JSON spells them: the way JSON sources may write them.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Float32Type, Float64Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::{Number, Value};

/// The value of `column` at `row`: floats that JSON lacks as "NaN", "Infinity" and "-Infinity", instants as
/// RFC 3339, bytes in base64, lists as arrays, maps as objects whose keys are texts.
pub(crate) fn to_json(column: &ArrayRef, row: usize) -> Value {
    if column.is_null(row) {
        return Value::Null;
    }
    match column.data_type() {
        DataType::Boolean => Value::Bool(column.as_boolean().value(row)),
        DataType::Int32 => Value::from(column.as_primitive::<Int32Type>().value(row)),
        DataType::Int64 => Value::from(column.as_primitive::<Int64Type>().value(row)),
        DataType::Float32 => float(f64::from(column.as_primitive::<Float32Type>().value(row))),
        DataType::Float64 => float(column.as_primitive::<Float64Type>().value(row)),
        DataType::Utf8 => Value::from(column.as_string::<i32>().value(row)),
        DataType::Binary => Value::from(base64(column.as_binary::<i32>().value(row))),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            instant_to_json(column.as_primitive::<TimestampMicrosecondType>().value(row))
        }
        DataType::Date32 => {
            let days = i64::from(column.as_primitive::<Date32Type>().value(row));
            match chrono::DateTime::from_timestamp(days * 86_400, 0) {
                Some(time) => Value::from(time.format("%Y-%m-%d").to_string()),
                None => Value::from(days),
            }
        }
        DataType::List(_) => {
            let items = column.as_list::<i32>().value(row);
            Value::Array((0..items.len()).map(|item| to_json(&items, item)).collect())
        }
        DataType::Map(_, _) => {
            let entries = column.as_map().value(row);
            let entry =
                |entry| (as_key(to_json(entries.column(0), entry)), to_json(entries.column(1), entry));
            Value::Object((0..entries.len()).map(entry).collect())
        }
        _ => ArrayFormatter::try_new(column.as_ref(), &FormatOptions::default())
            .map_or(Value::Null, |values| Value::from(values.value(row).to_string())),
    }
}

/// An instant, in microseconds since the epoch, as RFC 3339; the number where it lies past what calendars
/// say.
pub(crate) fn instant_to_json(micros: i64) -> Value {
    match chrono::DateTime::from_timestamp_micros(micros) {
        Some(time) => Value::from(time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)),
        None => Value::from(micros),
    }
}

/// A value as the key of an object: a text as it is, anything else as JSON writes it.
fn as_key(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

fn float(value: f64) -> Value {
    match Number::from_f64(value) {
        Some(number) => Value::Number(number),
        None if value.is_nan() => Value::from("NaN"),
        None if value > 0.0 => Value::from("Infinity"),
        None => Value::from("-Infinity"),
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
