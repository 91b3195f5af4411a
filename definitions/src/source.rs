//! Sources: a topic, and how to read its records as events.

use thalweg_core::{FieldType, TimeDelta};
use thalweg_log::{Field, RECORD_TIMESTAMP};

use crate::fields::{self, how_to_declare};
use crate::files::SchemaFiles;
use crate::mistakes::{Mistakes, one_of, suggestion};
use crate::payload::{self, Payload};
use crate::window::read_duration;
use crate::yaml::{Keys, Map, Node};
use crate::{Limits, Source, SourceKind, TimeField};

/// What may be said of a source.
pub(crate) const KEYS: Keys = Keys {
    known: &[
        "name",
        "topic",
        "kind",
        "format",
        "schema",
        "encoding",
        "fields",
        "event_time",
        "append_time",
        "order_by",
        "max_ahead",
    ],
    later: &[],
};

/// How far an event's time may lie past its append time, unless the source says otherwise: a day.
const MAX_AHEAD: TimeDelta = TimeDelta::from_micros(86_400_000_000);

/// Reads the source `name` from `map`.
pub(crate) fn read(
    name: String,
    map: Map<'_>,
    schemas: &mut SchemaFiles<'_>,
    limits: &Limits,
    mistakes: &mut Mistakes,
) -> Option<Source> {
    let known_so_far = mistakes.len();
    let topic = map.require("topic", mistakes).and_then(|node| read_topic(node, mistakes));
    let kind = map.get("kind").map_or(Some(SourceKind::Stream), |node| read_kind(node, mistakes));
    let max_ahead = match map.get("max_ahead") {
        Some(node) => {
            read_duration(node, "how far ahead of its append time an event may be, such as 1d", mistakes)
        }
        None => Some(MAX_AHEAD),
    };
    let event_time = map.require("event_time", mistakes);
    let Payload { format, mut fields } = payload::read(map, schemas, limits, mistakes)?;
    if !fields.iter().any(|field| field.name == RECORD_TIMESTAMP) {
        fields.push(Field::new(RECORD_TIMESTAMP, FieldType::Timestamp));
    }
    fields.sort_by(|a, b| a.name.cmp(&b.name));

    let undeclared = fields::undeclared(&format, &fields);
    let usable = [fields.as_slice(), &undeclared].concat();
    let event_time = event_time.and_then(|node| read_time(node, "event_time", &usable, mistakes));
    let append_time =
        map.get("append_time").and_then(|node| read_time(node, "append_time", &usable, mistakes));
    let order_by = map.get("order_by").and_then(|node| read_order_by(node, &usable, mistakes));
    if mistakes.len() > known_so_far {
        return None;
    }
    Some(Source {
        name,
        topic: topic?,
        kind: kind?,
        format,
        fields,
        undeclared,
        event_time: event_time?,
        append_time,
        order_by,
        max_ahead: max_ahead?,
    })
}

/// The name of a topic, if Kafka would take it.
fn read_topic(node: &Node, mistakes: &mut Mistakes) -> Option<String> {
    let topic = node.text("the name of a topic", mistakes)?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if !(1..=249).contains(&topic.len()) || !topic.chars().all(allowed) || matches!(topic, "." | "..") {
        mistakes.add_with_help(
            &node.place,
            format!("`{topic}` cannot be a topic"),
            "a topic's name has 1 to 249 letters, digits, `.`, `_` and `-`".to_owned(),
        );
        return None;
    }
    Some(topic.to_owned())
}

fn read_kind(node: &Node, mistakes: &mut Mistakes) -> Option<SourceKind> {
    let written = node.text("the kind of the source, stream or table", mistakes)?;
    let kinds = [SourceKind::Stream, SourceKind::Table];
    let kind = kinds.into_iter().find(|kind| kind.name() == written);
    if kind.is_none() {
        mistakes.add_with_help(
            &node.place,
            format!("unknown kind `{written}` of a source"),
            suggestion(written, kinds.map(SourceKind::name)),
        );
    }
    kind
}

/// Reads the name of what carries an instant, the value of `key`.
fn read_time(node: &Node, key: &str, fields: &[Field], mistakes: &mut Mistakes) -> Option<TimeField> {
    let written = node.text(&format!("a field, or \"{RECORD_TIMESTAMP}\""), mistakes)?;
    if written == RECORD_TIMESTAMP {
        return Some(TimeField::RecordTimestamp);
    }
    let types = [FieldType::Timestamp, FieldType::Date];
    let field = typed_field(node, written, key, &types, fields, mistakes)?;
    Some(TimeField::Field(field.name.clone()))
}

fn read_order_by(node: &Node, fields: &[Field], mistakes: &mut Mistakes) -> Option<String> {
    let written = node.text("a field", mistakes)?;
    let types = [FieldType::Int32, FieldType::Int64, FieldType::Timestamp];
    typed_field(node, written, "order_by", &types, fields, mistakes).map(|field| field.name.clone())
}

/// The field called `written`, which must be of one of `types` to be the source's `key`.
fn typed_field<'a>(
    node: &Node,
    written: &str,
    key: &str,
    types: &[FieldType],
    fields: &'a [Field],
    mistakes: &mut Mistakes,
) -> Option<&'a Field> {
    let Some(field) = fields.iter().find(|field| field.name == written) else {
        let of_type = fields.iter().filter(|field| types.contains(&field.field_type));
        let help = how_to_declare(written, types[0].name())
            .or_else(|| suggestion(written, of_type.map(|field| field.name.as_str())));
        let message = format!("`{key}` names `{written}`, which is no field of this source");
        mistakes.add_with_help(&node.place, message, help);
        return None;
    };
    if !types.contains(&field.field_type) {
        let allowed = one_of(types.iter().map(|field_type| field_type.name()));
        let help = (key != "order_by" && field.field_type.is_integer()).then_some(
            "an integer is a time only where it is declared as timestamp, timestamp_ms or timestamp_s",
        );
        mistakes.add_with_help(
            &node.place,
            format!("`{key}` must be of type {allowed}; `{written}` is {}", field.field_type),
            help.map(str::to_owned),
        );
        return None;
    }
    Some(field)
}
