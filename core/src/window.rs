//! Which events a fold sees at an instant.

use crate::{Instant, TimeDelta};

/// The stretch of event time a feature folds, relative to the instant T it is asked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Window {
    /// `(T − offset − width, T − offset]`.
    Sliding {
        /// Length of the window.
        width: TimeDelta,
        /// How far before T the window ends.
        offset: TimeDelta,
    },
    /// `(−∞, T]`.
    Lifetime,
}

impl Window {
    /// The event times this window holds at `at`, cut to `(at − ttl, …]` where the view has a ttl.
    pub fn bounds(self, at: Instant, ttl: Option<TimeDelta>) -> Bounds {
        let window = match self {
            Self::Sliding { width, offset } => {
                let until = at.saturating_sub(offset);
                Bounds { after: Some(until.saturating_sub(width)), until }
            }
            Self::Lifetime => Bounds { after: None, until: at },
        };
        let oldest = ttl.map(|ttl| at.saturating_sub(ttl));
        Bounds { after: window.after.max(oldest), ..window }
    }

    /// How far before T an event can lie and still be folded, if there is such a limit.
    pub fn reach(self, ttl: Option<TimeDelta>) -> Option<TimeDelta> {
        let window = match self {
            Self::Sliding { width, offset } => Some(width.saturating_add(offset)),
            Self::Lifetime => None,
        };
        match (window, ttl) {
            (Some(window), Some(ttl)) => Some(window.min(ttl)),
            (window, ttl) => window.or(ttl),
        }
    }
}

/// Event times later than `after` (all, if none) and not later than `until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Events at this instant or before are outside.
    pub after: Option<Instant>,
    /// Events after this instant are outside.
    pub until: Instant,
}

impl Bounds {
    /// Whether an event at `time` is inside.
    pub fn contains(self, time: Instant) -> bool {
        time <= self.until && self.after.is_none_or(|after| time > after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(n: i64) -> Instant {
        Instant::from_micros(n)
    }

    #[test]
    fn a_sliding_window_holds_its_end_and_not_its_start() {
        let window = Window::Sliding { width: TimeDelta::from_micros(10), offset: TimeDelta::from_micros(5) };
        let bounds = window.bounds(micros(0), None);
        assert_eq!(bounds, Bounds { after: Some(micros(-15)), until: micros(-5) });
        assert!(bounds.contains(micros(-5)) && bounds.contains(micros(-14)));
        assert!(!bounds.contains(micros(-15)) && !bounds.contains(micros(-4)));
    }

    #[test]
    fn a_ttl_bounds_every_window() {
        let ttl = Some(TimeDelta::from_micros(3));
        let lifetime = Window::Lifetime.bounds(micros(10), ttl);
        assert_eq!(lifetime.after, Some(micros(7)));
        assert_eq!(Window::Lifetime.reach(ttl), ttl);
        assert_eq!(Window::Lifetime.reach(None), None);
    }
}
