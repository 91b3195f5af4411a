//! A case: definitions, a log and questions, as plain data.

use std::collections::BTreeMap;
use std::fmt;

use thalweg_core::Value;

use crate::definition::{Definitions, Event, Format, OnDemandView, Row, View};
use crate::spec::Headers;

/// Everything a law is tried on.
#[derive(Clone, Debug)]
pub struct Case {
    /// What is defined.
    pub definitions: Definitions,
    /// How many partitions the topic of each source has.
    pub partitions: Vec<i32>,
    /// What arrives, in order of arrival.
    pub arrivals: Vec<Arrival>,
    /// What is asked.
    pub questions: Vec<Question>,
}

/// A record on its way to the log.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Position of its source.
    pub source: usize,
    /// The partition it goes to.
    pub partition: i32,
    /// The record's timestamp, milliseconds since the epoch.
    pub timestamp_ms: i64,
    /// The record's key.
    pub key: Option<Vec<u8>>,
    /// The record's headers.
    pub headers: Headers,
    /// The record's value.
    pub value: Option<Vec<u8>>,
    /// What the record says; nothing if it cannot be decoded.
    pub row: Option<Row>,
}

/// All features of one row of join keys at one instant.
#[derive(Clone, Debug)]
pub struct Question {
    /// A value for every join key of every entity.
    pub keys: BTreeMap<String, Value>,
    /// A value for everything that on-demand views may take from a question; it may be null.
    pub asked: BTreeMap<String, Value>,
    /// The instant, microseconds since the epoch.
    pub at: i64,
}

impl Case {
    /// The events of a source with the offsets they get when all arrivals are appended in order.
    pub fn events(&self, source: usize) -> Vec<Event<'_>> {
        let mut next: BTreeMap<i32, i64> = BTreeMap::new();
        let of_source = self.arrivals.iter().filter(|arrival| arrival.source == source);
        let place = |arrival: &'_ Arrival| {
            let next = next.entry(arrival.partition).or_default();
            *next += 1;
            *next - 1
        };
        let offsets: Vec<i64> = of_source.clone().map(place).collect();
        of_source.zip(offsets).map(|(arrival, offset)| arrival.as_event(offset)).collect()
    }

    /// Whether the source of `view` says when the log learned of its events.
    pub fn tells_append_times(&self, view: &View) -> bool {
        self.definitions.sources[view.source].append_time.is_some()
    }

    /// Whether the sources of all inputs of `view` do.
    pub fn inputs_tell_append_times(&self, view: &OnDemandView) -> bool {
        let mut untold = self.definitions.views.iter().filter(|view| !self.tells_append_times(view));
        !untold.any(|untold| view.inputs.iter().any(|(name, _)| *name == untold.name))
    }

    /// This case with its first `arrivals` records alone.
    #[must_use]
    pub fn prefix(&self, arrivals: usize) -> Self {
        Self { arrivals: self.arrivals[..arrivals].to_vec(), ..self.clone() }
    }
}

impl Arrival {
    /// The event it becomes at `offset`.
    pub fn as_event(&self, offset: i64) -> Event<'_> {
        Event {
            partition: self.partition,
            offset,
            timestamp_ms: self.timestamp_ms,
            key: self.key.as_deref(),
            is_tombstone: self.value.is_none(),
            is_delete: false,
            row: self.row.as_ref(),
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "definitions:\n{}", self.definitions.to_yaml())?;
        for (source, partitions) in self.definitions.sources.iter().zip(&self.partitions) {
            writeln!(f, "topic {} has {partitions} partitions", source.name)?;
        }
        writeln!(f, "records, in order of arrival:")?;
        for (source, defined) in self.definitions.sources.iter().enumerate() {
            let arrivals = self.arrivals.iter().filter(|arrival| arrival.source == source);
            for (arrival, event) in arrivals.zip(self.events(source)) {
                let (partition, offset, timestamp) = (event.partition, event.offset, event.timestamp_ms);
                write!(f, "  {}-{partition} offset {offset} timestamp {timestamp} ms: ", defined.name)?;
                for (name, value) in &arrival.headers {
                    write!(f, "{name} {:?}, ", value.as_deref().map(String::from_utf8_lossy))?;
                }
                match (defined.format, &arrival.row, &arrival.value) {
                    (_, _, None) => {
                        let key = arrival.key.as_deref().map(String::from_utf8_lossy);
                        writeln!(f, "(no value), key {key:?}")?;
                    }
                    (Format::Avro | Format::NamedAvro, Some(row), _) => writeln!(f, "{row:?}")?,
                    (Format::Avro | Format::NamedAvro, None, Some(value)) => writeln!(f, "{value:02x?}")?,
                    (Format::Json | Format::Debezium, _, Some(value)) => {
                        writeln!(f, "{}", String::from_utf8_lossy(value))?
                    }
                }
            }
        }
        writeln!(f, "questions:")?;
        for question in &self.questions {
            writeln!(f, "  {question}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {} us for", self.at)?;
        self.keys.iter().chain(&self.asked).try_for_each(|(name, value)| write!(f, " {name} = {value:?}"))
    }
}
