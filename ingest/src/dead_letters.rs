//! The topic of a source's dead letters: what it holds, and how letters get into it.

use thalweg_log::{
    DeadLetter, DeadLetterReader, DeadLetterRecord, Error as LogError, Log, NewRecord, TopicPartition,
    dead_letter_topic,
};

use crate::error::Result;

/// Hands the letters of `source` to `take`, from the positions `from` (next offsets of the topic's
/// partitions; the first there is where one is missing) to the end, and gives the positions there.
pub(crate) fn read(
    log: &dyn Log,
    source: &str,
    from: &[i64],
    mut take: impl FnMut(DeadLetter),
) -> Result<Vec<i64>> {
    let name = dead_letter_topic(source);
    let partitions = log.topic(&name)?.map_or(0, |info| info.partitions);
    let mut reached = Vec::new();
    for number in 0..partitions {
        let partition = TopicPartition::new(name.as_str(), number);
        let known = usize::try_from(number).ok().and_then(|number| from.get(number)).copied();
        let at = known.unwrap_or(0).max(log.start_offset(&partition)?);
        let mut letters = DeadLetterReader::new(log, partition.clone(), at)?;
        while let Some(more) = letters.next(log.next_offset(&partition)?)? {
            more.into_iter().for_each(&mut take);
        }
        reached.push(letters.next_offset());
    }
    Ok(reached)
}

/// Appends `letters` to the topic of `source`, which is created if need be. They are durable on return.
pub(crate) fn append(log: &dyn Log, source: &str, letters: &[DeadLetter]) -> Result<()> {
    if letters.is_empty() {
        return Ok(());
    }
    let topic = dead_letter_topic(source);
    if log.topic(&topic)?.is_none() {
        match log.create_topic(&topic, 1) {
            Ok(_) | Err(LogError::TopicExists { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let records: Vec<_> = letters.iter().map(DeadLetter::to_record).collect();
    match append_records(log, &topic, &records) {
        Err(error) if error.is_too_large() => {
            letters.iter().try_for_each(|letter| append_one(log, &topic, letter))
        }
        done => done.map_err(Into::into),
    }
}

/// Appends one letter, without the record's bytes where they leave no room for the reason. They are where the
/// letter says.
fn append_one(log: &dyn Log, topic: &str, letter: &DeadLetter) -> Result<()> {
    match append_records(log, topic, &[letter.to_record()]) {
        Err(error) if error.is_too_large() => {
            let reason = format!("{} (the record is too large to be kept with this reason)", letter.reason);
            let short = DeadLetter { key: None, value: None, reason, ..letter.clone() };
            Ok(append_records(log, topic, &[short.to_record()])?)
        }
        done => Ok(done?),
    }
}

fn append_records(log: &dyn Log, topic: &str, records: &[DeadLetterRecord]) -> Result<(), LogError> {
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
