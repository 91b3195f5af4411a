//! What is built, and what is kept of it.

use std::sync::Arc;

use thalweg_core::{Lookback, TimeDelta};

use super::super::dead_letters::{letters, spoil};
use super::super::support::*;
use super::*;

#[test]
fn a_second_change_gives_up_the_first_and_keeps_what_it_needs() {
    let mut world = World::new();
    world.produce(0..3_000);
    let gate = Gate::default();
    let options = gate.guard(options(&world.log, DEFINITIONS, &world.store_path()));
    let store = Arc::clone(&options.store);
    let ingest = Ingest::start(options).expect("a new store");
    world.assert_all_applied(&ingest);
    begin(&ingest, &changed());
    wait_until_held_up(&ingest);

    begin(&ingest, &changed_and_more());
    let build = build_of(&ingest, "delays").expect("the gate is closed");
    assert_eq!(build.records_left, 0, "what was built is still there");
    world.produce(3_000..3_500);
    world.assert_all_applied(&ingest);
    gate.open();
    assert!(ingest.wait_changed(PATIENCE));
    world.assert_all_applied(&ingest);
    world.assert_answers(&ingest, "more", |flight| flight.landed);

    // Back, and away again before it is there: what was begun is dropped.
    begin(&ingest, DEFINITIONS);
    begin(&ingest, &changed_and_more());
    assert!(ingest.wait_changed(PATIENCE));
    world.assert_all_applied(&ingest);
    assert_nothing_else_is_kept(&store, &changed_and_more());
}

#[test]
fn a_longer_lookback_is_built_beside_the_shorter_one_of_the_same_version() {
    let mut world = World::new();
    world.produce(0..3_000);
    let gate = Gate::default();
    let options = gate.guard(options(&world.log, DEFINITIONS, &world.store_path()));
    let store = Arc::clone(&options.store);
    let ingest = Ingest::start(options).expect("a new store");
    world.assert_all_applied(&ingest);
    let longer = DEFINITIONS.replacen("lookback: 1ms", "lookback: 4ms", 1);
    assert_eq!(version_of(&longer, "delays"), version_of(DEFINITIONS, "delays"));
    let reach = |ingest: &Ingest| {
        let topic = ingest.topic("flights").expect("a topic of this test");
        let reading = topic.read();
        let watermark = reading.watermark("departures").expect("events");
        watermark.as_micros() - reading.horizon("delays").expect("a view").expect("it forgets").as_micros()
    };
    begin(&ingest, &longer);
    wait_until_held_up(&ingest);
    assert_eq!(reach(&ingest), 1_000);
    gate.open();
    assert!(ingest.wait_changed(PATIENCE));
    world.produce(3_000..3_100);
    world.assert_all_applied(&ingest);
    assert_eq!(reach(&ingest), 4_000);
    begin(&ingest, &longer);
    assert_nothing_else_is_kept(&store, &longer);

    // A shorter one needs no building.
    begin(&ingest, DEFINITIONS);
    assert!(build_of(&ingest, "delays").is_none());
    assert!(ingest.wait_changed(PATIENCE));
    let plan = &ingest.serving().repository().view("delays").expect("a view").plan.clone();
    assert_eq!(plan.lookback, Lookback::Within(TimeDelta::from_micros(1_000)));
    world.assert_all_applied(&ingest);
}

#[test]
fn what_is_built_over_a_topic_that_nothing_serves_has_seen_what_there_was() {
    let (nothing, _) = DEFINITIONS.split_once("feature_views:").expect("views");
    for turn in 0..10 {
        let mut world = World::new();
        // Fewer than lie between a reader and the state it feeds, so that they are close from the beginning.
        world.produce(0..150 + turn);
        let ingest = world.start(nothing, &world.store_path());
        begin(&ingest, DEFINITIONS);
        assert!(ingest.wait_changed(PATIENCE));
        let topic = ingest.topic("flights").expect("it serves");
        let applied: Vec<_> = topic.read().applied().values().copied().collect();
        assert_eq!(applied, world.ends().iter().map(|(_, _, end)| *end).collect::<Vec<_>>());
        world.assert_all_applied(&ingest);
    }
}

#[test]
fn records_that_old_and_new_cannot_use_have_one_letter() {
    let mut world = World::new();
    world.produce(0..1_000);
    spoil(&world, 0);
    let ingest = world.start(DEFINITIONS, &world.store_path());
    let ends = |world: &World| -> Vec<(&'static str, i32, i64)> {
        let end = |partition| {
            let partition = thalweg_log::TopicPartition::new("flights", partition);
            world.log.next_offset(&partition).expect("a partition")
        };
        (0..3).map(|partition| ("flights", partition, end(partition))).collect()
    };
    assert!(ingest.wait_applied(&ends(&world), PATIENCE).expect("a running ingest"));
    begin(&ingest, &changed());
    for partition in [1, 2, 0, 1] {
        spoil(&world, partition);
    }
    assert!(ingest.wait_changed(PATIENCE));
    spoil(&world, 2);
    assert!(ingest.wait_applied(&ends(&world), PATIENCE).expect("a running ingest"));
    ingest.stop().expect("a writable directory");
    let found = letters(&*world.log, "departures");
    let mut once: Vec<_> =
        found.iter().map(|(partition, offset, view, _)| (partition, offset, view)).collect();
    once.sort_unstable();
    once.dedup();
    assert_eq!((once.len(), found.len()), (18, 18), "{found:?}");
}
