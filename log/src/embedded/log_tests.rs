//! The embedded log as its users see it.

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{EmbeddedLog, EmbeddedOptions, TopicIds};
use crate::batch::{BatchFault, BatchReader, Compression, HEADER_BYTES, NewRecord, RECORD_BYTES};
use crate::error::Error;
use crate::log::Log;
use crate::topic::TopicPartition;

fn options(segment_bytes: u64) -> EmbeddedOptions {
    EmbeddedOptions { segment_bytes, compression: Compression::None, topic_ids: TopicIds::Seeded(7) }
}

fn open(dir: &Path) -> EmbeddedLog {
    EmbeddedLog::open(dir, options(1 << 20)).expect("a log")
}

fn record(value: &[u8]) -> NewRecord<'_> {
    NewRecord { key: Some(b"key"), value: Some(value), timestamp_ms: 1_000, headers: &[] }
}

fn partition(number: i32) -> TopicPartition {
    TopicPartition::new("t", number)
}

/// Offsets and values from `from` to the end, read with a small buffer.
fn read_all(log: &EmbeddedLog, partition: &TopicPartition, from: i64) -> Vec<(i64, Vec<u8>)> {
    let (mut all, mut bytes, mut scratch, mut next) = (Vec::new(), Vec::new(), Vec::new(), from);
    loop {
        let behind = log.read(partition, next, 300, &mut bytes).expect("batches");
        if behind == next {
            assert!(bytes.is_empty());
            return all;
        }
        for batch in BatchReader::of_checked(&bytes) {
            for record in batch.expect("a batch").records(&mut scratch).expect("records") {
                let record = record.expect("a record");
                if record.offset >= next {
                    all.push((record.offset, record.value.expect("a value").to_vec()));
                }
            }
        }
        next = behind;
    }
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(dir)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .collect();
    paths.sort();
    paths
}

#[test]
fn what_is_appended_is_read_from_any_offset_also_after_opening_again() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let due: Vec<(i64, Vec<u8>)> = (0..200).map(|i| (i, format!("value {i}").into_bytes())).collect();
    {
        let log = EmbeddedLog::open(dir.path(), options(1_000)).expect("a log");
        log.create_topic("t", 1).expect("a topic");
        for group in due.chunks(3) {
            let records: Vec<NewRecord<'_>> = group.iter().map(|(_, value)| record(value)).collect();
            assert_eq!(log.append("t", 0, &records).expect("appended"), group[0].0);
        }
        assert_eq!(read_all(&log, &partition(0), 0), due);
    }
    let log = EmbeddedLog::open(dir.path(), options(1_000)).expect("the log again");
    assert_eq!(log.cut_tails(), []);
    assert_eq!(log.start_offset(&partition(0)).expect("a partition"), 0);
    assert_eq!(log.next_offset(&partition(0)).expect("a partition"), 200);
    for from in [0, 1, 2, 3, 57, 198, 199, 200] {
        assert_eq!(read_all(&log, &partition(0), from), due[from as usize..], "from {from}");
    }
    assert_eq!(log.append("t", 0, &[record(b"more")]).expect("appended"), 200);

    let segments = segments(&dir.path().join("t-0"));
    assert!(segments.len() > 5, "{segments:?}");
    for segment in &segments {
        let bytes = std::fs::read(segment).expect("a segment");
        assert!(bytes.len() <= 1_000);
        let first = BatchReader::new(&bytes).next().expect("a batch").expect("a right one");
        assert_eq!(
            segment.file_name().unwrap().to_str(),
            Some(&*format!("{:020}.log", first.header().base_offset))
        );
    }
}

#[test]
fn a_read_gives_whole_batches_and_at_least_one() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let log = open(dir.path());
    log.create_topic("t", 1).expect("a topic");
    for _ in 0..4 {
        log.append("t", 0, &[record(&[1; 100]), record(&[2; 100])]).expect("appended");
    }
    let one = std::fs::metadata(&segments(&dir.path().join("t-0"))[0]).expect("a segment").len() as usize / 4;
    let mut bytes = vec![9; 5];
    let mut read = |from, max| {
        let next = log.read(&partition(0), from, max, &mut bytes).expect("batches");
        (next, bytes.len() / one, bytes.len() % one)
    };
    assert_eq!(read(0, 0), (2, 1, 0));
    assert_eq!(read(1, 1), (2, 1, 0));
    assert_eq!(read(2, one), (4, 1, 0));
    assert_eq!(read(2, 2 * one - 1), (4, 1, 0));
    assert_eq!(read(2, 2 * one), (6, 2, 0));
    assert_eq!(read(3, usize::MAX), (8, 3, 0));
    assert_eq!(read(8, usize::MAX), (8, 0, 0));
}

#[test]
fn offsets_that_are_not_there_are_refused() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let log = open(dir.path());
    log.create_topic("t", 1).expect("a topic");
    log.append("t", 0, &[record(b"a")]).expect("appended");
    for from in [-1, 2, i64::MAX, i64::MIN] {
        let error =
            log.read(&partition(0), from, 100, &mut Vec::new()).expect_err("no such offset").to_string();
        assert!(error.contains("t-0 holds offsets from 0 to before 1"), "{error}");
    }
    let error = log.append("t", 1, &[record(b"a")]).expect_err("no such partition").to_string();
    assert!(error.contains("topic t has no partition 1: it has 1"), "{error}");
    let error = log.append("u", 0, &[record(b"a")]).expect_err("no such topic").to_string();
    assert!(error.contains("no topic \"u\"") && error.contains("create it first"), "{error}");
}

#[test]
fn threads_share_the_log_and_every_record_has_its_offset() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let log = EmbeddedLog::open(dir.path(), options(3_000)).expect("a log");
    log.create_topic("t", 1).expect("a topic");
    let mut claimed = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|thread| {
                let log = &log;
                scope.spawn(move || {
                    let mut claimed = Vec::new();
                    for i in 0..25 {
                        let values = [format!("{thread} {i} a"), format!("{thread} {i} b")];
                        let records: Vec<_> = values.iter().map(|value| record(value.as_bytes())).collect();
                        let first = log.append("t", 0, &records).expect("appended");
                        // Acknowledged is durable, and can be read at once.
                        assert!(log.next_offset(&partition(0)).expect("a partition") >= first + 2);
                        claimed.extend((first..).zip(values.map(String::into_bytes)));
                    }
                    claimed
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a thread")).collect::<Vec<_>>()
    });
    claimed.sort();
    assert_eq!(claimed.len(), 400);
    assert_eq!(read_all(&log, &partition(0), 0), claimed);
    drop(log);
    assert_eq!(read_all(&open(dir.path()), &partition(0), 0), claimed);
}

#[test]
fn records_of_several_partitions_go_together() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let log = open(dir.path());
    log.create_topic("t", 3).expect("a topic");
    let firsts = log
        .append_all("t", vec![(2, vec![record(b"x"), record(b"y")]), (0, vec![record(b"z")]), (1, vec![])])
        .expect("appended");
    assert_eq!(firsts, [0, 0, 0]);
    assert_eq!(log.append_all("t", vec![(2, vec![record(b"w")])]).expect("appended"), [2]);
    assert_eq!(read_all(&log, &partition(2), 1), [(1, b"y".to_vec()), (2, b"w".to_vec())]);
    assert_eq!(log.next_offset(&partition(1)).expect("a partition"), 0);

    let large = vec![0; RECORD_BYTES];
    let refused = log.append_all("t", vec![(0, vec![record(b"a")]), (1, vec![record(&large)])]);
    assert!(refused.expect_err("too large").to_string().contains("record_bytes"));
    assert!(log.append_all("t", vec![(0, vec![record(b"a")]), (3, vec![])]).is_err());
    assert_eq!(
        log.next_offset(&partition(0)).expect("a partition"),
        1,
        "nothing is written of what is refused"
    );
}

#[test]
fn topics_are_listed_with_their_ids_and_kept() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let log = open(&dir.path().join("new/folder"));
    let id = log.create_topic("t", 2).expect("a topic");
    log.create_topic("a.b", 1).expect("a topic");
    let topics = log.topics().expect("topics");
    assert_eq!(
        topics.iter().map(|topic| (&*topic.name, topic.partitions)).collect::<Vec<_>>(),
        [("a.b", 1), ("t", 2)]
    );
    assert_eq!(log.topic("t").expect("a log").expect("the topic").id, id);
    assert_eq!(log.topic("u").expect("a log"), None);
    let metadata = std::fs::read_to_string(log.dir().join("t-1/partition.metadata")).expect("the file");
    assert_eq!(metadata, format!("version: 0\ntopic_id: {id}"));

    assert!(log.create_topic("t", 2).expect_err("there").to_string().contains("exists already"));
    assert!(log.create_topic("a/b", 1).expect_err("a path").to_string().contains("cannot be a topic name"));
    for partitions in [0, -1, 1025] {
        let error = log.create_topic("u", partitions).expect_err("a wrong number").to_string();
        assert!(error.contains("partitions_per_topic"), "{error}");
    }
    drop(log);
    assert_eq!(open(&dir.path().join("new/folder")).topics().expect("topics"), topics);
}

#[test]
fn two_cannot_have_the_log_open() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let log = open(dir.path());
    let error = EmbeddedLog::open(dir.path(), options(1 << 20)).expect_err("in use");
    assert!(matches!(error, Error::Locked { .. }), "{error}");
    drop(log);
    open(dir.path());
}

#[test]
fn a_failed_write_is_never_acknowledged_and_ends_all_writing() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    {
        let log = open(dir.path());
        log.create_topic("t", 2).expect("a topic");
        log.append("t", 0, &[record(b"safe")]).expect("appended");
        log.break_partition(&partition(0));
        for _ in 0..2 {
            let error = log.append("t", 0, &[record(b"lost")]).expect_err("a broken disk");
            assert!(matches!(error, Error::Poisoned { .. }), "{error}");
            let text = error.to_string();
            assert!(text.contains("t-0 takes no more records") && text.contains(".log"), "{text}");
        }
        assert_eq!(read_all(&log, &partition(0), 0), [(0, b"safe".to_vec())]);
        assert!(!log.wait(&partition(0), 1, Duration::ZERO));
        log.append("t", 1, &[record(b"elsewhere")]).expect("another partition");
    }
    let log = open(dir.path());
    assert_eq!(read_all(&log, &partition(0), 0), [(0, b"safe".to_vec())]);
    assert_eq!(log.append("t", 0, &[record(b"again")]).expect("a mended disk"), 1);
}

#[test]
fn waiting_ends_with_the_record_or_the_time() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let log = open(dir.path());
    log.create_topic("t", 1).expect("a topic");
    assert!(!log.wait(&partition(0), 0, Duration::from_millis(1)));
    assert!(!log.wait(&partition(9), 0, Duration::from_secs(60)), "there is nothing to wait for");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| log.wait(&partition(0), 1, Duration::from_secs(60)));
        log.append("t", 0, &[record(b"a")]).expect("appended");
        log.append("t", 0, &[record(b"b")]).expect("appended");
        assert!(waiting.join().expect("a thread"));
    });
    assert!(log.wait(&partition(0), 1, Duration::ZERO));
    assert!(!log.wait(&partition(0), 2, Duration::ZERO));
}

#[test]
fn damage_under_an_open_log_is_named() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let log = open(dir.path());
    log.create_topic("t", 1).expect("a topic");
    log.append("t", 0, &[record(b"first")]).expect("appended");
    let path = segments(&dir.path().join("t-0")).remove(0);
    let second = std::fs::metadata(&path).expect("a segment").len();
    log.append("t", 0, &[record(b"second")]).expect("appended");
    let file = std::fs::OpenOptions::new().write(true).open(&path).expect("a segment");
    file.write_all_at(b"?", second + HEADER_BYTES as u64).expect("written");

    let mut bytes = Vec::new();
    assert_eq!(log.read(&partition(0), 0, 1, &mut bytes).expect("the first is right"), 1);
    for from in [0, 1] {
        match log.read(&partition(0), from, 10_000, &mut bytes).expect_err("damage") {
            Error::Damaged { path: found, position, fault: BatchFault::Checksum { .. } } => {
                assert_eq!((found, position), (path.clone(), second));
            }
            other => panic!("another error: {other}"),
        }
    }
}

#[test]
fn batches_written_are_batches_of_kafkas_form() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let log = EmbeddedLog::open(dir.path(), EmbeddedOptions::default()).expect("a log");
    log.create_topic("t", 1).expect("a topic");
    let value = vec![b'v'; 2_000];
    log.append("t", 0, &[record(b"first")]).expect("appended");
    log.append("t", 0, &[record(&value), NewRecord { timestamp_ms: -5, ..record(&value) }])
        .expect("appended");
    let bytes = std::fs::read(&segments(&dir.path().join("t-0"))[0]).expect("a segment");
    let headers: Vec<_> =
        BatchReader::new(&bytes).map(|batch| *batch.expect("a right batch").header()).collect();
    assert_eq!(headers.len(), 2);
    let second = headers[1];
    assert_eq!((second.base_offset, second.last_offset_delta, second.count), (1, 1, 2));
    assert_eq!((second.base_timestamp_ms, second.max_timestamp_ms), (1_000, 1_000));
    assert_eq!((second.producer_id, second.producer_epoch, second.base_sequence), (-1, -1, -1));
    assert_eq!((second.leader_epoch, second.attributes), (0, 4), "zstd");
    assert_eq!(headers[0].attributes, 0, "too small to be compressed");
}
