//! Reading what the log has, however long it takes to come.

use std::time::Duration;

use crate::error::Error;
use crate::log::{Log, RecordReader, RecordSink};
use crate::topic::TopicPartition;

/// How long records that the log has may take to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// Reads one partition forward and waits for records that the log is known to have.
#[derive(Debug)]
pub(crate) struct PatientReader {
    partition: TopicPartition,
    records: Box<dyn RecordReader>,
}

impl PatientReader {
    /// A reader of `partition` that begins at the offset `from`.
    pub(crate) fn new(log: &dyn Log, partition: TopicPartition, from: i64) -> Result<Self, Error> {
        let mut readers = log.readers(&partition.topic, &[(partition.partition, from)])?;
        let records = readers.pop().expect("a reader of each partition asked for");
        Ok(Self { partition, records })
    }

    /// The partition.
    pub(crate) fn partition(&self) -> &TopicPartition {
        &self.partition
    }

    /// The offset at which the reader goes on.
    pub(crate) fn next_offset(&self) -> i64 {
        self.records.next_offset()
    }

    /// Hands on to `sink` the next records below the offset `until`, about `max_records`. Says whether the reader
    /// came any further; if not, it is there, or the log has no further ones now.
    pub(crate) fn read(
        &mut self,
        until: i64,
        max_records: usize,
        sink: &mut dyn RecordSink,
    ) -> Result<bool, Error> {
        while !self.records.read(until, max_records, sink)? {
            let offset = self.next_offset();
            if offset >= until.min(self.records.end()?) {
                return Ok(false);
            }
            if !self.records.wait(PATIENCE)? {
                let partition = self.partition.clone();
                return Err(Error::Stalled { partition, offset, waited: PATIENCE });
            }
        }
        Ok(true)
    }
}
