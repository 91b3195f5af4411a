//! A partition of a topic of dead letters.

use crate::batch::Record;
use crate::error::Error;
use crate::format::DeadLetter;
use crate::log::Log;
use crate::patient_reader::PatientReader;
use crate::topic::TopicPartition;

/// Records read at a time.
const RECORDS: usize = 1_024;

/// Reads the dead letters of one partition of the topic that keeps them.
#[derive(Debug)]
pub struct DeadLetterReader {
    records: PatientReader,
}

impl DeadLetterReader {
    /// A reader of `partition` that begins at the offset `from`.
    ///
    /// # Errors
    /// If the log has no such partition, or cannot be asked.
    pub fn new(log: &dyn Log, partition: TopicPartition, from: i64) -> Result<Self, Error> {
        Ok(Self { records: PatientReader::new(log, partition, from)? })
    }

    /// The offset of the next record to be read.
    pub fn next_offset(&self) -> i64 {
        self.records.next_offset()
    }

    /// The letters of the next run of records below the offset `until`, perhaps none: others may write to the
    /// topic, too, and what is no letter is passed over. `None` where the log has no further records now.
    ///
    /// # Errors
    /// Damage, named by segment and position; records that the log has but does not give.
    pub fn next(&mut self, until: i64) -> Result<Option<Vec<DeadLetter>>, Error> {
        let mut letters = Vec::new();
        let mut take = |record: &Record<'_>| letters.extend(DeadLetter::from_record(record));
        let further = self.records.read(until, RECORDS, &mut take)?;
        Ok(further.then_some(letters))
    }
}
