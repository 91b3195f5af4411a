//! The as-of sweep offline, and how its time grows with the events.

use std::hint::black_box;
use std::time::Duration;

use arrow::array::Int64Array;
use criterion::{Criterion, Throughput};
use thalweg_benches::{Events, interleaved, is_measuring, say_limit, say_row, windows_plan};
use thalweg_core::{EnteringEvents, OrderColumns, sweep, sweep_entering};

const EVENTS: usize = 250_000;
/// Events at 1×: so many that they fit no cache, else 1× would be quicker for what it is measured on.
const GROWTH_EVENTS: usize = 1_000_000;
/// Keys at any size: at 4× each key has four times the history.
const KEYS: u32 = 5_000;
/// Spine rows: one for so many events.
const EVENTS_PER_ROW: usize = 10;
const ROUNDS: usize = 7;
/// Time per event at 4× against 1×. Above 1 lies what still misses the caches more often.
const GROWTH_LIMIT: f64 = 1.15;

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    let plan = windows_plan();
    let events = Events::some_late(EVENTS, KEYS, 1);
    let (sorted, rows) = (events.sorted(), events.spine(EVENTS / EVENTS_PER_ROW));
    let mut group = criterion.benchmark_group("sweep/250,000 events, 25,000 rows, 18 features");
    group.throughput(Throughput::Elements(EVENTS as u64));
    group.bench_function("sort events", |b| b.iter(|| black_box(&events).sorted()));
    group
        .bench_function("sweep", |b| b.iter(|| sweep(&plan, black_box(&sorted), &rows).expect("few events")));
    // Each event is known when it arrives, which is up to an hour late.
    let mut arrived = i64::MIN;
    let known: Int64Array = events
        .times
        .iter()
        .map(|time| {
            arrived = arrived.max(*time);
            arrived
        })
        .collect::<Vec<_>>()
        .into();
    let inputs = [events.values.clone()];
    let (times, partitions, offsets) = (&events.times, &events.partitions, &events.offsets);
    let orders = OrderColumns { times, order_by: None, partitions, offsets };
    group.bench_function("sort and fold as of what was known", |b| {
        b.iter(|| {
            let keys = events.key_count as usize;
            let entering = EnteringEvents::sort(&events.keys, keys, &known, orders, &inputs);
            let entering = entering.expect("few events");
            sweep_entering(&plan, black_box(&entering), &rows, 0..keys).expect("few events")
        })
    });
    group.finish();
    criterion.final_summary();
    growth();
}

/// Sorts and sweeps 1×, 2× and 4× the history, in turns. Not more events in the same time: the fewer of them lie
/// in no row's window at all, the more there is to do for each.
fn growth() {
    let plan = windows_plan();
    let (sizes, rounds) = if is_measuring() { ([1, 2, 4], ROUNDS) } else { ([1, 1, 1], 1) };
    let inputs = sizes.map(|times| {
        let events = Events::history(times, GROWTH_EVENTS, KEYS, 1);
        let rows = events.spine(times * GROWTH_EVENTS / EVENTS_PER_ROW);
        (events, rows)
    });
    let [mut one, mut two, mut four] = [0, 1, 2].map(|size| {
        let ((events, rows), plan) = (&inputs[size], &plan);
        move || drop(black_box(sweep(plan, &events.sorted(), rows).expect("few events")))
    });
    // The same amount of work in each round of each size.
    let spreads = interleaved(rounds, &mut [(4, &mut one), (2, &mut two), (1, &mut four)]);
    for (times, spread) in sizes.into_iter().zip(&spreads) {
        say_row(
            &format!("sort and sweep {times}x: {} events", times * GROWTH_EVENTS),
            *spread,
            (times * GROWTH_EVENTS) as u64,
        );
    }
    let growth = spreads[2].nanos_per(4) / spreads[0].nanos_per(1);
    if is_measuring() {
        say_limit("time of sort and sweep an event, at 4x the events against 1x", growth, GROWTH_LIMIT);
    }
}
