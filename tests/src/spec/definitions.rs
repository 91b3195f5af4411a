//! Definitions as the oracle has them, read from the file that the engine is given.
//!
//! The engine says whether they are well-formed; here they are only read. What the oracle cannot say is an
//! error, never left out.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;
use serde_json::Value as Schema;
use thalweg_core::{FieldType, TimeDelta};

use super::avro;
use super::changes;
use super::feature::{columns, feature};
use super::on_demand;
use super::sql::expression;
use super::yaml::Node;
use crate::definition::{Column, Definitions, Entity, Expression, Format, Lookback, Source, Time, View};
use crate::harness::{Outcome, type_of as result_type};

/// Definitions, and the names that files give what is in them.
#[derive(Debug, Default)]
pub struct Defined {
    /// The definitions.
    pub definitions: Definitions,
    /// The topic of each source.
    pub topics: Vec<String>,
    /// The schema of each source that has one.
    pub schemas: Vec<Option<Schema>>,
    /// What is called `view__column`, with each window spelt as it is written.
    pub columns: BTreeMap<String, Place>,
    /// What is called so and is computed on demand: the positions of the on-demand view and of its feature.
    pub computed: BTreeMap<String, (usize, usize)>,
}

/// A column of a view.
#[derive(Clone, Debug)]
pub struct Place {
    /// Position of the view.
    pub view: usize,
    /// Name of the column as [`View::columns`] has it.
    pub column: String,
    /// For join keys that are taken from elsewhere, join key → name in the row.
    pub join_key_map: BTreeMap<String, String>,
}

impl Defined {
    /// The column of a view that is called `name`, with the type of its values.
    pub fn column(&self, name: &str) -> Option<(&View, Column<'_>, DataType)> {
        let place = self.columns.get(name)?;
        let view = &self.definitions.views[place.view];
        let column = view.columns().into_iter().find(|column| column.name == place.column)?;
        let data_type = result_type(&column);
        Some((view, column, data_type))
    }
}

/// The types a field can be declared as.
const DECLARED: [&str; 11] = [
    "bool",
    "int32",
    "int64",
    "float32",
    "float64",
    "string",
    "binary",
    "date",
    "timestamp",
    "timestamp_ms",
    "timestamp_s",
];

/// The type of the values of a field that is declared as `declared`.
pub fn type_of(declared: &str) -> Option<FieldType> {
    let name = match declared {
        "days" => "date",
        _ if declared.starts_with("timestamp") => "timestamp",
        _ => declared,
    };
    FieldType::ALL.into_iter().find(|field_type| field_type.name() == name)
}

/// Reads a definition file.
///
/// # Errors
/// What the oracle cannot say.
pub fn read(file: &Node) -> Outcome<Defined> {
    let mut defined = Defined::default();
    let list = |key| file.get(key).map_or(Ok(&[][..]), |list| list.items("a list"));
    for node in list("sources")? {
        defined.definitions.sources.push(source(node)?);
        defined.topics.push(text(node, "topic")?.to_owned());
        defined.schemas.push(node.get("schema").map(avro::schema).transpose()?);
    }
    for node in list("entities")? {
        defined.definitions.entities.push(entity(node)?);
    }
    for node in list("feature_views")? {
        let view = view(&defined.definitions, node)?;
        let place = defined.definitions.views.len();
        let features = entries(node, "features")?.iter().zip(&view.features);
        for (written, column) in features.flat_map(|((name, node), feature)| columns(name, node, feature)) {
            let place = Place { view: place, column, join_key_map: BTreeMap::new() };
            defined.columns.insert(format!("{}__{written}", view.name), place);
        }
        defined.definitions.views.push(view);
    }
    for node in list("on_demand_feature_views")? {
        let view = on_demand::view(&defined, node)?;
        let place = defined.definitions.on_demand.len();
        let names = view.features.iter().map(|feature| format!("{}__{}", view.name, feature.name));
        defined.computed.extend(names.enumerate().map(|(feature, name)| (name, (place, feature))));
        defined.definitions.on_demand.push(view);
    }
    for service in list("feature_services")? {
        for taken in service.get("features").map_or(Ok(&[][..]), |list| list.items("a list"))? {
            take(&mut defined, taken)?;
        }
    }
    match file.entries("definitions")?.iter().find(|(key, _)| !SECTIONS.contains(&key.as_str())) {
        Some((key, node)) => Err(format!("line {}: the oracle knows no `{key}`", node.line)),
        None => Ok(defined),
    }
}

/// What a definition file may hold for the oracle to say it.
const SECTIONS: [&str; 5] =
    ["sources", "entities", "feature_views", "on_demand_feature_views", "feature_services"];

/// Takes in the columns of a view that a service takes under another name or with other keys.
fn take(defined: &mut Defined, taken: &Node) -> Outcome {
    let Some(alias) = taken.get("as") else { return Ok(()) };
    let prefix = format!("{}__", text(taken, "view")?);
    let map = taken.get("join_key_map").map_or(Ok(&[][..]), |map| map.entries("a map of join keys"))?;
    let map = map.iter().map(|(key, name)| Ok((key.clone(), name.text("a name")?.to_owned())));
    let join_key_map: BTreeMap<_, _> = map.collect::<Outcome<_>>()?;
    let of_view =
        defined.columns.iter().filter_map(|(name, place)| Some((name.strip_prefix(&prefix)?, place)));
    let renamed = of_view.map(|(column, place)| {
        let place = Place { join_key_map: join_key_map.clone(), ..place.clone() };
        Ok((format!("{}__{column}", alias.text("a name")?), place))
    });
    let renamed: Vec<_> = renamed.collect::<Outcome<_>>()?;
    let of_view = defined.computed.iter().filter_map(|(name, at)| Some((name.strip_prefix(&prefix)?, *at)));
    let computed = of_view.map(|(feature, at)| Ok((format!("{}__{feature}", alias.text("a name")?), at)));
    let computed: Vec<_> = computed.collect::<Outcome<_>>()?;
    defined.columns.extend(renamed);
    defined.computed.extend(computed);
    Ok(())
}

fn source(node: &Node) -> Outcome<Source> {
    known(
        node,
        &[
            "name",
            "topic",
            "kind",
            "format",
            "fields",
            "schema",
            "encoding",
            "event_time",
            "append_time",
            "order_by",
            "max_ahead",
        ],
    )?;
    let is_known = |encoding: &&Node| matches!(encoding.text("a text"), Ok("datum" | "plain" | "confluent"));
    if let Some(other) = node.get("encoding").filter(|given| !is_known(given)) {
        return Err(format!("line {}: the oracle knows no `encoding: {other}`", other.line));
    }
    let is_table = match node.get("kind").map(|kind| kind.text("a kind")).transpose()? {
        None | Some("stream") => false,
        Some("table") => true,
        Some(other) => return Err(format!("line {}: the oracle knows no `kind: {other}`", node.line)),
    };
    let time = |node: &Node| {
        Ok::<_, String>(match node.text("a field")? {
            "@timestamp" => Time::Record,
            field => Time::Field(field.to_owned()),
        })
    };
    let given = node.get("fields").map_or(Ok(&[][..]), |fields| fields.entries("a map of fields"))?;
    let declared = |(path, declared): &(String, Node)| {
        let name = declared.text("a type")?;
        let known = DECLARED.into_iter().find(|known| *known == name);
        Ok((path.clone(), known.ok_or_else(|| declared.wrong("a type of a field"))?))
    };
    let given = given.iter().map(declared).collect::<Outcome<BTreeMap<_, _>>>()?;
    let (around, given): (BTreeMap<_, _>, BTreeMap<_, _>) =
        given.into_iter().partition(|(path, _)| path.starts_with('@'));
    let (format, fields) = match text(node, "format")? {
        "json" => (Format::Json, given),
        // Days since the epoch are dates there, too.
        "debezium-json" => {
            let days = |of_type| if of_type == "date" { "days" } else { of_type };
            (Format::Debezium, given.into_iter().map(|(path, of_type)| (path, days(of_type))).collect())
        }
        "avro" => {
            let schema = node.get("schema").ok_or_else(|| format!("line {}: no `schema`", node.line))?;
            (Format::Avro, avro::fields(&avro::schema(schema)?))
        }
        other => return Err(format!("line {}: the oracle knows no format `{other}`", node.line)),
    };
    let event_time = node.get("event_time").ok_or_else(|| format!("line {}: no `event_time`", node.line))?;
    Ok(Source {
        name: text(node, "name")?.to_owned(),
        is_table,
        format,
        fields,
        around,
        event_time: time(event_time)?,
        append_time: node.get("append_time").map(time).transpose()?,
        order_by: node.get("order_by").map(|field| field.text("a field").map(str::to_owned)).transpose()?,
        max_ahead: node.get("max_ahead").map(duration).transpose()?,
    })
}

fn entity(node: &Node) -> Outcome<Entity> {
    known(node, &["name", "join_keys"])?;
    let part = |(name, of_type): &(String, Node)| {
        let field_type = type_of(of_type.text("a type")?).ok_or_else(|| of_type.wrong("a type of a key"))?;
        Ok((name.clone(), field_type))
    };
    let join_keys = entries(node, "join_keys")?.iter().map(part).collect::<Outcome<_>>()?;
    Ok(Entity { name: text(node, "name")?.to_owned(), join_keys })
}

fn view(definitions: &Definitions, node: &Node) -> Outcome<View> {
    known(
        node,
        &["name", "entity", "source", "join_keys", "where", "ttl", "forget", "lookback", "tags", "features"],
    )?;
    let find = |names: Vec<&String>, key| {
        let name = text(node, key)?;
        let place = names.iter().position(|known| *known == name);
        place.ok_or_else(|| format!("line {}: no {key} is called `{name}`", node.line))
    };
    let source = find(definitions.sources.iter().map(|source| &source.name).collect(), "source")?;
    let entity = find(definitions.entities.iter().map(|entity| &entity.name).collect(), "entity")?;
    let fields = typed_fields(&definitions.sources[source]);
    let given = node.get("join_keys").map_or(Ok(&[][..]), |map| map.entries("a map of join keys"))?;
    let join_key = |(name, wanted): &(String, FieldType)| {
        let given = given.iter().find(|(key, _)| key == name);
        given.map(|(_, sql)| of_type(sql, &fields, *wanted)).transpose()
    };
    let join_keys = definitions.entities[entity].join_keys.iter().map(join_key).collect::<Outcome<_>>()?;
    let lookback = match node.get("lookback") {
        None => Lookback::Unsaid,
        Some(unbounded) if unbounded.text("a duration") == Ok("unbounded") => Lookback::Unbounded,
        Some(within) => Lookback::Within(duration(within)?),
    };
    let features = entries(node, "features")?.iter();
    Ok(View {
        name: text(node, "name")?.to_owned(),
        source,
        entity,
        join_keys,
        filter: node.get("where").map(|sql| of_type(sql, &fields, FieldType::Bool)).transpose()?,
        ttl: node.get("ttl").map(duration).transpose()?,
        forget: node.get("forget").map(duration).transpose()?,
        lookback,
        features: features.map(|(name, node)| feature(name, node, &fields)).collect::<Outcome<_>>()?,
    })
}

/// What expressions may use beside the fields of the value: the record's own timestamp, and its key.
pub const TIMESTAMP: &str = "@timestamp";
/// See [`TIMESTAMP`].
pub const KEY: &str = "@key";

/// The fields that expressions may use, with the types of their values.
fn typed_fields(source: &Source) -> BTreeMap<String, FieldType> {
    let always = [(TIMESTAMP, FieldType::Timestamp), (KEY, FieldType::String)];
    let always = always.map(|(name, of_type)| (name.to_owned(), of_type));
    let of_changes = changes::KNOWN.iter().filter(|_| source.format == Format::Debezium);
    let of_changes = of_changes.filter_map(|(name, of_type)| Some(((*name).to_owned(), type_of(of_type)?)));
    let declared = source.fields.iter().chain(&source.around);
    let declared = declared.filter_map(|(path, declared)| Some((path.clone(), type_of(declared)?)));
    always.into_iter().chain(of_changes).chain(declared).collect()
}

/// The expression that `node` writes, which must be of type `wanted` as it stands.
pub fn of_type(node: &Node, fields: &BTreeMap<String, FieldType>, wanted: FieldType) -> Outcome<Expression> {
    let (read, found) = typed_sql(node, fields)?;
    match found == wanted {
        true => Ok(read),
        false => Err(format!("line {}: the oracle does not turn {found} into {wanted}: {node}", node.line)),
    }
}

/// The expression that `node` writes, and its type.
pub fn typed_sql(node: &Node, fields: &BTreeMap<String, FieldType>) -> Outcome<(Expression, FieldType)> {
    let sql = node.text("an SQL expression")?;
    expression(sql, fields).map_err(|what| format!("line {}: the oracle cannot say {what}", node.line))
}

/// The duration that `node` writes.
pub fn duration(node: &Node) -> Outcome<TimeDelta> {
    node.text("a duration")?.parse().map_err(|_| node.wrong("a duration"))
}

/// Refuses keys that the oracle does not know.
pub fn known(node: &Node, keys: &[&str]) -> Outcome {
    match node.entries("a map")?.iter().find(|(key, _)| !keys.contains(&key.as_str())) {
        Some((key, value)) => Err(format!("line {}: the oracle knows no `{key}` here", value.line)),
        None => Ok(()),
    }
}

/// The text at `key`.
pub fn text<'a>(node: &'a Node, key: &str) -> Outcome<&'a str> {
    node.get(key).ok_or_else(|| format!("line {}: no `{key}`", node.line))?.text("a text")
}

/// The entries of the map at `key`.
pub fn entries<'a>(node: &'a Node, key: &str) -> Outcome<&'a [(String, Node)]> {
    node.get(key).ok_or_else(|| format!("line {}: no `{key}`", node.line))?.entries("a map")
}
