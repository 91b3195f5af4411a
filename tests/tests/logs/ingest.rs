//! The ingest over a real broker, and what that can do to it.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};
use tempfile::TempDir;
use thalweg_core::Instant;
use thalweg_definitions::{DefinitionFile, load_text};
use thalweg_ingest::{Clock, Condition, Ingest, IngestOptions};
use thalweg_log::{BatchReader, DeadLetterReader, KafkaLog, Log, TopicPartition, dead_letter_topic};
use thalweg_store::{Store, StoreOptions};
use thalweg_tests::kafka::{Broker, broker};

use crate::kafka_log;
use crate::kept::{Kept, append};

const PATIENCE: Duration = Duration::from_secs(60);

/// A clock that stands still, far in the future: whatever is done from time to time is done all the time.
struct StoppedClock;

impl Clock for StoppedClock {
    fn now(&self) -> Instant {
        Instant::MAX
    }
}

/// Counts the records of each topic by key.
fn start(log: &Arc<KafkaLog>, dir: &Path, topics: &[&str]) -> Ingest {
    let mut text = "entities:\n  - {name: key, join_keys: {key: string}}\nsources:\n".to_owned();
    for topic in topics {
        text += &format!(
            "  - {{name: {topic}, topic: {topic}, format: json, event_time: at, fields: {{key: string, at: timestamp}}}}\n"
        );
    }
    text += "feature_views:\n";
    for topic in topics {
        text += &format!(
            "  - {{name: of_{topic}, entity: key, source: {topic}, features: {{n: {{aggregate: count}}}}}}\n"
        );
    }
    let file = DefinitionFile { name: "features.yaml".to_owned(), text };
    let repository = Arc::new(load_text(&[file]).expect("sound definitions"));
    let store = Store::open(dir.join("state"), StoreOptions::default()).expect("a store");
    let log: Arc<dyn Log> = Arc::clone(log) as Arc<dyn Log>;
    Ingest::start(IngestOptions::new(log, repository, store, Arc::new(StoppedClock))).expect("an ingest")
}

fn events(count: i64) -> Vec<Kept> {
    (0..count)
        .map(|at| Kept::value(at, &format!(r#"{{"key": "k", "at": {}}}"#, 1_700_000_000_000_000 + at)))
        .collect()
}

fn condition(ingest: &Ingest, topic: &str) -> Condition {
    let status = ingest.status();
    status.topics.into_iter().find(|of| of.topic == topic).expect("a topic of the definitions").condition
}

/// Waits until the ingest of `topic` has stopped, and gives the reason.
fn reason(ingest: &Ingest, topic: &str) -> String {
    for _ in 0..600 {
        if let Condition::Stopped(reason) = condition(ingest, topic) {
            return reason;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("the ingest of {topic} goes on: {:?}", condition(ingest, topic));
}

fn assert_applied(ingest: &Ingest, ends: &[(&str, i32, i64)]) {
    assert!(ingest.wait_applied(ends, PATIENCE).expect("a running ingest"), "{:?}", ingest.status());
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

#[test]
fn partitions_that_come_while_it_runs_are_read() {
    let (broker, dir) = (broker(), folder());
    let log = kafka_log(&broker, &[]);
    log.create_topic("growing", 1).expect("a new topic");
    append(&*log, "growing", 0, &events(5));
    let ingest = start(&log, dir.path(), &["growing"]);
    assert_applied(&ingest, &[("growing", 0, 5)]);
    broker.admin().add_partitions("growing", 3);
    append(&*log, "growing", 2, &events(7));
    append(&*log, "growing", 0, &events(1));
    assert_applied(&ingest, &[("growing", 0, 6), ("growing", 2, 7)]);
    assert_eq!(condition(&ingest, "growing"), Condition::Running);
    ingest.stop().expect("a commit");
    let ingest = start(&log, dir.path(), &["growing"]);
    append(&*log, "growing", 1, &events(2));
    assert_applied(&ingest, &[("growing", 0, 6), ("growing", 1, 2), ("growing", 2, 7)]);
}

#[test]
fn records_that_expired_before_they_were_read_stop_their_topic_alone() {
    let (broker, dir) = (broker(), folder());
    let log = kafka_log(&broker, &[]);
    for topic in ["expiring", "staying"] {
        log.create_topic(topic, 1).expect("a new topic");
        append(&*log, topic, 0, &events(5));
    }
    let ingest = start(&log, dir.path(), &["expiring", "staying"]);
    assert_applied(&ingest, &[("expiring", 0, 5), ("staying", 0, 5)]);
    ingest.stop().expect("a commit");
    for topic in ["expiring", "staying"] {
        append(&*log, topic, 0, &events(5));
    }
    broker.admin().delete_records("expiring", 0, 8);
    let ingest = start(&log, dir.path(), &["expiring", "staying"]);
    let reason = reason(&ingest, "expiring");
    for part in ["expiring-0", "offset 8", "offset 5", "thalweg backfill --rebuild"] {
        assert!(reason.contains(part), "{reason}");
    }
    assert_applied(&ingest, &[("staying", 0, 10)]);
    assert_eq!(condition(&ingest, "staying"), Condition::Running);
}

#[test]
fn a_topic_that_is_made_again_stops_alone_at_once_and_at_the_next_start() {
    let (broker, dir) = (broker(), folder());
    let log = kafka_log(&broker, &[]);
    for topic in ["again", "same"] {
        log.create_topic(topic, 1).expect("a new topic");
        append(&*log, topic, 0, &events(5));
    }
    let ingest = start(&log, dir.path(), &["again", "same"]);
    assert_applied(&ingest, &[("again", 0, 5), ("same", 0, 5)]);
    broker.admin().delete_topic("again");
    broker.admin().create_topic("again", 1, &[]);
    let first = reason(&ingest, "again");
    assert!(first.contains("`again`") || first.contains("again-0"), "{first}");
    assert!(first.contains("thalweg backfill --rebuild"), "{first}");
    append(&*log, "same", 0, &events(1));
    assert_applied(&ingest, &[("same", 0, 6)]);
    ingest.stop().expect("a commit");

    append(&*log, "again", 0, &events(9));
    let ingest = start(&log, dir.path(), &["again", "same"]);
    let second = reason(&ingest, "again");
    assert!(second.contains("deleted and created again"), "{second}");
    assert_applied(&ingest, &[("same", 0, 6)]);
}

#[test]
fn a_log_that_lost_what_was_applied_stops_its_topic() {
    let (broker, dir) = (Broker::start(&[]), folder());
    let log = kafka_log(&broker, &[]);
    log.create_topic("shrinking", 1).expect("a new topic");
    append(&*log, "shrinking", 0, &events(3));
    append(&*log, "shrinking", 0, &events(2));
    let ingest = start(&log, dir.path(), &["shrinking"]);
    assert_applied(&ingest, &[("shrinking", 0, 5)]);
    ingest.stop().expect("a commit");
    // The broker dies, and its disk has not what it acknowledged.
    broker.kill();
    let segment = broker.log_dir().join("shrinking-0/00000000000000000000.log");
    let bytes = std::fs::read(&segment).expect("the broker's segment");
    let batches = BatchReader::new(&bytes).map(|batch| batch.expect("a sound batch"));
    let kept = batches
        .filter(|batch| batch.header().base_offset < 3)
        .map(|batch| batch.bytes().len())
        .sum::<usize>();
    File::options()
        .write(true)
        .open(&segment)
        .and_then(|file| file.set_len(kept as u64))
        .expect("a short file");
    broker.start_again();
    let ingest = start(&log, dir.path(), &["shrinking"]);
    let reason = reason(&ingest, "shrinking");
    for part in ["`shrinking` partition 0", "below 5", "ends at 3", "thalweg backfill --rebuild"] {
        assert!(reason.contains(part), "{reason}");
    }
}

#[test]
fn a_poison_record_at_the_head_is_one_dead_letter_and_stops_nothing() {
    let (broker, dir) = (broker(), folder());
    let log = kafka_log(&broker, &[]);
    log.create_topic("poisoned", 1).expect("a new topic");
    append(&*log, "poisoned", 0, &[Kept::value(0, "no JSON"), Kept { value: None, ..Kept::value(1, "") }]);
    append(&*log, "poisoned", 0, &events(3));
    for _ in 0..2 {
        let ingest = start(&log, dir.path(), &["poisoned"]);
        assert_applied(&ingest, &[("poisoned", 0, 5)]);
        ingest.stop().expect("a commit");
    }
    let letters = TopicPartition::new(dead_letter_topic("poisoned"), 0);
    let end = log.next_offset(&letters).expect("the topic of the letters");
    let mut reader = DeadLetterReader::new(&*log, letters, 0).expect("the topic of the letters");
    let mut found = Vec::new();
    while let Some(some) = reader.next(end).expect("letters") {
        found.extend(some.into_iter().map(|letter| (letter.offset, letter.value)));
    }
    assert_eq!(found, [(0, Some(b"no JSON".to_vec())), (1, None)]);
}

#[test]
fn a_group_is_told_how_far_the_state_is() {
    let (broker, dir) = (broker(), folder());
    let log = kafka_log(&broker, &[("group.id", "watched")]);
    log.create_topic("told", 2).expect("a new topic");
    append(&*log, "told", 1, &events(6));
    let ingest = start(&log, dir.path(), &["told"]);
    assert_applied(&ingest, &[("told", 1, 6)]);
    let watcher: BaseConsumer =
        broker.client().set("group.id", "watched").create().expect("a consumer of the group");
    let mut asked = TopicPartitionList::new();
    asked.add_partition("told", 1);
    for _ in 0..200 {
        // The group has no coordinator at first.
        if let Ok(committed) = watcher.committed_offsets(asked.clone(), PATIENCE)
            && committed.find_partition("told", 1).is_some_and(|found| found.offset() == Offset::Offset(6))
        {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("the group is told nothing");
}
