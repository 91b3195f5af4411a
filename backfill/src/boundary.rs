//! Whether an event at the very instant asked for takes part.

use serde::{Deserialize, Serialize};
use thalweg_core::{Instant, TimeDelta};

/// Treatment of events whose time equals the row's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Boundary {
    /// They take part.
    #[default]
    Inclusive,
    /// They do not: every fold is taken one microsecond earlier.
    Exclusive,
}

impl Boundary {
    /// The instant a row at `at` is folded at.
    pub fn instant(self, at: Instant) -> Instant {
        match self {
            Self::Inclusive => at,
            Self::Exclusive => at.saturating_sub(TimeDelta::from_micros(1)),
        }
    }

    /// The instant of a row that is folded at `at`, both in microseconds.
    pub(crate) const fn asked(self, at: i64) -> i64 {
        match self {
            Self::Inclusive => at,
            Self::Exclusive => at.saturating_add(1),
        }
    }
}
