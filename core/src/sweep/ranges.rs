//! Windows over sorted events: the events each row sees, as a range of positions.

use arrow::array::Array;

use crate::pass::Ranges;
use crate::{Instant, TimeDelta, Window};

use super::sort::ranges;
use super::{SortedEvents, SortedRows};

/// What each row sees through `window`.
pub(super) fn seen_through(
    window: Window,
    ttl: Option<TimeDelta>,
    events: &SortedEvents,
    rows: &SortedRows,
) -> Ranges {
    let mut all = Ranges::with_capacity(rows.at.len());
    for (events_of_key, rows_of_key) in ranges(&events.key_starts).zip(ranges(&rows.key_starts)) {
        let times = &events.times[..events_of_key.end];
        let (mut start, mut end) = (events_of_key.start, events_of_key.start);
        let mut session = window.gap().map(|gap| Session { gap, start, end });
        for at in &rows.at[rows_of_key] {
            let at = Instant::from_micros(*at);
            let bounds = window.bounds(at, ttl);
            end = bounds.until.map_or(end, |until| after(times, end, until));
            start = bounds.after.map_or(start, |oldest| after(&times[..end], start, oldest));
            if let Some(session) = &mut session {
                start = start.max(session.start_at(times, end, at));
            }
            all.push(start, end);
        }
    }
    all
}

/// What each row sees through `window` of a table: the record that stands at its instant, or nothing. Those for
/// which `shown` is null hide what is before them and show nothing.
pub(super) fn standing_through(
    window: Window,
    ttl: Option<TimeDelta>,
    shown: &dyn Array,
    events: &SortedEvents,
    rows: &SortedRows,
) -> Ranges {
    let mut all = Ranges::with_capacity(rows.at.len());
    for_newest(events, rows, |at, first, end| {
        let Some(newest) = end.checked_sub(1).filter(|newest| *newest >= first) else {
            return all.push(end, end);
        };
        let time = Instant::from_micros(events.times[newest]);
        let shows = shown.is_valid(newest);
        if shows && window.sees(time, at, ttl) {
            all.push(newest, end);
        } else if shows && window.bounds(at, ttl).until < Some(time) {
            // A later row may see it yet, and no range may begin before the one of the row before.
            all.push(newest, newest);
        } else {
            all.push(end, end);
        }
    });
    all
}

/// Gives each row's instant to `take`, with where its key's events begin and where those at that instant and before
/// end.
pub(super) fn for_newest(
    events: &SortedEvents,
    rows: &SortedRows,
    mut take: impl FnMut(Instant, usize, usize),
) {
    for (events_of_key, rows_of_key) in ranges(&events.key_starts).zip(ranges(&rows.key_starts)) {
        let times = &events.times[..events_of_key.end];
        let mut end = events_of_key.start;
        for at in &rows.at[rows_of_key] {
            let at = Instant::from_micros(*at);
            end = after(times, end, at);
            take(at, events_of_key.start, end);
        }
    }
}

/// The session that ends with the last of some events of a key.
struct Session {
    gap: TimeDelta,
    start: usize,
    end: usize,
}

impl Session {
    /// Where the session begins that is seen at `at`, before which there are the events up to `end`.
    fn start_at(&mut self, times: &[i64], end: usize, at: Instant) -> usize {
        let joins = |earlier: usize, later| Instant::from_micros(times[earlier]).is_within(self.gap, later);
        for (position, time) in (self.end..end).zip(&times[self.end..end]) {
            if position > self.start && !joins(position - 1, Instant::from_micros(*time)) {
                self.start = position;
            }
        }
        self.end = end;
        if self.start < end && joins(end - 1, at) { self.start } else { end }
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
        let lagging = seen_through(lagging, Some(micros(3)), &events, &rows);
        assert!(lagging.iter().all(|(start, end)| start == end), "the ttl ends before the window begins");
        let sliding =
            seen_through(Window::Sliding { width: micros(8), offset: micros(0) }, None, &events, &rows);
        assert_eq!(sliding.starts, [1, 1, 2, 3, 3, 4]);
        assert_eq!(sliding.ends, [1, 2, 3, 3, 4, 5]);
        let lifetime = seen_through(Window::Lifetime, None, &events, &rows);
        assert_eq!(lifetime.starts, [0, 0, 0, 3, 3, 3]);
        assert_eq!(lifetime.ends, [1, 2, 3, 3, 4, 5]);
    }

    #[test]
    fn a_session_ends_with_the_last_event_and_breaks_at_a_gap() {
        let events = SortedEvents {
            key_starts: vec![0, 5, 6],
            times: vec![i64::MIN, 0, 3, 7, 12, 13],
            inputs: Vec::new(),
        };
        let rows = SortedRows {
            key_starts: vec![0, 6, 7],
            at: vec![-9, 3, 8, 11, 12, 20, 17],
            sources: (0..7).collect(),
        };
        let gap = TimeDelta::from_micros(4);
        let session = seen_through(Window::Session { gap }, None, &events, &rows);
        let seen: Vec<_> = session.iter().map(|(start, end)| start..end).collect();
        assert_eq!(seen, [1..1, 1..3, 1..4, 1..4, 4..5, 5..5, 5..6]);
    }
}
