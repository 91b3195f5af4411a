//! Which events a fold sees at an instant.

use crate::{Instant, TimeDelta};

/// The events a feature folds, relative to the instant T it is asked at.
///
/// `floor_r` is down to a multiple of r since the epoch, before the epoch too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Window {
    /// Event times in `(T − offset − width, T − offset]`.
    Sliding {
        /// Length of the window.
        width: TimeDelta,
        /// How far before T the window ends.
        offset: TimeDelta,
    },
    /// Event times in `(floor_resolution(T − offset − width), T − offset]`.
    Coarse {
        /// Length of the window, before its beginning is moved.
        width: TimeDelta,
        /// How far before T the window ends.
        offset: TimeDelta,
        /// What the window's beginning is moved down to a multiple of.
        resolution: TimeDelta,
    },
    /// Event times in `[b, T]`, where `b = floor_width(T)`; or those of the whole bucket so many before:
    /// `[b − offset · width, b − (offset − 1) · width)`.
    Tumbling {
        /// Length of a bucket.
        width: TimeDelta,
        /// How many buckets before that of T.
        offset: u32,
    },
    /// The run of events that ends with the last one at or before T and in which neighbours are at most `gap`
    /// apart; none if that last one is farther from T.
    Session {
        /// What may lie between two neighbours.
        gap: TimeDelta,
    },
    /// Event times in `(−∞, T]`.
    Lifetime,
}

impl Window {
    /// The event times this window holds at `at`, cut to `(at − ttl, …]` where the view has a ttl; of a session,
    /// which depends on the events, the times it can hold.
    pub fn bounds(self, at: Instant, ttl: Option<TimeDelta>) -> Bounds {
        let window = match self {
            Self::Sliding { width, offset } => {
                let until = at.saturating_sub(offset);
                Bounds { after: Some(until.saturating_sub(width)), until: Some(until) }
            }
            Self::Coarse { width, offset, resolution } => {
                let until = at.saturating_sub(offset);
                let start = until.saturating_sub(width).as_micros();
                let after = start.checked_sub(past_multiple(start, resolution)).map(Instant::from_micros);
                Bounds { after, until: Some(until) }
            }
            Self::Tumbling { width, offset } => bucket(at, width, offset),
            Self::Session { .. } | Self::Lifetime => Bounds { after: None, until: Some(at) },
        };
        let oldest = ttl.map(|ttl| at.saturating_sub(ttl));
        Bounds { after: window.after.max(oldest), ..window }
    }

    /// Whether an event at `time`, with no other one beside it, is seen at `at`.
    pub(crate) fn sees(self, time: Instant, at: Instant, ttl: Option<TimeDelta>) -> bool {
        self.bounds(at, ttl).contains(time) && self.gap().is_none_or(|gap| time.is_within(gap, at))
    }

    /// The gap of a session.
    pub(crate) const fn gap(self) -> Option<TimeDelta> {
        match self {
            Self::Session { gap } => Some(gap),
            _ => None,
        }
    }

    /// Which events this window never tells apart once all instants it is asked at lie past them: it holds all
    /// of a grain or none. `None` if it may tell any two apart.
    pub(crate) fn grain(self, ttl: Option<TimeDelta>) -> Option<Grain> {
        let (reach, grain) = match self {
            Self::Sliding { .. } => return None,
            Self::Coarse { width, offset, resolution } => {
                let reach = width.checked_add(offset).and_then(|reach| reach.checked_add(resolution));
                (reach, Grain::Tiles(resolution))
            }
            Self::Tumbling { width, offset } => {
                (width.checked_mul(i64::from(offset) + 1), Grain::Buckets(width))
            }
            Self::Session { gap } => (None, Grain::Sessions(gap)),
            Self::Lifetime => (None, Grain::Whole),
        };
        // A ttl cuts between any two events, unless the window ends before it.
        let is_cut = ttl.is_some_and(|ttl| reach.is_none_or(|reach| reach > ttl));
        (!is_cut).then_some(grain)
    }

    /// The latest time at or before which events need not be kept one by one if no instant before `horizon`
    /// will be asked: they are outside of this window forever, or inside of it with all of their grain.
    pub(crate) fn settled(self, ttl: Option<TimeDelta>, horizon: Instant) -> Option<Instant> {
        let bounds = self.bounds(horizon, ttl);
        match self.grain(ttl) {
            Some(_) => bounds.until,
            None => bounds.after,
        }
    }
}

/// How far `time` lies past the greatest multiple of `length` that is not after it.
fn past_multiple(time: i64, length: TimeDelta) -> i64 {
    time.rem_euclid(length.as_micros().max(1))
}

/// The bucket of `width` that is `offset` before that of `at`, as far as it has come by then.
fn bucket(at: Instant, width: TimeDelta, offset: u32) -> Bounds {
    let at = at.as_micros();
    // Wide enough for buckets that begin or end before the first instant there is.
    let own_start = i128::from(at) - i128::from(past_multiple(at, width));
    let start = own_start - i128::from(offset) * i128::from(width.as_micros());
    let end = if offset == 0 { i128::from(at) + 1 } else { start + i128::from(width.as_micros()) };
    let before = |time: i128| i64::try_from(time - 1).ok().map(Instant::from_micros);
    Bounds { after: before(start), until: before(end) }
}

/// Event times later than `after` and not later than `until`. `None` lies before all times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Events at this instant or before are outside.
    pub after: Option<Instant>,
    /// Events after this instant are outside.
    pub until: Option<Instant>,
}

impl Bounds {
    /// Whether an event at `time` is inside.
    pub fn contains(self, time: Instant) -> bool {
        self.after < Some(time) && Some(time) <= self.until
    }
}

/// Events that a window never tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grain {
    /// All events.
    Whole,
    /// Events between the same two multiples of a length, the later multiple among them.
    Tiles(TimeDelta),
    /// Events between the same two multiples of a length, the earlier multiple among them.
    Buckets(TimeDelta),
    /// Events of which each is at most so far from the next.
    Sessions(TimeDelta),
}

impl Grain {
    /// Whether neighbouring events at these times are of one grain; `earlier` is not after `later`.
    pub(crate) fn joins(self, earlier: Instant, later: Instant) -> bool {
        let number = |time: i128, length: TimeDelta| time.div_euclid(i128::from(length.as_micros().max(1)));
        let (a, b) = (i128::from(earlier.as_micros()), i128::from(later.as_micros()));
        match self {
            Self::Whole => true,
            Self::Tiles(length) => number(a - 1, length) == number(b - 1, length),
            Self::Buckets(length) => number(a, length) == number(b, length),
            Self::Sessions(gap) => later.is_within(gap, earlier),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{spans, times, windows};

    fn micros(n: i64) -> Instant {
        Instant::from_micros(n)
    }

    fn span(n: i64) -> TimeDelta {
        TimeDelta::from_micros(n)
    }

    fn bounds(after: i64, until: i64) -> Bounds {
        Bounds { after: Some(micros(after)), until: Some(micros(until)) }
    }

    #[test]
    fn a_sliding_window_holds_its_end_and_not_its_start() {
        let bounds = Window::Sliding { width: span(10), offset: span(5) }.bounds(micros(0), None);
        assert_eq!(bounds, self::bounds(-15, -5));
        assert!(bounds.contains(micros(-5)) && bounds.contains(micros(-14)));
        assert!(!bounds.contains(micros(-15)) && !bounds.contains(micros(-4)));
    }

    #[test]
    fn a_resolution_moves_the_beginning_down() {
        let window = Window::Coarse { width: span(10), offset: span(1), resolution: span(4) };
        assert_eq!(window.bounds(micros(19), None), bounds(8, 18));
        assert_eq!(window.bounds(micros(18), None), bounds(4, 17));
        assert_eq!(window.bounds(micros(9), None), bounds(-4, 8));
        let odd = Window::Coarse { width: span(1), offset: span(0), resolution: span(3) };
        assert_eq!(odd.bounds(Instant::MIN, None).after, None, "its beginning is before all times");
    }

    #[test]
    fn a_tumbling_window_begins_where_its_bucket_does() {
        let own = Window::Tumbling { width: span(10), offset: 0 };
        assert_eq!(own.bounds(micros(17), None), bounds(9, 17));
        assert_eq!(own.bounds(micros(20), None), bounds(19, 20));
        assert_eq!(own.bounds(micros(-1), None), bounds(-11, -1));
        assert_eq!(own.bounds(Instant::MIN, None), Bounds { after: None, until: Some(Instant::MIN) });
        let before = Window::Tumbling { width: span(10), offset: 2 };
        assert_eq!(before.bounds(micros(17), None), bounds(-11, -1));
        assert_eq!(before.bounds(Instant::MIN, None), Bounds { after: None, until: None });
        assert!(!before.bounds(Instant::MIN, None).contains(Instant::MIN));
    }

    #[test]
    fn a_ttl_bounds_every_window() {
        let ttl = Some(span(3));
        for window in [Window::Lifetime, Window::Session { gap: span(9) }] {
            assert_eq!(window.bounds(micros(10), ttl), bounds(7, 10));
            assert_eq!(window.grain(ttl), None);
        }
        let day = Window::Tumbling { width: span(10), offset: 1 };
        assert_eq!(day.grain(Some(span(20))), Some(Grain::Buckets(span(10))), "it ends before the ttl does");
        assert_eq!(day.grain(Some(span(19))), None);
    }

    proptest! {
        /// What may be forgotten at a horizon is the same to all instants from there on.
        #[test]
        fn settled_events_are_seen_by_their_grain(
            window in windows().prop_filter("a session has no bounds of its own", |w| w.gap().is_none()),
            ttl in prop::option::weighted(0.4, spans()),
            (horizon, at) in (times(), times()),
            mut events in prop::collection::vec(times().prop_map(micros), 8),
        ) {
            let (horizon, at) = (micros(horizon.min(at)), micros(horizon.max(at)));
            let settled = window.settled(ttl, horizon);
            events.sort();
            events.retain(|event| Some(*event) <= settled);
            let bounds = window.bounds(at, ttl);
            for pair in events.windows(2) {
                match window.grain(ttl) {
                    None => prop_assert!(!bounds.contains(pair[0]) && !bounds.contains(pair[1])),
                    Some(grain) if grain.joins(pair[0], pair[1]) => {
                        prop_assert_eq!(bounds.contains(pair[0]), bounds.contains(pair[1]));
                    }
                    Some(_) => prop_assert!(Some(pair[1]) <= bounds.until),
                }
            }
        }
    }
}
