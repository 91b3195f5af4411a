//! Saying what came out.

use crate::Spread;

/// A line for people: what was done, its median CPU time with the spread, and how much that is for each unit.
pub fn say_row(what: &str, spread: Spread, units: u64) {
    let milliseconds = |time: std::time::Duration| time.as_secs_f64() * 1e3;
    println!(
        "{what:<40} {:>8.0} ms CPU ({:.0} to {:.0}), {:>6.0} ns each",
        milliseconds(spread.median),
        milliseconds(spread.least),
        milliseconds(spread.most),
        spread.nanos_per(units),
    );
}

/// A line that holds a measured ratio against its limit. `run` gathers these lines at its end.
pub fn say_limit(what: &str, ratio: f64, limit: f64) {
    let verdict = if ratio <= limit { "met" } else { "MISSED" };
    println!("limit {verdict}: {what}: {ratio:.2}, at most {limit:.2}");
}
