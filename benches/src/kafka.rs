//! Events in a topic of a real broker, and what is made of them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{RecordBatch, StringArray, TimestampMicrosecondArray};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use thalweg_core::Instant;
use thalweg_definitions::{DefinitionFile, Repository, load_text};
use thalweg_ingest::{Clock, Ingest, IngestOptions};
use thalweg_log::{Log, NewRecord, PartitionReader, Record, TopicPartition, encode_rows, partition_for};
use thalweg_store::{Store, StoreOptions};

use crate::events::Events;
use crate::numbers::note;

/// Name of the topic.
pub const TOPIC: &str = "events";
/// The schema of its values.
pub const SCHEMA: &str = r#"{"type": "record", "name": "Event", "fields": [
    {"name": "key", "type": "string"},
    {"name": "value", "type": "double"},
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
    {"name": "note", "type": "string"}]}"#;
const PARTITIONS: i32 = 4;
/// When the events begin: Kafka Streams takes no timestamps before the epoch.
const BEGIN_US: i64 = 1_600_000_000_000_000;
/// Records that are appended together.
const APPENDED: usize = 20_000;
/// Records that are decoded together.
const DECODED: usize = 4_096;
/// How long an ingest may take.
const PATIENCE: Duration = Duration::from_secs(1_200);

/// A topic of events: count, sum and maximum of their values over an hour, a day and a week are wanted.
pub struct KafkaEvents {
    log: Arc<dyn Log>,
    repository: Arc<Repository>,
    events: u64,
}

impl KafkaEvents {
    /// Writes so many events of so many keys to `log`: within 90 days, one in ten up to an hour late, about 100
    /// bytes each.
    ///
    /// # Panics
    /// Where the log refuses.
    pub fn write(log: Arc<dyn Log>, count: usize, key_count: u32) -> Self {
        let definitions = load_text(&[DefinitionFile::new("kafka.yaml", definitions())]);
        let repository = Arc::new(definitions.expect("sound definitions"));
        log.create_topic(TOPIC, PARTITIONS).expect("a new topic");
        let events = Events::some_late(count, key_count, 7);
        let mut random = SmallRng::seed_from_u64(8);
        let source = repository.source("events").expect("the only source");
        for first in (0..count).step_by(APPENDED) {
            let range = first..(first + APPENDED).min(count);
            let keys: Vec<_> = events.keys[range.clone()].iter().map(|key| format!("key-{key:07}")).collect();
            let notes: Vec<_> = range.clone().map(|_| note(&mut random)).collect();
            let times: Vec<_> = events.times[range.clone()].iter().map(|time| BEGIN_US + time).collect();
            let rows = RecordBatch::try_from_iter([
                ("key", Arc::new(StringArray::from_iter_values(&keys)) as _),
                ("value", events.values.slice(range.start, range.len())),
                ("at", Arc::new(TimestampMicrosecondArray::from(times.clone()).with_timezone("UTC")) as _),
                ("note", Arc::new(StringArray::from(notes)) as _),
            ]);
            let rows = rows.expect("columns of one length");
            let payloads = encode_rows(&source.format, &source.fields, &rows).expect("rows of the schema");
            let mut records: Vec<(i32, Vec<NewRecord<'_>>)> =
                (0..PARTITIONS).map(|p| (p, Vec::new())).collect();
            for ((key, value), time) in keys.iter().zip(&payloads).zip(&times) {
                let key = key.as_bytes();
                let timestamp_ms = time / 1_000;
                let record = NewRecord { key: Some(key), value: Some(value), timestamp_ms, headers: &[] };
                records[partition_for(key, PARTITIONS) as usize].1.push(record);
            }
            log.append_all(TOPIC, records).expect("a broker that takes records");
        }
        Self { log, repository, events: count as u64 }
    }

    /// How many events there are.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Takes every record off the client and looks no further. How many there were.
    ///
    /// # Panics
    /// Where the log refuses.
    pub fn drain(&self) -> u64 {
        let from: Vec<_> = (0..PARTITIONS).map(|partition| (partition, 0)).collect();
        let mut readers = self.log.readers(TOPIC, &from).expect("a topic");
        let (ends, mut drained) = (self.ends(), 0);
        while readers.iter().zip(&ends).any(|(reader, (_, _, end))| reader.next_offset() < *end) {
            let mut further = false;
            for (reader, (_, _, end)) in readers.iter_mut().zip(&ends) {
                let mut take = |_: &Record<'_>| drained += 1;
                further |= reader.read(*end, DECODED, &mut take).expect("records");
            }
            if !further {
                readers[0].wait(Duration::from_millis(1)).expect("records");
            }
        }
        drained
    }

    /// Takes every record and decodes the fields in use. How many there were.
    ///
    /// # Panics
    /// Where the log refuses, or a record cannot be decoded.
    pub fn decode(&self) -> u64 {
        let source = self.repository.source("events").expect("the only source");
        let views: Vec<_> = self.repository.views.iter().collect();
        let spec = source.decoder_spec(&views);
        let ends = self.ends();
        let decode = |(_, partition, end): &(&str, i32, i64)| {
            let at = TopicPartition::new(TOPIC, *partition);
            let mut reader = PartitionReader::new(&*self.log, at, &spec, 0).expect("a topic");
            let mut rows = 0;
            while let Some(decoded) = reader.next(*end, DECODED).expect("records") {
                assert!(decoded.dead.is_empty(), "{:?}", decoded.dead);
                rows += decoded.num_rows() as u64;
            }
            rows
        };
        ends.iter().map(decode).sum()
    }

    /// Ingests everything into a new store in the folder `dir`, until it is in files. How many events were folded.
    ///
    /// # Panics
    /// Where that fails.
    pub fn ingest(&self, dir: &Path) -> u64 {
        let store = Store::open(dir, StoreOptions::default()).expect("a new store");
        let clock = Arc::new(AfterAll);
        let options = IngestOptions::new(Arc::clone(&self.log), Arc::clone(&self.repository), store, clock);
        let ingest = Ingest::start(options).expect("a new store");
        assert!(ingest.wait_applied(&self.ends(), PATIENCE).expect("an ingest that goes on"));
        let folded = ingest.status().topics[0].counters.events;
        ingest.stop().expect("a folder that can be written to");
        folded
    }

    fn ends(&self) -> Vec<(&'static str, i32, i64)> {
        let end = |partition| {
            let at = TopicPartition::new(TOPIC, partition);
            (TOPIC, partition, self.log.next_offset(&at).expect("a topic"))
        };
        (0..PARTITIONS).map(end).collect()
    }
}

/// A clock after all events.
struct AfterAll;

impl Clock for AfterAll {
    fn now(&self) -> Instant {
        Instant::MAX
    }
}

fn definitions() -> String {
    let schema: String = SCHEMA.lines().map(str::trim).collect();
    format!(
        "
sources:
  - name: events
    topic: {TOPIC}
    format: avro
    schema: '{schema}'
    event_time: at
entities:
  - name: key
    join_keys: {{key: string}}
feature_views:
  - name: windows
    entity: key
    source: events
    lookback: 2h
    features:
      value: {{aggregate: [count, sum, max], of: value, windows: [{{tumbling: 1h}}, {{tumbling: 1d}}, {{tumbling: 7d}}]}}
"
    )
}
