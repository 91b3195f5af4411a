//! Reading a partition forward: whole batches, decompressed, as records.

use std::sync::Arc;
use std::time::Duration;

use super::log::Topic;
use super::partition::Partition;
use crate::batch::BatchReader;
use crate::error::Error;
use crate::log::{RecordReader, RecordSink};

/// Bytes of batches read from a segment at a time; one batch at least, however large.
const READ_BYTES: usize = 1 << 20;

/// Reads one partition of an embedded log.
#[derive(Debug)]
pub(super) struct EmbeddedReader {
    topic: Arc<Topic>,
    partition: i32,
    next_offset: i64,
    /// Batches read; those before `position` were handed on.
    bytes: Vec<u8>,
    position: usize,
    scratch: Vec<u8>,
}

impl EmbeddedReader {
    /// A reader of a partition of `topic` that begins at the offset `from`.
    pub(super) fn new(topic: Arc<Topic>, partition: i32, from: i64) -> Result<Self, Error> {
        topic.partition(partition)?.check_offset(from)?;
        let (bytes, scratch) = (Vec::new(), Vec::new());
        Ok(Self { topic, partition, next_offset: from, bytes, position: 0, scratch })
    }

    fn partition(&self) -> Result<&Partition, Error> {
        self.topic.partition(self.partition)
    }

    /// Reads on from the log; whether there was anything.
    fn refill(&mut self) -> Result<bool, Error> {
        let mut bytes = std::mem::take(&mut self.bytes);
        self.position = 0;
        self.partition()?.read(self.next_offset, READ_BYTES, &mut bytes)?;
        self.bytes = bytes;
        Ok(!self.bytes.is_empty())
    }

    /// Hands on the records of the next batch and says how many there were.
    fn take_batch(&mut self, until: i64, sink: &mut dyn RecordSink) -> Result<usize, Error> {
        let mut batches = BatchReader::of_checked(&self.bytes[self.position..]);
        let Some(batch) = batches.next().transpose()? else {
            self.position = self.bytes.len();
            return Ok(0);
        };
        self.position += batch.header().total_bytes();
        let end = batch.header().next_offset().min(until);
        let mut taken = 0;
        if !batch.header().is_control() {
            for record in batch.records(&mut self.scratch)? {
                let record = record?;
                if (self.next_offset..end).contains(&record.offset) {
                    sink.push(&record);
                    taken += 1;
                }
            }
        }
        if end < batch.header().next_offset() {
            // The rest of the batch is wanted when the end has moved on.
            self.bytes.clear();
            self.position = 0;
        }
        self.next_offset = self.next_offset.max(end);
        Ok(taken)
    }
}

impl RecordReader for EmbeddedReader {
    fn next_offset(&self) -> i64 {
        self.next_offset
    }

    fn end(&self) -> Result<i64, Error> {
        Ok(self.partition()?.next_offset())
    }

    fn read(&mut self, until: i64, max_records: usize, sink: &mut dyn RecordSink) -> Result<bool, Error> {
        let first = self.next_offset;
        let mut records = 0;
        while self.next_offset < until && records < max_records && !sink.is_full() {
            if self.position == self.bytes.len() && !self.refill()? {
                break;
            }
            records += self.take_batch(until, sink)?;
        }
        Ok(self.next_offset > first)
    }

    fn wait(&mut self, timeout: Duration) -> Result<bool, Error> {
        Ok(self.partition()?.wait(self.next_offset, timeout))
    }
}
