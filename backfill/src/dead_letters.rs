//! The dead letters of a source as columns: records that could not be used, each with the reason.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{Field, Schema, SchemaRef};
use thalweg_core::{FieldType, Instant};
use thalweg_definitions::Source;
use thalweg_log::{DeadLetter, DeadLetterReader, Log, TopicPartition, dead_letter_topic};

use crate::{Error, EventRange, Pin};

const MICROS_PER_MILLI: i64 = 1_000;

/// The columns of dead letters: where the record is (`_topic`, `_partition`, `_offset`), its `_timestamp`,
/// the `_view` it is dead for (null: all of its source's), the `_reason`, and its bytes, `_key` and `_value`.
pub fn dead_letters_schema() -> SchemaRef {
    let field = |name, field_type: FieldType, nullable| Field::new(name, field_type.to_arrow(), nullable);
    Arc::new(Schema::new(vec![
        field("_topic", FieldType::String, false),
        field("_partition", FieldType::Int32, false),
        field("_offset", FieldType::Int64, false),
        field("_timestamp", FieldType::Timestamp, false),
        field("_view", FieldType::String, true),
        field("_reason", FieldType::String, false),
        field("_key", FieldType::Binary, true),
        field("_value", FieldType::Binary, true),
    ]))
}

/// The dead letters that were kept of `source`, in the order in which they were found, a bounded batch at a
/// time. `pin` is of the topic that keeps them ([`dead_letter_topic`]); one that was not there holds none.
/// `range` is of the timestamps of the records themselves.
///
/// # Errors
/// A topic the pin does not name or the log has no more; damage in the log, from the iterator.
pub fn dead_letters<'a>(
    log: &'a dyn Log,
    source: &Source,
    pin: &Pin,
    range: EventRange,
) -> Result<impl Iterator<Item = Result<RecordBatch, Error>> + use<'a>, Error> {
    let topic = dead_letter_topic(&source.name);
    let pinned = pin.of(&topic)?;
    pin.check(log)?;
    let readers = (0..)
        .zip(&pinned.next_offsets)
        .map(|(number, &until)| {
            let partition = TopicPartition::new(topic.as_str(), number);
            Ok((DeadLetterReader::new(log, partition, 0)?, until))
        })
        .collect::<Result<Vec<_>, Error>>()?;
    let batches = readers.into_iter().flat_map(move |(mut reader, until)| {
        std::iter::from_fn(move || reader.next(until).transpose()).map(move |letters| {
            let mut letters = letters?;
            letters.retain(|letter| range.contains(timestamp(letter)));
            to_batch(&letters)
        })
    });
    Ok(batches.filter(|batch| batch.as_ref().map_or(true, |batch| batch.num_rows() > 0)))
}

fn timestamp(letter: &DeadLetter) -> Instant {
    Instant::from_micros(letter.timestamp_ms.saturating_mul(MICROS_PER_MILLI))
}

fn to_batch(letters: &[DeadLetter]) -> Result<RecordBatch, Error> {
    let timestamps = letters.iter().map(|letter| timestamp(letter).as_micros());
    let timestamps = TimestampMicrosecondArray::from_iter_values(timestamps).with_timezone("UTC");
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(letters.iter().map(|letter| &letter.topic))),
        Arc::new(Int32Array::from_iter_values(letters.iter().map(|letter| letter.partition))),
        Arc::new(Int64Array::from_iter_values(letters.iter().map(|letter| letter.offset))),
        Arc::new(timestamps),
        Arc::new(StringArray::from_iter(letters.iter().map(|letter| letter.view.as_ref()))),
        Arc::new(StringArray::from_iter_values(letters.iter().map(|letter| &letter.reason))),
        Arc::new(BinaryArray::from_iter(letters.iter().map(|letter| letter.key.as_ref()))),
        Arc::new(BinaryArray::from_iter(letters.iter().map(|letter| letter.value.as_ref()))),
    ];
    Ok(RecordBatch::try_new(dead_letters_schema(), columns)?)
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use arrow::datatypes::Int64Type;
    use thalweg_definitions::{DefinitionFile, Repository, load_text};
    use thalweg_log::EmbeddedLog;
    use thalweg_log::{EmbeddedOptions, NewRecord};

    use super::*;

    const DEFINITIONS: &str = "
sources:
  - {name: sales, topic: sold, format: json, fields: {at: timestamp}, event_time: at}
";

    fn repository() -> Repository {
        load_text(&[DefinitionFile::new("sales.yaml", DEFINITIONS)]).expect("sound definitions")
    }

    fn letter(offset: i64, view: Option<&str>) -> DeadLetter {
        DeadLetter {
            topic: "sold".to_owned(),
            partition: 1,
            offset,
            timestamp_ms: offset,
            view: view.map(str::to_owned),
            reason: format!("no good: {offset}"),
            key: None,
            value: Some(vec![0xff, offset as u8]),
        }
    }

    fn keep(log: &dyn Log, letters: &[DeadLetter]) {
        for letter in letters {
            let record = letter.to_record();
            let headers: Vec<_> =
                record.headers.iter().map(|(key, text)| (key.as_bytes(), Some(text.as_bytes()))).collect();
            let record = NewRecord {
                key: record.key.as_deref(),
                value: record.value.as_deref(),
                timestamp_ms: record.timestamp_ms,
                headers: &headers,
            };
            log.append("thalweg.dead-letters.sales", 0, &[record]).expect("a durable append");
        }
    }

    fn offsets(log: &dyn Log, pin: &Pin, range: EventRange) -> Vec<i64> {
        let repository = repository();
        let source = repository.source("sales").expect("a source");
        let batches = dead_letters(log, source, pin, range).expect("a pinned topic");
        let batches = batches.map(|batch| batch.expect("whole batches"));
        batches.flat_map(|batch| batch.column(2).as_primitive::<Int64Type>().values().to_vec()).collect()
    }

    #[test]
    fn letters_come_as_they_were_kept_up_to_the_pin_and_within_the_range() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log = EmbeddedLog::open(folder.path(), EmbeddedOptions::default()).expect("a new log");
        let topic = "thalweg.dead-letters.sales";
        let before = Pin::now(&log, [topic]).expect("offsets");
        log.create_topic(topic, 1).expect("a new topic");
        keep(&log, &[letter(7, None), letter(3, Some("hourly"))]);
        let stranger = NewRecord { key: None, value: None, timestamp_ms: 0, headers: &[] };
        log.append(topic, 0, &[stranger]).expect("a durable append");
        let pin = Pin::now(&log, [topic]).expect("offsets");
        keep(&log, &[letter(8, None)]);

        let all = EventRange::default();
        assert_eq!(offsets(&log, &before, all), [0_i64; 0]);
        assert_eq!(offsets(&log, &pin, all), [7, 3]);
        assert_eq!(offsets(&log, &Pin::now(&log, [topic]).expect("offsets"), all), [7, 3, 8]);
        let at = |milli: i64| Some(Instant::from_micros(milli * MICROS_PER_MILLI));
        assert_eq!(offsets(&log, &pin, EventRange { from: at(3), to: at(7) }), [3]);
        assert_eq!(offsets(&log, &pin, EventRange { from: at(4), to: None }), [7]);
    }

    #[test]
    fn a_letter_says_what_is_known_of_its_record() {
        let batch = to_batch(&[letter(7, None), letter(3, Some("hourly"))]).expect("a batch");
        assert_eq!(batch.schema(), dead_letters_schema());
        let texts = |column: usize| batch.column(column).as_string::<i32>().iter().collect::<Vec<_>>();
        assert_eq!(texts(0), [Some("sold"); 2]);
        assert_eq!(texts(4), [None, Some("hourly")]);
        assert_eq!(texts(5), [Some("no good: 7"), Some("no good: 3")]);
        assert_eq!(batch.column(6).null_count(), 2, "no key is not an empty key");
        assert_eq!(batch.column(7).as_binary::<i32>().value(1), [0xff, 3]);
    }
}
