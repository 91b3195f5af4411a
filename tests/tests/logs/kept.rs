//! Records as they were read, to be held against those that were written.

use std::time::Duration;

use thalweg_log::{Log, NewRecord, Record, RecordReader, TopicPartition};

/// How long records that the log has may take to come, in waits and how long one takes.
const WAITS: u32 = 200;
const WAIT: Duration = Duration::from_millis(100);

/// A record's header.
pub(crate) type Header = (Vec<u8>, Option<Vec<u8>>);

/// A record with everything it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) offset: i64,
    pub(crate) timestamp_ms: i64,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Vec<Header>,
}

impl Kept {
    /// A record with a value and nothing else.
    pub(crate) fn value(offset: i64, value: &str) -> Self {
        let value = Some(value.as_bytes().to_vec());
        Self { offset, timestamp_ms: 1_700_000_000_000, key: None, value, headers: Vec::new() }
    }

    pub(crate) fn of(record: &Record<'_>) -> Self {
        Self {
            offset: record.offset,
            timestamp_ms: record.timestamp_ms,
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            headers: record.headers.map(|(key, value)| (key.to_vec(), value.map(<[u8]>::to_vec))).collect(),
        }
    }

    /// The value as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(self.value.as_deref().unwrap_or_default()).into_owned()
    }
}

/// Appends the records; their offsets do not count.
pub(crate) fn append(log: &dyn Log, topic: &str, partition: i32, records: &[Kept]) -> i64 {
    let headers: Vec<Vec<_>> = records
        .iter()
        .map(|record| record.headers.iter().map(|(key, value)| (key.as_slice(), value.as_deref())).collect())
        .collect();
    let new: Vec<NewRecord<'_>> = records
        .iter()
        .zip(&headers)
        .map(|(record, headers)| NewRecord {
            key: record.key.as_deref(),
            value: record.value.as_deref(),
            timestamp_ms: record.timestamp_ms,
            headers,
        })
        .collect();
    log.append(topic, partition, &new).expect("records that can be appended")
}

/// Reads on until the offset `until`, about `max_records` at a time.
pub(crate) fn read_until(reader: &mut dyn RecordReader, until: i64, max_records: usize) -> Vec<Kept> {
    let mut kept = Vec::new();
    for _ in 0..WAITS {
        while reader
            .read(until, max_records, &mut |record: &Record<'_>| kept.push(Kept::of(record)))
            .expect("readable records")
        {}
        if reader.next_offset() >= until {
            assert_eq!(reader.next_offset(), until, "it went further than it was to");
            return kept;
        }
        reader.wait(WAIT).expect("a partition that can be read");
    }
    panic!("{reader:?} does not come to {until}; it has {kept:?}");
}

/// What a partition holds from `from` to its end.
pub(crate) fn read_all(log: &dyn Log, topic: &str, partition: i32, from: i64) -> Vec<Kept> {
    let end = log.next_offset(&TopicPartition::new(topic, partition)).expect("a partition");
    let mut readers = log.readers(topic, &[(partition, from)]).expect("a partition");
    read_until(&mut *readers[0], end, usize::MAX)
}
