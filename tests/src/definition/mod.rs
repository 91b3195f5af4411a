//! What is defined, as the generator makes it and the oracle reads it; and the same as a definition file, which
//! is all the engine gets to see.

mod avro_schema;
mod expression;
mod on_demand;
mod record_key;
mod yaml;

use std::collections::BTreeMap;

use thalweg_core::{Aggregation, FieldType, Nulls, TimeDelta, Value, Window};

pub use avro_schema::Writing;
pub use expression::{Comparison, Expression, Operation};
pub use on_demand::{OnDemandFeature, OnDemandView, list_of};

/// A whole repository of definitions.
#[derive(Clone, Debug, Default)]
pub struct Definitions {
    /// Where events come from.
    pub sources: Vec<Source>,
    /// What features are about.
    pub entities: Vec<Entity>,
    /// What is folded.
    pub views: Vec<View>,
    /// What is computed from that.
    pub on_demand: Vec<OnDemandView>,
}

/// How the events of a topic are read.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its name, and that of its topic.
    pub name: String,
    /// Whether a record replaces the one of its key before it, and one without a value deletes it.
    pub is_table: bool,
    /// How its records are written.
    pub format: Format,
    /// Its fields by path, with the name of the type as it is declared (`timestamp_ms` says more than the
    /// type of the values does).
    pub fields: BTreeMap<String, &'static str>,
    /// What is declared of what is around its records' values, in the same way: `@key`, fields of the key, headers.
    pub around: BTreeMap<String, &'static str>,
    /// Where the event time stands.
    pub event_time: Time,
    /// Where the append time stands, if anywhere.
    pub append_time: Option<Time>,
    /// The field that orders events of one instant.
    pub order_by: Option<String>,
    /// How far an event time may lie past a known append time; a day if it is not said.
    pub max_ahead: Option<TimeDelta>,
}

/// How records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// As JSON objects.
    Json,
    /// As bare Avro datums, of a schema that is written in the definitions.
    Avro,
    /// As Avro datums of any of several schemas, which they name by number.
    NamedAvro,
    /// As changes of rows in JSON.
    Debezium,
}

/// Where an event carries an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Time {
    /// In a timestamp field, or in a date field that stands for its midnight.
    Field(String),
    /// In the record's timestamp.
    Record,
}

/// Names and types of the parts of a key.
#[derive(Clone, Debug)]
pub struct Entity {
    /// Its name.
    pub name: String,
    /// The parts, in order.
    pub join_keys: Vec<(String, FieldType)>,
}

/// Features of one entity over one source.
#[derive(Clone, Debug)]
pub struct View {
    /// Its name.
    pub name: String,
    /// Position of its source.
    pub source: usize,
    /// Position of its entity.
    pub entity: usize,
    /// How an event gives each part of the key, where it is not by a field of the same name.
    pub join_keys: Vec<Option<Expression>>,
    /// Which events take part.
    pub filter: Option<Expression>,
    /// Age at which an event stops being visible.
    pub ttl: Option<TimeDelta>,
    /// Age at which an event is as if it had never been.
    pub forget: Option<TimeDelta>,
    /// How far behind the watermark a lookup may reach.
    pub lookback: Lookback,
    /// Its features, each of one or more columns.
    pub features: Vec<Feature>,
}

/// How far behind the watermark a lookup may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookback {
    /// As far as when nothing is said: an hour.
    Unsaid,
    /// This far.
    Within(TimeDelta),
    /// To the beginning.
    Unbounded,
}

/// A feature: one column for each of its aggregations and windows.
#[derive(Clone, Debug)]
pub struct Feature {
    /// Its name.
    pub name: String,
    /// How values become one.
    pub aggregations: Vec<Aggregation>,
    /// Whether the aggregations are written as a list, and so show in the names of columns.
    pub listed: bool,
    /// What is aggregated, and its type; rows, if none.
    pub of: Option<(Expression, FieldType)>,
    /// What rows are compared by.
    pub by: Option<Expression>,
    /// The feature's own condition.
    pub filter: Option<Expression>,
    /// Which events, seen from T; the lifetime, if none.
    pub windows: Vec<Window>,
}

/// One column of a view.
#[derive(Clone, Debug)]
pub struct Column<'a> {
    /// Its name within the view.
    pub name: String,
    /// The feature it belongs to.
    pub feature: &'a Feature,
    /// How values become one.
    pub aggregation: Aggregation,
    /// Which events, seen from T.
    pub window: Window,
}

impl Feature {
    /// The feature's columns, under the names the contract gives them.
    pub fn columns(&self) -> Vec<Column<'_>> {
        let windows = match self.windows.is_empty() {
            true => vec![(Window::Lifetime, String::new())],
            false => self.windows.iter().map(|window| (*window, format!("_{}", suffix(*window)))).collect(),
        };
        let mut columns = Vec::new();
        for aggregation in &self.aggregations {
            let listed = if self.listed { format!("_{}", name_of(aggregation)) } else { String::new() };
            columns.extend(windows.iter().map(|(window, suffix)| Column {
                name: format!("{}{listed}{suffix}", self.name),
                feature: self,
                aggregation: aggregation.clone(),
                window: *window,
            }));
        }
        columns
    }
}

impl Source {
    /// What the field called `name` is declared as.
    ///
    /// # Panics
    /// If it is not declared.
    pub fn declared(&self, name: &str) -> &'static str {
        self.fields.get(name).or_else(|| self.around.get(name)).expect("a field of the source")
    }
}

impl View {
    /// All columns of the view.
    pub fn columns(&self) -> Vec<Column<'_>> {
        self.features.iter().flat_map(Feature::columns).collect()
    }

    /// How far behind the watermark a lookup may reach, if not to the beginning.
    pub fn reach_back(&self) -> Option<TimeDelta> {
        match self.lookback {
            Lookback::Unsaid => Some(TimeDelta::from_micros(3_600_000_000)),
            Lookback::Within(lookback) => Some(lookback),
            Lookback::Unbounded => None,
        }
    }
}

/// What a window adds to the name of a column.
pub fn suffix(window: Window) -> String {
    match window {
        Window::Lifetime => "lifetime".to_owned(),
        Window::Sliding { width, offset: TimeDelta::ZERO } => width.to_string(),
        Window::Sliding { width, offset } => format!("{width}_offset_{offset}"),
        Window::Coarse { width, offset, .. } => suffix(Window::Sliding { width, offset }),
        Window::Tumbling { width, offset: 0 } => format!("tumbling_{width}"),
        Window::Tumbling { width, offset } => format!("tumbling_{width}_offset_{offset}"),
        Window::Session { gap } => format!("session_{gap}"),
    }
}

/// Whether nulls are values to an aggregation.
pub fn keeps_nulls(aggregation: &Aggregation) -> bool {
    use Aggregation::{First, FirstN, Last, LastN};
    match aggregation {
        First { nulls } | Last { nulls } | FirstN { nulls, .. } | LastN { nulls, .. } => {
            *nulls == Nulls::Keep
        }
        _ => false,
    }
}

/// Whether an aggregation is near the truth and no more.
pub fn is_approximate(aggregation: &Aggregation) -> bool {
    matches!(aggregation, Aggregation::ApproxCountDistinct | Aggregation::ApproxPercentile { .. })
}

/// Whether an aggregation compares rows by a second value.
pub fn compares(aggregation: &Aggregation) -> bool {
    matches!(aggregation, Aggregation::MinBy | Aggregation::MaxBy)
}

/// The name of an aggregation in definition files.
pub fn name_of(aggregation: &Aggregation) -> &'static str {
    match aggregation {
        Aggregation::Count => "count",
        Aggregation::Sum => "sum",
        Aggregation::Avg => "avg",
        Aggregation::Min => "min",
        Aggregation::Max => "max",
        Aggregation::Variance => "variance",
        Aggregation::Stddev => "stddev",
        Aggregation::VariancePop => "variance_pop",
        Aggregation::StddevPop => "stddev_pop",
        Aggregation::MinBy => "min_by",
        Aggregation::MaxBy => "max_by",
        Aggregation::Any => "any",
        Aggregation::All => "all",
        Aggregation::First { .. } => "first",
        Aggregation::Last { .. } => "last",
        Aggregation::FirstN { .. } => "first_n",
        Aggregation::LastN { .. } => "last_n",
        Aggregation::CountDistinct { .. } => "count_distinct",
        Aggregation::TopK { .. } => "top_k",
        Aggregation::Histogram { .. } => "histogram",
        Aggregation::ExpDecaySum { .. } => "exp_decay_sum",
        Aggregation::ApproxCountDistinct => "approx_count_distinct",
        Aggregation::ApproxPercentile { .. } => "approx_percentile",
        Aggregation::TimeSinceFirst => "time_since_first",
        Aggregation::TimeSinceLast => "time_since_last",
    }
}

/// The fields of an event by path; one that is missing is null.
pub type Row = BTreeMap<String, Value>;

/// One record of a topic, as it is meant to be read.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    /// Its partition.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
    /// The record's timestamp, milliseconds since the epoch.
    pub timestamp_ms: i64,
    /// The record's key.
    pub key: Option<&'a [u8]>,
    /// Whether it has no value.
    pub is_tombstone: bool,
    /// Whether it deletes though it has a value.
    pub is_delete: bool,
    /// What it says; nothing if it cannot be decoded.
    pub row: Option<&'a Row>,
}
