//! The oracle's answers to the rows of a file.

use std::collections::BTreeMap;

use thalweg_backfill::AsOf;
use thalweg_core::{Instant, Value};

use super::around::around;
use super::arrival::{Arrival, with_offsets};
use super::avro;
use super::changes;
use super::definitions::Defined;
use super::fields::{row, row_of_bytes};
use super::question::Question;
use super::record::{Record, RecordValue};
use super::subject::{Found, FoundLetter, Run, Subject, event_at};
use crate::definition::{Event, Format, Row};
use crate::harness::{Answer, Outcome};
use crate::oracle;

/// What the oracle finds.
///
/// # Errors
/// If it cannot say the definitions.
pub fn run(subject: &Subject) -> Outcome<Run> {
    let defined = subject.defined.as_ref().map_err(Clone::clone)?;
    let rows: Vec<_> = (0..defined.topics.len()).map(|source| rows_of(subject, defined, source)).collect();
    let events: Vec<_> = rows.iter().map(|rows| rows.iter().map(Placed::event).collect::<Vec<_>>()).collect();
    let answers = subject.questions().map(|question| match question.refused {
        true => Ok(Found::NotAsked),
        false => Ok(Found::Answered(answer(subject, defined, &events, question)?)),
    });
    let rows = answers.collect::<Outcome<_>>()?;
    let letters = (0..events.len()).flat_map(|source| letters(subject, defined, source, &events[source]));
    let (letters, leakage) = (Some(letters.collect()), Some(leakage(subject, defined, &events)?));
    Ok(Run { what: String::new(), online: false, rows, letters, leakage })
}

/// The watermark of the sources behind the columns of `question` when everything is applied: the least of
/// them.
pub fn watermark(subject: &Subject, defined: &Defined, question: &Question) -> Option<i64> {
    let columns = question.columns.iter().flat_map(|column| match defined.computed.get(column) {
        None => vec![column.clone()],
        Some((view, _)) => {
            let inputs = &defined.definitions.on_demand[*view].inputs;
            inputs.iter().map(|(view, column)| format!("{view}__{column}")).collect()
        }
    });
    let sources = columns.filter_map(|column| {
        let place = defined.columns.get(&column)?;
        Some(defined.definitions.views[place.view].source)
    });
    let watermark = |source: usize| {
        let rows = rows_of(subject, defined, source);
        let events: Vec<_> = rows.iter().map(Placed::event).collect();
        let all = vec![i64::MAX; usize::try_from(subject.partitions).unwrap_or_default()];
        oracle::watermark(&defined.definitions.sources[source], &events, &all)
    };
    sources.map(watermark).min().flatten()
}

/// A record where it is in the log, and what it says.
struct Placed {
    partition: i32,
    offset: i64,
    timestamp_ms: i64,
    key: Option<Vec<u8>>,
    is_tombstone: bool,
    is_delete: bool,
    row: Option<Row>,
}

impl Placed {
    fn event(&self) -> Event<'_> {
        Event {
            partition: self.partition,
            offset: self.offset,
            timestamp_ms: self.timestamp_ms,
            key: self.key.as_deref(),
            is_tombstone: self.is_tombstone,
            is_delete: self.is_delete,
            row: self.row.as_ref(),
        }
    }
}

/// The records of the topic of a source, as that source reads them.
fn rows_of(subject: &Subject, defined: &Defined, source: usize) -> Vec<Placed> {
    let placed = subject.example.records.iter().zip(with_offsets(&subject.arrivals));
    let described = &defined.definitions.sources[source];
    // What follows a change that deletes says nothing.
    let is_skipped = |record: &Record| {
        described.format == Format::Debezium && matches!(record.value, RecordValue::Tombstone)
    };
    let of_topic = placed.filter(|(record, _)| record.topic == defined.topics[source] && !is_skipped(record));
    let place = |(record, (arrival, offset)): (&Record, (&Arrival, i64))| Placed {
        partition: arrival.partition,
        offset,
        timestamp_ms: arrival.timestamp_ms,
        key: record.key.clone(),
        is_tombstone: matches!(record.value, RecordValue::Tombstone),
        is_delete: described.format == Format::Debezium && changes::is_delete(&record.value),
        row: said(subject, defined, source, record),
    };
    of_topic.map(place).collect()
}

/// What a record says, with what is not in its value; nothing if it cannot be decoded.
fn said(subject: &Subject, defined: &Defined, source: usize, record: &Record) -> Option<Row> {
    let described = &defined.definitions.sources[source];
    let mut row = match (&record.value, described.format) {
        (RecordValue::Fields(node), Format::Avro) if record.schema.is_some() => {
            let written = &subject.specification.schemas[&record.schema?];
            row(&described.fields, &avro::resolved(defined.schemas[source].as_ref()?, written, node)?)
        }
        (RecordValue::Fields(node), Format::Debezium) => {
            changes::row_of(&described.fields, &described.around, node)
        }
        (RecordValue::Fields(node), _) => row(&described.fields, node),
        (RecordValue::Bytes(bytes), Format::Json) => row_of_bytes(&described.fields, bytes),
        (RecordValue::Bytes(_), Format::Avro | Format::NamedAvro | Format::Debezium) => None,
        (RecordValue::Tombstone, _) => described.is_table.then(Row::new),
    }?;
    row.extend(around(&described.around, record)?);
    Some(row)
}

fn answer(
    subject: &Subject,
    defined: &Defined,
    events: &[Vec<Event>],
    question: &Question,
) -> Outcome<BTreeMap<String, Answer>> {
    let answer = |name: &String| {
        let folded = |name: &str| folded(subject, defined, events, question, name);
        let answer = match defined.computed.get(name) {
            None => folded(name),
            Some((view, feature)) => {
                let view = &defined.definitions.on_demand[*view];
                let feature = &view.features[*feature];
                let value =
                    |view: &str, column: &str| folded(&format!("{view}__{column}")).map(|found| found.value);
                let missing = view.inputs.iter().find(|(view, column)| value(view, column).is_none());
                let row = missing.is_none().then(|| {
                    let value = |view: &str, column: &str| value(view, column).unwrap_or(Value::Null);
                    view.row(value, |name| question.inputs[name].1.clone())
                });
                row.map(|row| {
                    let (value, status) = oracle::computed(&feature.expression, &row);
                    Answer { value, status, data_type: feature.of_type.to_arrow() }
                })
            }
        };
        Ok((name.clone(), answer.ok_or_else(|| format!("the oracle has no column `{name}`"))?))
    };
    question.columns.iter().map(answer).collect()
}

/// The answer of a column that is folded, if there is such a one.
fn folded(
    subject: &Subject,
    defined: &Defined,
    events: &[Vec<Event>],
    question: &Question,
    name: &str,
) -> Option<Answer> {
    let definitions = &defined.definitions;
    let (view, column, data_type) = defined.column(name)?;
    let place = defined.columns.get(name)?;
    let key = definitions.entities[view.entity].join_keys.iter().map(|(name, _)| {
        let (_, value) = &question.keys[place.join_key_map.get(name).unwrap_or(name)];
        value.clone()
    });
    let placed = oracle::placed_events(definitions, view, &events[view.source]);
    let key: Vec<Value> = key.collect();
    let at = Instant::from_micros(question.at);
    let seen = match question.as_of {
        AsOf::EventTime => placed,
        AsOf::Known => oracle::known(&placed, at),
        AsOf::Served => {
            let topic = &defined.topics[view.source];
            let is_applied = |event: &oracle::Placed<'_>| {
                let all = with_offsets(&subject.arrivals);
                let mut all = all.into_iter().filter(|(arrival, _)| arrival.topic == *topic);
                all.any(|(arrival, offset)| {
                    (arrival.partition, offset) == (event.partition, event.offset)
                        && arrival.applied <= question.at
                })
            };
            placed.into_iter().filter(is_applied).collect()
        }
    };
    let (value, status) = oracle::value(view, &column, &seen, &key, at);
    Some(Answer { value, status, data_type })
}

/// For each column that the file counts leaking rows of, how many of the rows that ask it have one value of what had
/// happened and another of what was known.
fn leakage(subject: &Subject, defined: &Defined, events: &[Vec<Event>]) -> Outcome<BTreeMap<String, u64>> {
    let mut leaking = BTreeMap::new();
    for column in subject.example.leakage.keys() {
        let asking = subject.questions().filter(|question| question.columns.contains(column));
        for question in asking.filter(|question| !question.refused) {
            let [happened, known] = [AsOf::EventTime, AsOf::Known].map(|as_of| {
                let question = Question { as_of, columns: vec![column.clone()], ..question.clone() };
                Ok::<_, String>(
                    answer(subject, defined, events, &question)?.remove(column).map(|answer| answer.value),
                )
            });
            *leaking.entry(column.clone()).or_default() += u64::from(happened? != known?);
        }
    }
    Ok(leaking)
}

fn letters(subject: &Subject, defined: &Defined, source: usize, events: &[Event]) -> Vec<FoundLetter> {
    let topic = &defined.topics[source];
    let letter = |dead: oracle::DeadEvent| FoundLetter {
        topic: topic.clone(),
        event: event_at(&subject.arrivals, topic, dead.partition, dead.offset).unwrap_or_default(),
        view: dead.view,
        reason: None,
    };
    let dead = oracle::dead_events(&defined.definitions, source, events).into_iter();
    dead.map(letter).collect()
}
