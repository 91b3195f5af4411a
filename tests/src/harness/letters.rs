//! Dead letters as they stand in the log.

use thalweg_log::{BatchReader, DeadLetter, EmbeddedLog, TopicPartition, dead_letter_topic};

use super::{Outcome, Workshop, failed};
use crate::oracle::DeadEvent;

/// The dead letters of the source at position `source`, sorted; one that was written twice is there twice.
///
/// # Errors
/// If the topic cannot be read, or a record in it is no dead letter.
pub fn letters(workshop: &Workshop, source: usize) -> Outcome<Vec<DeadEvent>> {
    let letters = letters_of(&workshop.log, &workshop.case.definitions.sources[source].name)?.into_iter();
    let mut dead: Vec<_> = letters
        .map(|letter| DeadEvent { view: letter.view, partition: letter.partition, offset: letter.offset })
        .collect();
    dead.sort();
    Ok(dead)
}

/// The dead letters of the source called `source` in the order in which they were written.
///
/// # Errors
/// If the topic cannot be read, or a record in it is no dead letter.
pub fn letters_of(log: &EmbeddedLog, source: &str) -> Outcome<Vec<DeadLetter>> {
    let topic = dead_letter_topic(source);
    let mut letters = Vec::new();
    let (mut bytes, mut scratch) = (Vec::new(), Vec::new());
    for partition in 0..log.topic(&topic).map_or(0, |info| info.partitions) {
        let partition = TopicPartition::new(topic.as_str(), partition);
        let end = log.next_offset(&partition).map_err(failed("the end of the dead letters"))?;
        let mut at = 0;
        while at < end {
            at = log.read(&partition, at, 1 << 20, &mut bytes).map_err(failed("read dead letters"))?;
            for batch in BatchReader::of_checked(&bytes) {
                let batch = batch.map_err(failed("a batch of dead letters"))?;
                for record in batch.records(&mut scratch).map_err(failed("a batch of dead letters"))? {
                    let record = record.map_err(failed("a dead letter"))?;
                    let headers = record
                        .headers
                        .filter_map(|(key, value)| Some((std::str::from_utf8(key).ok()?, value)));
                    let letter = DeadLetter::from_record(record.key, record.value, headers);
                    letters.push(letter.ok_or("a record among the dead letters is none")?);
                }
            }
        }
    }
    Ok(letters)
}
