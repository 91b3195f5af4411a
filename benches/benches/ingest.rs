//! Ingest of the example's flights and weather: its CPU time against that of decoding alone.
//!
//! The steps between are measured too, so that one sees where the time goes: `decode` reads every record from
//! the log, decompresses it and decodes the fields in use; `select` adds event times, keys and the expressions
//! of all six views; `fold` adds the states of all keys, in a plain map; `ingest` is the real one, with its
//! threads, into a store, until everything is in files.

use thalweg_benches::{Nyc13, interleaved, is_measuring, say_limit, say_row};

const ROUNDS: usize = 7;
/// What ingest may cost at most, in times of decoding.
const LIMIT: f64 = 4.0;
/// CPU time per event at 4× against 1×. Above 1 lie what caches of this machine no longer hold, and
/// RocksDB's compaction, which a short run does not come to.
const GROWTH_LIMIT: f64 = 1.25;

fn main() {
    let rounds = if is_measuring() { ROUNDS } else { 1 };
    against_decoding(rounds);
    if is_measuring() {
        growth(rounds);
    }
}

fn against_decoding(rounds: usize) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let flights = Nyc13::write(folder.path(), 1);
    let events = flights.events();
    println!("{events} events of three topics, six feature views");
    assert_eq!(flights.decode(), events);
    let folded = flights.select();
    assert_eq!((flights.fold(), ingest(&flights)), (folded, folded), "every way folds the same events");

    let spreads = interleaved(
        rounds,
        &mut [
            (4, &mut || _ = flights.decode()),
            (4, &mut || _ = flights.select()),
            (2, &mut || _ = flights.fold()),
            (1, &mut || _ = ingest(&flights)),
        ],
    );
    let steps = ["decode", "decode, select", "decode, select, fold", "ingest (and commit, and write out)"];
    steps.iter().zip(&spreads).for_each(|(step, spread)| say_row(step, *spread, events));
    if is_measuring() {
        let ratio = spreads[3].nanos_per(events) / spreads[0].nanos_per(events);
        say_limit("CPU time of ingest against decoding alone", ratio, LIMIT);
    }
}

/// Ingests one, two and four years, in turns.
fn growth(rounds: usize) {
    let years = [1, 2, 4].map(|years| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let flights = Nyc13::write(folder.path(), years);
        (folder, flights)
    });
    let [mut one, mut two, mut four] = years.each_ref().map(|(_, flights)| move || _ = ingest(flights));
    let spreads = interleaved(rounds.min(5), &mut [(4, &mut one), (2, &mut two), (1, &mut four)]);
    for ((_, flights), spread) in years.iter().zip(&spreads) {
        say_row(&format!("ingest of {} events", flights.events()), *spread, flights.events());
    }
    let growth = spreads[2].nanos_per(4) / spreads[0].nanos_per(1);
    say_limit("CPU time of ingest an event, at 4x the events against 1x", growth, GROWTH_LIMIT);
}

fn ingest(flights: &Nyc13) -> u64 {
    let folder = tempfile::tempdir().expect("a temporary folder");
    flights.ingest(&folder.path().join("state"))
}
