//! A hash of what something means.

use std::fmt::{self, Write};

use serde_json::Value as Json;
use thalweg_core::{FoldPlan, Window};
use thalweg_log::Format;

use crate::{Input, InputFeature, JoinKey, OnDemandFeature, RequestKey, Source, SourceKind, Sql};

/// Hash of the meaning of a view of either kind: equal for definitions that give equal values, whatever their
/// names, comments, tags, order or files.
///
/// What goes in: the source's topic, kind, format and schema, all of its fields with their types (a record whose
/// field is of another type is a dead letter, whoever uses the field), event time, append time, `order_by`
/// and `max_ahead`; the names and types of the join keys and their expressions; `where`, `ttl`; and of each
/// column its name, aggregation, input and window. Expressions go in as the planner prints them, spans in
/// microseconds, columns in order of their names.
///
/// Of an on-demand feature view: the names of its features and their expressions; each input with its column
/// and the version of its view; the names and types of request inputs.
///
/// `lookback` does not: it decides which instants can be answered online, not what the answer is. What a
/// shorter one has forgotten a longer one cannot bring back, though, so [`Diff`](crate::Diff) calls for a
/// rebuild where it grows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version([u8; 32]);

impl Version {
    /// The hash.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// All of the hash in 64 hexadecimal digits.
    pub fn to_hex(&self) -> String {
        blake3::Hash::from_bytes(self.0).to_hex().to_string()
    }
}

/// The first 12 hexadecimal digits.
impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex()[..12])
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Version({self})")
    }
}

impl serde::Serialize for Version {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_hex())
    }
}

/// The version of a view made of these.
pub(crate) fn version_of(
    source: &Source,
    join_keys: &[JoinKey],
    filter: Option<&Sql>,
    inputs: &[Input],
    plan: &FoldPlan,
) -> Version {
    let mut meaning = Meaning(String::from("thalweg view 1\n"));
    meaning.source(source);
    for JoinKey { name, field_type, expression } in join_keys {
        meaning.line("key", &[name, field_type.name(), &expression.meaning]);
    }
    meaning.line("where", &[filter.map_or("", |filter| &filter.meaning)]);
    meaning.line("ttl", &[&plan.ttl.map_or(String::new(), |ttl| ttl.as_micros().to_string())]);
    plan.forget.iter().for_each(|age| meaning.line("forget", &[&age.as_micros().to_string()]));
    for column in &plan.features {
        let mut aggregation = column.aggregation.name().to_owned();
        for (_, value) in column.aggregation.parameters() {
            aggregation += &format!(" {value}");
        }
        let window = window_meaning(column.window);
        let input = |position: Option<usize>| {
            let input = position.and_then(|position| inputs.get(position));
            input.map_or(["", "", ""], |input| {
                let filter = input.filter.as_ref().map_or("", |filter| &filter.meaning);
                [&input.expression.meaning, filter, input.field_type.name()]
            })
        };
        let mut parts = vec![column.name.as_str(), &aggregation, &window];
        parts.extend(input(column.input));
        if column.by.is_some() {
            parts.extend(input(column.by));
        }
        meaning.line("column", &parts);
    }
    Version(*blake3::hash(meaning.0.as_bytes()).as_bytes())
}

/// The version of an on-demand view made of these; none where `version_of` knows no version of an input's
/// view.
pub(crate) fn version_on_demand(
    inputs: &[InputFeature],
    request: &[RequestKey],
    features: &[OnDemandFeature],
    version_of: impl Fn(&str) -> Option<Version>,
) -> Option<Version> {
    let mut facts = Vec::new();
    for input in inputs {
        let version = version_of(&input.view)?.to_hex();
        facts.push(("input", vec![input.full_name(), input.column.clone(), version]));
    }
    facts.extend(request.iter().map(|RequestKey { name, field_type }| {
        ("request", vec![name.clone(), field_type.name().to_owned()])
    }));
    facts.extend(features.iter().map(|feature| {
        let OnDemandFeature { name, expression, field_type, .. } = feature;
        ("feature", vec![name.clone(), expression.meaning.clone(), field_type.name().to_owned()])
    }));
    // The order of a definition means nothing.
    facts.sort();
    let mut meaning = Meaning(String::from("thalweg on-demand view 1\n"));
    for (fact, parts) in &facts {
        meaning.line(fact, &parts.iter().map(String::as_str).collect::<Vec<_>>());
    }
    Some(Version(*blake3::hash(meaning.0.as_bytes()).as_bytes()))
}

fn window_meaning(window: Window) -> String {
    match window {
        Window::Sliding { width, offset } => {
            format!("sliding {} {}", width.as_micros(), offset.as_micros())
        }
        Window::Coarse { width, offset, resolution } => {
            format!("coarse {} {} {}", width.as_micros(), offset.as_micros(), resolution.as_micros())
        }
        Window::Tumbling { width, offset } => format!("tumbling {} {offset}", width.as_micros()),
        Window::Session { gap } => format!("session {}", gap.as_micros()),
        Window::Lifetime => "lifetime".to_owned(),
    }
}

/// The text that is hashed: a line for each fact, its parts each with their length before them, so that no
/// two different lists of facts are written alike.
struct Meaning(String);

impl Meaning {
    fn line(&mut self, fact: &str, parts: &[&str]) {
        self.0.push_str(fact);
        for part in parts {
            write!(self.0, " {}:{part}", part.len()).expect("a string takes all that is written to it");
        }
        self.0.push('\n');
    }

    fn source(&mut self, source: &Source) {
        self.line("topic", &[&source.topic]);
        if source.kind != SourceKind::Stream {
            self.line("kind", &[source.kind.name()]);
        }
        match &source.format {
            Format::Json => self.line("json", &[]),
            Format::FramedJson => self.line("json", &["confluent"]),
            Format::Protobuf { schema, framing } => {
                self.line("protobuf", &[framing.name(), schema.message(), schema.texts()]);
            }
            Format::DebeziumJson => self.line("debezium-json", &[]),
            Format::Avro { schema, framing } => {
                self.line("avro", &[framing.name(), &schema_meaning(schema.json())]);
            }
            Format::DebeziumAvro { schema, framing } => {
                self.line("debezium-avro", &[framing.name(), &schema_meaning(schema.json())]);
            }
        }
        for field in &source.fields {
            self.line("field", &[&field.name, field.type_name()]);
        }
        let append_time = source.append_time.as_ref().map(ToString::to_string).unwrap_or_default();
        self.line("event_time", &[&source.event_time.to_string()]);
        self.line("append_time", &[&append_time]);
        self.line("order_by", &[source.order_by.as_deref().unwrap_or_default()]);
        self.line("max_ahead", &[&source.max_ahead.as_micros().to_string()]);
    }
}

/// An Avro schema without its documentation and with its keys in order. A schema that is not JSON stands for
/// itself.
fn schema_meaning(json: &str) -> String {
    match serde_json::from_str::<Json>(json) {
        Ok(schema) => without_documentation(schema).to_string(),
        Err(_) => json.to_owned(),
    }
}

fn without_documentation(schema: Json) -> Json {
    match schema {
        Json::Array(items) => items.into_iter().map(without_documentation).collect(),
        Json::Object(entries) => {
            let mut entries: Vec<_> = entries.into_iter().filter(|(key, _)| key != "doc").collect();
            entries.sort_by(|(a, _), (b, _)| a.cmp(b));
            let entries = entries.into_iter().map(|(key, value)| {
                // A default is a value, not a part of the schema.
                let value = if key == "default" { value } else { without_documentation(value) };
                (key, value)
            });
            Json::Object(entries.collect())
        }
        other => other,
    }
}
