//! The things a feature repository defines, once they have been checked.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;
use thalweg_core::{FeatureColumn, FieldType, FoldPlan, Lookback, TimeDelta};
use thalweg_log::{Field, Format, Schemas};

use crate::{DefinitionFile, OnDemandView, Version};

/// A checked set of definitions: every reference in it leads somewhere.
///
/// Each list is sorted by name, so that two repositories that mean the same are equal however their files
/// were cut and ordered.
#[derive(Clone, Debug)]
pub struct Repository {
    /// Where events come from.
    pub sources: Vec<Source>,
    /// What features are about.
    pub entities: Vec<Entity>,
    /// Folds of a source's events by the key of an entity.
    pub views: Vec<FeatureView>,
    /// Features computed from others when they are asked for.
    pub on_demand_views: Vec<OnDemandView>,
    /// Named lists of features.
    pub services: Vec<FeatureService>,
    pub(crate) files: Vec<DefinitionFile>,
}

impl Repository {
    /// The source called `name`.
    pub fn source(&self, name: &str) -> Option<&Source> {
        self.sources.iter().find(|source| source.name == name)
    }

    /// The entity called `name`.
    pub fn entity(&self, name: &str) -> Option<&Entity> {
        self.entities.iter().find(|entity| entity.name == name)
    }

    /// The feature view called `name`.
    pub fn view(&self, name: &str) -> Option<&FeatureView> {
        self.views.iter().find(|view| view.name == name)
    }

    /// The on-demand feature view called `name`.
    pub fn on_demand_view(&self, name: &str) -> Option<&OnDemandView> {
        self.on_demand_views.iter().find(|view| view.name == name)
    }

    /// The feature service called `name`.
    pub fn service(&self, name: &str) -> Option<&FeatureService> {
        self.services.iter().find(|service| service.name == name)
    }

    /// Has the numbers by which records name their schemas looked up in `schemas`.
    pub fn connect(&mut self, schemas: &Schemas) {
        for source in &mut self.sources {
            source.format = source.format.clone().connected(schemas);
        }
    }

    /// A source whose records name their schemas by numbers of a registry, if there is such a one.
    pub fn needs_registry(&self) -> Option<&Source> {
        self.sources.iter().find(|source| source.format.needs_registry())
    }

    /// The views over the source called `source`.
    pub fn views_of(&self, source: &str) -> impl Iterator<Item = &FeatureView> {
        self.views.iter().filter(move |view| view.source == source)
    }

    /// The files this repository was read from, schema files included, sorted by name.
    ///
    /// [`load_text`](crate::load_text) of them gives this repository again: it is what a server is sent and
    /// what it keeps.
    pub fn files(&self) -> &[DefinitionFile] {
        &self.files
    }
}

/// A topic, and how to read its records as events.
#[derive(Clone, Debug)]
pub struct Source {
    /// Name of the source.
    pub name: String,
    /// Topic of the log.
    pub topic: String,
    /// What a record is to those before it.
    pub kind: SourceKind,
    /// What a record's value is.
    pub format: Format,
    /// The fields it declares, or its schema does, sorted by path. `@timestamp`, the record's own, is always among
    /// them.
    pub fields: Vec<Field>,
    /// The fields that expressions may use beside these, whose types are known: the record's key, what Debezium writes
    /// around a row. They are read only where they are used.
    pub undeclared: Vec<Field>,
    /// Where an event says when it happened.
    pub event_time: TimeField,
    /// Where an event says when the log learned of it, if the definition names it.
    pub append_time: Option<TimeField>,
    /// Path of the integer or timestamp field that orders events of one instant.
    pub order_by: Option<String>,
    /// How far an event's time may lie past its append time, where that is known.
    pub max_ahead: TimeDelta,
}

impl Source {
    /// All fields that expressions may use.
    pub fn usable(&self) -> Vec<Field> {
        self.fields.iter().chain(&self.undeclared).cloned().collect()
    }

    /// The field with this path.
    pub fn field(&self, path: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == path)
    }
}

/// What a source's records are to those before them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SourceKind {
    /// Events beside each other: all of them count.
    #[default]
    Stream,
    /// A changelog: the newest record of a key stands for it alone, and one without a value deletes it.
    Table,
}

impl SourceKind {
    /// Its name in definition files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Table => "table",
        }
    }
}

/// Where an event carries an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimeField {
    /// The field of the value with this path, a timestamp or a date (its midnight).
    Field(String),
    /// The record's own timestamp, written `"@timestamp"`.
    RecordTimestamp,
}

impl TimeField {
    /// The path of the field, if it is one.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Field(path) => Some(path),
            Self::RecordTimestamp => None,
        }
    }
}

impl std::fmt::Display for TimeField {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.field().unwrap_or("@timestamp"))
    }
}

/// What features are about: a carrier, an airport, a card at a merchant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// Name of the entity.
    pub name: String,
    /// Names and types of the parts of its key, in the order in which they are encoded.
    pub join_keys: Vec<(String, FieldType)>,
}

/// Features of one entity, folded from the events of one source.
#[derive(Clone, Debug)]
pub struct FeatureView {
    /// Name of the view.
    pub name: String,
    /// Name of its entity.
    pub entity: String,
    /// Name of its source.
    pub source: String,
    /// How an event says whom it is about, in the order of the entity's join keys.
    pub join_keys: Vec<JoinKey>,
    /// Which events take part: those for which this is true. It applies to every feature. Over a table, a record
    /// for which it is not true hides its key.
    pub filter: Option<Sql>,
    /// What the inputs of [`Self::plan`] are, by position. Over a table the plan has one more at the end, its
    /// [`shown`](FoldPlan::shown).
    pub inputs: Vec<Input>,
    /// What is folded, and for how long events matter. Inputs and features stand in an order that their
    /// meaning alone decides: views of one [`Version`] have equal plans but for the lookback, so that the
    /// state of one can be read by the other.
    pub plan: FoldPlan,
    /// Names of the columns in the order of the definition, in which `view:*` gives them.
    pub columns: Vec<String>,
    /// Words for people; they mean nothing to the values.
    pub tags: BTreeMap<String, String>,
    /// Paths of the source's fields that the expressions of this view use, sorted.
    pub fields: Vec<String>,
    /// Hash of what the values of this view mean.
    pub version: Version,
}

impl FeatureView {
    /// The column called `name`.
    pub fn column(&self, name: &str) -> Option<&FeatureColumn> {
        self.plan.features.iter().find(|column| column.name == name)
    }

    /// The Arrow type of the values of `column`, one of this view's.
    pub fn column_type(&self, column: &FeatureColumn) -> DataType {
        let input = column.input.and_then(|input| self.plan.inputs.get(input)).copied();
        column
            .aggregation
            .output(input)
            .expect("a view is made only of aggregations that are defined for their inputs")
    }

    /// Age at which an event stops being visible.
    pub fn ttl(&self) -> Option<TimeDelta> {
        self.plan.ttl
    }

    /// How far behind the watermark lookups are exact.
    pub fn lookback(&self) -> Lookback {
        self.plan.lookback
    }
}

/// One part of an entity's key, as an event of some source has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinKey {
    /// Name of the part, as the entity has it.
    pub name: String,
    /// Its type, the type of the expression.
    pub field_type: FieldType,
    /// Its value, over the fields of the source.
    pub expression: Sql,
}

/// One column that a view's folds read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Its value, over the fields of the source.
    pub expression: Sql,
    /// The feature's own `where`: where this is not true, the input is null.
    pub filter: Option<Sql>,
    /// Type of the expression, equal to that of [`FoldPlan::inputs`] at the same position.
    pub field_type: FieldType,
}

/// An SQL expression that has been checked against the fields of its source.
#[derive(Clone, Debug)]
pub struct Sql {
    /// As it was written.
    pub text: String,
    /// As the planner prints it: two expressions of equal meaning here are evaluated once.
    pub meaning: String,
}

impl PartialEq for Sql {
    fn eq(&self, other: &Self) -> bool {
        self.meaning == other.meaning
    }
}

impl Eq for Sql {}

/// A named list of features, as one model takes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureService {
    /// Name of the service.
    pub name: String,
    /// Its columns, in the order in which they are answered.
    pub features: Vec<FeatureRef>,
}

/// One column of a view of either kind, as a service or a request takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureRef {
    /// Name of the view.
    pub view: String,
    /// The name under which the view is taken, where it is not its own.
    pub alias: Option<String>,
    /// Name of the column within the view.
    pub column: String,
    /// For join keys taken from columns of other names: join key → column of the request.
    pub join_key_map: BTreeMap<String, String>,
}

impl FeatureRef {
    /// The name the view goes by here: its alias, or its own.
    pub fn view_name(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.view)
    }

    /// The name of the values' column in results: `view__column`.
    pub fn result_column(&self) -> String {
        crate::naming::result_column(self.view_name(), &self.column)
    }

    /// The column of a request that holds the join key `join_key` of this feature's entity.
    pub fn key_column<'a>(&'a self, join_key: &'a str) -> &'a str {
        self.join_key_map.get(join_key).map_or(join_key, String::as_str)
    }
}
