//! A partition as columns: reading and decoding in one place.

use crate::error::Error;
use crate::format::{Decoded, Decoder, DecoderSpec};
use crate::log::Log;
use crate::patient_reader::PatientReader;
use crate::topic::TopicPartition;

/// Reads one partition forward and decodes its records: what is replayed comes out of this.
#[derive(Debug)]
pub struct PartitionReader {
    records: PatientReader,
    decoder: Decoder,
}

impl PartitionReader {
    /// A reader of `partition` that begins at the offset `from`.
    ///
    /// # Errors
    /// Where the spec asks for what its format does not have, or the log has no such partition.
    pub fn new(
        log: &dyn Log,
        partition: TopicPartition,
        spec: &DecoderSpec,
        from: i64,
    ) -> Result<Self, Error> {
        let decoder = Decoder::new(spec, &partition.topic, partition.partition)?;
        Ok(Self { records: PatientReader::new(log, partition, from)?, decoder })
    }

    /// The offset of the next record to be read.
    pub fn next_offset(&self) -> i64 {
        self.records.next_offset()
    }

    /// The next run of records below the offset `until`: about `max_records`. `None` where the log has no
    /// further ones now; asking again later goes on from there.
    ///
    /// # Errors
    /// Damage, named by segment and position; records that the log has but does not give; a schema that nobody gives, after
    /// which this reader reads no further.
    pub fn next(&mut self, until: i64, max_records: usize) -> Result<Option<Decoded>, Error> {
        let further = self.records.read(until, max_records, &mut self.decoder)?;
        if let Some((offset, cause)) = self.decoder.stuck() {
            let (partition, cause) = (self.records.partition().clone(), cause.clone());
            return Err(Error::Registry { partition, offset, cause });
        }
        Ok(further.then(|| self.decoder.finish(self.records.next_offset())))
    }
}
