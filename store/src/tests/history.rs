//! What was applied when, as it is told after commits, kills and swaps.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use thalweg_core::Instant;

use super::support::*;
use crate::{Error, StoreOptions, TopicState, Wanted, take_over};

/// Forty events in each of two partitions.
fn log() -> Log {
    let event = |n: i64| Event { key: (n % 5) as u8, time: n, value: Some(n as f64) };
    vec![(0..40).map(event).collect(), (40..80).map(event).collect()]
}

/// A state over the directory, which lookups find at `now`.
fn begin(dir: &Path, log: &Log, options: &StoreOptions, now: i64) -> TopicState {
    let store = open(dir, options);
    let topic = TopicState::open(store, "t", vec![view("v", 1)]).expect("states of this test");
    topic.bind(TOPIC_ID, &ends(log), at(now)).expect("the topic of this test");
    topic
}

fn apply(topic: &TopicState, log: &Log, partition: usize, next: usize, now: i64) {
    let from = topic.resume_from(partition as i32) as usize;
    topic.apply(&batch(log, partition, from, next, &[0]), || at(now)).expect("events of the log");
}

/// Instant, whether what was before is unknown, and what is applied in the two partitions.
fn told(topic: &TopicState, from: Instant, until: Instant) -> Vec<(i64, bool, [i64; 2])> {
    let mut moments = Vec::new();
    let of = |next: &BTreeMap<i32, i64>, partition| next.get(&partition).copied().unwrap_or(0);
    topic
        .history(
            from,
            || until,
            |moment| {
                let next = [of(&moment.next, 0), of(&moment.next, 1)];
                moments.push((moment.at.as_micros(), moment.unknown_before, next));
                ControlFlow::Continue(())
            },
        )
        .expect("a history that can be read");
    moments
}

#[test]
fn what_was_applied_is_told_as_lookups_saw_it() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let log = log();
    let topic = begin(dir.path(), &log, &tight(), 100);
    apply(&topic, &log, 0, 10, 110);
    topic.commit().expect("a writable directory");
    apply(&topic, &log, 1, 5, 120);
    // Nothing new is applied; then the clock is set back.
    apply(&topic, &log, 0, 10, 125);
    apply(&topic, &log, 0, 12, 90);
    let expected = [(100, true, [0, 0]), (110, false, [10, 0]), (120, false, [10, 5]), (121, false, [12, 5])];
    assert_eq!(told(&topic, Instant::MIN, at(130)), expected);
    assert_eq!(set_back(&topic, at(130)), [(121, 90)]);
    assert_eq!(topic.read().applied().values().sum::<i64>(), 17);
    apply(&topic, &log, 1, 40, 126);
    assert_eq!(told(&topic, at(1), at(131)).last(), Some(&(131, false, [12, 40])), "130 was told already");
}

/// The moments that say that the clock was set back, with what it was set back to.
fn set_back(topic: &TopicState, until: Instant) -> Vec<(i64, i64)> {
    let mut moments = Vec::new();
    topic
        .history(
            Instant::MIN,
            || until,
            |moment| {
                moments.extend(moment.set_back_to.map(|to| (moment.at.as_micros(), to.as_micros())));
                ControlFlow::Continue(())
            },
        )
        .expect("a history that can be read");
    moments
}

#[test]
fn a_clock_that_is_set_back_while_nothing_comes_is_found_and_kept() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let log = log();
    let topic = begin(dir.path(), &log, &tight(), 100);
    apply(&topic, &log, 0, 40, 5_000);
    apply(&topic, &log, 1, 40, 5_010);
    topic.commit().expect("a writable directory");
    assert!(!topic.look_at_clock(|| at(5_010)).expect("it goes on"));
    assert!(topic.look_at_clock(|| at(200)).expect("it goes on"));
    assert!(!topic.look_at_clock(|| at(201)).expect("it goes on"));
    topic.commit().expect("a writable directory");
    drop(topic);
    let topic = begin(dir.path(), &log, &tight(), 300);
    let moments: Vec<_> = told(&topic, at(5_005), at(6_000)).into_iter().map(|moment| moment.0).collect();
    assert_eq!(moments, [100, 5_000, 5_010, 5_011, 5_012]);
    assert_eq!(set_back(&topic, at(6_000)), [(5_011, 200), (5_012, 300)]);
}

#[test]
fn who_has_heard_enough_breaks_off() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let event = |n: i64| Event { key: 1, time: n, value: None };
    let log: Log = vec![(0..900).map(event).collect(), Vec::new()];
    let topic = begin(dir.path(), &log, &tight(), 0);
    (1..=900).for_each(|n| apply(&topic, &log, 0, n, n as i64));
    topic.commit().expect("a writable directory");
    let mut heard = 0;
    let visit = |_: &crate::Moment| {
        heard += 1;
        if heard < 5 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    topic.history(Instant::MIN, || at(900), visit).expect("a history that can be read");
    assert_eq!(heard, 5);
}

#[test]
fn what_a_kill_may_have_taken_is_unknown() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (lives, log) = (dir.path().join("second"), log());
    let topic = begin(&dir.path().join("first"), &log, &StoreOptions::default(), 100);
    apply(&topic, &log, 0, 10, 110);
    topic.commit().expect("a writable directory");
    topic.store().flush().expect("a writable directory");
    apply(&topic, &log, 0, 20, 120);
    copy_files(&dir.path().join("first"), &lives);
    let topic = begin(&lives, &log, &StoreOptions::default(), 200);
    let expected = [(100, true, [0, 0]), (110, false, [10, 0]), (200, true, [10, 0])];
    assert_eq!(told(&topic, Instant::MIN, at(200)), expected);
}

#[test]
fn an_end_in_order_leaves_nothing_unknown_but_while_nothing_ran() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let log = log();
    let topic = begin(dir.path(), &log, &tight(), 100);
    apply(&topic, &log, 0, 10, 110);
    topic.rest(|| at(150)).expect("it goes on");
    topic.commit().expect("a writable directory");
    drop(topic);
    let topic = begin(dir.path(), &log, &tight(), 200);
    apply(&topic, &log, 0, 40, 210);
    apply(&topic, &log, 1, 40, 220);
    topic.commit().expect("a writable directory");
    drop(topic);
    // There was nothing more to apply.
    let topic = begin(dir.path(), &log, &tight(), 300);
    let expected = [
        (100, true, [0, 0]),
        (110, false, [10, 0]),
        (150, false, [10, 0]),
        (200, true, [10, 0]),
        (210, false, [40, 0]),
        (220, false, [40, 40]),
    ];
    assert_eq!(told(&topic, Instant::MIN, at(400)), expected);
}

#[test]
fn a_long_history_is_read_from_where_it_matters_and_let_go_of_where_it_does_not() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let event = |n: i64| Event { key: 1, time: n, value: None };
    let log: Log = vec![(0..4_000).map(event).collect(), Vec::new()];
    let options = StoreOptions { history_kept: thalweg_core::TimeDelta::from_micros(10_000), ..tight() };
    let topic = begin(dir.path(), &log, &options, 0);
    for n in 1..=4_000 {
        apply(&topic, &log, 0, n, 10 * n as i64);
        if n % 97 == 0 {
            topic.commit().expect("a writable directory");
        }
    }
    let all = told(&topic, Instant::MIN, at(40_000));
    assert!((1_000..3_000).contains(&all.len()), "{} moments are kept", all.len());
    assert!(all.first() < Some(&(30_000, false, [3_000, 0])), "{:?}", all.first());
    let late = told(&topic, at(39_005), at(40_000));
    assert!(late.len() < 1_000 && late.first() <= Some(&(39_000, false, [3_900, 0])), "{:?}", late.first());
    for moments in [all, late] {
        let ended = moments.last().copied();
        assert_eq!(ended, Some((40_000, false, [4_000, 0])));
        assert!(moments.windows(2).all(|pair| pair[0].0 + 10 == pair[1].0 && !pair[1].1));
    }
}

#[test]
fn who_takes_over_goes_on_with_the_history_and_what_is_built_has_none() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let log = log();
    let store = open(dir.path(), &tight());
    let old = TopicState::open(store.clone(), "t", vec![view("v", 1)]).expect("a new view");
    old.bind(TOPIC_ID, &ends(&log), at(100)).expect("the topic of this test");
    apply(&old, &log, 0, 10, 110);
    old.commit().expect("a writable directory");
    let built = TopicState::open_building(store.clone(), "t", vec![view("w", 1)]).expect("a new view");
    built.bind(TOPIC_ID, &ends(&log), at(120)).expect("the topic of this test");
    built.apply(&batch(&log, 0, 0, 10, &[0]), || at(130)).expect("events of the log");
    built.commit().expect("a writable directory");
    assert_eq!(told(&built, Instant::MIN, at(200)), []);
    let wanted = Wanted { topic: "t".to_owned(), views: vec![view("w", 1)], sources_kept: Vec::new() };
    let new = take_over(&store, vec![wanted], &[&old, &built], |mut made| made.remove(0)).expect("settled");
    let nothing = |_: &crate::Moment| ControlFlow::Continue(());
    assert!(matches!(old.history(at(0), || at(1), nothing), Err(Error::Broken { .. })));
    new.bind(TOPIC_ID, &ends(&log), at(150)).expect("the topic of this test");
    apply(&new, &log, 0, 11, 160);
    let expected = [(100, true, [0, 0]), (110, false, [10, 0]), (160, false, [11, 0])];
    assert_eq!(told(&new, Instant::MIN, at(200)), expected);
}
