//! What is answered and what is refused.

use arrow::array::BinaryArray;
use thalweg_core::{FoldPlan, Lookback, Status, TimeDelta};

use super::support::*;
use crate::{Error, StoreOptions, TopicState, ViewSpec, read_all};

fn log(times: &[&[i64]]) -> Log {
    let event =
        |(row, time): (usize, &i64)| Event { key: (row % 3) as u8, time: *time, value: Some(row as f64) };
    times.iter().map(|partition| partition.iter().enumerate().map(event).collect()).collect()
}

#[test]
fn instants_before_the_horizon_are_refused_and_the_horizon_is_not() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let log = log(&[&[100, 150, 200]]);
    let store = open(dir.path(), &tight());
    let topic = open_topic(&store, vec![view("v", 1)], &log);
    topic.apply(&batch(&log, 0, 0, 3, &[0]), || FAR_FUTURE).expect("events of the log");
    let key = BinaryArray::from_iter_values([[0_u8]]);
    let reading = topic.read();
    assert_eq!(reading.watermark("s"), Some(at(200)));
    assert_eq!(reading.horizon("v").expect("a view"), Some(at(160)));
    assert!(reading.lookup("v", &key, at(160)).is_ok());
    let error = reading.lookup("v", &key, at(159)).expect_err("before the horizon");
    assert!(matches!(error, Error::OutOfRange { horizon, .. } if horizon == at(160)), "{error}");
    assert!(matches!(reading.lookup("w", &key, at(200)), Err(Error::UnknownView { .. })));
}

#[test]
fn one_event_from_the_future_empties_no_window() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let log = log(&[&[100, 110, 1_000_000, 120]]);
    let store = open(dir.path(), &tight());
    let topic = open_topic(&store, vec![view("v", 1)], &log);
    for next in 1..=4 {
        topic.apply(&batch(&log, 0, next - 1, next, &[0]), || at(125)).expect("events of the log");
        topic.commit().expect("a writable directory");
    }
    assert_eq!(topic.read().watermark("s"), Some(at(1_000_000)));
    assert_eq!(topic.read().horizon("v").expect("a view"), Some(at(85)));
    assert_is_fold_of_applied(&topic, &log);
}

#[test]
fn watermark_and_horizon_never_fall() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let grown = log(&[&[100, 500], &[10, 20]]);
    let short = log(&[&[100, 500], &[]]);
    let store = open(dir.path(), &tight());
    let topic = open_topic(&store, vec![view("v", 1)], &grown);
    topic.apply(&batch(&short, 0, 0, 2, &[0]), || FAR_FUTURE).expect("events of the log");
    assert_eq!(topic.read().watermark("s"), Some(at(500)));
    topic.apply(&batch(&grown, 1, 0, 1, &[0]), || FAR_FUTURE).expect("events of the log");
    topic.commit().expect("a writable directory");
    assert_eq!(topic.read().watermark("s"), Some(at(500)));
    drop(topic);
    let topic = open_topic(&store, vec![view("v", 1)], &grown);
    assert_eq!(topic.read().watermark("s"), Some(at(500)));
    assert_eq!(topic.read().horizon("v").expect("a view"), Some(at(460)));
    assert_is_fold_of_applied(&topic, &grown);
}

#[test]
fn a_view_whose_lookback_grew_is_built_anew() {
    for (lookback, kept) in [
        (Lookback::Unbounded, false),
        (Lookback::Within(TimeDelta::from_micros(41)), false),
        (Lookback::Within(TimeDelta::from_micros(40)), true),
        (Lookback::Within(TimeDelta::from_micros(39)), true),
    ] {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let log = log(&[&[100, 150, 200]]);
        let store = open(dir.path(), &tight());
        let topic = open_topic(&store, vec![view("v", 1)], &log);
        topic.apply(&batch(&log, 0, 0, 3, &[0]), || FAR_FUTURE).expect("events of the log");
        topic.commit().expect("a writable directory");
        drop(topic);

        let plan = FoldPlan { lookback, ..plan(40) };
        let topic = open_topic(&store, vec![ViewSpec { plan, ..view("v", 1) }], &log);
        assert_eq!(topic.resume_from(0), if kept { 3 } else { 0 }, "{lookback:?}");
        topic.apply(&batch(&log, 0, 0, 3, &[0]), || FAR_FUTURE).expect("events of the log");
        assert_is_fold_of_applied(&topic, &log);
    }
}

#[test]
fn a_view_added_later_is_refused_until_it_has_caught_up() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let log = log(&[&[10, 20, 30, 40], &[15, 25]]);
    let store = open(dir.path(), &tight());
    let old = open_topic(&store, vec![view("u", 1)], &log);
    old.apply(&batch(&log, 0, 0, 3, &[0]), || FAR_FUTURE).expect("events of the log");
    old.apply(&batch(&log, 1, 0, 2, &[0]), || FAR_FUTURE).expect("events of the log");
    old.commit().expect("a writable directory");
    drop(old);

    let topic = open_topic(&store, vec![view("u", 1), view("v", 1)], &log);
    assert_eq!((topic.resume_from(0), topic.resume_from(1)), (0, 0));
    let keys = BinaryArray::from_iter_values([[0_u8], [1], [2]]);
    let lookup = |topic: &TopicState, view| topic.read().lookup(view, &keys, at(40));
    let before = lookup(&topic, "u").expect("a view in step");
    assert!(matches!(lookup(&topic, "v"), Err(Error::Rebuilding { applied: 0, target: 5, .. })));

    topic.apply(&batch(&log, 0, 0, 3, &[0, 1]), || FAR_FUTURE).expect("events of the log");
    assert!(matches!(lookup(&topic, "v"), Err(Error::Rebuilding { applied: 3, target: 5, .. })));
    assert_eq!(lookup(&topic, "u").expect("a view in step"), before);
    topic.apply(&batch(&log, 1, 0, 2, &[0, 1]), || FAR_FUTURE).expect("events of the log");
    assert_eq!(lookup(&topic, "v").expect("a view in step").rows, before.rows);
    topic.apply(&batch(&log, 0, 3, 4, &[0, 1]), || FAR_FUTURE).expect("events of the log");
    assert_eq!(lookup(&topic, "v").expect("a view").rows, lookup(&topic, "u").expect("a view").rows);
    assert_is_fold_of_applied(&topic, &log);
}

#[test]
fn unknown_and_null_keys_have_the_empty_fold() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let log = log(&[&[10]]);
    let store = open(dir.path(), &tight());
    let topic = open_topic(&store, vec![view("v", 1)], &log);
    topic.apply(&batch(&log, 0, 0, 1, &[0]), || FAR_FUTURE).expect("events of the log");
    let keys = BinaryArray::from_opt_vec(vec![Some(b"nobody"), None]);
    let found = topic.read().lookup("v", &keys, at(10)).expect("an instant that can be answered");
    assert_eq!(found.rows[0], found.rows[1]);
    assert!(found.rows[0].iter().all(|(_, status)| *status == Status::NotFound));
    assert_eq!(found.last_event_times, [None, None]);
}

#[test]
fn keys_of_which_all_is_forgotten_are_gone_and_come_back_as_new() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    // Of keys 0, 1, 2, 0, 1, 2, 0, 1. One of the forgotten ones gets a last event that is forgotten at once.
    let log = log(&[&[10, 20, 30, 300, 35, 305, 310, 320]]);
    let plan = FoldPlan { forget: Some(TimeDelta::from_micros(100)), ..plan(40) };
    for roomy in [true, false] {
        let dir = dir.path().join(roomy.to_string());
        let options = StoreOptions { memory_budget_bytes: if roomy { 64 << 20 } else { 8 }, ..tight() };
        let store = open(&dir, &options);
        let spec = || ViewSpec { plan: plan.clone(), ..view("v", 1) };
        let mut topic = open_topic(&store, vec![spec()], &log);
        let keys = BinaryArray::from_iter_values([[0_u8], [1], [2]]);
        let statuses = |topic: &TopicState, instant| {
            let found =
                topic.read().lookup("v", &keys, at(instant)).expect("an instant that can be answered");
            found.rows.iter().map(|values| values[0].1).collect::<Vec<_>>()
        };
        topic.apply(&batch(&log, 0, 0, 3, &[0]), || FAR_FUTURE).expect("events of the log");
        topic.commit().expect("a writable directory");
        assert_eq!(topic.read().views()[0].keys, 3);
        // Key 0 and key 1 change, key 2 goes in the round over all keys.
        topic.apply(&batch(&log, 0, 3, 5, &[0]), || FAR_FUTURE).expect("events of the log");
        topic.commit().expect("a writable directory");
        let gone = [Status::Present, Status::NotFound, Status::NotFound];
        assert_eq!(statuses(&topic, 300), gone);
        assert_eq!(topic.read().views()[0].keys, 1);
        drop(topic);
        topic = open_topic(&store, vec![spec()], &log);
        assert_eq!((topic.read().views()[0].keys, statuses(&topic, 300)), (1, gone.to_vec()));
        topic.apply(&batch(&log, 0, 5, 8, &[0]), || FAR_FUTURE).expect("events of the log");
        topic.commit().expect("a writable directory");
        assert_eq!(topic.read().views()[0].keys, 3);
        assert_eq!(statuses(&topic, 320), [Status::Present; 3]);
    }
}

#[test]
fn what_does_not_fit_the_log_is_refused() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let log = log(&[&[10, 20, 30]]);
    let store = open(dir.path(), &tight());
    let topic = open_topic(&store, vec![view("v", 1)], &log);
    topic.apply(&batch(&log, 0, 0, 1, &[0]), || FAR_FUTURE).expect("events of the log");
    let gap = topic.apply(&batch(&log, 0, 2, 3, &[0]), || FAR_FUTURE).expect_err("offset 1 is missing");
    assert!(matches!(gap, Error::Gap { needed: 1, given: 2, .. }), "{gap}");
    assert_is_fold_of_applied(&topic, &log);

    let mut foreign = batch(&log, 0, 1, 2, &[0]);
    foreign.selections[0].1.inputs.clear();
    assert!(matches!(topic.apply(&foreign, || FAR_FUTURE), Err(Error::Selection { .. })));
    topic.apply(&batch(&log, 0, 1, 3, &[0]), || FAR_FUTURE).expect("events of the log");
    topic.commit().expect("a writable directory");
    drop(topic);

    let topic = TopicState::open(store, "t", vec![view("v", 1)]).expect("states of this test");
    let other = topic.bind([8; 16], &[3], at(0)).expect_err("another topic");
    assert!(matches!(other, Error::OtherTopic { .. }), "{other}");
    let beyond = topic.bind(TOPIC_ID, &[2], at(0)).expect_err("a log that was cut");
    assert!(matches!(beyond, Error::BeyondEnd { stored: 3, end: 2, .. }), "{beyond}");
    topic.bind(TOPIC_ID, &[3], at(0)).expect("the right log");
}

#[test]
fn several_topics_are_read_in_the_order_asked_for() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = open(dir.path(), &tight());
    let topics: Vec<_> = ["b", "a", "c"]
        .into_iter()
        .map(|name| {
            let view = view(name, 1);
            TopicState::open(std::sync::Arc::clone(&store), name, vec![view]).expect("states of this test")
        })
        .collect();
    let readings = read_all(&topics.iter().collect::<Vec<_>>());
    assert_eq!(readings.iter().map(|reading| reading.topic()).collect::<Vec<_>>(), ["b", "a", "c"]);
}

#[test]
fn what_a_writer_leaves_when_it_panics_is_neither_read_nor_written() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let log = log(&[&[100, 150]]);
    let store = open(dir.path(), &tight());
    let topic = open_topic(&store, vec![view("v", 1)], &log);
    let panicked = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let _half_way = topic.write_lock();
            panic!("on purpose");
        });
        writer.join().is_err()
    });
    assert!(panicked);
    let key = BinaryArray::from_iter_values([[0_u8]]);
    assert!(matches!(topic.read().lookup("v", &key, at(100)), Err(Error::HalfApplied { .. })));
    let applied = topic.apply(&batch(&log, 0, 0, 2, &[0]), || FAR_FUTURE);
    assert!(matches!(applied, Err(Error::HalfApplied { .. })));
    assert!(matches!(topic.commit(), Err(Error::HalfApplied { .. })));
}
