//! What only a real broker can do to a log.

use std::time::Duration;

use thalweg_log::{BatchReader, Error, Log, Record, TopicPartition};
use thalweg_tests::kafka::{Broker, Sent, TransactionalProducer, broker};

use crate::kafka_log;
use crate::kept::{Kept, append, read_all, read_until};

fn texts(records: &[Kept]) -> Vec<String> {
    records.iter().map(Kept::text).collect()
}

#[test]
fn only_what_is_committed_is_read_and_the_end_is_the_last_stable_offset() {
    let broker = broker();
    let log = kafka_log(&broker, &[]);
    log.create_topic("transactions", 1).expect("a new topic");
    let partition = TopicPartition::new("transactions", 0);
    let (one, two) = ("transactions-one", "transactions-two");
    let one = TransactionalProducer::new(&broker.client(), one);
    let two = TransactionalProducer::new(&broker.client(), two);
    one.begin();
    one.send("transactions", 0, "k", "committed 0");
    two.begin();
    two.send("transactions", 0, "k", "aborted 1");
    one.send("transactions", 0, "k", "committed 2");
    one.end(Sent::Committed);
    // Offset 3 is the marker; nothing from 1 on is stable.
    wait_for_end(&*log, &partition, 1);
    let mut reader = log.readers("transactions", &[(0, 0)]).expect("a partition").pop().expect("one reader");
    assert_eq!(texts(&read_until(&mut *reader, 1, 10)), ["committed 0"]);
    // That it is at the end the reader hears with the next answer of the broker, which may take half a second.
    for _ in 0..100 {
        reader.wait(Duration::from_millis(50)).expect("a partition that can be read");
        assert!(!reader.read(i64::MAX, 10, &mut |_: &Record<'_>| ()).expect("a partition that can be read"));
        if reader.end().expect("a partition") == 1 {
            break;
        }
    }
    assert_eq!(reader.end().expect("a partition"), 1, "what is not stable is not there");
    two.end(Sent::Aborted);
    wait_for_end(&*log, &partition, 5);
    // Offset 4 is the marker of the abort.
    assert_eq!(texts(&read_until(&mut *reader, 5, 10)), ["committed 2"]);
    assert_eq!(reader.end().expect("a partition"), 5);
    append(&*log, "transactions", 0, &[Kept::value(5, "plain 5")]);
    assert_eq!(texts(&read_until(&mut *reader, 6, 10)), ["plain 5"]);
    assert_eq!(texts(&read_all(&*log, "transactions", 0, 0)), ["committed 0", "committed 2", "plain 5"]);
}

/// Waits until the partition ends at `end`: markers are written a moment after a transaction has ended.
fn wait_for_end(log: &dyn Log, partition: &TopicPartition, end: i64) {
    for _ in 0..200 {
        if log.next_offset(partition).expect("a partition") == end {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{partition} ends at {:?}, not at {end}", log.next_offset(partition));
}

#[test]
fn compaction_leaves_gaps() {
    let broker = broker();
    let log = kafka_log(&broker, &[]);
    let configs =
        [("cleanup.policy", "compact"), ("min.cleanable.dirty.ratio", "0.001"), ("segment.ms", "100")];
    broker.admin().create_topic("compacted", 1, &configs);
    let record = |key: &str, value: &str| Kept {
        key: Some(key.as_bytes().to_vec()),
        timestamp_ms: 1_700_000_000_000,
        ..Kept::value(0, value)
    };
    for round in 0..10 {
        let records: Vec<_> =
            ["a", "b", "c"].iter().map(|key| record(key, &format!("{key}{round}"))).collect();
        append(&*log, "compacted", 0, &records);
    }
    for later in 1..100 {
        // A record that is so much later than the segment's first closes it, and it is compacted after that.
        std::thread::sleep(Duration::from_millis(200));
        let closing = record("d", "closes");
        let timestamp_ms = closing.timestamp_ms + 1_000 * later;
        append(&*log, "compacted", 0, &[Kept { timestamp_ms, ..closing }]);
        let read = read_all(&*log, "compacted", 0, 0);
        let kept: Vec<_> = read.iter().filter(|record| record.key.as_deref() != Some(b"d")).collect();
        if kept.len() == 3 {
            let kept: Vec<_> = kept.iter().map(|record| (record.offset, record.text())).collect();
            assert_eq!(kept, [(27, "a9".to_owned()), (28, "b9".to_owned()), (29, "c9".to_owned())]);
            // Offsets that are nobody's are passed.
            let mut reader =
                log.readers("compacted", &[(0, 3)]).expect("a partition").pop().expect("a reader");
            assert_eq!(read_until(&mut *reader, 20, 10), []);
            assert_eq!(texts(&read_until(&mut *reader, 28, 10)), ["a9"]);
            return;
        }
    }
    panic!("the broker does not compact");
}

#[test]
fn where_the_broker_sets_timestamps_they_are_its_own() {
    let broker = broker();
    let log = kafka_log(&broker, &[]);
    broker.admin().create_topic("append-time", 1, &[("message.timestamp.type", "LogAppendTime")]);
    append(&*log, "append-time", 0, &[Kept { timestamp_ms: 5, ..Kept::value(0, "a") }, Kept::value(1, "b")]);
    let read = read_all(&*log, "append-time", 0, 0);
    assert_eq!(texts(&read), ["a", "b"]);
    assert!(read.iter().all(|record| record.timestamp_ms > 1_750_000_000_000), "{read:?}");
}

#[test]
fn what_librdkafka_writes_our_own_reader_reads_in_the_broker_s_files() {
    let broker = broker();
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let log = kafka_log(&broker, &[("compression.type", codec)]);
        let topic = format!("codec-{codec}");
        log.create_topic(&topic, 1).expect("a new topic");
        let header = |at: i64| (format!("h{}", at % 3).into_bytes(), Some(vec![0xff; at as usize % 5]));
        let records: Vec<_> = (0..2_000)
            .map(|at| Kept {
                key: (at % 7 != 0).then(|| format!("key {}", at % 10).into_bytes()),
                headers: (0..at % 4).map(header).collect(),
                timestamp_ms: 1_700_000_000_000 + (at * 7_919) % 1_000,
                ..Kept::value(at, &format!("value {at} {}", "x".repeat(at as usize % 50)))
            })
            .collect();
        append(&*log, &topic, 0, &records);
        assert_eq!(read_all(&*log, &topic, 0, 0), records, "{codec}");
        let segment = broker.log_dir().join(format!("{topic}-0/00000000000000000000.log"));
        let bytes = std::fs::read(segment).expect("the broker's segment");
        let (mut found, mut scratch) = (Vec::new(), Vec::new());
        let mut codecs = Vec::new();
        for batch in BatchReader::new(&bytes) {
            let batch = batch.expect("a sound batch");
            codecs.push(format!("{:?}", batch.header().codec().expect("a codec")).to_lowercase());
            let records = batch.records(&mut scratch).expect("sound records");
            found.extend(records.map(|record| Kept::of(&record.expect("a sound record"))));
        }
        assert_eq!(found, records, "{codec}");
        assert!(codecs.iter().any(|found| found == codec), "{codec}: {codecs:?}");
    }
}

#[test]
fn offsets_that_are_gone_are_named() {
    let broker = broker();
    let log = kafka_log(&broker, &[]);
    log.create_topic("expired", 1).expect("a new topic");
    append(&*log, "expired", 0, &(0..10).map(|at| Kept::value(at, "value")).collect::<Vec<_>>());
    broker.admin().delete_records("expired", 0, 4);
    let error = log.readers("expired", &[(0, 1)]).expect_err("records that are gone");
    assert!(
        matches!(&error, Error::OffsetOutOfRange { offset: 1, start: 4, next: 10, .. }),
        "{error}: the first that is there, and the end, are named"
    );
    assert_eq!(read_all(&*log, "expired", 0, 4).len(), 6);
    assert_eq!(log.start_offset(&TopicPartition::new("expired", 0)).expect("a partition"), 4);
    let error = log.readers("expired", &[(0, 11)]).expect_err("no such offset yet");
    assert!(matches!(&error, Error::OffsetOutOfRange { offset: 11, next: 10, .. }), "{error}");
}

#[test]
fn a_message_of_five_megabytes_comes_through_and_a_larger_one_is_refused() {
    let broker = broker();
    let log = kafka_log(&broker, &[]);
    broker.admin().create_topic("large", 1, &[("max.message.bytes", "6000000")]);
    let mut large = Kept::value(0, "");
    large.value = Some((0..5_000_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect());
    append(&*log, "large", 0, &[large.clone()]);
    assert!(read_all(&*log, "large", 0, 0) == [large]);
    let value = vec![7; 7_000_000];
    let record = thalweg_log::NewRecord { key: None, value: Some(&value), timestamp_ms: 1, headers: &[] };
    let error = log.append("large", 0, &[record]).expect_err("more than the topic takes");
    assert!(matches!(error, Error::KafkaRecordTooLarge { .. }), "{error}");
}

#[test]
fn a_broker_that_is_away_is_waited_for() {
    let broker = Broker::start(&[]);
    let log = kafka_log(&broker, &[]);
    log.create_topic("patient", 1).expect("a new topic");
    append(&*log, "patient", 0, &[Kept::value(0, "before")]);
    let mut reader = log.readers("patient", &[(0, 0)]).expect("a partition").pop().expect("one reader");
    assert_eq!(texts(&read_until(&mut *reader, 1, 10)), ["before"]);
    assert!(log.trouble().is_none());

    broker.kill();
    let mut said = None;
    for _ in 0..100 {
        reader.wait(Duration::from_millis(100)).expect("no error of the reader");
        assert!(!reader.read(i64::MAX, 10, &mut |_: &Record<'_>| ()).expect("no error of the reader"));
        said = log.trouble();
        if said.is_some() {
            break;
        }
    }
    let said = said.expect("that nobody answers is told").to_string();
    assert!(said.contains(&broker.bootstrap()) && said.contains("does not answer"), "{said}");

    broker.start_again();
    append(&*log, "patient", 0, &[Kept::value(1, "after")]);
    assert_eq!(texts(&read_until(&mut *reader, 2, 10)), ["after"]);
    assert!(log.trouble().is_none());
}

#[test]
fn where_nobody_is_every_question_says_so() {
    // A port that nobody listens on.
    let log = {
        let mut options = thalweg_log::KafkaOptions::default();
        options.properties.insert("bootstrap.servers".to_owned(), "127.0.0.1:1".to_owned());
        thalweg_log::KafkaLog::open(options).expect("nobody is asked yet")
    };
    let error = log.topic("t").expect_err("nobody answers");
    assert!(matches!(error, Error::KafkaAway { .. }), "{error}");
    assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
}
