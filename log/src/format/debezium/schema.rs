//! Instants in schemas that do not call them so.

use serde_json::{Value, json};

/// The Avro schema `text` with a logical type for every integer that Debezium counts instants or days in: by the name
/// that Kafka Connect gives its type, and around the row by the name of the field. A text that is no JSON stays as it is.
pub(in crate::format) fn with_instants(text: &str) -> String {
    let Ok(mut schema) = serde_json::from_str::<Value>(text) else { return text.to_owned() };
    name_types(&mut schema);
    name_fields(&mut schema);
    let source = fields_of(&mut schema).find(|field| field.get("name").is_some_and(|name| name == "source"));
    if let Some(of_source) = source.and_then(|source| source.get_mut("type")) {
        name_fields(record_in(of_source));
    }
    schema.to_string()
}

/// The fields of a record.
fn fields_of(record: &mut Value) -> impl Iterator<Item = &mut Value> {
    record.get_mut("fields").and_then(Value::as_array_mut).into_iter().flatten()
}

/// The logical type that stands for a type of Debezium's.
fn logical_type(connect_name: &str) -> Option<&'static str> {
    Some(match connect_name {
        "io.debezium.time.Date" => "date",
        "io.debezium.time.Timestamp" => "timestamp-millis",
        "io.debezium.time.MicroTimestamp" => "timestamp-micros",
        "io.debezium.time.NanoTimestamp" => "timestamp-nanos",
        _ => return None,
    })
}

fn name_types(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(name_types),
        Value::Object(members) => {
            let named = members.get("connect.name").and_then(Value::as_str).and_then(logical_type);
            let is_integer = members.get("type").is_some_and(|of| of == "long" || of == "int");
            if let (Some(named), true, None) = (named, is_integer, members.get("logicalType")) {
                members.insert("logicalType".to_owned(), json!(named));
            }
            for (name, inner) in members {
                // A default is a value, not a part of the schema.
                if name != "default" {
                    name_types(inner);
                }
            }
        }
        _ => {}
    }
}

/// Names the instants among the fields of a record.
fn name_fields(record: &mut Value) {
    for field in fields_of(record) {
        let unit = match field.get("name").and_then(Value::as_str) {
            Some("ts_ms") => "timestamp-millis",
            Some("ts_us") => "timestamp-micros",
            Some("ts_ns") => "timestamp-nanos",
            _ => continue,
        };
        if let Some(of_type) = field.get_mut("type") {
            name_long(of_type, unit);
        }
    }
}

fn name_long(of_type: &mut Value, unit: &str) {
    match of_type {
        Value::Array(branches) => branches.iter_mut().for_each(|branch| name_long(branch, unit)),
        Value::Object(members)
            if !members.contains_key("logicalType") && members.get("type").is_some_and(|of| of == "long") =>
        {
            members.insert("logicalType".to_owned(), json!(unit));
        }
        Value::String(name) if name == "long" => *of_type = json!({"type": "long", "logicalType": unit}),
        _ => {}
    }
}

/// The record itself, or the one that may be null.
fn record_in(of_type: &mut Value) -> &mut Value {
    match of_type.as_array().and_then(|branches| branches.iter().position(|branch| branch.is_object())) {
        Some(place) => &mut of_type[place],
        None => of_type,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_is_borne() {
        for text in ["", "\"long\"", "[]", "{\"fields\": [1, {\"name\": \"source\"}]}", "{\"fields\": {}}"] {
            with_instants(text);
        }
        assert_eq!(with_instants("no JSON"), "no JSON");
        let named = with_instants(
            r#"{"type": "int", "connect.name": "io.debezium.time.Date", "default": {"type": "int"}}"#,
        );
        assert!(named.contains(r#""logicalType":"date""#), "{named}");
    }
}
