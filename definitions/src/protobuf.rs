//! Sources of messages of Protocol Buffers.

use std::collections::BTreeSet;

use thalweg_log::{
    Format, FormatError, ProtobufFraming, ProtobufSchema, SchemaReference, Schemas, protobuf_imports,
};

use crate::Limits;
use crate::fields::{self, Declared};
use crate::files::SchemaFiles;
use crate::mistakes::{Mistakes, suggestion};
use crate::payload::{Payload, read_subject};
use crate::yaml::{Keys, Map, Node};

/// How a schema is given.
const SCHEMA_KEYS: Keys = Keys { known: &["file", "text", "subject", "version", "message"], later: &[] };

/// Reads what belongs to the format from the map of a source.
pub(crate) fn read(
    map: Map<'_>,
    schemas: &mut SchemaFiles<'_>,
    limits: &Limits,
    mistakes: &mut Mistakes,
) -> Option<Payload> {
    let outside = fields::read(map, Declared::Outside("protobuf"), false, limits, mistakes);
    let framing = map.get("encoding").map(|node| read_framing(node, mistakes));
    let node = map.require("schema", mistakes)?;
    let known_so_far = mistakes.len();
    let schema = Map::read(node, "a schema", &SCHEMA_KEYS, mistakes)?;
    if mistakes.len() > known_so_far {
        return None;
    }
    let message = schema.get("message").map(|node| node.text("the full name of a message", mistakes));
    let message = message.map_or(Some(None), |message| message.map(Some))?;
    let (compiled, usual) = match schema.get("subject") {
        Some(subject) => {
            let registered = read_subject(schema, subject, schemas, mistakes)?;
            // Who registers schemas writes their numbers.
            let usual = ProtobufFraming::Confluent(Schemas::default());
            (ProtobufSchema::registered(&registered, message), usual)
        }
        None if schema.get("text").is_some() => {
            let text = schema.require("text", mistakes)?.text("a schema", mistakes)?;
            (ProtobufSchema::compile(text, &[], message), ProtobufFraming::Message)
        }
        None => {
            let file = schema.require("file", mistakes)?;
            let path = file.text("the path of a schema file", mistakes)?;
            let read = read_file(&file.place.file, path, schemas);
            let (text, imports) = read.map_err(|reason| mistakes.add(&file.place, reason)).ok()?;
            (ProtobufSchema::compile(&text, &imports, message), ProtobufFraming::Message)
        }
    };
    let place = schema.get("message").map_or(&node.place, |node| &node.place);
    let compiled = compiled.map_err(|error: FormatError| mistakes.add(place, error.to_string())).ok()?;
    let fields = [compiled.fields(), outside?].concat();
    let format = Format::Protobuf { schema: compiled, framing: framing.unwrap_or(Some(usual))? };
    fields::few_enough(fields.len(), node, limits, mistakes).then_some(Payload { format, fields })
}

fn read_framing(node: &Node, mistakes: &mut Mistakes) -> Option<ProtobufFraming> {
    match node.text("an encoding, message or confluent", mistakes)? {
        "message" => Some(ProtobufFraming::Message),
        "confluent" => Some(ProtobufFraming::Confluent(Schemas::default())),
        other => {
            let help = suggestion(other, ["message", "confluent"]);
            mistakes.add_with_help(&node.place, format!("unknown encoding `{other}` of protobuf"), help);
            None
        }
    }
}

/// The text of the file that the definition file `from` calls `path`, and those of the files it imports: their paths are
/// relative to the folder of the first one.
fn read_file(
    from: &str,
    path: &str,
    schemas: &mut SchemaFiles<'_>,
) -> Result<(String, Vec<SchemaReference>), String> {
    let text = schemas.get(from, path)?;
    let folder = path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
    let (mut imports, mut seen) = (Vec::new(), BTreeSet::new());
    let mut open = protobuf_imports(&text).map_err(|error| error.to_string())?;
    while let Some(name) = open.pop() {
        if seen.insert(name.clone()) {
            let text = schemas.get(from, &format!("{folder}{name}"))?;
            open.extend(protobuf_imports(&text).map_err(|error| format!("`{name}`: {error}"))?);
            imports.push(SchemaReference { name, text });
        }
    }
    imports.sort_by(|a, b| a.name.cmp(&b.name));
    Ok((text, imports))
}
