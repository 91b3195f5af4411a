//! What can keep a training set from being made.

use arrow::datatypes::DataType;
use thalweg_log::TopicPartition;

use crate::AsOf;
use crate::budget::{MEMORY_BUDGET_KEY, TOTAL_MEMORY_KEY};

/// Why a request about the past cannot be answered. No variant ever stands for a shorter answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The spine lacks a column the request needs.
    #[error("the spine has no column `{column}` ({purpose}); it has: {}. Add it, or name another", .present.join(", "))]
    MissingColumn {
        /// The column looked for.
        column: String,
        /// What it would have been used for.
        purpose: String,
        /// The columns the spine has.
        present: Vec<String>,
    },
    /// The spine has two columns of one name.
    #[error("the spine has two columns named `{column}`; rename one of them")]
    DuplicateColumn {
        /// The name in question.
        column: String,
    },
    /// The batches of a spine differ in their schema.
    #[error("the spine's batches do not all have one schema: {reason}")]
    MixedSpine {
        /// How they differ.
        reason: String,
    },
    /// A spine column has a type that cannot serve.
    #[error("spine column `{column}` has type {found}, but {purpose} needs {wanted}; cast it before sending")]
    ColumnType {
        /// The column.
        column: String,
        /// What it is used for.
        purpose: String,
        /// Its type.
        found: DataType,
        /// The types that would do.
        wanted: String,
    },
    /// A key or time of a spine row is null.
    #[error(
        "spine column `{column}` is null in row {row} ({nulls} such rows): a row needs {purpose}; drop or fill those rows"
    )]
    NullInSpine {
        /// The column.
        column: String,
        /// The first row with a null, counted from 0.
        row: usize,
        /// How many rows have one.
        nulls: usize,
        /// What the column is used for.
        purpose: String,
    },
    /// A spine column cannot serve as a join key.
    #[error("spine column `{column}` cannot be the join key: {cause}")]
    Key {
        /// The column.
        column: String,
        /// Why.
        cause: thalweg_definitions::KeyColumnError,
    },
    /// A spine column cannot serve as a request input.
    #[error("spine column `{column}` cannot be the request input: {cause}")]
    Input {
        /// The column.
        column: String,
        /// Why.
        cause: thalweg_definitions::InputColumnError,
    },
    /// A spine has more rows than one request can number.
    #[error("the spine has {rows} rows; one request takes at most {limit}. Split it")]
    TooManyRows {
        /// Rows sent.
        rows: usize,
        /// Rows accepted.
        limit: usize,
    },
    /// A feature column would have the name of another column of the answer.
    #[error(
        "the answer would have two columns named `{column}`; rename the spine's, take the view under another name (`as`), or leave full_feature_names on"
    )]
    NameClash {
        /// The name in question.
        column: String,
    },
    /// A snapshot of features that are about different things.
    #[error(
        "a snapshot has one row per entity, and no view of these features has all their join keys: they take {}. \
         Ask for the features of each by themselves, or give a spine that says which keys belong together",
        .keys.iter().map(|keys| format!("({keys})")).collect::<Vec<_>>().join(", ")
    )]
    SeveralEntities {
        /// The join keys that the features take, with their types.
        keys: Vec<String>,
    },
    /// Rows that are made have no request inputs.
    #[error(
        "these features take the request input `{input}`, which rows made of the entities of the log do not have. \
         Leave out the on-demand features that take it, or give a spine that says it"
    )]
    NobodySays {
        /// Name of the request input.
        input: String,
    },
    /// A history of no time.
    #[error("a history is from one instant to a later one; from {from_us} us to {to_us} us there is none")]
    NoStretch {
        /// The first instant.
        from_us: i64,
        /// The instant after the last one.
        to_us: i64,
    },
    /// A history of what was known or answered.
    #[error("a history is as of event_time, not {}; ask for a training set at the instants you want", .as_of.name())]
    HistoryAsOf {
        /// What was asked for.
        as_of: AsOf,
    },
    /// A history of what never stays the same.
    #[error(
        "`{feature}` has no history of intervals: {aggregation} changes from each instant to the next. \
         Leave it out, or ask for a training set at the instants you want"
    )]
    Drifts {
        /// `view:column`.
        feature: String,
        /// Its aggregation.
        aggregation: &'static str,
    },
    /// A shard that is not among those there are.
    #[error("there is no shard {number} of {of}: they are numbered from 0")]
    NoShard {
        /// The number asked for.
        number: usize,
        /// How many there are.
        of: usize,
    },
    /// A column of a source that has none of this name.
    #[error("source `{source_name}` has no field `{field}`; it has: {}", .present.join(", "))]
    NoField {
        /// The source.
        source_name: String,
        /// The field asked for.
        field: String,
        /// The fields there are.
        present: Vec<String>,
    },
    /// Features that make no columns.
    #[error(transparent)]
    Layout(#[from] thalweg_definitions::LayoutError),
    /// A feature service that is not defined.
    #[error("there is no feature service `{service}`; there are: {}", .present.join(", "))]
    UnknownService {
        /// The service.
        service: String,
        /// Services there are.
        present: Vec<String>,
    },
    /// Features that cannot be taken as asked.
    #[error(transparent)]
    Reference(#[from] thalweg_definitions::ReferenceError),
    /// More events than memory may hold.
    #[error(
        "the events of the spine's keys need more than {limit} bytes of memory (at least {used}); ask for fewer entities or features at a time, or raise `{MEMORY_BUDGET_KEY}`"
    )]
    OverBudget {
        /// Bytes needed when the limit was met.
        used: usize,
        /// The limit.
        limit: usize,
    },
    /// Requests hold as much as they may together.
    #[error(
        "requests about the past would hold {held} bytes of memory together; the limit `{TOTAL_MEMORY_KEY}` is {limit}. \
         Ask again when others have taken their rows, ask for less at a time, or raise the limit"
    )]
    OverMemory {
        /// Bytes they would hold.
        held: usize,
        /// The limit.
        limit: usize,
    },
    /// A request needs a topic of which its pin says nothing.
    #[error(
        "the pin says nothing of topic `{topic}`, which the features asked for rest on; it names: {}. \
         Leave the pin out, or give one that was taken for these features",
        .pinned.join(", ")
    )]
    NotPinned {
        /// The topic.
        topic: String,
        /// Topics the pin names.
        pinned: Vec<String>,
    },
    /// A request asks for what was known, and a source does not tell.
    #[error(
        "training sets `as_of` {} cannot be made of source `{source_name}`: it does not say when the log learned of its \
         events. Declare it, `append_time: \"@timestamp\"` (the record's timestamp) or a field of the value, or ask \
         `as_of` event_time",
        .as_of.name()
    )]
    UnknownAppendTime {
        /// The source.
        source_name: String,
        /// What was asked for.
        as_of: AsOf,
    },
    /// A request asks for what was served, and nothing serves here.
    #[error(
        "what was served is known where features are served: ask a running server (`thalweg serve`), for a spine of rows"
    )]
    NothingServes,
    /// What was served at a row's instant is not known.
    #[error(
        "what was served of topic `{topic}` at {at} is not known: {why}. Leave such rows out, or ask `as_of` known or \
         event_time"
    )]
    NotServed {
        /// The topic.
        topic: String,
        /// The first such instant.
        at: String,
        /// Why it is not known.
        why: String,
    },
    /// The record of what was applied cannot be read.
    #[error("what was applied of topic `{topic}` cannot be told: {cause}; ask again")]
    History {
        /// The topic.
        topic: String,
        /// Why.
        cause: String,
    },
    /// A pinned topic no longer exists.
    #[error(
        "topic `{topic}`, which the pin names, is not in the log any more: its training sets cannot be remade"
    )]
    PinnedTopicGone {
        /// The topic.
        topic: String,
    },
    /// A pinned topic was deleted and created again.
    #[error(
        "topic `{topic}` has id {found}, but the pin was taken of {pinned}: it was deleted and created again, and the pinned events are gone"
    )]
    PinnedTopicReplaced {
        /// The topic.
        topic: String,
        /// Id in the pin.
        pinned: String,
        /// Id in the log.
        found: String,
    },
    /// The pin reaches past what the log has.
    #[error(
        "the pin reaches to offset {pinned} of {partition}, but the log ends at {end}: the log lost records, or the pin is of another log"
    )]
    PinBeyondEnd {
        /// The partition.
        partition: TopicPartition,
        /// Next offset in the pin.
        pinned: i64,
        /// Next offset of the log.
        end: i64,
    },
    /// Retention removed pinned events.
    #[error(
        "offsets 0 to {gone_until} of {partition}, on which this training set rests, are gone from the log"
    )]
    PinExpired {
        /// The partition.
        partition: TopicPartition,
        /// Last offset that is gone.
        gone_until: i64,
    },
    /// A topic asked for does not exist.
    #[error("there is no topic `{topic}` in the log; it has: {}", .present.join(", "))]
    UnknownTopic {
        /// The topic.
        topic: String,
        /// Topics there are.
        present: Vec<String>,
    },
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] thalweg_log::Error),
    /// A source's format cannot be decoded.
    #[error("source `{source_name}` cannot be decoded: {cause}")]
    Decode {
        /// The source.
        source_name: String,
        /// Why.
        cause: String,
    },
    /// The entities of the log are too many to be listed.
    #[error("the entities cannot be listed: {0}")]
    Keys(#[from] thalweg_core::KeyError),
    /// Whoever asked has gone away.
    #[error("the request was cancelled")]
    Cancelled,
    /// The events or rows of one view are more than one sweep takes.
    #[error(transparent)]
    Sweep(#[from] thalweg_core::SweepError),
    /// Arrow refused an operation on columns.
    #[error("columns could not be put together: {0}")]
    Arrow(#[from] arrow::error::ArrowError),
}
