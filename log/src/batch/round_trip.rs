//! What is written is read again; what is damaged is refused, whatever the damage.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::assemble::{assemble, bare_records, header};
use super::fault::BatchFault;
use super::header::HEADER_BYTES;
use super::reader::{BatchReader, ControlKind};
use super::writer::{Compression, NewRecord, RECORD_BYTES, encode_batches};
use crate::error::Error;

/// A record that owns its bytes.
#[derive(Debug, Clone, PartialEq)]
struct Owned {
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    timestamp_ms: i64,
    headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

fn owned() -> impl Strategy<Value = Owned> {
    let bytes = || prop_oneof![4 => vec(any::<u8>(), 0..20), 1 => vec(Just(b'x'), 0..3000)];
    let timestamp =
        prop_oneof![3 => 1_300_000_000_000i64..1_400_000_000_000, 1 => any::<i64>(), 1 => Just(-1)];
    let headers = vec((vec(any::<u8>(), 0..8), option::of(vec(any::<u8>(), 0..8))), 0..3);
    (option::of(bytes()), option::of(bytes()), timestamp, headers)
        .prop_map(|(key, value, timestamp_ms, headers)| Owned { key, value, timestamp_ms, headers })
}

fn encoded(base_offset: i64, records: &[Owned], compression: Compression) -> Vec<u8> {
    let headers: Vec<Vec<_>> = records
        .iter()
        .map(|record| record.headers.iter().map(|(key, value)| (&key[..], value.as_deref())).collect())
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
    let mut out = Vec::new();
    encode_batches(base_offset, &new, compression, &mut out).expect("records within the limit");
    out
}

/// All records with their offsets, or the first error.
fn decoded(bytes: &[u8]) -> Result<Vec<(i64, Owned)>, Error> {
    let (mut all, mut scratch) = (Vec::new(), Vec::new());
    for batch in BatchReader::new(bytes) {
        for record in batch?.records(&mut scratch)? {
            let record = record?;
            let owned = Owned {
                key: record.key.map(<[u8]>::to_vec),
                value: record.value.map(<[u8]>::to_vec),
                timestamp_ms: record.timestamp_ms,
                headers: record
                    .headers
                    .map(|(key, value)| (key.to_vec(), value.map(<[u8]>::to_vec)))
                    .collect(),
            };
            all.push((record.offset, owned));
        }
    }
    Ok(all)
}

fn fault(bytes: &[u8]) -> BatchFault {
    match decoded(bytes).expect_err("damaged bytes") {
        Error::Batch { fault, .. } => fault,
        other => panic!("another error: {other}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn records_survive(records in vec(owned(), 0..30), base in 0i64..1 << 60, zstd: bool) {
        let compression = if zstd { Compression::Zstd } else { Compression::None };
        let bytes = encoded(base, &records, compression);
        let read = decoded(&bytes).expect("what was written");
        let due: Vec<(i64, Owned)> = (base..).zip(records.iter().cloned()).collect();
        prop_assert_eq!(read, due);
        for batch in BatchReader::new(&bytes) {
            let header = *batch.expect("what was written").header();
            prop_assert_eq!(header.max_timestamp_ms, records.iter().map(|r| r.timestamp_ms).max().unwrap());
            prop_assert_eq!(header.base_timestamp_ms, records[0].timestamp_ms);
            prop_assert_eq!((header.producer_id, header.leader_epoch), (-1, 0));
        }
    }

    #[test]
    fn any_changed_byte_under_the_checksum_is_noticed(
        records in vec(owned(), 1..10), at: prop::sample::Index, change in 1u8..
    ) {
        let mut bytes = encoded(0, &records, Compression::Zstd);
        let at = 17 + at.index(bytes.len() - 17);
        bytes[at] ^= change;
        let is_checksum = matches!(fault(&bytes), BatchFault::Checksum { .. } | BatchFault::Offsets { .. });
        prop_assert!(is_checksum);
    }

    #[test]
    fn a_cut_is_noticed(records in vec(owned(), 1..10), at: prop::sample::Index) {
        let bytes = encoded(0, &records, Compression::None);
        let cut = 1 + at.index(bytes.len() - 1);
        let is_short = matches!(fault(&bytes[..cut]), BatchFault::Short { .. });
        prop_assert!(is_short);
    }

    #[test]
    fn random_payloads_never_panic(payload in vec(any::<u8>(), 0..400), count: i32, attributes: i16) {
        let mut head = header(0, 1, attributes);
        (head.count, head.last_offset_delta) = (count, i32::MAX);
        let bytes = assemble(head, &payload);
        let mut scratch = Vec::new();
        for batch in BatchReader::new(&bytes) {
            let batch = batch.expect("a right checksum");
            if let Ok(records) = batch.records_within(1 << 20, &mut scratch) {
                for record in records.flatten() {
                    prop_assert!(record.offset >= 0);
                    let walked = record.headers.count();
                    prop_assert_eq!(walked, record.headers.len());
                }
            }
        }
        prop_assert!(scratch.capacity() <= 4 << 20);
    }

    #[test]
    fn random_bytes_are_refused(bytes in vec(any::<u8>(), 1..200)) {
        prop_assert!(decoded(&bytes).is_err());
    }

    /// Damage that keeps most of the structure, with a right checksum.
    #[test]
    fn changed_records_never_panic(records in vec(owned(), 1..6), at: prop::sample::Index, byte: u8) {
        let bytes = encoded(5, &records, Compression::None);
        let mut payload = bytes[HEADER_BYTES..].to_vec();
        let at = at.index(payload.len());
        payload[at] = byte;
        let head = *BatchReader::new(&bytes).next().expect("a batch").expect("a right one").header();
        if let Ok(read) = decoded(&assemble(head, &payload)) {
            prop_assert_eq!(read.len(), records.len());
        }
    }
}

#[test]
fn a_batch_that_claims_two_gigabytes_is_short() {
    let mut bytes = assemble(header(0, 1, 0), &bare_records(1));
    bytes[8..12].copy_from_slice(&i32::MAX.to_be_bytes());
    let need = u64::from(u32::MAX / 2) + 12;
    assert_eq!(fault(&bytes), BatchFault::Short { have: bytes.len() as u64, need });
}

#[test]
fn counts_are_held_against_the_bytes() {
    for count in [-1, 4, i32::MAX, i32::MIN] {
        let mut head = header(0, 3, 0);
        head.count = count;
        assert_eq!(fault(&assemble(head, &bare_records(3))), BatchFault::Count { count, bytes: 21 });
    }
    let mut fewer = header(0, 3, 0);
    fewer.count = 2;
    assert_eq!(fault(&assemble(fewer, &bare_records(3))), BatchFault::Trailing { bytes: 7 });
    fewer.count = 0;
    assert_eq!(fault(&assemble(fewer, &bare_records(3))), BatchFault::Trailing { bytes: 21 });
}

#[test]
fn a_batch_of_no_records_has_none() {
    for attributes in 0..5 {
        let mut empty = header(10, 0, attributes);
        empty.last_offset_delta = 4;
        let bytes = assemble(empty, &[]);
        assert_eq!(decoded(&bytes).expect("an empty batch"), []);
        let batch = BatchReader::new(&bytes).next().expect("a batch").expect("a right one");
        assert_eq!(batch.header().next_offset(), 15);
    }
}

#[test]
fn broker_time_replaces_each_records_own() {
    let times = |attributes| {
        let read = decoded(&assemble(header(0, 2, attributes), &bare_records(2))).expect("two records");
        read.into_iter().map(|(_, record)| record.timestamp_ms).collect::<Vec<_>>()
    };
    assert_eq!(times(0), [1_000, 1_001]);
    assert_eq!(times(0x08), [9_000, 9_000]);
}

#[test]
fn attribute_bits_without_a_meaning_are_let_pass() {
    let bytes = assemble(header(0, 2, 0x7fc0), &bare_records(2));
    assert_eq!(decoded(&bytes).expect("two records").len(), 2);
    assert_eq!(fault(&assemble(header(0, 2, 5), &bare_records(2))), BatchFault::UnknownCodec(5));
}

#[test]
fn control_records_are_no_data() {
    for (kind, expected) in [(0, ControlKind::Abort), (1, ControlKind::Commit), (7, ControlKind::Other(7))] {
        // Attributes, two deltas, a key of four bytes, an empty value, no headers.
        let record = [0, 0, 0, 8, 0, 0, 0, kind, 0, 0];
        let mut payload = vec![record.len() as u8 * 2];
        payload.extend(record);
        let bytes = assemble(header(3, 1, 0x30), &payload);
        let batch = BatchReader::new(&bytes).next().expect("a batch").expect("a right one");
        assert_eq!(batch.control().expect("a right marker"), Some(expected));
        assert_eq!(batch.records(&mut Vec::new()).expect("no records").count(), 0);
    }
    let bytes = assemble(header(3, 1, 0x30), &bare_records(1));
    let batch = BatchReader::new(&bytes).next().expect("a batch").expect("a right one");
    assert!(batch.control().expect_err("no key").to_string().contains("a control record has a key"));
}

#[test]
fn offsets_outside_the_batch_are_refused() {
    let mut narrow = header(0, 3, 0);
    narrow.last_offset_delta = 1;
    assert!(matches!(fault(&assemble(narrow, &bare_records(3))), BatchFault::Record { index: 2, .. }));
    let mut twice = bare_records(1);
    twice.extend(bare_records(1));
    assert!(matches!(fault(&assemble(header(0, 2, 0), &twice)), BatchFault::Record { index: 1, .. }));
}

#[test]
fn an_error_says_where_and_why() {
    let mut bytes = assemble(header(41, 1, 0), &bare_records(1));
    let first = bytes.len();
    bytes.extend(assemble(header(42, 1, 0), &bare_records(1)));
    *bytes.last_mut().expect("bytes") ^= 1;
    let text = decoded(&bytes).expect_err("a wrong checksum").to_string();
    assert!(text.contains(&format!("of offset 42 at byte {first}")) && text.contains("CRC32C"), "{text}");

    bytes[16] = 1;
    let text = decoded(&bytes).expect_err("an old format").to_string();
    assert!(text.contains("message format 1") && text.contains("only format 2"), "{text}");
}

#[test]
fn many_records_become_several_batches() {
    let small = Owned { key: None, value: Some(vec![7]), timestamp_ms: 5, headers: Vec::new() };
    let bytes = encoded(100, &vec![small.clone(); 25_000], Compression::Zstd);
    let counts: Vec<i32> =
        BatchReader::new(&bytes).map(|batch| batch.expect("right").header().count).collect();
    assert_eq!(counts, [10_000, 10_000, 5_000]);
    let read = decoded(&bytes).expect("what was written");
    assert!(read.iter().zip(100..).all(|((offset, record), due)| *offset == due && *record == small));

    let large = Owned { value: Some(vec![1; 400 << 10]), ..small };
    let bytes = encoded(0, &vec![large; 5], Compression::None);
    let counts: Vec<i32> =
        BatchReader::new(&bytes).map(|batch| batch.expect("right").header().count).collect();
    assert_eq!(counts, [2, 2, 1]);
}

#[test]
fn a_record_beyond_the_limit_is_refused_by_name() {
    let value = vec![0; RECORD_BYTES];
    let record = NewRecord { key: None, value: Some(&value), timestamp_ms: 0, headers: &[] };
    let mut out = Vec::new();
    let error = encode_batches(0, &[record], Compression::Zstd, &mut out).expect_err("too large").to_string();
    assert!(error.contains("record_bytes") && error.contains("33554432"), "{error}");
    assert!(out.is_empty());
}
