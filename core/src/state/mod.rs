//! The fold of one key, kept so that it can be asked at any instant.

use crate::codec::CodecError;
use crate::{FoldPlan, Instant, Lane, Order, Status, Value};

/// Why bytes are not the state of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// Written by another version of the engine.
    #[error(
        "part {part} of a key's state has format version {found}, and this engine reads version {expected}: rebuild the view from the log"
    )]
    Version {
        /// Number of the part.
        part: u32,
        /// Version found.
        found: u8,
        /// Version this engine writes.
        expected: u8,
    },
    /// A part that the head names is not there.
    #[error("part {part} of a key's state is missing: the state is damaged; rebuild the view from the log")]
    Missing {
        /// Number of the part.
        part: u32,
    },
    /// The bytes of a part are not what was written.
    #[error("part {part} of a key's state is damaged: {cause}; rebuild the view from the log")]
    Damaged {
        /// Number of the part.
        part: u32,
        /// What is wrong with it.
        cause: CodecError,
    },
}

/// What [`KeyState::answer`] says of a key at an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// A value and its status for each of [`FoldPlan::features`].
    pub values: Vec<(Value, Status)>,
    /// How many of the values are null because an integer sum does not fit 64 bits.
    pub sum_overflows: u64,
}

/// What must be written so that stored parts are the state again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Parts that are new or changed, with their bytes, by ascending number.
    pub put: Vec<(u32, Vec<u8>)>,
    /// Parts that are gone, ascending.
    pub delete: Vec<u32>,
}

/// The fold of one key.
#[derive(Clone, Debug, Default)]
pub struct KeyState {}

impl KeyState {
    /// The state of a key without events.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in one event, in any order of arrival; each event once.
    pub fn add(&mut self, plan: &FoldPlan, order: Order, inputs: &[Lane<'_>], row: usize) {
        let _ = (plan, order, inputs, row);
    }

    /// A value and its status for each of the plan's features at `at`.
    pub fn values(&self, plan: &FoldPlan, at: Instant) -> Vec<(Value, Status)> {
        self.answer(plan, at).values
    }

    /// The values at `at`, with what there is to count about them.
    pub fn answer(&self, plan: &FoldPlan, at: Instant) -> Answer {
        let _ = (plan, at);
        Answer { values: Vec::new(), sum_overflows: 0 }
    }

    /// The time of the newest event visible at `at`, at any age.
    pub fn last_event_time(&self, at: Instant) -> Option<Instant> {
        let _ = at;
        None
    }

    /// Lets go of what no instant from `horizon` on can tell apart.
    pub fn forget(&mut self, plan: &FoldPlan, horizon: Instant) {
        let _ = (plan, horizon);
    }

    /// What changed since the last call (or since it was decoded), as parts to write and to delete.
    pub fn take_changes(&mut self, plan: &FoldPlan) -> Changes {
        let _ = plan;
        Changes::default()
    }

    /// Reads a state from its parts; `None` if there is no part 0.
    ///
    /// # Errors
    ///
    /// What `parts` fails with, or a [`StateError`].
    pub fn decode<B: AsRef<[u8]>, E: From<StateError>>(
        plan: &FoldPlan,
        mut parts: impl FnMut(u32) -> Result<Option<B>, E>,
    ) -> Result<Option<Self>, E> {
        let _ = plan;
        Ok(parts(0)?.map(|_| Self::new()))
    }

    /// Bytes this state takes in memory, about.
    pub fn bytes_in_memory(&self) -> usize {
        size_of::<Self>()
    }
}
