//! Records of Avro sources: the fields of a schema, and bare datums of it, by the encoding's specification.

use std::collections::BTreeMap;

use serde_json::Value as Schema;

use super::json::{Json, json, to_json};
use super::time::parse_date;
use super::values::instant;
use super::yaml::{Content, Node, parse};
use crate::generator::{push_bytes, push_long};
use crate::harness::Outcome;

/// The schema that a source has under `schema`, as text or as a map.
pub fn schema(node: &Node) -> Outcome<Schema> {
    let text = match &node.content {
        Content::Scalar(text, _) => text.clone(),
        _ => to_json(node),
    };
    serde_json::from_str(&text).map_err(|error| format!("line {}: the Avro schema: {error}", node.line))
}

/// The fields by path with the names of their types as a JSON source would declare them; those of other types
/// are left out.
pub fn fields(schema: &Schema) -> BTreeMap<String, &'static str> {
    let mut all = BTreeMap::new();
    collect(schema, "", &mut all);
    all
}

fn collect(record: &Schema, path: &str, all: &mut BTreeMap<String, &'static str>) {
    for field in record["fields"].as_array().into_iter().flatten() {
        let path = format!("{path}{}", field["name"].as_str().unwrap_or_default());
        let of_type = without_null(&field["type"]);
        if of_type["type"] == "record" {
            collect(of_type, &format!("{path}."), all);
        } else if let Some(declared) = declared(of_type) {
            all.insert(path, declared);
        }
    }
}

fn declared(schema: &Schema) -> Option<&'static str> {
    Some(match (name(schema), schema["logicalType"].as_str()) {
        ("int", Some("date")) => "date",
        ("long", Some("timestamp-millis")) => "timestamp_ms",
        ("long", Some("timestamp-micros")) => "timestamp",
        (_, Some(_)) => return None,
        ("boolean", None) => "bool",
        ("int", None) => "int32",
        ("long", None) => "int64",
        ("float", None) => "float32",
        ("double", None) => "float64",
        ("string", None) => "string",
        ("bytes", None) => "binary",
        _ => return None,
    })
}

/// The name of a type, which stands alone or with attributes.
fn name(schema: &Schema) -> &str {
    schema.as_str().or_else(|| schema["type"].as_str()).unwrap_or_default()
}

/// The other type of a union of null and one.
fn without_null(schema: &Schema) -> &Schema {
    let mut branches = schema.as_array().into_iter().flatten();
    branches.rfind(|branch| name(branch) != "null").unwrap_or(schema)
}

/// What a record that says `node` in the schema `written` says in the schema `read`, by Avro's rules: fields go by their
/// names or aliases, and one that was not written has its default. Nothing if it has none.
pub fn resolved(read: &Schema, written: &Schema, node: &Node) -> Option<Node> {
    let fields = |schema: &'_ Schema| schema["fields"].as_array().cloned().unwrap_or_default();
    let names = |field: &Schema| -> Vec<Schema> {
        let aliases = field["aliases"].as_array().cloned().unwrap_or_default();
        [vec![field["name"].clone()], aliases].concat()
    };
    let written = fields(written);
    let entry = |field: &Schema| {
        let named = |name: &Schema| written.iter().find(|written| written["name"] == *name);
        let value = match names(field).iter().find_map(named) {
            Some(from) => {
                let value = node.get(from["name"].as_str()?).cloned();
                let value = value.unwrap_or(Node { line: node.line, content: Content::Null });
                let (read, written) = (without_null(&field["type"]), without_null(&from["type"]));
                let is_record = read["type"] == "record" && json(&value) == Json::Map;
                if is_record { resolved(read, written, &value)? } else { value }
            }
            None => parse(&field.get("default")?.to_string(), 1).ok()?,
        };
        Some((field["name"].as_str()?.to_owned(), value))
    };
    let entries = fields(read).iter().map(entry).collect::<Option<Vec<_>>>()?;
    Some(Node { line: node.line, content: Content::Map(entries) })
}

/// The datum of `schema` that says `node`; a field that is not there is null.
///
/// # Errors
/// If the schema cannot say it, or is of a kind that is not written here.
pub fn datum(schema: &Schema, node: &Node) -> Outcome<Vec<u8>> {
    let mut bytes = Vec::new();
    write(schema, Some(node), &mut bytes).map_err(|what| node.wrong(&what))?;
    Ok(bytes)
}

fn write(schema: &Schema, node: Option<&Node>, bytes: &mut Vec<u8>) -> Outcome {
    let given = node.map_or(Json::Null, json);
    if let Some(branches) = schema.as_array() {
        let fits = |branch: &&Schema| (name(branch) == "null") == (given == Json::Null);
        let branch = branches.iter().find(fits).ok_or("something that is not null")?;
        let place = branches.iter().position(|other| other == branch).unwrap_or_default();
        push_long(bytes, i64::try_from(place).map_err(|_| "fewer types in a union")?);
        return write(branch, node, bytes);
    }
    let wrong = || format!("a value of the Avro type {schema}");
    match (name(schema), given) {
        ("null", Json::Null) => {}
        ("boolean", Json::Bool(truth)) => bytes.push(u8::from(truth)),
        ("int" | "long", Json::Number(text)) => push_long(bytes, text.parse().map_err(|_| wrong())?),
        ("int", Json::Text(text)) => push_long(bytes, parse_date(text).ok_or_else(wrong)?.into()),
        ("long", Json::Text(text)) => {
            let micros = instant(text, false).ok_or_else(wrong)?;
            let unit = if schema["logicalType"] == "timestamp-millis" { 1_000 } else { 1 };
            if micros % unit != 0 {
                return Err(wrong());
            }
            push_long(bytes, micros / unit);
        }
        ("float", _) => {
            let value: f32 = float(given).and_then(|text| text.parse().ok()).ok_or_else(wrong)?;
            bytes.extend(value.to_le_bytes());
        }
        ("double", _) => {
            let value: f64 = float(given).and_then(|text| text.parse().ok()).ok_or_else(wrong)?;
            bytes.extend(value.to_le_bytes());
        }
        ("string", Json::Text(text)) => push_bytes(bytes, text.as_bytes()),
        ("bytes", Json::Text(text)) => {
            push_bytes(bytes, &super::fields::base64(text).ok_or_else(wrong)?);
        }
        ("record", Json::Map) => {
            for field in schema["fields"].as_array().into_iter().flatten() {
                let value = node.and_then(|node| node.get(field["name"].as_str().unwrap_or_default()));
                write(&field["type"], value, bytes)?;
            }
        }
        _ => return Err(wrong()),
    }
    Ok(())
}

/// What Rust reads as the float that is given, spelt as in JSON sources.
fn float(given: Json<'_>) -> Option<&str> {
    match given {
        Json::Number(text) => Some(text),
        Json::Text("NaN") => Some("NaN"),
        Json::Text("Infinity") => Some("inf"),
        Json::Text("-Infinity") => Some("-inf"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = r#"{"type": "record", "name": "r", "fields": [
        {"name": "a", "type": ["null", "long"]},
        {"name": "b", "type": {"type": "record", "name": "s", "fields": [
            {"name": "c", "type": ["string", "null"]},
            {"name": "d", "type": {"type": "long", "logicalType": "timestamp-millis"}}]}},
        {"name": "e", "type": {"type": "array", "items": "int"}}]}"#;

    #[test]
    fn a_record_is_its_fields_one_after_the_other() {
        let mut schema: Schema = serde_json::from_str(SCHEMA).expect("JSON");
        assert_eq!(
            fields(&schema),
            [("a", "int64"), ("b.c", "string"), ("b.d", "timestamp_ms")]
                .map(|(path, declared)| (path.to_owned(), declared))
                .into()
        );
        let node =
            parse("{a: -1, b: {c: hi, d: \"1970-01-01T00:00:00.001Z\"}, \"@key\": k}", 1).expect("YAML");
        assert!(datum(&schema, &node).expect_err("no list").contains("a value of the Avro type"));
        schema["fields"].as_array_mut().expect("a list").pop();
        assert_eq!(datum(&schema, &node), Ok(vec![2, 1, 0, 4, b'h', b'i', 2]));
        let node = parse("{b: {d: 5}}", 1).expect("YAML");
        assert_eq!(datum(&schema, &node), Ok(vec![0, 2, 10]));
    }
}
