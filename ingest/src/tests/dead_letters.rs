//! Records that cannot be used are kept, each once.

use thalweg_log::{DeadLetterReader, Log, TopicPartition, dead_letter_topic};

use super::support::*;

pub(super) fn letters(log: &dyn Log, source: &str) -> Vec<(i32, i64, Option<String>, String)> {
    let topic = dead_letter_topic(source);
    if log.topic(&topic).expect("a log").is_none() {
        return Vec::new();
    }
    let partition = TopicPartition::new(topic, 0);
    let end = log.next_offset(&partition).expect("the topic of the letters");
    let mut reader = DeadLetterReader::new(log, partition, 0).expect("a partition");
    let mut letters = Vec::new();
    while let Some(more) = reader.next(end).expect("a sound log") {
        letters.extend(more.into_iter().map(|it| (it.partition, it.offset, it.view, it.reason)));
    }
    letters.sort();
    letters
}

pub(super) fn spoil(world: &World, partition: usize) {
    let bad = ["{", r#"{"carrier": "UA", "landed": 5}"#, r#"{"left": 1000000, "landed": 1000000}"#]
        .map(str::to_owned);
    append(&*world.log, "flights", partition, &bad);
}

#[test]
fn every_unusable_record_is_kept_once_whatever_happens() {
    let mut world = World::new();
    world.produce(0..1_000);
    spoil(&world, 0);
    spoil(&world, 2);
    let ends: Vec<_> = (0..3)
        .map(|partition| {
            let end = world.log.next_offset(&TopicPartition::new("flights", partition)).expect("a partition");
            ("flights", partition, end)
        })
        .collect();
    let ingest = world.start(DEFINITIONS, &world.store_path());
    assert!(ingest.wait_applied(&ends, PATIENCE).expect("a running ingest"));
    let before_commit = world.dir.path().join("as a kill left it");
    copy_files(&world.store_path(), &before_commit);
    ingest.stop().expect("a writable directory");

    let expect = |source: &str, views: [Option<&str>; 3]| {
        let found = letters(&*world.log, source);
        let mut wanted: Vec<_> = [0, 2]
            .into_iter()
            .flat_map(|partition| {
                let first = world.flights[partition as usize].len() as i64;
                (first..).zip(views).map(move |(offset, view)| (partition, offset, view.map(str::to_owned)))
            })
            .collect();
        if source == "arrivals" {
            // A flight without `left` has an event time there.
            wanted.retain(|(_, _, view)| view.as_deref() != Some("fine"));
        }
        let found: Vec<_> =
            found.into_iter().map(|(partition, offset, view, _)| (partition, offset, view)).collect();
        assert_eq!(found, wanted, "{source}");
    };
    let expect_all = || {
        expect("departures", [None, None, Some("delays")]);
        expect("arrivals", [None, Some("fine"), Some("landings")]);
    };
    expect_all();
    let reasons: Vec<_> = letters(&*world.log, "departures").into_iter().map(|letter| letter.3).collect();
    assert!(reasons[1].contains("event time") && reasons[2].contains("join key"), "{reasons:?}");

    // Events and letters that were already handled come again: from the state of a kill, and from none at
    // all.
    for path in [before_commit, world.dir.path().join("a new store")] {
        let ingest = world.start(DEFINITIONS, &path);
        assert!(ingest.wait_applied(&ends, PATIENCE).expect("a running ingest"));
        ingest.stop().expect("a writable directory");
        expect_all();
    }
}
