//! Definitions that change while events come in and lookups are made.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use thalweg_core::{Instant, Lookback, TimeDelta};
use thalweg_store::{Place, Store, Version, ViewStatus};

use super::dead_letters::{letters, spoil};
use super::support::*;
use crate::{Ingest, IngestOptions, ViewBuild};

/// Lets swaps happen, or not.
#[derive(Clone, Default)]
struct Gate(Arc<AtomicBool>);

impl Gate {
    fn open(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn guard(&self, options: IngestOptions) -> IngestOptions {
        let gate = self.clone();
        let check = move |_: &_| match gate.0.load(Ordering::Relaxed) {
            true => Ok(()),
            false => Err("the gate is closed".to_owned()),
        };
        IngestOptions { before_swap: Arc::new(check), ..options }
    }
}

/// The view `delays` with another column.
fn changed() -> String {
    DEFINITIONS.replace("[sum, stddev, last]", "[sum, stddev, last, min]")
}

/// The view `delays` with another column, and another view.
fn changed_and_more() -> String {
    let more = "\n  - name: more\n    entity: carrier\n    source: arrivals\n    lookback: 1ms\n    features:\n      n: {aggregate: count}\n";
    format!("{}{more}", changed().trim_end())
}

fn version_of(definitions: &str, view: &str) -> Version {
    *repository(definitions).view(view).expect("a view of this test").version.as_bytes()
}

fn begin(ingest: &Ingest, definitions: &str) {
    ingest.change(repository(definitions)).expect("a sound store");
}

/// What is built of `view`, if anything.
fn build_of(ingest: &Ingest, view: &str) -> Option<ViewBuild> {
    ingest.status().building?.views.into_iter().find(|build| build.view.name == view)
}

/// Ends what others wait for, however it is left.
struct DoneAtLast<'a>(&'a AtomicBool);

impl Drop for DoneAtLast<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Waits until a swap was tried in vain, so that everything is built.
fn wait_until_held_up(ingest: &Ingest) {
    while ingest.status().building.expect("the gate is closed").held_up.is_none() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

/// Holds that the store has the states of these definitions' views and no other.
fn assert_nothing_else_is_kept(store: &Store, definitions: &str) {
    let repository = repository(definitions);
    let keep: Vec<_> = repository
        .views
        .iter()
        .map(|view| (Place::Serving, view.name.as_str(), *view.version.as_bytes()))
        .collect();
    assert_eq!(store.retain(&keep).expect("a sound store"), Vec::<String>::new());
    let slots = keep.iter().map(|(place, view, version)| store.slot(*place, view, version).expect("a slot"));
    let mut slots: Vec<_> = slots.collect();
    slots.sort_unstable();
    slots.dedup();
    assert_eq!(slots.len(), keep.len());
}

/// Looks both views up until told to stop: no lookup fails, versions and offsets never go back. Gives how many lookups
/// found the first version and how many another.
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
    world.produce(0..4_000);
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
            world.produce(1_000 * from..1_000 * (from + 1));
            // What stays keeps up with the log, and the old version with it.
            world.assert_all_applied(ingest);
        }
        wait_until_held_up(ingest);
        let build = build_of(ingest, "delays").expect("the gate is closed");
        assert_eq!((build.view.version, build.stopped), (version_of(&changed(), "delays"), None));
        assert!(build_of(ingest, "landings").is_none());
        world.produce(8_000..9_000);
        world.assert_all_applied(ingest);
        gate.open();
        assert!(ingest.wait_changed(PATIENCE));
        world.produce(9_000..9_500);
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
        while !ingest.wait_changed(std::time::Duration::ZERO) {
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
    assert!(counters.events >= 5 * produced, "{counters:?} count what was built, too");
}

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
fn a_kill_in_the_middle_goes_on_serving_and_goes_on_building() {
    let mut world = World::new();
    world.produce(0..3_000);
    let gate = Gate::default();
    let old = gate.guard(options(&world.log, DEFINITIONS, &world.store_path()));
    let store = Arc::clone(&old.store);
    let ingest = Ingest::start(old).expect("a new store");
    world.assert_all_applied(&ingest);
    begin(&ingest, &changed());
    wait_until_held_up(&ingest);
    store.flush().expect("a writable directory");
    let left = world.dir.path().join("as a kill left it");
    copy_files(&world.store_path(), &left);
    drop((ingest, store));

    world.produce(3_000..3_200);
    let gate = Gate::default();
    let options = gate.guard(options(&world.log, DEFINITIONS, &left));
    let ingest = Ingest::start_toward(options, repository(&changed())).expect("a sound store");
    let build = build_of(&ingest, "delays").expect("the gate is closed");
    assert!(build.records_left <= 200, "what was built is still there: {build:?}");
    world.assert_all_applied(&ingest);
    assert_eq!(ingest.serving().repository().view("delays").map(|view| view.columns.len()), Some(7));
    gate.open();
    assert!(ingest.wait_changed(PATIENCE));
    world.assert_all_applied(&ingest);
    assert_eq!(ingest.serving().repository().view("delays").map(|view| view.columns.len()), Some(9));
}

#[test]
fn a_kill_in_the_swap_finds_the_new_version_in_step() {
    let mut world = World::new();
    world.produce(0..2_000);
    let left = world.dir.path().join("as a kill left it");
    let (from, to) = (world.store_path(), left.clone());
    let copying = IngestOptions {
        before_swap: Arc::new(move |_| {
            copy_files(&from, &to);
            Ok(())
        }),
        ..options(&world.log, DEFINITIONS, &world.store_path())
    };
    let ingest = Ingest::start(copying).expect("a new store");
    world.assert_all_applied(&ingest);
    // Once with another version, once with the same.
    for target in [changed(), changed().replacen("lookback: 1ms", "lookback: 9ms", 1)] {
        begin(&ingest, &target);
        assert!(ingest.wait_changed(PATIENCE));
        let options = options(&world.log, &target, &left);
        let store = Arc::clone(&options.store);
        let after = Ingest::start(options).expect("a sound store");
        let views = after.status().topics.remove(0).views;
        let all = |view: &ViewStatus| !view.rebuilding && view.applied.values().sum::<i64>() == 2_000;
        assert!(views.iter().all(all), "{views:?}");
        world.assert_all_applied(&after);
        assert_nothing_else_is_kept(&store, &target);
    }
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
    let found = letters(&world.log, "departures");
    let mut once: Vec<_> =
        found.iter().map(|(partition, offset, view, _)| (partition, offset, view)).collect();
    once.dedup();
    assert_eq!((once.len(), found.len()), (18, 18), "{found:?}");
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
