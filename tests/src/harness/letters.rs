//! Dead letters as they stand in the log.

use thalweg_log::{DeadLetter, DeadLetterReader, Log, TopicPartition, dead_letter_topic};

use super::{Outcome, Workshop, failed};
use crate::oracle::DeadEvent;

/// The dead letters of the source at position `source`, sorted; one that was written twice is there twice.
///
/// # Errors
/// If the topic cannot be read, or a record in it is no dead letter.
pub fn letters(workshop: &Workshop, source: usize) -> Outcome<Vec<DeadEvent>> {
    let letters = letters_of(&*workshop.log, &workshop.case.definitions.sources[source].name)?.into_iter();
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
pub fn letters_of(log: &dyn Log, source: &str) -> Outcome<Vec<DeadLetter>> {
    let topic = dead_letter_topic(source);
    let mut letters = Vec::new();
    let info = log.topic(&topic).map_err(failed("the topic of the dead letters"))?;
    for partition in 0..info.map_or(0, |info| info.partitions) {
        let partition = TopicPartition::new(topic.as_str(), partition);
        let end = log.next_offset(&partition).map_err(failed("the end of the dead letters"))?;
        let before = letters.len();
        let mut reader =
            DeadLetterReader::new(log, partition, 0).map_err(failed("a reader of dead letters"))?;
        while let Some(more) = reader.next(end).map_err(failed("read dead letters"))? {
            letters.extend(more);
        }
        if (letters.len() - before) as i64 != end {
            return Err("a record among the dead letters is none".to_owned());
        }
    }
    Ok(letters)
}
