//! Opening, slots, dropping.

use rocksdb::{DB, Options};

use super::support::*;
use crate::{Error, Place, Store, StoreOptions};

#[test]
fn a_second_opener_is_told_what_to_do() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let _open = open(dir.path(), &tight());
    let error = Store::open(dir.path(), tight()).err().expect("the directory is taken");
    assert!(matches!(error, Error::Locked { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("another process") && text.contains("fuser") && text.contains("LOCK"), "{text}");
}

#[test]
fn directories_of_another_format_are_refused() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    drop(open(dir.path(), &tight()));
    let db = DB::open(&Options::default(), dir.path()).expect("the files of the store");
    db.put([0x01], 9_u32.to_be_bytes()).expect("a writable directory");
    drop(db);
    let error = Store::open(dir.path(), tight()).err().expect("a format of the future");
    assert!(matches!(&error, Error::Format { found, known: 1, .. } if found == "9"), "{error}");

    let foreign = tempfile::tempdir().expect("a temporary directory");
    let mut options = Options::default();
    options.create_if_missing(true);
    let db = DB::open(&options, foreign.path()).expect("a new directory");
    db.put("some", "row").expect("a writable directory");
    drop(db);
    let error = Store::open(foreign.path(), StoreOptions::default()).err().expect("rows of something else");
    assert!(matches!(error, Error::Format { .. }), "{error}");
}

#[test]
fn a_slot_is_given_once_and_never_again() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = open(dir.path(), &tight());
    let first = store.slot(Place::Serving, "a", &[1; 32]).expect("a slot");
    let second = store.slot(Place::Serving, "a", &[2; 32]).expect("a slot");
    let third = store.slot(Place::Serving, "b", &[1; 32]).expect("a slot");
    assert!(first != second && second != third && first != third);
    assert_eq!(store.slot(Place::Serving, "a", &[1; 32]).expect("a slot"), first);
    drop(store);

    let store = open(dir.path(), &tight());
    assert_eq!(store.slot(Place::Serving, "b", &[1; 32]).expect("a slot"), third);
    assert_eq!(store.retain(&[(Place::Serving, "a", [2; 32])]).expect("rows that can be read"), ["a", "b"]);
    assert_eq!(store.slot(Place::Serving, "a", &[2; 32]).expect("a slot"), second);
    let again = store.slot(Place::Serving, "b", &[1; 32]).expect("a slot");
    assert!(![first, second, third].contains(&again));
}

#[test]
fn a_dropped_state_is_gone_and_its_neighbours_are_not() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let log = vec![(0..6).map(|key| Event { key, time: 10, value: Some(1.5) }).collect()];
    let store = open(dir.path(), &tight());
    let topic = open_topic(&store, vec![view("u", 1), view("v", 1)], &log);
    topic.apply(&batch(&log, 0, 0, 6, &[0, 1]), || FAR_FUTURE).expect("events of the log");
    topic.commit().expect("a writable directory");
    drop(topic);

    assert!(store.drop_state(Place::Serving, "u", &[1; 32]).expect("rows that can be read"));
    assert!(!store.drop_state(Place::Serving, "u", &[1; 32]).expect("rows that can be read"));
    let topic = open_topic(&store, vec![view("v", 1)], &log);
    assert_is_fold_of_applied(&topic, &log);
    drop(topic);
    let topic = open_topic(&store, vec![view("u", 1)], &log);
    assert!(topic.read().applied().is_empty());
    assert_eq!(topic.read().views()[0].keys, 0);
}
