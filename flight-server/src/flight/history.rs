//! Feature history: for keys and a stretch of time the intervals in which nothing changes.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, SchemaRef};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::{Map, Value};
use thalweg_backfill::{Cancellation, Commit, History, Pin, Stretch, prepare_history};
use thalweg_definitions::{Layout, Repository};

use super::command::{Command, TrainingSetCommand};
use super::extended;
use super::pin::PinRef;
use super::shards::Order;
use super::spine::{Making, Rows};
use super::spool::Spool;
use super::training_set::{check_commit, request};
use crate::Error;
use crate::node::Node;

/// Asks for a history: the settings of a training set, whose spine has the keys, a stretch of time, and maybe the
/// keys themselves.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryCommand {
    /// From when to when.
    pub stretch: Stretch,
    /// The keys, column by column, in place of a spine.
    pub entities: Option<Map<String, Value>>,
    /// Everything else.
    pub set: TrainingSetCommand,
}

/// What a history has and a training set has not.
#[derive(Serialize, Deserialize)]
struct Own {
    #[serde(flatten)]
    stretch: Stretch,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    entities: Option<Map<String, Value>>,
}

/// A history as `GetFlightInfo` describes it.
pub(super) struct HistoryDescription {
    pub(super) schema: SchemaRef,
    pub(super) commit: Commit,
    pub(super) ticket: Command,
}

/// Everything about the answer but its rows, of which it is not known how many there are.
pub(super) fn describe(
    node: &Node,
    spool: &Spool,
    command: &HistoryCommand,
    cancellation: &Cancellation,
) -> Result<HistoryDescription, Error> {
    let repository = node.repository();
    let making = Making { node, repository: repository.clone(), spool, cancellation };
    let pin = making.pin(&command.set)?;
    let rows = rows(&making, command, &pin)?;
    let _rows = rows.hold(node.memory())?;
    let mut ticket = command.clone();
    ticket.set.pin = Some(PinRef::Prefix(pin.clone()));
    if command.set.spine.as_ref().is_some_and(|spine| spine.is_made()) {
        ticket.set.spine_hash = Some(spool.put(&rows.schema, &rows.batches)?.0);
    }
    let request = request(&ticket.set, None, Some(pin), rows)?;
    let prepared = prepare_history(&repository, node.log(), &request, command.stretch)?;
    let commit = prepared.commit().clone();
    node.manifests().keep(&commit)?;
    ticket.set.commit = Some(commit.id.clone());
    let ticket = Command::FeatureHistory(ticket);
    Ok(HistoryDescription { schema: prepared.schema().clone(), commit, ticket })
}

/// Hands `then` the history that `command` asks for, its events read.
///
/// # Errors
/// Whatever is wrong with the command, what keeps it from being answered, what `then` says.
pub(crate) fn make<T>(
    node: &Node,
    spool: &Spool,
    command: &HistoryCommand,
    cancellation: &Cancellation,
    then: impl FnOnce(History<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let repository = node.repository();
    let making = Making { node, repository: repository.clone(), spool, cancellation };
    let pin = making.pin(&command.set)?;
    let rows = rows(&making, command, &pin)?;
    let _rows = rows.hold(node.memory())?;
    let request = request(&command.set, None, Some(pin), rows)?;
    let prepared = prepare_history(&repository, node.log(), &request, command.stretch)?;
    drop(request);
    check_commit(&command.set, prepared.commit())?;
    let replayed = prepared.replay(&node.memory().budget(), cancellation)?;
    then(replayed)
}

/// The keys.
fn rows(making: &Making<'_>, command: &HistoryCommand, pin: &Pin) -> Result<Rows, Error> {
    if command.set.shards.is_some() || command.set.shard.is_some() {
        return Err(Error::invalid("a history is not given in shards; ask for fewer keys at a time"));
    }
    if command.set.leakage {
        return Err(Error::invalid("a history reports no leakage; ask for a training set"));
    }
    if command.set.order == Order::Any {
        return Err(Error::invalid("a history comes in the order of its keys; leave `order` out"));
    }
    match (&command.entities, &command.set.spine) {
        (Some(entities), None) => entity_rows(&making.repository, &command.set, entities),
        (None, Some(_)) => making.rows(&command.set, pin),
        _ => Err(Error::invalid(
            "a history needs keys: `entities` with a list for each join key, or `spine` with an upload by DoPut",
        )),
    }
}

/// Keys as JSON has them as rows.
fn entity_rows(
    repository: &Repository,
    command: &TrainingSetCommand,
    entities: &Map<String, Value>,
) -> Result<Rows, Error> {
    let features = command.features()?.resolve(repository)?;
    let layout = Layout::new(repository, &features, true).map_err(thalweg_backfill::Error::from)?;
    let columns = entities
        .iter()
        .map(|(name, values)| {
            let keys = layout.folds.iter().flat_map(|fold| &fold.key_columns);
            let data_type = keys.clone().find(|(key, _)| key == name).map(|(_, key)| key.to_arrow());
            let wrong = |why: &str| Error::invalid(format!("field `entities`: column `{name}` {why}"));
            let values = values.as_array().ok_or_else(|| wrong("must be a list of values"))?;
            let data_type = data_type.ok_or_else(|| wrong("is no join key of these features"))?;
            let column = column(values, &data_type).ok_or_else(|| {
                wrong(&format!("has values that are no join keys of type {data_type}; or send them by DoPut"))
            })?;
            Ok((name.as_str(), column, true))
        })
        .collect::<Result<Vec<_>, Error>>()?;
    let rows = RecordBatch::try_from_iter_with_nullable(columns)
        .map_err(|cause| Error::invalid(format!("field `entities` makes no rows: {cause}")))?;
    Ok(Rows { schema: rows.schema(), batches: vec![rows] })
}

/// `values`, all of one kind and none null, as a column of keys of type `data_type`.
fn column(values: &[Value], data_type: &DataType) -> Option<ArrayRef> {
    Some(match data_type {
        DataType::Boolean => {
            Arc::new(BooleanArray::from(values.iter().map(Value::as_bool).collect::<Option<Vec<_>>>()?))
        }
        DataType::Int32 | DataType::Int64 => {
            Arc::new(Int64Array::from(values.iter().map(Value::as_i64).collect::<Option<Vec<_>>>()?))
        }
        DataType::Binary => return None,
        _ => {
            let texts = StringArray::from(values.iter().map(Value::as_str).collect::<Option<Vec<_>>>()?);
            let column = cast(&texts, data_type).ok()?;
            (column.null_count() == 0).then_some(column)?
        }
    })
}

impl<'de> Deserialize<'de> for HistoryCommand {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let settings = Map::deserialize(deserializer)?;
        let own = ["from_us", "to_us", "entities"];
        let (Own { stretch, entities }, set) = extended::read(settings, &own).map_err(de::Error::custom)?;
        Ok(Self { stretch, entities, set })
    }
}

impl Serialize for HistoryCommand {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let own = Own { stretch: self.stretch, entities: self.entities.clone() };
        extended::write(&own, &self.set).map_err(ser::Error::custom)?.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histories_are_read_and_written() {
        let text =
            r#"{"type":"feature_history","features":["v:*"],"from_us":1,"to_us":9,"entities":{"a":["x"]}}"#;
        let command = Command::parse(text.as_bytes()).expect("a command");
        let Command::FeatureHistory(history) = &command else { panic!("another command: {command:?}") };
        assert_eq!(history.stretch, Stretch { from_us: 1, to_us: 9 });
        assert_eq!(Command::parse(command.to_json().as_bytes()).expect("its own JSON"), command);
        let cut =
            Command::parse(br#"{"type":"feature_history","from_us":1}"#).expect_err("no end").to_string();
        assert!(cut.contains("missing field `to_us`"), "{cut}");
    }

    #[test]
    fn keys_in_a_command_are_of_one_kind() {
        let values = |text: &str| serde_json::from_str::<Vec<Value>>(text).expect("values");
        let date = column(&values(r#"["2013-01-01"]"#), &DataType::Date32).expect("a date");
        assert_eq!(*date.data_type(), DataType::Date32);
        assert!(column(&values(r#"["noon"]"#), &DataType::Date32).is_none());
        assert!(column(&values(r#"["a", 1]"#), &DataType::Utf8).is_none());
        assert!(column(&values("[null]"), &DataType::Int64).is_none());
        assert_eq!(column(&values("[1, -2]"), &DataType::Int32).map(|keys| keys.len()), Some(2));
    }
}
