//! Restarts and kills: at every moment the state on disk is the fold of a prefix of the log.

use proptest::prelude::*;
use thalweg_core::key_group;

use super::support::*;
use crate::keys::StateKey;
use crate::{Error, Slot, TopicState};

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Apply so many further events of a partition.
    Apply {
        partition: usize,
        events: usize,
    },
    /// Apply events again that were applied before, and so many further ones.
    Redeliver {
        partition: usize,
        events: usize,
    },
    Commit,
    Flush,
    /// Close and open again.
    Restart,
    /// Die, with the files as they are, and open what is left.
    Kill,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3_usize, 1..6_usize).prop_map(|(partition, events)| Step::Apply { partition, events }),
        1 => (0..3_usize, 1..6_usize).prop_map(|(partition, events)| Step::Redeliver { partition, events }),
        3 => Just(Step::Commit),
        1 => Just(Step::Flush),
        1 => Just(Step::Restart),
        1 => Just(Step::Kill),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let value = prop_oneof![
        Just(None),
        Just(Some(f64::NAN)),
        Just(Some(-0.0)),
        (-1e18..1e18).prop_map(Some),
        (-1.0..1.0).prop_map(Some),
    ];
    (0..5_u8, 0..400_i64, value).prop_map(|(key, time, value)| Event { key, time, value })
}

fn next_of(topic: &TopicState, partition: usize) -> usize {
    topic.resume_from(partition as i32) as usize
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn after_any_steps_the_state_is_the_fold_of_what_was_applied(
        log in prop::collection::vec(prop::collection::vec(event(), 0..30), 3),
        steps in prop::collection::vec(step(), 1..25),
        roomy in any::<bool>(),
    ) {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let options = crate::StoreOptions { memory_budget_bytes: if roomy { 64 << 20 } else { 4 << 10 }, ..tight() };
        let mut path = dir.path().join("0");
        let mut store = open(&path, &options);
        let mut topic = open_topic(&store, vec![view("v", 1)], &log);
        // Offsets in the last commit: a restart gives these, a kill these or fewer.
        let mut committed = topic.read().applied().clone();
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Apply { partition, events } => {
                    let from = next_of(&topic, partition);
                    let next = (from + events).min(log[partition].len());
                    topic.apply(&batch(&log, partition, from, next, &[0]), || at(350)).expect("events of the log");
                }
                Step::Redeliver { partition, events } => {
                    let next = (next_of(&topic, partition) + events).min(log[partition].len());
                    topic.apply(&batch(&log, partition, 0, next, &[0]), || at(350)).expect("events of the log");
                }
                Step::Commit => {
                    topic.commit().expect("a writable directory");
                    committed = topic.read().applied().clone();
                }
                Step::Flush => store.flush().expect("a writable directory"),
                Step::Restart | Step::Kill => {
                    drop(topic);
                    if matches!(step, Step::Kill) {
                        let copy = dir.path().join(format!("after {number}"));
                        copy_files(&path, &copy);
                        path = copy;
                    }
                    drop(store);
                    store = open(&path, &options);
                    topic = open_topic(&store, vec![view("v", 1)], &log);
                    let found = topic.read().applied().clone();
                    if matches!(step, Step::Restart) {
                        prop_assert_eq!(&found, &committed);
                    }
                    prop_assert!(found.iter().all(|(partition, next)| committed.get(partition) >= Some(next)));
                    committed = found;
                }
            }
            assert_is_fold_of_applied(&topic, &log);
        }
    }
}

#[test]
fn what_was_flushed_survives_a_kill_and_what_came_after_is_lost_whole() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let log: Log =
        vec![(0..40).map(|n| Event { key: n % 5, time: i64::from(n), value: Some(0.1) }).collect()];
    let path = dir.path().join("store");
    let store = open(&path, &tight());
    let topic = open_topic(&store, vec![view("v", 1)], &log);
    for from in (0..40).step_by(10) {
        topic.apply(&batch(&log, 0, from, from + 10, &[0]), || FAR_FUTURE).expect("events of the log");
        topic.commit().expect("a writable directory");
        if from == 10 {
            store.flush().expect("a writable directory");
        }
    }
    let left = dir.path().join("left");
    copy_files(&path, &left);
    let store = open(&left, &tight());
    let topic = open_topic(&store, vec![view("v", 1)], &log);
    assert_eq!(topic.read().applied()[&0], 20);
    assert_is_fold_of_applied(&topic, &log);
    topic.apply(&batch(&log, 0, 20, 40, &[0]), || FAR_FUTURE).expect("events of the log");
    assert_is_fold_of_applied(&topic, &log);
    assert_eq!(topic.read().views()[0].keys, 5);
}

#[test]
fn idle_keys_shrink_too() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut events: Vec<_> = (0..600).map(|n| Event { key: 1, time: n, value: Some(1.0) }).collect();
    events.extend((0..20).map(|n| Event { key: 2, time: 10_000 + n, value: Some(1.0) }));
    let log: Log = vec![events];
    let store = open(dir.path(), &tight());
    let topic = open_topic(&store, vec![view("v", 1)], &log);
    topic.apply(&batch(&log, 0, 0, 600, &[0]), || at(0)).expect("events of the log");
    topic.commit().expect("a writable directory");
    let stored = || {
        let mut row = StateKey::new(Slot(0), key_group(&[1]), &[1]);
        (0..100)
            .filter_map(|part| store.get(row.part(part)).expect("a readable row"))
            .map(|row| row.len())
            .sum::<usize>()
    };
    let before = stored();
    for at in 600..620 {
        topic.apply(&batch(&log, 0, at, at + 1, &[0]), || FAR_FUTURE).expect("events of the log");
        topic.commit().expect("a writable directory");
    }
    assert!(stored() * 4 < before, "{} bytes are left of {before}", stored());
    assert_is_fold_of_applied(&topic, &log);
}

#[test]
fn damaged_states_are_reported_and_panic_nothing() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let log: Log = vec![vec![Event { key: 1, time: 10, value: Some(2.0) }; 3]];
    let store = open(dir.path(), &tight());
    let topic = open_topic(&store, vec![view("v", 1)], &log);
    topic.apply(&batch(&log, 0, 0, 2, &[0]), || FAR_FUTURE).expect("events of the log");
    topic.commit().expect("a writable directory");
    drop(topic);
    let mut garbage = rocksdb::WriteBatch::default();
    garbage.put(StateKey::new(Slot(0), key_group(&[1]), &[1]).part(0), [0xff; 40]);
    store.write(garbage).expect("a writable directory");

    let topic = open_topic(&store, vec![view("v", 1)], &log);
    let key = arrow::array::BinaryArray::from_iter_values([[1_u8]]);
    let error = topic.read().lookup("v", &key, at(10)).expect_err("garbage");
    assert!(
        matches!(&error, Error::Damaged { view, key: Some(key), .. } if view == "v" && key == "01"),
        "{error}"
    );
    let error = topic.apply(&batch(&log, 0, 2, 3, &[0]), || FAR_FUTURE).expect_err("garbage");
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
    assert_eq!(topic.read().applied()[&0], 2);
}
