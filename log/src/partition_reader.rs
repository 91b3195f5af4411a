//! A partition as columns: reading, decompressing and decoding in one place.

use std::ops::Deref;

use crate::batch::BatchReader;
use crate::embedded::EmbeddedLog;
use crate::error::Error;
use crate::format::{Decoded, Decoder, DecoderSpec};
use crate::topic::TopicPartition;

/// Bytes of batches read from a segment at a time; one batch at least, however large.
const READ_BYTES: usize = 1 << 20;

/// Reads one partition forward and decodes its records, the same for whoever asks: what is ingested and
/// what is replayed later come out of this.
///
/// `L` is how the log is held: by reference or by `Arc`.
#[derive(Debug)]
pub struct PartitionReader<L> {
    log: L,
    partition: TopicPartition,
    decoder: Decoder,
    next_offset: i64,
    /// Batches read; those before `position` are decoded.
    bytes: Vec<u8>,
    position: usize,
    scratch: Vec<u8>,
}

impl<L: Deref<Target = EmbeddedLog>> PartitionReader<L> {
    /// A reader of `partition` that begins at the offset `from`.
    ///
    /// # Errors
    /// Where the spec asks for what its format does not have.
    pub fn new(log: L, partition: TopicPartition, spec: &DecoderSpec, from: i64) -> Result<Self, Error> {
        let decoder = Decoder::new(spec, &partition.topic, partition.partition)?;
        Ok(Self {
            log,
            partition,
            decoder,
            next_offset: from,
            bytes: Vec::new(),
            position: 0,
            scratch: Vec::new(),
        })
    }

    /// The offset of the next record to be read.
    pub fn next_offset(&self) -> i64 {
        self.next_offset
    }

    /// The next run of records below the offset `until`: about `max_records`, whole batches at a time.
    /// `None` where the log has no further ones now; asking again later goes on from there.
    ///
    /// # Errors
    /// Damage, named by segment and position.
    pub fn next(&mut self, until: i64, max_records: usize) -> Result<Option<Decoded>, Error> {
        let first = self.next_offset;
        let mut records = 0;
        while self.next_offset < until && records < max_records && !self.decoder.is_full() {
            if self.position == self.bytes.len() && !self.refill()? {
                break;
            }
            records += self.take_batch(until)?;
        }
        Ok((self.next_offset > first).then(|| self.decoder.finish(self.next_offset)))
    }

    /// Reads on from the log; whether there was anything.
    fn refill(&mut self) -> Result<bool, Error> {
        self.bytes.clear();
        self.position = 0;
        self.log.read(&self.partition, self.next_offset, READ_BYTES, &mut self.bytes)?;
        Ok(!self.bytes.is_empty())
    }

    /// Hands the records of the next batch to the decoder and says how many there were.
    fn take_batch(&mut self, until: i64) -> Result<usize, Error> {
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
                    self.decoder.push(record.offset, record.timestamp_ms, record.key, record.value);
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
