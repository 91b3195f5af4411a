//! Keys drawn by lot.

use std::collections::BTreeSet;

use super::support::*;
use crate::{Error, StoreOptions, TopicState};

/// A hundred events, each of a key of its own.
fn log() -> Log {
    let event = |key: u8| Event { key, time: 100 + i64::from(key), value: Some(1.0) };
    vec![(0..100).map(event).collect()]
}

fn draw(topic: &TopicState, count: usize, seed: u64) -> Vec<u8> {
    let keys = topic.sample_keys("v", count, seed, || true).expect("a view of this test");
    keys.iter().map(|key| key[0]).collect()
}

#[test]
fn keys_are_drawn_from_memory_and_from_files_alike() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let log = log();
    let (mut drawn, mut few) = (Vec::new(), Vec::new());
    for memory_budget_bytes in [8, 64 << 20] {
        let options = StoreOptions { memory_budget_bytes, ..tight() };
        let store = open(&dir.path().join(memory_budget_bytes.to_string()), &options);
        let topic = open_topic(&store, vec![view("v", 1)], &log);
        assert!(draw(&topic, 10, 5).is_empty());
        topic.apply(&batch(&log, 0, 0, 70, &[0]), || at(0)).expect("events of the log");
        topic.commit().expect("a writable directory");
        // These are in memory alone.
        topic.apply(&batch(&log, 0, 70, 100, &[0]), || at(0)).expect("events of the log");
        assert_eq!(draw(&topic, 1_000, 5).into_iter().collect::<BTreeSet<_>>().len(), 100);
        drawn.push(draw(&topic, 10, 5));
        assert_eq!(drawn[0], draw(&topic, 10, 5));
        assert_ne!(drawn[0], draw(&topic, 10, 6));
        // Of so few not all key groups are gone through.
        few.push(draw(&topic, 2, 5));
        assert!(topic.sample_keys("v", 1_000, 5, || false).expect("a view of this test").is_empty());
        assert!(matches!(topic.sample_keys("w", 10, 5, || true), Err(Error::UnknownView { .. })));
    }
    assert_eq!(drawn[0], drawn[1], "where a state is kept makes no difference");
    assert!(few[0] == few[1] && few[0].len() == 2, "{few:?}");
    assert_eq!(drawn[0].iter().collect::<BTreeSet<_>>().len(), 10);
}
