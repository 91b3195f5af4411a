//! The reader against segments that real brokers wrote and what a real consumer read from them.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use super::header::{BatchHeader, HEADER_BYTES, TimestampType};
use super::reader::{BatchReader, ControlKind};
use super::record::Record;
use super::writer::{Compression, NewRecord, encode_batches};
use crate::batch::Codec;

fn folder(topic: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(topic)
}

/// The topic's segments in order.
fn segments(topic: &str) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder(topic))
        .expect("the fixture's folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).expect("a segment")).collect()
}

fn expected(topic: &str) -> Vec<Value> {
    let compressed = std::fs::read(folder(topic).join("expected.jsonl.zst")).expect("what was expected");
    let text = String::from_utf8(zstd::decode_all(&compressed[..]).expect("zstd")).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Bytes as the fixtures spell them.
fn spelt(bytes: Option<&[u8]>) -> Value {
    match bytes.map(|bytes| (bytes, std::str::from_utf8(bytes))) {
        None => Value::Null,
        Some((_, Ok(text))) => text.into(),
        Some((bytes, Err(_))) => serde_json::json!({ "b64": BASE64_STANDARD.encode(bytes) }),
    }
}

fn spelt_record(record: &Record<'_>) -> Value {
    let headers: Vec<Value> =
        record.headers.map(|(key, value)| Value::Array(vec![spelt(Some(key)), spelt(value)])).collect();
    serde_json::json!({
        "o": record.offset,
        "ts": record.timestamp_ms,
        "key": spelt(record.key),
        "value": spelt(record.value),
        "headers": headers,
    })
}

/// Reads all of a topic, compares every record with what the consumer read, and returns the headers.
fn check(topic: &str) -> Vec<(BatchHeader, Option<ControlKind>)> {
    let expected = expected(topic);
    assert!(!expected.is_empty());
    let mut due = expected.iter();
    let (mut headers, mut scratch) = (Vec::new(), Vec::new());
    for segment in segments(topic) {
        for batch in BatchReader::new(&segment) {
            let batch = batch.expect("a right batch");
            headers.push((*batch.header(), batch.control().expect("a right control record")));
            for record in batch.records(&mut scratch).expect("right records") {
                let record = record.expect("a right record");
                assert_eq!(Some(&spelt_record(&record)), due.next(), "{topic}, offset {}", record.offset);
            }
        }
    }
    assert_eq!(due.next(), None, "{topic} has fewer records than the consumer read");
    headers
}

#[test]
fn all_codecs_of_both_clients() {
    let headers = check("codecs");
    for codec in [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
        let batches = headers.iter().filter(|(header, _)| header.codec() == Ok(codec)).count();
        assert!(batches > 10, "{batches} batches of {codec}");
    }
}

#[test]
fn transactions_and_their_markers() {
    let headers = check("txn");
    let count = |kind| headers.iter().filter(|(_, control)| *control == kind).count();
    assert!(count(Some(ControlKind::Abort)) > 1);
    assert!(count(Some(ControlKind::Commit)) > 5);
    assert!(headers.iter().all(|(header, control)| header.is_control() == control.is_some()));
    assert!(headers.iter().any(|(header, _)| header.is_transactional() && !header.is_control()));
}

#[test]
fn timestamps_of_the_broker() {
    let headers = check("appendtime");
    let of = |wanted| headers.iter().filter(|(header, _)| header.timestamp_type() == wanted).count();
    assert!(of(TimestampType::LogAppendTime) > 5);
    assert_eq!(of(TimestampType::CreateTime), 4);
}

#[test]
fn gaps_and_empty_batches_of_a_compacted_topic() {
    let headers = check("oncecompacted");
    assert!(headers.iter().any(|(header, _)| header.count == 0 && header.next_offset() > header.base_offset));
    assert!(headers.windows(2).any(|pair| pair[0].0.next_offset() < pair[1].0.base_offset));
}

#[test]
fn what_brokers_accept_though_it_is_odd() {
    let headers = check("odd");
    assert!(headers.iter().any(|(header, _)| header.attributes & 0x80 != 0));
    assert!(headers.iter().any(|(header, _)| header.delete_horizon_ms().is_some()));
}

#[test]
fn what_we_write_is_what_kafkas_clients_write() {
    let mut compared = 0;
    for segment in segments("codecs") {
        for batch in BatchReader::new(&segment) {
            let batch = batch.expect("a right batch");
            let mut scratch = Vec::new();
            let records: Vec<Record<'_>> = batch
                .records(&mut scratch)
                .expect("right records")
                .collect::<Result<_, _>>()
                .expect("right records");
            let header = batch.header();
            let is_plain = header.codec() == Ok(Codec::None)
                && records.len() as i64 == header.next_offset() - header.base_offset;
            if !is_plain {
                continue;
            }
            let headers: Vec<Vec<_>> = records.iter().map(|record| record.headers.collect()).collect();
            let again: Vec<NewRecord<'_>> = records
                .iter()
                .zip(&headers)
                .map(|(record, headers)| NewRecord {
                    key: record.key,
                    value: record.value,
                    timestamp_ms: record.timestamp_ms,
                    headers,
                })
                .collect();
            let mut ours = Vec::new();
            encode_batches(header.base_offset, &again, Compression::None, &mut ours).expect("small records");
            assert_eq!(&ours[HEADER_BYTES..], &batch.bytes()[HEADER_BYTES..]);
            let mut own = BatchHeader::parse(&ours).expect("a right header");
            // The broker stamps its epoch, which the checksum does not cover.
            own.leader_epoch = header.leader_epoch;
            if header.producer_id == -1 {
                assert_eq!(own, *header);
            }
            compared += 1;
        }
    }
    assert!(compared > 10, "{compared} batches compared");
}
