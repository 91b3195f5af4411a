//! Kills in the middle of a build and of a swap.

use std::sync::Arc;

use thalweg_store::ViewStatus;

use super::super::support::*;
use super::*;

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
