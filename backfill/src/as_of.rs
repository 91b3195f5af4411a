//! Which events a row may see.

use serde::{Deserialize, Serialize};

/// Whose knowledge a row at T stands for: which of the events up to T it sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AsOf {
    /// All of them: what had happened by T.
    #[default]
    EventTime,
    /// Those that the log had by T, by their append time: what could be known at T.
    Known,
    /// Those that the online store had applied at T: what was answered at T.
    Served,
}

impl AsOf {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::EventTime, Self::Known, Self::Served];

    /// Its name in requests and manifests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EventTime => "event_time",
            Self::Known => "known",
            Self::Served => "served",
        }
    }
}
