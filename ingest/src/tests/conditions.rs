//! What keeps one topic from being ingested, and leaves the others alone.

use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use thalweg_definitions::Repository;
use thalweg_log::{NewRecord, RegisteredSchema, Registry, RegistryError, SchemaKind, Schemas};

use super::support::*;
use crate::{Condition, Error, Ingest, IngestOptions};

/// A topic of numbers beside the flights.
const OTHER: &str = r#"
  - name: readings
    topic: numbers
    format: json
    fields: {carrier: string, x: int64, at: timestamp}
    event_time: at
"#;
const OTHER_VIEW: &str = r#"
  - name: sums
    entity: carrier
    source: readings
    features:
      x: {aggregate: sum, of: x}
"#;

fn two_topics() -> String {
    let definitions = DEFINITIONS.replace("\nentities:", &format!("{}\nentities:", OTHER.trim_end()));
    format!("{}{}", definitions.trim_end(), OTHER_VIEW)
}

fn condition(ingest: &Ingest, topic: &str) -> Condition {
    let status = ingest.status();
    status.topics.into_iter().find(|status| status.topic == topic).expect("a topic of this test").condition
}

fn wait_until_stopped(ingest: &Ingest, topic: &str) -> String {
    for _ in 0..10_000 {
        if let Condition::Stopped(reason) = condition(ingest, topic) {
            return reason;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("{topic} goes on: {:?}", condition(ingest, topic));
}

fn number() -> Vec<String> {
    vec![r#"{"carrier": "UA", "x": 1, "at": 5}"#.to_owned()]
}

#[test]
fn a_topic_that_does_not_exist_yet_is_waited_for() {
    let mut world = World::new();
    world.produce(0..100);
    let ingest = world.start(&two_topics(), &world.store_path());
    world.assert_all_applied(&ingest);
    assert_eq!(condition(&ingest, "numbers"), Condition::WaitingForTopic);
    assert!(!ingest.wait_applied(&[("numbers", 0, 1)], Duration::from_millis(1)).expect("it may still come"));
    world.log.create_topic("numbers", 1).expect("a new topic");
    append(&*world.log, "numbers", 0, &number());
    assert!(ingest.wait_applied(&[("numbers", 0, 1)], PATIENCE).expect("a running ingest"));
    assert_eq!(condition(&ingest, "numbers"), Condition::Running);
}

#[test]
fn a_damaged_batch_stops_its_topic_alone() {
    let mut world = World::new();
    world.produce(0..100);
    world.log.create_topic("numbers", 1).expect("a new topic");
    append(&*world.log, "numbers", 0, &number());
    let segment = world.dir.path().join("log/numbers-0/00000000000000000000.log");
    let file = std::fs::OpenOptions::new().write(true).open(segment).expect("the segment of the batch");
    file.write_all_at(b"!", 80).expect("a writable file");

    let ingest = world.start(&two_topics(), &world.store_path());
    world.assert_all_applied(&ingest);
    let reason = wait_until_stopped(&ingest, "numbers");
    assert!(reason.contains("00000000000000000000.log"), "{reason}");
    let error = ingest.wait_applied(&[("numbers", 0, 1)], PATIENCE).expect_err("it has stopped");
    assert!(matches!(error, Error::Stopped { .. }), "{error}");
    world.produce(100..200);
    world.assert_all_applied(&ingest);
}

#[test]
fn state_of_another_log_is_not_continued() {
    let mut world = World::new();
    world.produce(0..100);
    let ingest = world.start(&two_topics(), &world.store_path());
    world.assert_all_applied(&ingest);
    ingest.stop().expect("a writable directory");

    let log = open_log(&world.dir.path().join("other log"), 2);
    log.create_topic("flights", 3).expect("a new topic");
    log.create_topic("numbers", 1).expect("a new topic");
    append(&*log, "numbers", 0, &number());
    let ingest = start(&log, &two_topics(), &world.store_path());
    assert!(ingest.wait_applied(&[("numbers", 0, 1)], PATIENCE).expect("a running ingest"));
    let reason = wait_until_stopped(&ingest, "flights");
    assert!(reason.contains("created again"), "{reason}");
    world.assert_answers(&ingest, "delays", |flight| flight.left);
    drop(ingest);

    let shorter = open_log(&world.dir.path().join("shorter log"), 1);
    shorter.create_topic("flights", 3).expect("a new topic");
    let ingest = start(&shorter, DEFINITIONS, &world.store_path());
    let reason = wait_until_stopped(&ingest, "flights");
    assert!(reason.contains("the log ends at 0"), "{reason}");
    drop(ingest);

    let empty = open_log(&world.dir.path().join("empty log"), 1);
    let ingest = start(&empty, DEFINITIONS, &world.store_path());
    let reason = wait_until_stopped(&ingest, "flights");
    assert!(reason.contains("gone"), "{reason}");
}

#[test]
fn waiting_for_a_topic_that_feeds_nothing_is_refused() {
    let world = World::new();
    let ingest = world.start(DEFINITIONS, &world.store_path());
    let error = ingest.wait_applied(&[("nothing", 0, 1)], PATIENCE).expect_err("no view is over it");
    assert!(matches!(error, Error::UnknownTopic { .. }), "{error}");
}

/// A registry that is away until it is told to be there.
#[derive(Debug, Default)]
struct Sleeper(AtomicBool);

const NUMBERS: &str = r#"{"type": "record", "name": "N", "fields": [
    {"name": "carrier", "type": "string"}, {"name": "x", "type": "long"},
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}}]}"#;

impl Registry for Sleeper {
    fn schema(&self, _: u32) -> Result<RegisteredSchema, RegistryError> {
        if !self.0.load(Ordering::Relaxed) {
            let (url, cause) = ("memory".to_owned(), "it sleeps".to_owned());
            return Err(RegistryError::Away { url, cause });
        }
        Ok(RegisteredSchema { kind: SchemaKind::Avro, text: NUMBERS.to_owned(), references: Vec::new() })
    }

    fn latest(&self, _: &str, _: Option<u32>) -> Result<(u32, RegisteredSchema), RegistryError> {
        Err(RegistryError::None)
    }

    fn register(&self, _: &str, _: &RegisteredSchema) -> Result<u32, RegistryError> {
        Err(RegistryError::None)
    }
}

/// The definitions of two topics, the numbers in Avro that names its schema.
fn connected(registry: &Arc<Sleeper>) -> Repository {
    let fields =
        "    format: json\n    fields: {carrier: string, x: int64, at: timestamp}\n    event_time: at\n";
    let schema = NUMBERS.replace('\n', " ");
    let named =
        format!("    format: avro\n    encoding: confluent\n    schema: '{schema}'\n    event_time: at\n");
    let text = two_topics().replace(fields, &named);
    assert!(text.contains("confluent"), "{text}");
    let mut repository = Repository::clone(&repository(&text));
    repository.connect(&Schemas::of(Arc::clone(registry) as Arc<dyn Registry>));
    repository
}

#[test]
fn a_registry_that_is_away_is_waited_for() {
    let mut world = World::new();
    world.produce(0..100);
    world.log.create_topic("numbers", 1).expect("a new topic");
    // UA, 1, 5 microseconds.
    let value = [0, 0, 0, 0, 9, 4, b'U', b'A', 2, 10];
    let record = NewRecord { key: None, value: Some(&value), timestamp_ms: 0, headers: &[] };
    world.log.append("numbers", 0, &[record]).expect("a durable append");
    let registry = Arc::new(Sleeper::default());
    let go = || {
        let options = options(&world.log, &two_topics(), &world.store_path());
        let options = IngestOptions { repository: Arc::new(connected(&registry)), ..options };
        Ingest::start(options).expect("a sound store")
    };
    let waits = |ingest: &Ingest| {
        for _ in 0..10_000 {
            if let Condition::Waiting(reason) = condition(ingest, "numbers") {
                return reason;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        panic!("{:?}", condition(ingest, "numbers"));
    };

    let ingest = go();
    world.assert_all_applied(&ingest);
    assert!(waits(&ingest).contains("it sleeps"));
    // It can be stopped meanwhile, and nothing is lost or buried.
    ingest.stop().expect("a writable directory");
    let ingest = go();
    waits(&ingest);
    registry.0.store(true, Ordering::Relaxed);
    assert!(ingest.wait_applied(&[("numbers", 0, 1)], PATIENCE).expect("a running ingest"));
    assert_eq!(condition(&ingest, "numbers"), Condition::Running);
    let status = ingest.status().topics.into_iter().find(|topic| topic.topic == "numbers");
    assert_eq!(status.expect("it is there").counters.dead_letters, 0);
}
