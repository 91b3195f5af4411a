//! Dead letters of one source: written to their topic, each once.

use std::collections::HashSet;

use thalweg_log::{
    BatchReader, DeadLetter, DeadLetterRecord, EmbeddedLog, Error as LogError, NewRecord, TopicPartition,
    dead_letter_topic,
};

use crate::error::Result;

/// Bytes read from the topic at a time.
const READ_BYTES: usize = 1 << 20;

/// What tells one letter of a source from another: partition and offset of the record, and the view it is dead for.
type LetterId = (i32, i64, Option<String>);

/// The letters that are in a source's topic from the offsets on that will be read again.
///
/// A letter is made durable before the commit that passes its offset, so a kill in between leaves letters whose
/// records come again. One letter for a record and view is enough, also when a changed view is rebuilt.
#[derive(Debug, Default)]
pub(crate) struct Written(HashSet<LetterId>);

impl Written {
    /// Reads the letters of `source` that are about records of `topic` at the offset `from(partition)` or later.
    pub(crate) fn load(
        log: &EmbeddedLog,
        source: &str,
        topic: &str,
        from: impl Fn(i32) -> i64,
    ) -> Result<Self> {
        let name = dead_letter_topic(source);
        let mut written = HashSet::new();
        let partitions = log.topic(&name).map_or(0, |info| info.partitions);
        let (mut bytes, mut scratch) = (Vec::new(), Vec::new());
        for partition in 0..partitions {
            let partition = TopicPartition::new(name.as_str(), partition);
            let (mut at, end) = (log.start_offset(&partition)?, log.next_offset(&partition)?);
            while at < end {
                at = log.read(&partition, at, READ_BYTES, &mut bytes)?;
                for batch in BatchReader::of_checked(&bytes) {
                    for record in batch?.records(&mut scratch)? {
                        let record = record?;
                        let headers = record
                            .headers
                            .filter_map(|(key, value)| Some((std::str::from_utf8(key).ok()?, value)));
                        let letter = DeadLetter::from_record(None, None, headers);
                        // Others may write to the topic, too; what is no letter does not concern us.
                        if let Some(letter) = letter
                            .filter(|letter| letter.topic == topic && letter.offset >= from(letter.partition))
                        {
                            written.insert((letter.partition, letter.offset, letter.view));
                        }
                    }
                }
            }
        }
        Ok(Self(written))
    }

    /// Whether `letter` is in the topic. It is asked for once only.
    pub(crate) fn take(&mut self, letter: &DeadLetter) -> bool {
        !self.0.is_empty() && self.0.remove(&(letter.partition, letter.offset, letter.view.clone()))
    }
}

/// Appends `letters` to the topic of `source`, which is created if need be. They are durable on return.
pub(crate) fn append(log: &EmbeddedLog, source: &str, letters: &[DeadLetter]) -> Result<()> {
    if letters.is_empty() {
        return Ok(());
    }
    let topic = dead_letter_topic(source);
    if log.topic(&topic).is_none() {
        match log.create_topic(&topic, 1) {
            Ok(_) | Err(LogError::TopicExists { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let records: Vec<_> = letters.iter().map(DeadLetter::to_record).collect();
    match append_records(log, &topic, &records) {
        Err(LogError::RecordTooLarge { .. }) => {
            letters.iter().try_for_each(|letter| append_one(log, &topic, letter))
        }
        done => done.map_err(Into::into),
    }
}

/// Appends one letter, without the record's bytes where they leave no room for the reason. They are where the letter says.
fn append_one(log: &EmbeddedLog, topic: &str, letter: &DeadLetter) -> Result<()> {
    match append_records(log, topic, &[letter.to_record()]) {
        Err(LogError::RecordTooLarge { .. }) => {
            let reason = format!("{} (the record is too large to be kept with this reason)", letter.reason);
            let short = DeadLetter { key: None, value: None, reason, ..letter.clone() };
            Ok(append_records(log, topic, &[short.to_record()])?)
        }
        done => Ok(done?),
    }
}

fn append_records(log: &EmbeddedLog, topic: &str, records: &[DeadLetterRecord]) -> Result<(), LogError> {
    let headers: Vec<Vec<_>> = records
        .iter()
        .map(|record| {
            record.headers.iter().map(|(key, value)| (key.as_bytes(), Some(value.as_bytes()))).collect()
        })
        .collect();
    let new: Vec<_> = records
        .iter()
        .zip(&headers)
        .map(|(record, headers)| NewRecord {
            key: record.key.as_deref(),
            value: record.value.as_deref(),
            timestamp_ms: record.timestamp_ms,
            headers,
        })
        .collect();
    log.append(topic, 0, &new).map(drop)
}
