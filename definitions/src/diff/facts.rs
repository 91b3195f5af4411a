//! Definitions as lists of facts, which can be compared one by one.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;
use thalweg_core::{FeatureColumn, FieldType, Lookback, TimeDelta, Window};
use thalweg_log::Format;

use crate::{FeatureService, FeatureView, Input, OnDemandView, Repository, Source, Sql};

/// What is true of something: name of a fact → what it says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts(BTreeMap<String, String>);

impl Facts {
    fn say(&mut self, fact: impl Into<String>, value: impl ToString) {
        self.0.insert(fact.into(), value.to_string());
    }

    fn say_if_any(&mut self, fact: &str, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.say(fact, value);
        }
    }

    /// A line for each fact that is another in `new`.
    pub fn changes_to(&self, new: &Self) -> Vec<String> {
        let gone_or_changed = self.0.iter().filter_map(|(fact, old)| match new.0.get(fact) {
            None => Some(format!("{fact}: {old} → removed")),
            Some(now) => (now != old).then(|| format!("{fact}: {old} → {now}")),
        });
        let added = new.0.iter().filter(|(fact, _)| !self.0.contains_key(*fact));
        gone_or_changed.chain(added.map(|(fact, now)| format!("{fact}: new, {now}"))).collect()
    }

    /// A line for each of the facts of a service that its users would miss in `new`.
    pub fn losses_in(&self, new: &Self) -> Vec<String> {
        let is_need = |fact: &str| fact.starts_with("key ") || fact.starts_with("request input ");
        let lost = self.0.iter().filter(|(fact, _)| !is_need(fact)).filter_map(|(fact, old)| {
            match new.0.get(fact) {
                None => Some(format!("{fact} is removed")),
                Some(now) => (type_in(now) != type_in(old))
                    .then(|| format!("{fact} becomes {}; it is {}", type_in(now), type_in(old))),
            }
        });
        let needs = new.0.iter().filter(|(fact, now)| is_need(fact) && self.0.get(*fact) != Some(now));
        lost.chain(needs.map(|(fact, now)| format!("{fact} ({now}) is needed"))).collect()
    }
}

/// The type in what is said of a service's column, before the view and column it comes from.
fn type_in(value: &str) -> &str {
    value.split_once(", ").map_or(value, |(data_type, _)| data_type)
}

/// The facts of a source.
pub(super) fn source_facts(source: &Source) -> Facts {
    let mut facts = Facts::default();
    facts.say("topic", &source.topic);
    facts.say("kind", source.kind.name());
    facts.say("format", source.format.name());
    if let Format::Avro { schema, framing } | Format::DebeziumAvro { schema, framing } = &source.format {
        facts.say("encoding", framing.name());
        let schema = blake3::hash(schema.json().as_bytes()).to_hex();
        facts.say("schema", format!("hash {}", &schema[..12]));
    }
    if let Format::Protobuf { schema, framing } = &source.format {
        facts.say("encoding", framing.name());
        facts.say("message", schema.message());
        let schema = blake3::hash(schema.texts().as_bytes()).to_hex();
        facts.say("schema", format!("hash {}", &schema[..12]));
    }
    if source.format == Format::FramedJson {
        facts.say("encoding", "confluent");
    }
    for field in &source.fields {
        facts.say(format!("field {}", field.name), field.type_name());
    }
    facts.say("event_time", &source.event_time);
    facts.say_if_any("append_time", source.append_time.as_ref());
    facts.say_if_any("order_by", source.order_by.as_ref());
    facts.say("max_ahead", source.max_ahead);
    facts
}

/// The facts of a view.
pub(super) fn view_facts(view: &FeatureView) -> Facts {
    let mut facts = Facts::default();
    facts.say("entity", &view.entity);
    facts.say("source", &view.source);
    for key in &view.join_keys {
        facts.say(
            format!("join key {}", key.name),
            format!("{}, {}", key.field_type, quoted(&key.expression)),
        );
    }
    facts.say_if_any("where", view.filter.as_ref().map(quoted));
    facts.say_if_any("ttl", view.plan.ttl);
    facts.say_if_any("forget", view.plan.forget);
    facts.say(
        "lookback",
        match view.lookback() {
            Lookback::Within(span) => span.to_string(),
            Lookback::Unbounded => "unbounded".to_owned(),
        },
    );
    for column in &view.plan.features {
        facts.say(format!("column {}", column.name), said_of(column, &view.inputs));
    }
    for (tag, text) in &view.tags {
        facts.say(format!("tag {tag}"), text);
    }
    facts
}

/// The facts of an on-demand view of `repository`.
pub(super) fn on_demand_facts(repository: &Repository, view: &OnDemandView) -> Facts {
    let mut facts = Facts::default();
    for input in &view.inputs {
        let reference = format!("{}:{}", input.view, input.column);
        facts.say(format!("input {reference}"), type_name(&input.data_type));
        if let Some(folded) = repository.view(&input.view) {
            facts.say(format!("view {}", input.view), format!("version {}", folded.version));
        }
    }
    for input in &view.request {
        facts.say(format!("request input {}", input.name), input.field_type);
    }
    for feature in &view.features {
        facts.say(
            format!("column {}", feature.name),
            format!("{}, {}", feature.field_type, quoted(&feature.expression)),
        );
    }
    for (tag, text) in &view.tags {
        facts.say(format!("tag {tag}"), text);
    }
    facts
}

/// A column in words: `avg of "dep_delay" over 1h`.
fn said_of(column: &FeatureColumn, inputs: &[Input]) -> String {
    let mut said = column.aggregation.name().to_owned();
    let parameters: Vec<_> =
        column.aggregation.parameters().iter().map(|(name, value)| format!("{name}: {value}")).collect();
    if !parameters.is_empty() {
        said += &format!(" ({})", parameters.join(", "));
    }
    let input = |position: Option<usize>| inputs.get(position?);
    if let Some(input) = input(column.input) {
        said += &format!(" of {}", quoted(&input.expression));
    }
    if let Some(by) = input(column.by).filter(|_| column.aggregation.takes_by()) {
        said += &format!(" by {}", quoted(&by.expression));
    }
    if let Some(filter) = input(column.input).and_then(|input| input.filter.as_ref()) {
        said += &format!(" where {}", quoted(filter));
    }
    said + &over(column.window)
}

/// A window in words: ` over 1h`.
fn over(window: Window) -> String {
    let ago = |offset: TimeDelta| match offset {
        TimeDelta::ZERO => String::new(),
        offset => format!(", {offset} ago"),
    };
    match window {
        Window::Sliding { width, offset } => format!(" over {width}{}", ago(offset)),
        Window::Coarse { width, offset, resolution } => {
            format!(" over {width}{}, to {resolution}", ago(offset))
        }
        Window::Tumbling { width, offset: 0 } => format!(" over the {width} under way"),
        Window::Tumbling { width, offset } => format!(" over the {width} that began {offset} before"),
        Window::Session { gap } => format!(" over the session with gaps up to {gap}"),
        Window::Lifetime => String::new(),
    }
}

fn quoted(sql: &Sql) -> String {
    format!("\"{}\"", sql.text)
}

/// The facts of a service: its columns with their types, and the keys it needs.
pub(super) fn service_facts(repository: &Repository, service: &FeatureService) -> Facts {
    let mut facts = Facts::default();
    for feature in &service.features {
        let view = repository.taken(&feature.view);
        let data_type = view.and_then(|view| view.column_type(&feature.column));
        let data_type = data_type.map_or(String::new(), |data_type| type_name(&data_type));
        facts.say(
            format!("column {}", feature.result_column()),
            format!("{data_type}, {}:{}", feature.view, feature.column),
        );
    }
    for key in repository.request_keys(&service.features).unwrap_or_default() {
        facts.say(format!("key {}", key.name), key.field_type);
    }
    for input in repository.request_inputs(&service.features).unwrap_or_default() {
        facts.say(format!("request input {}", input.name), input.field_type);
    }
    facts
}

fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::List(item) => format!("list of {}", type_name(item.data_type())),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) => {
                let of = |field: usize| type_name(fields[field].data_type());
                format!("map of {} to {}", of(0), of(1))
            }
            other => other.to_string(),
        },
        other => FieldType::from_arrow(other).map_or_else(|| other.to_string(), |known| known.to_string()),
    }
}
