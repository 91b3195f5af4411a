//! Views that are built beside others, and change hands.

use std::sync::Arc;

use arrow::array::BinaryArray;
use thalweg_core::Lookback;

use super::support::*;
use crate::{Error, Place, Store, TopicState, ViewSpec, Wanted, take_over};

fn log() -> Log {
    let event = |n: i64| Event { key: (n % 5) as u8, time: n, value: Some(n as f64) };
    vec![(0..60).map(event).collect(), (60..90).map(event).collect()]
}

fn with_lookback(lookback: i64) -> ViewSpec {
    ViewSpec { plan: plan(lookback), ..view("v", 1) }
}

fn open_building(store: &Arc<Store>, views: Vec<ViewSpec>, log: &Log) -> TopicState {
    let topic = TopicState::open_building(Arc::clone(store), "t", views).expect("states of this test");
    topic.bind(TOPIC_ID, &ends(log), at(0)).expect("the topic of this test");
    topic
}

/// Applies everything from where the state is, and commits.
fn catch_up(topic: &TopicState, log: &Log, views: &[usize]) {
    for (partition, events) in log.iter().enumerate() {
        let from = topic.resume_from(partition as i32) as usize;
        topic
            .apply(&batch(log, partition, from, events.len(), views), || FAR_FUTURE)
            .expect("events of the log");
        topic.commit().expect("a writable directory");
    }
}

fn wanted(views: Vec<ViewSpec>, sources_kept: &[&str]) -> Vec<Wanted> {
    let sources_kept = sources_kept.iter().map(|source| (*source).to_owned()).collect();
    vec![Wanted { topic: "t".to_owned(), views, sources_kept }]
}

#[test]
fn a_view_built_beside_one_of_its_version_takes_its_place() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let log = log();
    let store = open(dir.path(), &tight());
    let old = open_topic(&store, vec![view("u", 1), with_lookback(5)], &log);
    catch_up(&old, &log, &[0, 1]);
    let built = open_building(&store, vec![with_lookback(40)], &log);
    assert!(built.read().applied().is_empty(), "it is built from the beginning");
    catch_up(&built, &log, &[0]);
    assert!(built.is_at(old.read().applied()) && old.all_in_step());

    let views = vec![view("u", 1), with_lookback(40)];
    let took = take_over(&store, wanted(views.clone(), &["s"]), &[&old, &built], |mut made| made.remove(0));
    let new = took.expect("all views are there");
    assert!(old.read().is_retired() && built.read().is_retired() && !new.read().is_retired());
    let key = BinaryArray::from_iter_values([[0_u8]]);
    assert!(matches!(old.read().lookup("u", &key, at(89)), Err(Error::Retired { .. })));
    assert!(matches!(old.commit(), Err(Error::Broken { .. })));
    assert_eq!(new.read().horizon("v").expect("a view"), Some(at(49)));
    assert_is_fold_of_applied(&new, &log);

    store.promote(&[("v", [1; 32])]).expect("a writable directory");
    assert!(!store.promote(&[("v", [1; 32])]).expect("a writable directory"));
    drop((old, built, new));
    let kept = [(Place::Serving, "u", [1; 32]), (Place::Serving, "v", [1; 32])];
    assert!(store.retain(&kept).expect("rows that can be read").is_empty());
    store.reclaim().expect("a writable directory");
    let topic = open_topic(&store, views, &log);
    assert!(topic.all_in_step() && topic.read().applied().values().sum::<i64>() == 90);
    assert_is_fold_of_applied(&topic, &log);
}

#[test]
fn what_was_built_serves_after_a_kill_before_it_got_its_place() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let log = log();
    let store = open(dir.path(), &tight());
    let old = open_topic(&store, vec![with_lookback(5)], &log);
    catch_up(&old, &log, &[0]);
    drop(old);
    for spec in [view("v", 2), with_lookback(40)] {
        let built = open_building(&store, vec![spec.clone()], &log);
        catch_up(&built, &log, &[0]);
        drop(built);
        let topic = open_topic(&store, vec![spec], &log);
        assert_eq!(topic.read().applied().values().sum::<i64>(), 90);
        assert_is_fold_of_applied(&topic, &log);
    }
    assert_eq!(store.retain(&[]).expect("rows that can be read"), ["v", "v"]);
    assert!(open_topic(&store, vec![view("v", 2)], &log).read().applied().is_empty());
}

#[test]
fn what_is_not_settled_or_not_there_stays_where_it_is() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let log = log();
    let store = open(dir.path(), &tight());
    let old = open_topic(&store, vec![view("v", 1)], &log);
    old.apply(&batch(&log, 0, 0, 60, &[0]), || FAR_FUTURE).expect("events of the log");
    let take = |views| take_over(&store, wanted(views, &[]), &[&old], |made| made.len());
    assert!(matches!(take(vec![view("v", 1)]), Err(Error::Unsettled { .. })));
    old.commit().expect("a writable directory");
    assert!(matches!(take(vec![view("v", 1), view("w", 1)]), Err(Error::UnknownView { .. })));
    assert!(matches!(take(vec![view("v", 2)]), Err(Error::UnknownView { .. })));
    assert!(!old.read().is_retired());
    old.apply(&batch(&log, 1, 0, 30, &[0]), || FAR_FUTURE).expect("it goes on");
    assert_is_fold_of_applied(&old, &log);
}

#[test]
fn the_watermark_of_a_source_that_stays_does_not_go_back() {
    let log = log();
    for (kept, watermark) in [(&["s"][..], at(89)), (&[], at(20))] {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = open(dir.path(), &tight());
        let old = open_topic(&store, vec![view("v", 1)], &log);
        catch_up(&old, &log, &[0]);
        // As if it had been told of fewer events in the same records: its own watermark is an earlier one.
        let built = open_building(&store, vec![view("v", 2)], &log);
        for partition in 0..2 {
            let mut all = batch(&log, partition, 0, log[partition].len(), &[]);
            all.newest = vec![Some(at(20))];
            built.apply(&all, || FAR_FUTURE).expect("events of the log");
        }
        built.commit().expect("a writable directory");
        assert_eq!((old.read().watermark("s"), built.read().watermark("s")), (Some(at(89)), Some(at(20))));
        let took =
            take_over(&store, wanted(vec![view("v", 2)], kept), &[&old, &built], |mut made| made.remove(0));
        assert_eq!(took.expect("the view is there").read().watermark("s"), Some(watermark));
    }
}

#[test]
fn a_shorter_lookback_and_another_name_of_the_source_need_no_building() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let log = log();
    let store = open(dir.path(), &tight());
    let mut unbounded = view("v", 1);
    unbounded.plan.lookback = Lookback::Unbounded;
    let old = open_topic(&store, vec![unbounded], &log);
    catch_up(&old, &log, &[0]);
    let renamed = vec![ViewSpec { source: "renamed".to_owned(), ..view("v", 1) }];
    let took = take_over(&store, wanted(renamed, &[]), &[&old], |mut made| made.remove(0));
    let new = took.expect("the view is there");
    assert_eq!((new.sources(), new.read().watermark("renamed")), (&["renamed".to_owned()][..], Some(at(89))));
    assert_is_fold_of_applied(&new, &log);
}
