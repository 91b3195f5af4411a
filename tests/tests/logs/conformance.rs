//! What every log must do.

use std::time::Duration;

use thalweg_log::{Error, Log, NewRecord, RecordReader, TopicPartition};

use crate::kept::{Kept, append, read_all, read_until};

/// Holds `log`, which has no topics of these names, against everything it must do.
pub(crate) fn run(log: &dyn Log) {
    topics_are_created_once_and_known(log);
    records_come_back_as_they_were(log);
    readers_begin_and_stop_where_they_are_told(log);
    appends_to_many_partitions_are_apart(log);
    a_reader_sees_what_is_appended_later(log);
    what_is_not_there_is_refused(log);
}

fn at(topic: &str, partition: i32) -> TopicPartition {
    TopicPartition::new(topic, partition)
}

fn topics_are_created_once_and_known(log: &dyn Log) {
    assert_eq!(log.topic("known").expect("a log that answers"), None);
    let id = log.create_topic("known", 3).expect("a new topic");
    let info = log.topic("known").expect("a log that answers").expect("the topic");
    assert_eq!((info.name.as_str(), info.id, info.partitions), ("known", id, 3));
    let other = log.create_topic("also.known", 1).expect("a new topic");
    assert_ne!(other, id);
    let topics = log.topics().expect("a log that answers");
    let found: Vec<_> = topics.iter().filter(|info| info.name.ends_with("known")).collect();
    assert_eq!(found.iter().map(|info| info.name.as_str()).collect::<Vec<_>>(), ["also.known", "known"]);
    assert_eq!(*found[1], info);
    assert!(topics.iter().all(|info| !info.name.starts_with("__")), "{topics:?}");
    let again = log.create_topic("known", 3).expect_err("the topic exists");
    assert!(matches!(again, Error::TopicExists { .. }), "{again}");
    let name = log.create_topic("no topic", 1).expect_err("no name of a topic");
    assert!(matches!(name, Error::TopicName { .. }), "{name}");
    for partitions in [0, -1, 1_025] {
        let count = log.create_topic("uncountable", partitions).expect_err("no number of partitions");
        assert!(matches!(count, Error::PartitionCount { .. }), "{count}");
    }
}

fn records_come_back_as_they_were(log: &dyn Log) {
    log.create_topic("shapes", 1).expect("a new topic");
    let bytes = |text: &[u8]| Some(text.to_vec());
    let header = |key: &[u8], value: Option<&[u8]>| (key.to_vec(), value.map(<[u8]>::to_vec));
    let plain = Kept::value(0, "value");
    let mut shapes = vec![
        plain.clone(),
        Kept { key: bytes(b"key"), ..plain.clone() },
        Kept { key: bytes(b""), value: bytes(b""), ..plain.clone() },
        Kept { key: bytes(b"deleted"), value: None, ..plain.clone() },
        Kept { key: None, value: None, ..plain.clone() },
        Kept { key: bytes(b"\0\xff"), value: bytes(b"\xc3\x28\0"), ..plain.clone() },
        Kept {
            headers: vec![
                header(b"twice", Some(b"1")),
                header(b"other", None),
                header(b"twice", Some(b"")),
                header(b"", Some(b"of no name")),
                header(b"\xff\xfe no text", Some(b"\0\xff")),
            ],
            ..plain.clone()
        },
        Kept { value: Some((0..700_000_u32).map(|at| (at % 251) as u8).collect()), ..plain.clone() },
        Kept { timestamp_ms: 1, ..plain.clone() },
        Kept { timestamp_ms: -86_400_000, ..plain.clone() },
        Kept { timestamp_ms: -1, ..plain },
    ];
    (0..).zip(&mut shapes).for_each(|(offset, shape)| shape.offset = offset);
    assert_eq!(append(log, "shapes", 0, &shapes[..3]), 0);
    assert_eq!(append(log, "shapes", 0, &shapes[3..]), 3);
    let read = read_all(log, "shapes", 0, 0);
    assert_eq!(read.len(), shapes.len());
    for (read, shape) in read.iter().zip(&shapes) {
        assert_eq!(read, shape);
    }
    assert_eq!(log.start_offset(&at("shapes", 0)).expect("a partition"), 0);
    assert_eq!(log.next_offset(&at("shapes", 0)).expect("a partition"), shapes.len() as i64);
}

fn readers_begin_and_stop_where_they_are_told(log: &dyn Log) {
    log.create_topic("counted", 1).expect("a new topic");
    let records: Vec<_> = (0..1_000).map(|offset| Kept::value(offset, &format!("record {offset}"))).collect();
    for some in records.chunks(170) {
        append(log, "counted", 0, some);
    }
    assert_eq!(read_all(log, "counted", 0, 0), records);
    assert_eq!(read_all(log, "counted", 0, 333), records[333..]);
    assert_eq!(read_all(log, "counted", 0, 1_000), []);

    let reader = || log.readers("counted", &[(0, 5)]).expect("a partition").pop().expect("one reader");
    let mut bounded = reader();
    assert_eq!(bounded.next_offset(), 5);
    assert_eq!(read_until(&mut *bounded, 5, 10), []);
    assert_eq!(read_until(&mut *bounded, 400, 10), records[5..400]);
    assert_eq!(read_until(&mut *bounded, 401, 10), records[400..401]);
    assert_eq!(bounded.end().expect("a partition"), 1_000);
    assert_eq!(read_until(&mut *bounded, 1_000, usize::MAX), records[401..]);
    assert_eq!(bounded.end().expect("a partition"), 1_000);

    // Two readers know nothing of each other.
    let (mut one, mut other) = (reader(), reader());
    assert_eq!(read_until(&mut *one, 700, 3), records[5..700]);
    assert_eq!(read_until(&mut *other, 10, 3), records[5..10]);
}

fn appends_to_many_partitions_are_apart(log: &dyn Log) {
    log.create_topic("apart", 3).expect("a new topic");
    let record = |value: &'static str| NewRecord {
        key: None,
        value: Some(value.as_bytes()),
        timestamp_ms: 1_700_000_000_000,
        headers: &[],
    };
    let first = log.append_all("apart", vec![(2, vec![record("a"), record("b")]), (0, vec![record("c")])]);
    assert_eq!(first.expect("partitions of the topic"), [0, 0]);
    let second = log.append_all("apart", vec![(0, Vec::new()), (2, vec![record("d")]), (1, Vec::new())]);
    assert_eq!(second.expect("partitions of the topic"), [1, 2, 0]);
    assert_eq!(log.append("apart", 2, &[]).expect("a partition"), 3);
    let mut readers = log.readers("apart", &[(2, 1), (0, 0), (1, 0)]).expect("partitions");
    let values = |reader: &mut Box<dyn RecordReader>, until| {
        read_until(&mut **reader, until, 10).iter().map(Kept::text).collect::<Vec<_>>()
    };
    assert_eq!(values(&mut readers[0], 3), ["b", "d"]);
    assert_eq!(values(&mut readers[1], 1), ["c"]);
    assert_eq!(values(&mut readers[2], 0), [""; 0]);
    let unknown = log.append_all("apart", vec![(1, vec![record("e")]), (3, vec![record("f")])]);
    assert!(
        matches!(unknown, Err(Error::UnknownPartition { partition: 3, partitions: 3, .. })),
        "{unknown:?}"
    );
    assert_eq!(log.next_offset(&at("apart", 1)).expect("a partition"), 0, "nothing was written");
}

fn a_reader_sees_what_is_appended_later(log: &dyn Log) {
    log.create_topic("tailed", 1).expect("a new topic");
    let mut reader = log.readers("tailed", &[(0, 0)]).expect("a partition").pop().expect("one reader");
    assert_eq!(reader.end().expect("a partition"), 0);
    for _ in 0..3 {
        // Whatever is told while nothing is there, nothing is read.
        reader.wait(Duration::from_millis(20)).expect("a partition that can be read");
        let further = reader.read(i64::MAX, 10, &mut |record: &thalweg_log::Record<'_>| {
            panic!("a record out of nothing: {record:?}")
        });
        assert!(!further.expect("a partition that can be read"));
    }
    for offset in 0..5 {
        append(log, "tailed", 0, &[Kept::value(offset, "later")]);
        assert_eq!(read_until(&mut *reader, offset + 1, 10), [Kept::value(offset, "later")]);
        assert_eq!(reader.next_offset(), offset + 1);
    }
}

fn what_is_not_there_is_refused(log: &dyn Log) {
    log.create_topic("there", 2).expect("a new topic");
    append(log, "there", 0, &[Kept::value(0, "value")]);
    let record = [NewRecord { key: None, value: None, timestamp_ms: 1, headers: &[] }];
    for error in [
        log.append("nowhere", 0, &record).expect_err("no such topic"),
        log.next_offset(&at("nowhere", 0)).expect_err("no such topic"),
        log.start_offset(&at("nowhere", 0)).expect_err("no such topic"),
        log.readers("nowhere", &[(0, 0)]).expect_err("no such topic"),
    ] {
        assert!(matches!(&error, Error::UnknownTopic { topic, .. } if topic == "nowhere"), "{error}");
    }
    for error in [
        log.append("there", 2, &record).expect_err("no such partition"),
        log.next_offset(&at("there", 2)).expect_err("no such partition"),
        log.start_offset(&at("there", -1)).expect_err("no such partition"),
        log.readers("there", &[(0, 0), (2, 0)]).expect_err("no such partition"),
    ] {
        assert!(matches!(&error, Error::UnknownPartition { partitions: 2, .. }), "{error}");
    }
    // Some logs say so at once, others when they are read.
    let beyond = log
        .readers("there", &[(0, 2)])
        .and_then(|mut readers| readers[0].read(3, 1, &mut |_: &thalweg_log::Record<'_>| ()).map(drop));
    let error = beyond.expect_err("no such offset");
    assert!(matches!(&error, Error::OffsetOutOfRange { offset: 2, next: 1, .. }), "{error}");
    assert!(error.to_string().contains("there-0"), "{error}");
}
