//! The fields that a source declares.

use std::collections::HashMap;

use thalweg_core::FieldType;
use thalweg_log::{Field, FieldPlace, Format, RECORD_HEADERS, RECORD_KEY, RECORD_TIMESTAMP, debezium_fields};

use crate::Limits;
use crate::mistakes::{Mistakes, suggestion};
use crate::yaml::{Entry, Map, Node};

/// Which fields a source must declare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Declared {
    /// All it has.
    All,
    /// Those outside of the value alone: what is in the value, a schema says of the format of this name.
    Outside(&'static str),
}

/// Reads `fields` from the map of a source, whose records may be changes of Debezium.
pub(crate) fn read(
    map: Map<'_>,
    which: Declared,
    is_debezium: bool,
    limits: &Limits,
    mistakes: &mut Mistakes,
) -> Option<Vec<Field>> {
    let node = match (map.get("fields"), which) {
        (Some(node), _) => node,
        (None, Declared::All) => map.require("fields", mistakes)?,
        (None, Declared::Outside(_)) => return Some(Vec::new()),
    };
    let entries = node.some_entries("the fields of a record as a map of name to type", mistakes)?;
    if !few_enough(entries.len(), node, limits, mistakes) {
        return None;
    }
    let fields: Vec<_> =
        entries.iter().filter_map(|entry| read_field(entry, which, is_debezium, mistakes)).collect();
    let separate = lie_apart(entries, mistakes);
    (separate && fields.len() == entries.len()).then_some(fields)
}

/// Whether a source may have `count` fields.
pub(crate) fn few_enough(count: usize, node: &Node, limits: &Limits, mistakes: &mut Mistakes) -> bool {
    let limit = limits.fields_per_source;
    Limits::keeps("fields_per_source", limit, count, "fields of a source", &node.place, mistakes)
}

/// The fields beside the `declared` ones that need no declaration in a format.
pub(crate) fn undeclared(format: &Format, declared: &[Field]) -> Vec<Field> {
    let mut known = vec![Field::new(RECORD_KEY, FieldType::String)];
    if *format == Format::DebeziumJson {
        known.extend(debezium_fields());
    }
    known.retain(|field| declared.iter().all(|other| other.name != field.name));
    known
}

/// What to do about a field outside of the value that nobody declared, if `path` can be one.
pub(crate) fn how_to_declare(path: &str, type_name: &str) -> Option<String> {
    let place = Field::new(path, FieldType::String);
    matches!(place.place(), Some(FieldPlace::InKey(_) | FieldPlace::Header(_)))
        .then(|| format!("declare it among the fields of the source: fields: {{\"{path}\": {type_name}}}"))
}

fn read_field(entry: &Entry, which: Declared, is_debezium: bool, mistakes: &mut Mistakes) -> Option<Field> {
    let path = entry.key.as_str();
    let place = Field::new(path, FieldType::String);
    let place = place.place().filter(|_| !path.chars().any(char::is_control));
    match (place, which) {
        (None, _) if path.starts_with('@') => {
            let help = "of what is not in the value there is `@key`, `@key.some_field`, `@header.some_name`, \
                        and `@timestamp`, which needs no declaration";
            mistakes.add_with_help(&entry.place, format!("there is no `{path}`"), help.to_owned());
            return None;
        }
        (None, _) => {
            let help = "write names with single dots between them".to_owned();
            mistakes.add_with_help(&entry.place, format!("`{path}` is no path of a field"), help);
            return None;
        }
        (Some(FieldPlace::Timestamp), _) => {
            let message = format!("`{RECORD_TIMESTAMP}` is always there, a timestamp");
            mistakes.add_with_help(&entry.place, message, "leave it out of `fields`".to_owned());
            return None;
        }
        (Some(FieldPlace::AroundRow(_)), _) if !is_debezium => {
            let message = format!("there is no `{path}` around a value of this format");
            let help = "changes have it: format debezium-json or debezium-avro";
            mistakes.add_with_help(&entry.place, message, help.to_owned());
            return None;
        }
        (Some(FieldPlace::Value(_) | FieldPlace::AroundRow(_)), Declared::Outside(format)) => {
            let message = format!("the field `{path}` means nothing to the format {format}");
            let help = "the schema says which fields the value has; `fields` declares what is not in the value, such as \
                        \"@key\" or \"@header.some_name\"";
            mistakes.add_with_help(&entry.place, message, help.to_owned());
            return None;
        }
        (Some(_), _) => {}
    }
    let written = entry.value.text("a type, such as float64", mistakes)?;
    let mut field = Field::declared(path, written);
    if is_debezium {
        field.iter_mut().for_each(Field::count_days);
    }
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

/// Whether no field lies inside another one.
fn lie_apart(entries: &[Entry], mistakes: &mut Mistakes) -> bool {
    let known_so_far = mistakes.len();
    // A key as a whole is no record, and dots in the names of headers mean nothing.
    let is_path = |path: &str| path != RECORD_KEY && !path.starts_with(RECORD_HEADERS);
    let paths = || entries.iter().filter(|entry| is_path(&entry.key));
    let by_path: HashMap<&str, &Entry> = paths().map(|entry| (entry.key.as_str(), entry)).collect();
    for inner in paths() {
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
