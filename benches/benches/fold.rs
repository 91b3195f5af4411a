//! The fold of one key online: events in order and late, lookups, and what has to be written after a change.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use thalweg_benches::{DAY_US, Events, windows_plan};
use thalweg_core::{FoldPlan, Instant, KeyState, Lane};

const EVENTS: usize = 10_000;
/// Instants that are looked up by turns.
const LOOKUPS: i64 = 512;

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    let plan = windows_plan();
    add(&mut criterion, &plan);
    lookup(&mut criterion, &plan);
    changes(&mut criterion, &plan);
    criterion.final_summary();
}

/// Takes in ten thousand events: the time of one.
fn add(criterion: &mut Criterion, plan: &FoldPlan) {
    let mut group = criterion.benchmark_group("fold/add");
    group.throughput(Throughput::Elements(EVENTS as u64));
    for (name, events) in
        [("in order", Events::in_order(EVENTS, 1, 1)), ("one in ten late", Events::some_late(EVENTS, 1, 1))]
    {
        group.bench_function(name, |b| b.iter(|| state_of(plan, black_box(&events))));
    }
    group.finish();
}

/// Answers 18 features at one instant: the newest, where most lookups ask, and any in 90 days.
fn lookup(criterion: &mut Criterion, plan: &FoldPlan) {
    let mut group = criterion.benchmark_group("fold/lookup of 18 features");
    for count in [100, EVENTS] {
        let state = state_of(plan, &Events::in_order(count, 1, 1));
        group.bench_with_input(BenchmarkId::new("newest, events", count), &state, |b, state| {
            b.iter(|| black_box(state).values(plan, Instant::from_micros(90 * DAY_US)));
        });
        group.bench_with_input(BenchmarkId::new("any instant, events", count), &state, |b, state| {
            let mut turn = 0;
            b.iter(|| {
                turn = (turn + 1) % LOOKUPS;
                black_box(state).values(plan, Instant::from_micros(90 * DAY_US / LOOKUPS * turn))
            });
        });
    }
    group.finish();
}

/// Bytes of what changed after ten more events, of a key that has ten thousand.
fn changes(criterion: &mut Criterion, plan: &FoldPlan) {
    let events = Events::in_order(EVENTS, 1, 1);
    let (orders, lanes) = (events.orders(), [lane(&events)]);
    let mut state = KeyState::new();
    let (old, new) = orders.split_at(EVENTS - 10);
    old.iter().enumerate().for_each(|(row, order)| state.add(plan, *order, &lanes, row));
    state.take_changes();
    new.iter().zip(EVENTS - 10..).for_each(|(order, row)| state.add(plan, *order, &lanes, row));
    criterion.bench_function("fold/changes after ten events", |b| {
        b.iter_batched_ref(|| state.clone(), KeyState::take_changes, BatchSize::LargeInput);
    });
}

fn state_of(plan: &FoldPlan, events: &Events) -> KeyState {
    let lanes = [lane(events)];
    let mut state = KeyState::new();
    for (row, order) in events.orders().into_iter().enumerate() {
        state.add(plan, order, &lanes, row);
    }
    state
}

fn lane(events: &Events) -> Lane<'_> {
    Lane::of(&events.values).expect("a column of doubles")
}
