//! What a record says, field by field, as the oracle is given it.

use std::collections::BTreeMap;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use thalweg_core::Value;

use super::json::{Json, json};
use super::time::{parse_date, parse_instant};
use super::yaml::{Node, parse};
use crate::definition::Row;

/// The fields of a JSON value; nothing if one of `fields` (path to declared type) cannot be what it is
/// declared as. A field that is missing, or lies in a record that is missing, is null.
pub fn row(fields: &BTreeMap<String, &'static str>, value: &Node) -> Option<Row> {
    if json(value) != Json::Map {
        return None;
    }
    let mut row = Row::new();
    for (path, declared) in fields {
        if let Some(found) = find(value, path)? {
            match value_of(found, declared)? {
                Value::Null => {}
                value => drop(row.insert(path.clone(), value)),
            }
        }
    }
    Some(row)
}

/// The fields of a JSON value that is given as bytes; nothing if it is none.
pub fn row_of_bytes(fields: &BTreeMap<String, &'static str>, bytes: &[u8]) -> Option<Row> {
    let text = std::str::from_utf8(bytes).ok()?;
    serde_json::from_str::<serde_json::Value>(text).ok()?;
    // What is JSON is YAML, too.
    row(fields, &parse(text, 1).ok()?)
}

/// The value of type `declared` that `bytes` are, as a key or a header: as they are, or as a JSON source spells it, the
/// quotes left out or not; nothing if they are none.
pub fn value_of_bytes(declared: &'static str, bytes: &[u8]) -> Option<Value> {
    if declared == "binary" {
        return Some(Value::Binary(bytes.into()));
    }
    let text = std::str::from_utf8(bytes).ok()?;
    if declared == "string" {
        return Some(Value::String(text.into()));
    }
    let is_json = serde_json::from_str::<serde_json::Value>(text).is_ok();
    let value = if is_json { text.to_owned() } else { serde_json::Value::from(text).to_string() };
    let fields = BTreeMap::from([("it".to_owned(), declared)]);
    let mut row = row_of_bytes(&fields, format!("{{\"it\": {value}}}").as_bytes())?;
    Some(row.remove("it").unwrap_or(Value::Null))
}

/// What stands at `path`, if anything; none at all if something on the way there is no record.
fn find<'a>(value: &'a Node, path: &str) -> Option<Option<&'a Node>> {
    let mut found = value;
    for name in path.split('.') {
        match json(found) {
            Json::Null => return Some(None),
            Json::Map => match found.get(name) {
                Some(inner) => found = inner,
                None => return Some(None),
            },
            _ => return None,
        }
    }
    Some(Some(found))
}

fn value_of(node: &Node, declared: &str) -> Option<Value> {
    let given = json(node);
    let special = |text| match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    };
    Some(match (declared, given) {
        (_, Json::Null) => Value::Null,
        ("bool", Json::Bool(truth)) => Value::Bool(truth),
        ("int32", Json::Number(text)) => Value::Int32(text.parse().ok()?),
        ("int64", Json::Number(text)) => Value::Int64(text.parse().ok()?),
        ("float32", Json::Number(text)) => {
            Value::Float32(text.parse().ok().filter(|value: &f32| value.is_finite())?)
        }
        ("float32", Json::Text(text)) => Value::Float32(special(text)? as f32),
        ("float64", Json::Number(text)) => {
            Value::Float64(text.parse().ok().filter(|value: &f64| value.is_finite())?)
        }
        ("float64", Json::Text(text)) => Value::Float64(special(text)?),
        ("string", Json::Text(text)) => Value::String(text.into()),
        ("binary", Json::Text(text)) => Value::Binary(base64(text)?.into()),
        ("date" | "days", Json::Text(text)) => Value::Date(parse_date(text)?),
        ("days", Json::Number(text)) => Value::Date(text.parse().ok()?),
        ("timestamp" | "timestamp_ms" | "timestamp_s", Json::Text(text)) => {
            Value::Timestamp(parse_instant(text)?)
        }
        ("timestamp", Json::Number(text)) => Value::Timestamp(text.parse().ok()?),
        ("timestamp_ms", Json::Number(text)) => {
            Value::Timestamp(text.parse::<i64>().ok()?.checked_mul(1_000)?)
        }
        ("timestamp_s", Json::Number(text)) => {
            Value::Timestamp(text.parse::<i64>().ok()?.checked_mul(1_000_000)?)
        }
        _ => return None,
    })
}

/// Bytes in base64, with or without padding.
pub fn base64(text: &str) -> Option<Vec<u8>> {
    let either = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&STANDARD, either).decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(declared: &'static str, value: &str) -> Option<Value> {
        let fields = BTreeMap::from([("a.b".to_owned(), declared)]);
        let row = row_of_bytes(&fields, format!("{{\"a\": {{\"b\": {value}}}}}").as_bytes())?;
        Some(row.get("a.b").cloned().unwrap_or(Value::Null))
    }

    #[test]
    fn fields_are_of_their_declared_type_or_the_record_is_none() {
        for (declared, text, value) in [
            ("int32", "-7", Some(Value::Int32(-7))),
            ("int32", "3000000000", None),
            ("int64", "1.0", None),
            ("float64", "-0.0", Some(Value::Float64(-0.0))),
            ("float64", "\"Infinity\"", Some(Value::Float64(f64::INFINITY))),
            ("float64", "1e999", None),
            ("string", "\"7\"", Some(Value::String("7".into()))),
            ("string", "7", None),
            ("string", "null", Some(Value::Null)),
            ("binary", "\"AP8\"", Some(Value::Binary([0, 255].into()))),
            ("date", "\"1970-01-02\"", Some(Value::Date(1))),
            ("timestamp", "\"1970-01-01T00:00:00.0000019Z\"", Some(Value::Timestamp(1))),
            ("timestamp_s", "-2", Some(Value::Timestamp(-2_000_000))),
            ("bool", "\"true\"", None),
        ] {
            assert_eq!(read(declared, text), value, "{declared} {text}");
        }
    }

    #[test]
    fn what_is_missing_is_null_and_what_is_no_record_is_none() {
        let fields = BTreeMap::from([("a.b".to_owned(), "int32")]);
        for (text, expected) in [
            ("{}", Some(Row::new())),
            ("{\"a\": null}", Some(Row::new())),
            ("{\"a\": {}}", Some(Row::new())),
            ("{\"a\": 1}", None),
            ("[]", None),
            ("{\"a\": {},}", None),
            ("{'a': {}}", None),
        ] {
            assert_eq!(row_of_bytes(&fields, text.as_bytes()), expected, "{text}");
        }
    }
}
