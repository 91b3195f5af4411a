//! Windows over sorted events: the events each row sees, as a range of positions.

use crate::{Instant, TimeDelta, Window};

use super::sort::ranges;
use super::{SortedEvents, SortedRows};

/// A half-open range of event positions for each row.
///
/// Neither end ever moves backwards from one row to the next, across keys too: that is what lets every
/// aggregation walk over the events once.
#[derive(Clone, Debug, Default)]
pub(super) struct Ranges {
    pub(super) starts: Vec<u32>,
    pub(super) ends: Vec<u32>,
}

impl Ranges {
    /// What each row sees through `window`.
    pub(super) fn of(
        window: Window,
        ttl: Option<TimeDelta>,
        events: &SortedEvents,
        rows: &SortedRows,
    ) -> Self {
        let mut all = Self::with_capacity(rows.at.len());
        for (events_of_key, rows_of_key) in ranges(&events.key_starts).zip(ranges(&rows.key_starts)) {
            let times = &events.times[..events_of_key.end];
            let (mut start, mut end) = (events_of_key.start, events_of_key.start);
            for at in &rows.at[rows_of_key] {
                let bounds = window.bounds(Instant::from_micros(*at), ttl);
                end = after(times, end, bounds.until);
                if let Some(oldest) = bounds.after {
                    start = after(&times[..end], start, oldest);
                }
                all.push(start, end);
            }
        }
        all
    }

    /// No ranges, with room for `rows`.
    pub(super) fn with_capacity(rows: usize) -> Self {
        Self { starts: Vec::with_capacity(rows), ends: Vec::with_capacity(rows) }
    }

    /// Appends the range of a row.
    pub(super) fn push(&mut self, start: usize, end: usize) {
        self.starts.push(start as u32);
        self.ends.push(end as u32);
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// The ranges of all rows.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, usize)> {
        self.starts.iter().zip(&self.ends).map(|(start, end)| (*start as usize, *end as usize))
    }
}

/// The first position from `from` on whose time is after `bound`: found by ever longer steps, so that it
/// costs little where it is near and the logarithm of the distance where it is far.
pub(super) fn after(times: &[i64], from: usize, bound: Instant) -> usize {
    let bound = bound.as_micros();
    let (mut low, mut step) = (from, 1);
    while low + step <= times.len() && times[low + step - 1] <= bound {
        low += step;
        step *= 2;
    }
    let high = times.len().min(low + step - 1);
    low + times[low..high].partition_point(|time| *time <= bound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_steps_find_what_a_walk_would() {
        let times: Vec<i64> = (0..50).map(|i| i / 3).collect();
        for from in 0..=times.len() {
            for bound in -1..20 {
                let walk = (from..times.len()).find(|i| times[*i] > bound).unwrap_or(times.len());
                assert_eq!(after(&times, from, Instant::from_micros(bound)), walk);
            }
        }
    }

    #[test]
    fn ranges_never_move_backwards() {
        let events = SortedEvents {
            key_starts: vec![0, 3, 3, 5],
            times: vec![i64::MIN, 0, i64::MAX, -4, 4],
            inputs: Vec::new(),
        };
        let rows = SortedRows {
            key_starts: vec![0, 3, 4, 6],
            at: vec![i64::MIN, 5, i64::MAX, 0, -4, 4],
            sources: (0..6).collect(),
        };
        let micros = TimeDelta::from_micros;
        let lagging = Window::Sliding { width: micros(8), offset: micros(5) };
        let lagging = Ranges::of(lagging, Some(micros(3)), &events, &rows);
        assert!(lagging.iter().all(|(start, end)| start == end), "the ttl ends before the window begins");
        let sliding =
            Ranges::of(Window::Sliding { width: micros(8), offset: micros(0) }, None, &events, &rows);
        assert_eq!(sliding.starts, [1, 1, 2, 3, 3, 4]);
        assert_eq!(sliding.ends, [1, 2, 3, 3, 4, 5]);
        let lifetime = Ranges::of(Window::Lifetime, None, &events, &rows);
        assert_eq!(lifetime.starts, [0, 0, 0, 3, 3, 3]);
        assert_eq!(lifetime.ends, [1, 2, 3, 3, 4, 5]);
    }
}
