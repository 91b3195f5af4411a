//! What the records of a source hold: their format, and the fields it has.

use serde_json::Value as Json;
use thalweg_log::{AvroFraming, Field, Format, FormatError, RegisteredSchema, Schemas};

use crate::Limits;
use crate::fields::{self, Declared};
use crate::files::SchemaFiles;
use crate::mistakes::{Mistakes, suggestion};
use crate::protobuf;
use crate::yaml::{Content, Keys, Map, Node};

/// How a schema is given by reference.
const SCHEMA_KEYS: Keys = Keys { known: &["file", "subject", "version"], later: &[] };

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
        "json" => read_json(map, Format::Json, limits, mistakes),
        "debezium-json" => read_json(map, Format::DebeziumJson, limits, mistakes),
        written @ ("avro" | "debezium-avro") => {
            let name = if written == "avro" { "avro" } else { "debezium-avro" };
            read_avro(map, name, schemas, limits, mistakes)
        }
        "protobuf" => protobuf::read(map, schemas, limits, mistakes),
        other => {
            let all = ["json", "avro", "protobuf", "debezium-json", "debezium-avro"];
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

fn read_json(map: Map<'_>, format: Format, limits: &Limits, mistakes: &mut Mistakes) -> Option<Payload> {
    let name = if format == Format::Json { "json" } else { "debezium-json" };
    let help = format!("{name} takes `fields: {{name: type, …}}`");
    let foreign: &[&str] = if format == Format::Json { &["schema"] } else { &["schema", "encoding"] };
    let pure = without(map, foreign, name, &help, mistakes);
    if !pure && map.get("fields").is_none() {
        return None;
    }
    let format = match map.get("encoding").filter(|_| format == Format::Json) {
        Some(node) => read_json_framing(node, mistakes),
        None => Some(format),
    };
    let is_debezium = name == "debezium-json";
    let fields = fields::read(map, Declared::All, is_debezium, limits, mistakes)?;
    pure.then_some(Payload { format: format?, fields })
}

fn read_json_framing(node: &Node, mistakes: &mut Mistakes) -> Option<Format> {
    match node.text("an encoding, plain or confluent", mistakes)? {
        "plain" => Some(Format::Json),
        "confluent" => Some(Format::FramedJson),
        other => {
            let help = suggestion(other, ["plain", "confluent"]);
            mistakes.add_with_help(&node.place, format!("unknown encoding `{other}` of json"), help);
            None
        }
    }
}

fn read_avro(
    map: Map<'_>,
    name: &'static str,
    schemas: &mut SchemaFiles<'_>,
    limits: &Limits,
    mistakes: &mut Mistakes,
) -> Option<Payload> {
    let outside = fields::read(map, Declared::Outside(name), name != "avro", limits, mistakes);
    let framing = map.get("encoding").map(|node| read_framing(node, mistakes));
    let node = map.require("schema", mistakes)?;
    let given = read_schema(node, schemas, mistakes)?;
    // Who registers schemas writes their numbers.
    let usual = match &given {
        Given::Text(_) => AvroFraming::Datum,
        Given::Registered(_) => AvroFraming::Confluent(Schemas::default()),
    };
    let format = match (&given, name) {
        (Given::Text(text), "avro") => Format::avro(text),
        (Given::Text(text), _) => Format::debezium_avro(text),
        (Given::Registered(schema), "avro") => Format::registered_avro(schema),
        (Given::Registered(schema), _) => Format::registered_debezium_avro(schema),
    };
    let (format, fields) =
        format.map_err(|error: FormatError| mistakes.add(&node.place, error.to_string())).ok()?;
    let format = format.with_framing(framing.unwrap_or(Some(usual))?);
    let fields = [fields, outside?].concat();
    fields::few_enough(fields.len(), node, limits, mistakes).then_some(Payload { format, fields })
}

fn read_framing(node: &Node, mistakes: &mut Mistakes) -> Option<AvroFraming> {
    match node.text("an encoding, datum, single_object or confluent", mistakes)? {
        "datum" => Some(AvroFraming::Datum),
        "single_object" => Some(AvroFraming::SingleObject),
        "confluent" => Some(AvroFraming::Confluent(Schemas::default())),
        other => {
            mistakes.add_with_help(
                &node.place,
                format!("unknown encoding `{other}` of avro"),
                suggestion(other, ["datum", "single_object", "confluent"]),
            );
            None
        }
    }
}

/// A schema as a source gives it.
enum Given {
    /// Its text.
    Text(String),
    /// What a registry has.
    Registered(RegisteredSchema),
}

/// The schema's JSON: written out as text or as YAML, in a file of its own, or in a registry.
fn read_schema(node: &Node, schemas: &mut SchemaFiles<'_>, mistakes: &mut Mistakes) -> Option<Given> {
    match &node.content {
        Content::Scalar(scalar) => Some(Given::Text(scalar.text.clone())),
        Content::Map(_) if node.peek("type").is_some() => Some(Given::Text(to_json(node).to_string())),
        Content::Map(_) => {
            let known_so_far = mistakes.len();
            let map = Map::read(node, "a schema", &SCHEMA_KEYS, mistakes)?;
            if mistakes.len() > known_so_far {
                return None;
            }
            if let Some(subject) = map.get("subject") {
                return read_subject(map, subject, schemas, mistakes).map(Given::Registered);
            }
            let file = map.require("file", mistakes)?;
            let path = file.text("the path of a schema file", mistakes)?;
            let text = schemas.get(&file.place.file, path);
            text.map(Given::Text).map_err(|reason| mistakes.add(&file.place, reason)).ok()
        }
        Content::Null | Content::List(_) => node
            .unexpected("an Avro schema, as text, as a map, as {file: path} or as {subject: name}", mistakes),
    }
}

/// What is registered for a subject.
pub(crate) fn read_subject(
    map: Map<'_>,
    node: &Node,
    schemas: &mut SchemaFiles<'_>,
    mistakes: &mut Mistakes,
) -> Option<RegisteredSchema> {
    let subject = node.text("the name of a subject", mistakes)?;
    if let Some(entry) = map.entry("file") {
        mistakes.add(&entry.place, "a schema is in a file or registered for a subject, not both");
        return None;
    }
    let version = match map.get("version") {
        None => None,
        Some(node) => {
            let written = node.text("the number of a version", mistakes)?;
            match written.parse::<u32>() {
                Ok(version) if version > 0 => Some(version),
                _ => return node.unexpected("the number of a version, from 1 on", mistakes),
            }
        }
    };
    if subject.is_empty() {
        mistakes.add(&node.place, "a subject has a name");
        return None;
    }
    schemas.registered(subject, version).map_err(|reason| mistakes.add(&node.place, reason)).ok()
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
