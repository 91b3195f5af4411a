//! A log of made-up events, a view over it, and the plain fold that answers must equal.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, Float64Array};
use thalweg_core::{
    Aggregation, FeatureColumn, FieldType, FoldPlan, Instant, KeyState, Lane, Lookback, Nulls, Order,
    Selection, Status, TimeDelta, Value, Window,
};

use crate::{Batch, Store, StoreOptions, TopicState, ViewSpec};

/// One event of the view `v`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    pub(super) key: u8,
    pub(super) time: i64,
    pub(super) value: Option<f64>,
}

/// Events by partition; an event's offset is its position.
pub(super) type Log = Vec<Vec<Event>>;

pub(super) const TOPIC_ID: [u8; 16] = [7; 16];
pub(super) const FAR_FUTURE: Instant = Instant::MAX;

pub(super) fn at(micros: i64) -> Instant {
    Instant::from_micros(micros)
}

/// Folds of every kind over lifetime and two windows, answering `lookback` microseconds back.
pub(super) fn plan(lookback: i64) -> FoldPlan {
    let column = |name: &str, aggregation, input, window| FeatureColumn {
        name: name.to_owned(),
        aggregation,
        input,
        by: None,
        window,
    };
    let sliding = |width, offset| Window::Sliding {
        width: TimeDelta::from_micros(width),
        offset: TimeDelta::from_micros(offset),
    };
    FoldPlan {
        inputs: vec![FieldType::Float64],
        features: vec![
            column("count", Aggregation::Count, None, Window::Lifetime),
            column("sum", Aggregation::Sum, Some(0), Window::Lifetime),
            column("sum_50", Aggregation::Sum, Some(0), sliding(50, 0)),
            column("last_50", Aggregation::Last { nulls: Nulls::Skip }, Some(0), sliding(50, 0)),
            column("max_20_offset_30", Aggregation::Max, Some(0), sliding(20, 30)),
            column("last", Aggregation::Last { nulls: Nulls::Skip }, Some(0), Window::Lifetime),
        ],
        ttl: None,
        shown: None,
        forget: None,
        lookback: Lookback::Within(TimeDelta::from_micros(lookback)),
    }
}

pub(super) fn view(name: &str, version: u8) -> ViewSpec {
    ViewSpec { name: name.to_owned(), version: [version; 32], source: "s".to_owned(), plan: plan(40) }
}

/// A memory budget so small that hardly a state stays in memory.
pub(super) fn tight() -> StoreOptions {
    StoreOptions { memory_budget_bytes: 4 << 10, forget_keys_per_commit: 3, ..StoreOptions::default() }
}

pub(super) fn open(dir: &Path, options: &StoreOptions) -> Arc<Store> {
    Store::open(dir, options.clone()).expect("a directory of this test")
}

pub(super) fn open_topic(store: &Arc<Store>, views: Vec<ViewSpec>, log: &Log) -> TopicState {
    let topic = TopicState::open(Arc::clone(store), "t", views).expect("states of this test");
    topic.bind(TOPIC_ID, &ends(log), at(0)).expect("the topic of this test");
    topic
}

pub(super) fn ends(log: &Log) -> Vec<i64> {
    log.iter().map(|events| events.len() as i64).collect()
}

pub(super) fn selection(log: &Log, partition: usize, from: usize, next: usize) -> Selection {
    let events = &log[partition][from..next];
    let inputs: ArrayRef = Arc::new(Float64Array::from_iter(events.iter().map(|event| event.value)));
    Selection {
        partition: partition as i32,
        offsets: (from as i64..next as i64).collect::<Vec<_>>().into(),
        times: events.iter().map(|event| event.time).collect::<Vec<_>>().into(),
        order_by: None,
        keys: BinaryArray::from_iter_values(events.iter().map(|event| [event.key])),
        inputs: vec![inputs],
    }
}

/// The events `from..next` of a partition, for the views at the positions in `views`.
pub(super) fn batch(log: &Log, partition: usize, from: usize, next: usize, views: &[usize]) -> Batch {
    let newest = log[partition][from..next].iter().map(|event| at(event.time)).max();
    Batch {
        partition: partition as i32,
        from: from as i64,
        next: next as i64,
        ends: ends(log),
        newest: vec![newest],
        selections: views.iter().map(|view| (*view, selection(log, partition, from, next))).collect(),
    }
}

/// What `key` has at `instant` after the first `applied` events of each partition, folded straight.
pub(super) fn expected(
    log: &Log,
    plan: &FoldPlan,
    applied: &BTreeMap<i32, i64>,
    key: u8,
    instant: Instant,
) -> Vec<(Value, Status)> {
    let mut state = KeyState::new();
    for (partition, next) in applied {
        let events = &log[*partition as usize];
        let values: ArrayRef = Arc::new(Float64Array::from_iter(events.iter().map(|event| event.value)));
        let lane = Lane::of(&values).expect("a column of doubles");
        for (row, event) in
            events.iter().enumerate().take(*next as usize).filter(|(_, event)| event.key == key)
        {
            let order =
                Order { time: at(event.time), order_by: None, partition: *partition, offset: row as i64 };
            state.add(plan, order, &[lane], row);
        }
    }
    state.values(plan, instant)
}

/// Holds every answer of the view `v` against the straight fold, for all keys and at instants from the horizon on.
pub(super) fn assert_is_fold_of_applied(topic: &TopicState, log: &Log) {
    let reading = topic.read();
    let horizon = reading.horizon("v").expect("the view of this test");
    let keys = BinaryArray::from_iter_values((0..=5_u8).map(|key| [key]));
    let latest = log.iter().flatten().map(|event| event.time).max().unwrap_or(0);
    let first = horizon.map_or(-100, Instant::as_micros);
    for instant in [first, first.saturating_add(7), first.saturating_add(35), latest, latest + 200] {
        let instant = at(instant.max(first));
        let found = reading.lookup("v", &keys, instant).expect("an instant that can be answered");
        for key in 0..=5_u8 {
            let expected = expected(log, &plan(40), reading.applied(), key, instant);
            assert_eq!(
                found.rows[usize::from(key)],
                expected,
                "key {key} at {instant:?}, applied {:?}",
                reading.applied()
            );
        }
    }
}

/// Copies the files of a store as they are, as a kill at this moment would leave them.
pub(super) fn copy_files(from: &Path, to: &Path) {
    let files = || {
        let entries = std::fs::read_dir(from).expect("the directory of a store").flatten();
        let mut files: Vec<_> = entries
            .filter_map(|entry| Some((entry.file_name(), entry.metadata().ok()?.len())))
            .filter(|(name, _)| name != "LOCK" && name != "LOG")
            .collect();
        files.sort();
        files
    };
    // RocksDB may write out or compact in the background meanwhile: copied again until nothing moved.
    for _ in 0..1_000 {
        let before = files();
        std::fs::remove_dir_all(to).ok();
        std::fs::create_dir_all(to).expect("a temporary directory");
        if before.iter().all(|(name, _)| std::fs::copy(from.join(name), to.join(name)).is_ok())
            && files() == before
        {
            return;
        }
    }
    panic!("the store never stands still");
}
