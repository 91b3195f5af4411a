//! Views that are built again from the log under the definitions that serve.

use std::time::Duration;

use super::support::*;
use crate::{Condition, Error};

fn names(views: &[&str]) -> Vec<String> {
    views.iter().map(|view| (*view).to_owned()).collect()
}

#[test]
fn a_view_is_built_again_beside_itself_while_it_serves() {
    let mut world = World::new();
    world.produce(0..3_000);
    let ingest = world.start(DEFINITIONS, &world.store_path());
    world.assert_all_applied(&ingest);
    let before = ingest.view("delays").expect("a view that serves");

    assert_eq!(ingest.rebuild(&names(&["delays"])).expect("a sound log"), ["delays"]);
    world.produce(3_000..3_500);
    world.assert_answers(&ingest, "landings", |flight| flight.landed);
    assert!(ingest.wait_changed(PATIENCE));
    world.assert_all_applied(&ingest);
    assert!(before.read().is_retired(), "another state answers");
    drop(before);

    assert_eq!(ingest.rebuild(&[]).expect("nothing to do"), [""; 0]);
    ingest.stop().expect("a writable directory");
    let ingest = world.start(DEFINITIONS, &world.store_path());
    world.assert_all_applied(&ingest);
}

#[test]
fn nothing_is_built_again_while_something_is_built() {
    let mut world = World::new();
    world.produce(0..3_000);
    let ingest = world.start(DEFINITIONS, &world.store_path());
    ingest.rebuild(&names(&["delays"])).expect("a sound log");
    match ingest.rebuild(&names(&["landings"])) {
        Err(Error::Changing) => {}
        // The first one was done already.
        other => assert!(ingest.wait_changed(PATIENCE) && other.is_ok(), "{other:?}"),
    }
    assert!(ingest.wait_changed(PATIENCE));
    world.assert_all_applied(&ingest);
}

#[test]
fn where_the_topic_was_created_again_all_views_over_it_are_built_from_what_it_has() {
    let mut world = World::new();
    world.produce(0..1_000);
    let ingest = world.start(DEFINITIONS, &world.store_path());
    world.assert_all_applied(&ingest);
    ingest.stop().expect("a writable directory");

    let (dir, flights) = (world.dir.path().join("other log"), vec![Vec::new(); 3]);
    let log = open_log(&dir, 2);
    log.create_topic("flights", 3).expect("a new topic");
    world = World { log, flights, ..world };
    world.produce(5_000..5_600);
    let ingest = world.start(DEFINITIONS, &world.store_path());
    wait_until_stopped(&ingest);
    let built = ingest.rebuild(&names(&["landings"])).expect("a sound log");
    assert_eq!(built.len(), 2, "{built:?}");
    assert!(ingest.wait_changed(PATIENCE));
    world.produce(5_600..5_700);
    world.assert_all_applied(&ingest);
    assert_eq!(ingest.status().topics[0].condition, Condition::Running);
    ingest.stop().expect("a writable directory");
    let ingest = world.start(DEFINITIONS, &world.store_path());
    world.assert_all_applied(&ingest);
}

fn wait_until_stopped(ingest: &crate::Ingest) {
    for _ in 0..10_000 {
        if matches!(ingest.status().topics[0].condition, Condition::Stopped(_)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("it goes on: {:?}", ingest.status());
}
