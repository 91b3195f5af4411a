//! What the records of a source hold: their format, and the fields it has.

use std::collections::HashMap;

use serde_json::Value as Json;
use thalweg_log::{AvroFraming, Field, Format, FormatError};

use crate::Limits;
use crate::files::SchemaFiles;
use crate::mistakes::{Mistakes, suggestion};
use crate::yaml::{Content, Entry, Keys, Map, Node};

/// Formats that will mean something in a later version.
const LATER_FORMATS: [&str; 3] = ["protobuf", "debezium-json", "debezium-avro"];

/// How a schema is given by reference.
const SCHEMA_KEYS: Keys = Keys { known: &["file"], later: &["subject", "registry", "id"] };

/// A format and the fields a definition may use.
pub(crate) struct Payload {
    /// What a record's value is.
    pub format: Format,
    /// The fields.
    pub fields: Vec<Field>,
}

/// Reads `format` and what belongs to it from the map of a source.
pub(crate) fn read(
    map: Map<'_>,
    schemas: &mut SchemaFiles<'_>,
    limits: &Limits,
    mistakes: &mut Mistakes,
) -> Option<Payload> {
    let node = map.require("format", mistakes)?;
    match node.text("a format, such as json", mistakes)? {
        "json" => read_json(map, limits, mistakes),
        "avro" => read_avro(map, schemas, limits, mistakes),
        later if LATER_FORMATS.contains(&later) => {
            mistakes.add(&node.place, format!("`format: {later}` is not supported yet"));
            None
        }
        other => {
            let all = ["json", "avro"].into_iter().chain(LATER_FORMATS);
            mistakes.add_with_help(&node.place, format!("unknown format `{other}`"), suggestion(other, all));
            None
        }
    }
}

/// Notes each of `keys` that the map has, for `format` has no use for it; says whether there was none.
fn without(map: Map<'_>, keys: &[&str], format: &str, help: &str, mistakes: &mut Mistakes) -> bool {
    let known_so_far = mistakes.len();
    for entry in keys.iter().filter_map(|key| map.entry(key)) {
        let message = format!("`{}` means nothing to the format {format}", entry.key);
        mistakes.add_with_help(&entry.place, message, help.to_owned());
    }
    mistakes.len() == known_so_far
}

fn read_json(map: Map<'_>, limits: &Limits, mistakes: &mut Mistakes) -> Option<Payload> {
    let help = "json takes `fields: {name: type, …}`";
    let pure = without(map, &["schema", "encoding"], "json", help, mistakes);
    if !pure && map.get("fields").is_none() {
        return None;
    }
    let node = map.require("fields", mistakes)?;
    let entries = node.some_entries("the fields of a record as a map of name to type", mistakes)?;
    if !few_enough(entries.len(), node, limits, mistakes) {
        return None;
    }
    let fields: Vec<_> = entries.iter().filter_map(|entry| read_field(entry, mistakes)).collect();
    let separate = fields_lie_apart(entries, mistakes);
    (pure && separate && fields.len() == entries.len()).then_some(Payload { format: Format::Json, fields })
}

fn read_field(entry: &Entry, mistakes: &mut Mistakes) -> Option<Field> {
    let path = entry.key.as_str();
    if path.starts_with('@') {
        mistakes.add(&entry.place, format!("the field `{path}` is not supported yet"));
        return None;
    }
    if path.split('.').any(str::is_empty) || path.chars().any(char::is_control) {
        mistakes.add_with_help(
            &entry.place,
            format!("`{path}` is no path of a field"),
            "write names with single dots between them".to_owned(),
        );
        return None;
    }
    let written = entry.value.text("a type, such as float64", mistakes)?;
    let field = Field::declared(path, written);
    if field.is_none() {
        let types: Vec<_> = Field::type_names().collect();
        mistakes.add_with_help(
            &entry.value.place,
            format!("`{written}` is no type of a field"),
            suggestion(written, types.iter().copied()),
        );
    }
    field
}

/// Whether a source may have `count` fields.
fn few_enough(count: usize, node: &Node, limits: &Limits, mistakes: &mut Mistakes) -> bool {
    let limit = limits.fields_per_source;
    Limits::keeps("fields_per_source", limit, count, "fields of a source", &node.place, mistakes)
}

/// Whether no field lies inside another one.
fn fields_lie_apart(entries: &[Entry], mistakes: &mut Mistakes) -> bool {
    let known_so_far = mistakes.len();
    let by_path: HashMap<&str, &Entry> = entries.iter().map(|entry| (entry.key.as_str(), entry)).collect();
    for inner in entries {
        let ends = inner.key.match_indices('.').map(|(end, _)| end);
        for outer in ends.filter_map(|end| by_path.get(&inner.key[..end])) {
            mistakes.add(
                &inner.place,
                format!(
                    "the field `{}` lies inside `{}`, which then is a record and cannot be declared as {}",
                    inner.key,
                    outer.key,
                    outer.value.text("a type", &mut Mistakes::default()).unwrap_or("a value"),
                ),
            );
        }
    }
    mistakes.len() == known_so_far
}

fn read_avro(
    map: Map<'_>,
    schemas: &mut SchemaFiles<'_>,
    limits: &Limits,
    mistakes: &mut Mistakes,
) -> Option<Payload> {
    let pure = without(map, &["fields"], "avro", "the schema says which fields there are", mistakes);
    let framing = match map.get("encoding") {
        Some(node) => read_framing(node, mistakes),
        None => Some(AvroFraming::Datum),
    };
    let node = map.require("schema", mistakes)?;
    let text = read_schema(node, schemas, mistakes)?;
    let (format, fields) = Format::avro(&text)
        .map_err(|error: FormatError| mistakes.add(&node.place, error.to_string()))
        .ok()?;
    let format = format.with_framing(framing?);
    (pure && few_enough(fields.len(), node, limits, mistakes)).then_some(Payload { format, fields })
}

fn read_framing(node: &Node, mistakes: &mut Mistakes) -> Option<AvroFraming> {
    match node.text("an encoding, datum or single_object", mistakes)? {
        "datum" => Some(AvroFraming::Datum),
        "single_object" => Some(AvroFraming::SingleObject),
        other => {
            mistakes.add_with_help(
                &node.place,
                format!("unknown encoding `{other}` of avro"),
                suggestion(other, ["datum", "single_object"]),
            );
            None
        }
    }
}

/// The schema's JSON: written out as text or as YAML, or in a file of its own.
fn read_schema(node: &Node, schemas: &mut SchemaFiles<'_>, mistakes: &mut Mistakes) -> Option<String> {
    match &node.content {
        Content::Scalar(scalar) => Some(scalar.text.clone()),
        Content::Map(_) if node.peek("type").is_some() => Some(to_json(node).to_string()),
        Content::Map(_) => {
            let known_so_far = mistakes.len();
            let map = Map::read(node, "a schema", &SCHEMA_KEYS, mistakes)?;
            if mistakes.len() > known_so_far {
                return None;
            }
            let file = map.require("file", mistakes)?;
            let path = file.text("the path of a schema file", mistakes)?;
            schemas.get(&file.place.file, path).map_err(|reason| mistakes.add(&file.place, reason)).ok()
        }
        Content::Null | Content::List(_) => {
            node.unexpected("an Avro schema, as text, as a map, or as {file: path}", mistakes)
        }
    }
}

/// The JSON that a YAML tree stands for, by the rules of YAML's core schema.
fn to_json(node: &Node) -> Json {
    match &node.content {
        Content::Null => Json::Null,
        Content::Scalar(scalar) if scalar.plain => match scalar.text.as_str() {
            "true" => Json::Bool(true),
            "false" => Json::Bool(false),
            text => match text.parse::<serde_json::Number>() {
                Ok(number) => Json::Number(number),
                Err(_) => Json::String(text.to_owned()),
            },
        },
        Content::Scalar(scalar) => Json::String(scalar.text.clone()),
        Content::List(items) => items.iter().map(to_json).collect(),
        Content::Map(entries) => {
            Json::Object(entries.iter().map(|entry| (entry.key.clone(), to_json(&entry.value))).collect())
        }
    }
}
