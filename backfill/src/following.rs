//! The events of a topic as columns, as they come.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use thalweg_definitions::Source;
use thalweg_log::{Decoder, DecoderSpec, Log, RecordReader, TopicPartition};

use crate::events::{events_schema, events_spec, to_batch};
use crate::{Error, EventRange};

/// Records decoded at a time, and so the most rows of a batch.
const RECORDS_PER_CHUNK: usize = 8_192;

/// Reads a topic's events to the end of the log, and on from there as more come.
///
/// Within a partition events come in the order of their offsets; partitions take turns.
pub struct Following {
    log: Arc<dyn Log>,
    source: Source,
    range: EventRange,
    spec: DecoderSpec,
    schema: SchemaRef,
    partitions: Vec<(Box<dyn RecordReader>, Decoder)>,
    /// The partition whose turn it is.
    turn: usize,
}

impl Following {
    /// Begins at `offsets`, by partition; where there is none for a partition, at its start.
    ///
    /// # Errors
    /// A topic that does not exist, an offset that the log does not have.
    pub fn begin(
        log: Arc<dyn Log>,
        source: Source,
        range: EventRange,
        offsets: &[i64],
    ) -> Result<Self, Error> {
        let (spec, schema) = (events_spec(&source), events_schema(&source));
        let mut this = Self { log, source, range, spec, schema, partitions: Vec::new(), turn: 0 };
        if this.log.topic(&this.source.topic)?.is_none() {
            return Err(Error::UnknownTopic {
                topic: this.source.topic.clone(),
                present: this.log.topics()?.into_iter().map(|info| info.name).collect(),
            });
        }
        this.find_partitions(offsets)?;
        Ok(this)
    }

    /// The columns of the batches.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The next events, if there are any now.
    ///
    /// # Errors
    /// What the log says; damage.
    pub fn next_batch(&mut self) -> Result<Option<RecordBatch>, Error> {
        for _ in 0..self.partitions.len() {
            let at = self.turn;
            self.turn = (at + 1) % self.partitions.len();
            let (reader, decoder) = &mut self.partitions[at];
            let until = reader.end()?;
            if reader.next_offset() < until && reader.read(until, RECORDS_PER_CHUNK, decoder)? {
                let decoded = decoder.finish(reader.next_offset());
                let batch = to_batch(&decoded, &self.schema, self.range)?;
                if batch.num_rows() > 0 {
                    return Ok(Some(batch));
                }
            }
        }
        Ok(None)
    }

    /// Follows the partitions that the topic has got since, from their start.
    ///
    /// # Errors
    /// A log that cannot be asked.
    pub fn find_new_partitions(&mut self) -> Result<(), Error> {
        self.find_partitions(&[])
    }

    fn find_partitions(&mut self, offsets: &[i64]) -> Result<(), Error> {
        let topic = &self.source.topic;
        let there = self.log.topic(topic)?.map_or(0, |info| info.partitions);
        let mut from = Vec::new();
        for number in self.partitions.len() as i32..there {
            let start = || self.log.start_offset(&TopicPartition::new(topic.as_str(), number));
            from.push((number, offsets.get(number as usize).copied().map_or_else(start, Ok)?));
        }
        if from.is_empty() {
            return Ok(());
        }
        for ((number, _), reader) in from.iter().zip(self.log.readers(topic, &from)?) {
            let decoder = Decoder::new(&self.spec, topic, *number).map_err(thalweg_log::Error::from)?;
            self.partitions.push((reader, decoder));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use arrow::datatypes::Int64Type;
    use thalweg_definitions::{DefinitionFile, load_text};
    use thalweg_log::{EmbeddedLog, EmbeddedOptions, NewRecord};

    use super::*;

    const DEFINITIONS: &str =
        "sources: [{name: s, topic: t, format: json, fields: {n: int64, at: timestamp}, event_time: at}]";

    fn append(log: &dyn Log, partition: i32, numbers: std::ops::Range<i64>) {
        let values: Vec<_> = numbers.map(|n| format!(r#"{{"n": {n}, "at": {n}}}"#).into_bytes()).collect();
        let record = |value| NewRecord { key: None, value: Some(value), timestamp_ms: 0, headers: &[] };
        let records: Vec<_> = values.iter().map(|value| record(value.as_slice())).collect();
        log.append("t", partition, &records).expect("a durable append");
    }

    fn numbers(following: &mut Following) -> Vec<i64> {
        let mut numbers = Vec::new();
        while let Some(batch) = following.next_batch().expect("a sound log") {
            let column = batch.column_by_name("n").expect("a field");
            numbers.extend(column.as_primitive::<Int64Type>().values());
        }
        numbers
    }

    #[test]
    fn events_come_once_in_order_of_each_partition() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log: Arc<dyn Log> =
            Arc::new(EmbeddedLog::open(folder.path(), EmbeddedOptions::default()).expect("a new log"));
        let repository = load_text(&[DefinitionFile::new("f.yaml", DEFINITIONS)]).expect("sound definitions");
        let source = || repository.source("s").expect("a source").clone();
        let begin =
            |offsets: &[i64]| Following::begin(Arc::clone(&log), source(), EventRange::default(), offsets);
        assert!(matches!(begin(&[]), Err(Error::UnknownTopic { .. })));
        log.create_topic("t", 2).expect("a new topic");
        append(&*log, 0, 0..3);
        append(&*log, 1, 10..12);
        let mut following = begin(&[]).expect("a topic");
        assert_eq!(numbers(&mut following), [0, 1, 2, 10, 11]);
        assert_eq!(numbers(&mut following), [0; 0]);
        append(&*log, 1, 12..13);
        append(&*log, 0, 3..4);
        let mut more = numbers(&mut following);
        more.sort_unstable();
        assert_eq!(more, [3, 12]);
        following.find_new_partitions().expect("none");
        assert_eq!(numbers(&mut following), [0; 0]);
        assert_eq!(numbers(&mut begin(&[2, 1]).expect("offsets the log has")), [2, 3, 11, 12]);
    }
}
