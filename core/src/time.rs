//! Instants and spans of event time, in whole microseconds.

use std::fmt;
use std::str::FromStr;

/// A point in time: microseconds since 1970-01-01T00:00:00Z, negative before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(i64);

impl Instant {
    /// The earliest instant there is.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest instant there is.
    pub const MAX: Self = Self(i64::MAX);

    /// The instant `micros` microseconds after the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// This instant moved later by `delta`, or the last one there is.
    pub const fn saturating_add(self, delta: TimeDelta) -> Self {
        Self(self.0.saturating_add(delta.0))
    }

    /// This instant moved earlier by `delta`, or the first one there is.
    pub const fn saturating_sub(self, delta: TimeDelta) -> Self {
        Self(self.0.saturating_sub(delta.0))
    }

    /// Whether this instant lies at most `delta` from `other`, before or after it.
    pub(crate) const fn is_within(self, delta: TimeDelta, other: Self) -> bool {
        self.0.abs_diff(other.0) <= delta.0.unsigned_abs()
    }

    /// Microseconds from `other` to this instant, or as many as there can be.
    pub(crate) const fn micros_since(self, other: Self) -> i64 {
        self.0.saturating_sub(other.0)
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}us", self.0)
    }
}

/// A length of time: microseconds, never negative.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeDelta(i64);

impl TimeDelta {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A span of `micros` microseconds; a negative number counts as none.
    pub const fn from_micros(micros: i64) -> Self {
        Self(if micros < 0 { 0 } else { micros })
    }

    /// The span in microseconds.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Both spans together, if a span can be so long.
    pub(crate) fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// So many of this span, if a span can be so long.
    pub(crate) fn checked_mul(self, count: i64) -> Option<Self> {
        self.0.checked_mul(count).map(Self::from_micros)
    }
}

/// Units a span can be written in, with their microseconds, longest first.
const UNITS: [(&str, i64); 7] = [
    ("w", 604_800_000_000),
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
];

/// Why a text is not a span of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseTimeDeltaError {
    /// Not an integer followed by a unit.
    #[error("`{0}` is not a duration: write an integer and one of us, ms, s, m, h, d, w, such as 30m")]
    Malformed(String),
    /// More microseconds than 64 bits hold.
    #[error("`{0}` is longer than a duration can be (about 292,000 years)")]
    TooLong(String),
}

impl FromStr for TimeDelta {
    type Err = ParseTimeDeltaError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || ParseTimeDeltaError::Malformed(text.to_owned());
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let (_, micros) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(malformed)?;
        if number.is_empty() {
            return Err(malformed());
        }
        number
            .parse::<i64>()
            .ok()
            .and_then(|count| count.checked_mul(*micros))
            .map(Self)
            .ok_or_else(|| ParseTimeDeltaError::TooLong(text.to_owned()))
    }
}

impl fmt::Display for TimeDelta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, micros) =
            UNITS.iter().find(|(_, micros)| self.0 != 0 && self.0 % micros == 0).unwrap_or(&("us", 1));
        write!(f, "{}{unit}", self.0 / micros)
    }
}

impl fmt::Debug for TimeDelta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_written_in_their_longest_whole_unit() {
        for (text, micros, written) in [
            ("30m", 1_800_000_000, "30m"),
            ("24h", 86_400_000_000, "1d"),
            ("7d", 604_800_000_000, "1w"),
            ("250ms", 250_000, "250ms"),
            ("0s", 0, "0us"),
        ] {
            let span: TimeDelta = text.parse().expect("a well-formed span");
            assert_eq!(span.as_micros(), micros);
            assert_eq!(span.to_string(), written);
        }
    }

    #[test]
    fn what_is_no_span_is_refused() {
        for text in ["", "5", "h", "-1h", "1.5h", "1 h", "1y", "+3s"] {
            assert_eq!(text.parse::<TimeDelta>(), Err(ParseTimeDeltaError::Malformed(text.to_owned())));
        }
        for text in ["20000000w", "99999999999999999999us"] {
            assert_eq!(text.parse::<TimeDelta>(), Err(ParseTimeDeltaError::TooLong(text.to_owned())));
        }
    }

    #[test]
    fn instants_saturate() {
        let hour: TimeDelta = "1h".parse().expect("a well-formed span");
        assert_eq!(Instant::MIN.saturating_sub(hour), Instant::MIN);
        assert_eq!(Instant::MAX.saturating_add(hour), Instant::MAX);
    }
}
