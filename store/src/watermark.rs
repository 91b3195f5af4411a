//! How far event time has come, and how far back a state must reach.

use thalweg_core::{Instant, Lookback};

use crate::rows::ProgressMap;

/// The watermark that `progress` gives when the log's partitions end at `ends` (next offsets, by partition):
/// the least of the newest event times of the partitions that are not at their end; when all are at
/// their end, the newest event time of all. None while a partition with events to read has given no event
/// time.
///
/// This can fall when a partition that was at its end goes on with older events; callers keep the highest.
pub(crate) fn watermark(progress: &ProgressMap, ends: &[i64]) -> Option<Instant> {
    let newest_of = |partition: i32| progress.get(&partition).and_then(|seen| seen.newest);
    let next_of = |partition: i32| progress.get(&partition).map_or(0, |seen| seen.next);
    let behind = (0_i32..).zip(ends).filter(|(partition, end)| next_of(*partition) < **end);
    // None sorts below every instant: a partition that has given no event time holds the watermark back.
    match behind.map(|(partition, _)| newest_of(partition)).min() {
        Some(least) => least,
        None => progress.values().filter_map(|seen| seen.newest).max(),
    }
}

/// The earliest instant that has to be answered at `watermark` when the clock says `now`: a clock behind the
/// watermark holds the horizon back, so that one event from the future cannot empty the windows.
/// None where nothing is ever too old.
pub(crate) fn horizon(watermark: Option<Instant>, now: Instant, lookback: Lookback) -> Option<Instant> {
    match lookback {
        Lookback::Within(lookback) => watermark.map(|watermark| watermark.min(now).saturating_sub(lookback)),
        Lookback::Unbounded => None,
    }
}

#[cfg(test)]
mod tests {
    use thalweg_core::TimeDelta;

    use super::*;
    use crate::rows::Progress;

    fn at(micros: i64) -> Instant {
        Instant::from_micros(micros)
    }

    fn progress(partitions: &[(i64, Option<i64>)]) -> ProgressMap {
        let seen = |(next, newest): &(i64, Option<i64>)| Progress {
            topic_id: [0; 16],
            next: *next,
            newest: newest.map(at),
        };
        (0..).zip(partitions.iter().map(seen)).collect()
    }

    #[test]
    fn the_slowest_partition_that_has_more_to_read_decides() {
        let seen = progress(&[(5, Some(100)), (5, Some(40)), (5, Some(10))]);
        assert_eq!(watermark(&seen, &[9, 9, 5]), Some(at(40)));
        assert_eq!(watermark(&seen, &[9, 5, 5]), Some(at(100)));
        assert_eq!(watermark(&seen, &[5, 5, 5]), Some(at(100)));
    }

    #[test]
    fn a_partition_not_read_yet_holds_the_watermark_back() {
        let seen = progress(&[(5, Some(100))]);
        assert_eq!(watermark(&seen, &[5, 3]), None);
        assert_eq!(watermark(&seen, &[5, 0]), Some(at(100)));
        assert_eq!(watermark(&ProgressMap::new(), &[0, 0]), None);
        assert_eq!(watermark(&progress(&[(2, None)]), &[3]), None);
    }

    #[test]
    fn an_event_from_the_future_does_not_move_the_horizon_past_the_clock() {
        let hour = Lookback::Within(TimeDelta::from_micros(60));
        assert_eq!(horizon(Some(at(1000)), at(500), hour), Some(at(440)));
        assert_eq!(horizon(Some(at(1000)), at(5000), hour), Some(at(940)));
        assert_eq!(horizon(None, at(5000), hour), None);
        assert_eq!(horizon(Some(at(1000)), at(5000), Lookback::Unbounded), None);
    }
}
