//! Lookups are the straight fold of the offsets they say, through restarts, kills and new views.

use std::collections::BTreeMap;

use super::support::*;
use crate::Condition;

#[test]
fn restarts_in_the_middle_change_no_answer() {
    let mut world = World::new();
    world.produce(0..2_000);
    let ingest = world.start(DEFINITIONS, &world.store_path());
    world.assert_all_applied(&ingest);
    ingest.stop().expect("a writable directory");

    let ingest = world.start(DEFINITIONS, &world.store_path());
    world.assert_all_applied(&ingest);
    assert_eq!(ingest.status().topics[0].counters.events, 0, "all was committed when it was stopped");
    world.produce(2_000..6_000);
    drop(ingest);

    let ingest = world.start(DEFINITIONS, &world.store_path());
    for from in 6..9 {
        world.produce(1_000 * from..1_000 * (from + 1));
        world.assert_answers(&ingest, "delays", |flight| flight.left);
    }
    world.assert_all_applied(&ingest);
    let status = ingest.status();
    assert_eq!(status.lag_records(), 0);
    let topic = &status.topics[0];
    assert_eq!(topic.condition, Condition::Running);
    assert_eq!(topic.views.iter().map(|view| view.keys).collect::<Vec<_>>(), [4, 4]);
    let newest = world.flights.iter().flatten().map(|flight| flight.landed).max();
    assert_eq!(topic.sources[0].name, "arrivals");
    assert_eq!(topic.sources[0].watermark.map(thalweg_core::Instant::as_micros), newest);
}

#[test]
fn a_kill_at_any_moment_leaves_the_fold_of_a_prefix() {
    let mut world = World::new();
    world.produce(0..3_000);
    let mut path = world.store_path();
    let mut seen = BTreeMap::new();
    for kill in 0..4 {
        let ingest = world.start(DEFINITIONS, &path);
        world.produce(3_000 + 1_000 * kill..4_000 + 1_000 * kill);
        ingest.wait_applied(&[("flights", 1, 300 * (kill as i64 + 1))], PATIENCE).expect("a running ingest");
        let left = world.dir.path().join(format!("state after kill {kill}"));
        copy_files(&path, &left);
        drop(ingest);
        path = left;

        let store =
            thalweg_store::Store::open(&path, thalweg_store::StoreOptions::default()).expect("what is left");
        let repository = repository(DEFINITIONS);
        let views = repository.views.iter().map(|view| thalweg_store::ViewSpec {
            name: view.name.clone(),
            version: *view.version.as_bytes(),
            source: view.source.clone(),
            plan: view.plan.clone(),
        });
        let topic = thalweg_store::TopicState::open(store, "flights", views.collect()).expect("what is left");
        seen.insert(kill, topic.read().applied().values().sum::<i64>());
        assert!(
            topic.read().views().iter().all(|view| !view.rebuilding),
            "views of one commit stand together"
        );
    }
    let ingest = world.start(DEFINITIONS, &path);
    world.assert_all_applied(&ingest);
    assert_eq!(seen.len(), 4);
}

#[test]
fn a_view_added_later_catches_up_and_a_removed_one_is_forgotten() {
    let mut world = World::new();
    world.produce(0..3_000);
    let (without_landings, _) = DEFINITIONS.split_once("  - name: landings").expect("the second view");
    let ingest = world.start(without_landings, &world.store_path());
    assert!(ingest.wait_applied(&world.ends(), PATIENCE).expect("a running ingest"));
    assert!(ingest.view("landings").is_none());
    ingest.stop().expect("a writable directory");

    let ingest = world.start(DEFINITIONS, &world.store_path());
    world.produce(3_000..3_500);
    let topic = ingest.view("landings").expect("the new view");
    world.assert_answers(&ingest, "delays", |flight| flight.left);
    while topic.read().views().iter().any(|view| view.rebuilding) {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    world.assert_all_applied(&ingest);
    drop(topic);
    ingest.stop().expect("a writable directory");

    let ingest = world.start(without_landings, &world.store_path());
    ingest.stop().expect("a writable directory");
    let ingest = world.start(DEFINITIONS, &world.store_path());
    world.assert_answers(&ingest, "delays", |flight| flight.left);
    let topic = ingest.view("landings").expect("the view that is back");
    while topic.read().views().iter().any(|view| view.rebuilding) {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    world.assert_all_applied(&ingest);
}
