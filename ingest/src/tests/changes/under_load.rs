//! Lookups, and the views that stay, while others are built and swapped in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use thalweg_core::Instant;
use thalweg_store::Version;

use super::super::support::*;
use super::*;

/// Ends what others wait for, however it is left.
struct DoneAtLast<'a>(&'a AtomicBool);

impl Drop for DoneAtLast<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Looks both views up until told to stop: no lookup fails, versions and offsets never go back. Gives how
/// many lookups found the first version and how many another.
fn look_up_until(ingest: &Ingest, first: Version, done: &AtomicBool) -> (u64, u64) {
    let keys = keys();
    let (mut before, mut after, mut applied_before) = (0, 0, 0);
    while !done.load(Ordering::Relaxed) {
        let serving = ingest.serving();
        let topic = serving.topic("flights").expect("a topic of this test");
        let reading = topic.read();
        if reading.is_retired() {
            continue;
        }
        let at = Instant::from_micros(100_000_000);
        let delays = reading.lookup("delays", &keys, at).expect("it serves all the time");
        reading.lookup("landings", &keys, at).expect("it serves all the time");
        let applied = reading.applied().values().sum::<i64>();
        assert!(applied >= applied_before, "{applied} after {applied_before}");
        applied_before = applied;
        let defined = serving.repository().view("delays").expect("a view of this test");
        assert_eq!(
            (delays.version, delays.rows[0].len()),
            (*defined.version.as_bytes(), defined.columns.len())
        );
        match delays.version == first {
            true => before += 1,
            false => after += 1,
        }
        assert!(delays.version != first || after == 0, "the old version answered after the new one");
    }
    (before, after)
}

#[test]
fn lookups_go_on_while_a_changed_view_is_built_and_swapped_in() {
    let mut world = World::new();
    world.produce(0..2_000);
    let gate = Gate::default();
    let options = gate.guard(options(&world.log, DEFINITIONS, &world.store_path()));
    let store = Arc::clone(&options.store);
    let ingest = Ingest::start(options).expect("a new store");
    world.assert_all_applied(&ingest);

    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let first = version_of(DEFINITIONS, "delays");
        let (ingest, done) = (&ingest, &done);
        let reader = scope.spawn(move || look_up_until(ingest, first, done));
        let at_last = DoneAtLast(done);
        begin(ingest, &changed());
        for from in 4..8 {
            world.produce(500 * from..500 * (from + 1));
            // What stays keeps up with the log, and the old version with it.
            world.assert_all_applied(ingest);
        }
        wait_until_held_up(ingest);
        let build = build_of(ingest, "delays").expect("the gate is closed");
        assert_eq!((build.view.version, build.stopped), (version_of(&changed(), "delays"), None));
        assert!(build_of(ingest, "landings").is_none());
        world.produce(4_000..4_500);
        world.assert_all_applied(ingest);
        gate.open();
        assert!(ingest.wait_changed(PATIENCE));
        world.produce(4_500..4_700);
        world.assert_all_applied(ingest);
        drop(at_last);
        let (before, after) = reader.join().expect("no lookup fails");
        assert!(before > 10 && after > 0, "{before} lookups before the swap, {after} after it");
    });
    // The thread that built has cleaned up once the next change, which changes nothing, is accepted.
    begin(&ingest, &changed());
    assert_nothing_else_is_kept(&store, &changed());
}

#[test]
fn a_swap_comes_at_one_offset_whatever_is_produced() {
    let mut world = World::new();
    world.produce(0..1_000);
    let ingest = world.start(DEFINITIONS, &world.store_path());
    world.assert_all_applied(&ingest);
    let mut definitions = [changed(), DEFINITIONS.to_owned(), changed_and_more()].into_iter();
    let mut produced = 1_000;
    let mut next = definitions.next();
    while let Some(target) = &next {
        begin(&ingest, target);
        while !ingest.wait_changed(Duration::ZERO) {
            world.produce(produced..produced + 100);
            produced += 100;
            let topic = ingest.topic("flights").expect("a topic of this test");
            let reading = topic.read();
            assert!(reading.is_retired() || reading.views().iter().all(|view| !view.rebuilding));
            drop(reading);
            // Production must not run away from an ingest without optimizations.
            ingest.wait_applied(&world.ends(), PATIENCE).expect("a running ingest");
        }
        world.assert_all_applied(&ingest);
        next = definitions.next();
    }
    world.assert_answers(&ingest, "more", |flight| flight.landed);
    let counters = ingest.status().topics[0].counters;
    assert!(counters.events >= 3 * produced, "{counters:?} lack what was built");
}

#[test]
fn where_nothing_has_to_be_built_definitions_serve_at_once() {
    let mut world = World::new();
    world.produce(0..500);
    let ingest = world.start(DEFINITIONS, &world.store_path());
    world.assert_all_applied(&ingest);
    let service = "feature_services:\n  - name: all\n    features: [\"delays:*\"]\n";
    let topic = ingest.topic("flights").expect("a topic of this test");
    begin(&ingest, &format!("{DEFINITIONS}{service}"));
    assert!(ingest.serving().repository().service("all").is_some());
    assert!(Arc::ptr_eq(&topic, &ingest.topic("flights").expect("a topic of this test")));

    let (without_landings, _) = DEFINITIONS.split_once("  - name: landings").expect("the second view");
    begin(&ingest, without_landings);
    assert!(ingest.wait_changed(PATIENCE));
    assert!(ingest.view("landings").is_none() && topic.read().is_retired());
    world.assert_answers(&ingest, "delays", |flight| flight.left);
}
