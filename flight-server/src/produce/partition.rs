//! Records into partitions, durably.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use serde::Serialize;
use thalweg_core::Instant;
use thalweg_definitions::Source;
use thalweg_log::{Log, NewRecord, partition_for};

use super::ProduceOptions;
use super::around::Headers;
use super::payload::Payloads;
use crate::Error;

/// What producing came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Produced {
    /// The topic.
    pub topic: String,
    /// Records written, all of them durable.
    pub records: u64,
    /// Next offset of each partition that was written to, after the last of these records.
    pub next_offsets: BTreeMap<i32, i64>,
}

/// Writes rows into one topic.
pub struct Producer<'a> {
    log: &'a dyn Log,
    source: &'a Source,
    options: ProduceOptions,
    partitions: i32,
    keyless: u64,
    produced: Produced,
}

impl<'a> Producer<'a> {
    /// A producer into `source`'s topic, which is created if it does not exist.
    ///
    /// # Errors
    /// A partition the topic does not have; a number of partitions other than the topic's.
    pub fn new(log: &'a dyn Log, source: &'a Source, options: ProduceOptions) -> Result<Self, Error> {
        let partitions = match (log.topic(&source.topic)?, options.partitions) {
            (Some(topic), Some(wanted)) if wanted != topic.partitions => {
                return Err(Error::invalid(format!(
                    "topic {} exists with {} partitions, not {wanted}; leave the number out",
                    topic.name, topic.partitions
                )));
            }
            (Some(topic), _) => topic.partitions,
            (None, wanted) => {
                let partitions = wanted.unwrap_or(1);
                log.create_topic(&source.topic, partitions)?;
                partitions
            }
        };
        if let Some(partition) = options.partition.filter(|p| !(0..partitions).contains(p)) {
            return Err(Error::invalid(format!(
                "topic {} has no partition {partition}: it has {partitions}, numbered from 0",
                source.topic
            )));
        }
        let produced = Produced { topic: source.topic.clone(), ..Produced::default() };
        Ok(Self { log, source, options, partitions, keyless: 0, produced })
    }

    /// Appends `rows` and returns when they are durable. `now` stamps rows without a timestamp.
    ///
    /// # Errors
    /// Rows that do not fit the source (then none of them is written); a log that cannot be written.
    pub fn produce(&mut self, rows: &RecordBatch, now: Instant) -> Result<(), Error> {
        let payloads = Payloads::of(self.source, rows, &self.options)?;
        let headers: Vec<_> = payloads.headers.iter().map(as_written).collect();
        let mut batches: BTreeMap<i32, Vec<NewRecord<'_>>> = BTreeMap::new();
        for (row, value) in payloads.values.iter().enumerate() {
            let key = payloads.keys[row].as_deref();
            let record = NewRecord {
                key,
                value: value.as_deref(),
                timestamp_ms: payloads.timestamps_ms[row].unwrap_or(now.as_micros().div_euclid(1_000)),
                headers: headers.get(row).map_or(&[], Vec::as_slice),
            };
            batches.entry(self.partition_of(key)).or_default().push(record);
        }
        for (partition, records) in batches {
            let base = self.log.append(&self.source.topic, partition, &records)?;
            self.produced.next_offsets.insert(partition, base + records.len() as i64);
            self.produced.records += records.len() as u64;
        }
        Ok(())
    }

    /// What was written so far.
    pub fn produced(&self) -> &Produced {
        &self.produced
    }

    fn partition_of(&mut self, key: Option<&[u8]>) -> i32 {
        match (self.options.partition, key) {
            (Some(partition), _) => partition,
            (None, Some(key)) => partition_for(key, self.partitions),
            (None, None) => {
                self.keyless += 1;
                ((self.keyless - 1) % self.partitions as u64) as i32
            }
        }
    }
}

fn as_written(headers: &Headers) -> Vec<(&[u8], Option<&[u8]>)> {
    headers.iter().map(|(name, value)| (name.as_slice(), value.as_deref())).collect()
}
