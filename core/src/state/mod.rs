//! The fold of one key, kept so that it can be asked at any instant.
//!
//! A state is a time-ordered run of chunks. The newest one is the *tail*, to which events in order are
//! appended; the others are *closed* and keep their partials beside them once a lookup has asked for them, so
//! that the next one merges partials and looks at events only where a window begins and ends. What no instant
//! that may still be asked can tell apart is in the *base*.

mod add;
mod base;
mod bits;
mod chunk;
mod column;
mod forget;
mod lookup;
mod orders;
mod parts;
mod seen;
mod standing;
mod stretches;

use std::sync::OnceLock;

use crate::aggregation::{Accumulator, Partial};
use crate::codec::CodecError;
use crate::layout::Slot;
use crate::{Status, Value};

use base::Base;
use chunk::Chunk;

/// The fold of one key by one plan: always the same plan.
///
/// Events come in any order ([`add`](Self::add)); it answers at any instant that was not forgotten
/// ([`values`](Self::values)).
#[derive(Clone, Debug, Default)]
pub struct KeyState {
    base: Base,
    /// In order; all of them before the tail.
    closed: Vec<Closed>,
    /// Empty only if no chunk is closed.
    tail: Chunk,
    /// How many part numbers were given to closed chunks.
    parts_given: u32,
    /// Whether part 0 must be written again.
    head_changed: bool,
    /// Parts of chunks that are no longer there.
    deleted: Vec<u32>,
}

/// A chunk that events are no longer appended to.
#[derive(Clone, Debug)]
struct Closed {
    /// Number of the part it is stored as.
    part: u32,
    chunk: Chunk,
    /// For each slot of the layout, the fold of all the chunk's events: made when a lookup needs it, dropped when
    /// the chunk changes. Most chunks of a key are never asked for, and late events would change it over and over.
    partials: OnceLock<Box<[Accumulator]>>,
    /// The most that lies between neighbouring events, in microseconds: made and dropped likewise.
    widest_gap: OnceLock<u64>,
    /// Whether its part must be written again.
    changed: bool,
}

impl KeyState {
    /// The state of a key without events.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there is no event, not even a forgotten one.
    pub fn is_empty(&self) -> bool {
        self.tail.len() == 0 && self.base.newest().is_none()
    }

    /// Bytes this state takes in memory, about.
    pub fn bytes_in_memory(&self) -> usize {
        let closed = |closed: &Closed| {
            size_of::<Closed>()
                + closed.chunk.heap_bytes()
                + closed.partials.get().map_or(0, |p| partial_bytes(p))
        };
        size_of::<Self>()
            + self.base.heap_bytes()
            + self.tail.heap_bytes()
            + self.closed.iter().map(closed).sum::<usize>()
    }

    /// Closes `chunk` at `position` among the closed chunks, under a new part number.
    fn close(&mut self, position: usize, chunk: Chunk) {
        self.parts_given += 1;
        self.closed.insert(position, Closed::new(self.parts_given, chunk, true));
    }
}

impl Closed {
    const fn new(part: u32, chunk: Chunk, changed: bool) -> Self {
        Self { part, chunk, partials: OnceLock::new(), widest_gap: OnceLock::new(), changed }
    }

    /// For each of `slots`, those of the plan, the fold of all events.
    fn partials(&self, slots: &[Slot]) -> &[Accumulator] {
        self.partials.get_or_init(|| self.chunk.partials(slots))
    }

    /// The most that lies between neighbouring events, in microseconds.
    fn widest_gap(&self) -> u64 {
        let widest = || self.chunk.times().windows(2).map(|pair| pair[0].abs_diff(pair[1])).max();
        *self.widest_gap.get_or_init(|| widest().unwrap_or(0))
    }

    /// Notes that the events are others than before.
    fn note_change(&mut self) {
        self.partials = OnceLock::new();
        self.widest_gap = OnceLock::new();
        self.changed = true;
    }
}

fn partial_bytes(partials: &[Accumulator]) -> usize {
    partials.iter().map(|partial| size_of_val(partial) + partial.heap_bytes()).sum()
}

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
    /// How many of the values are null because they do not fit: integer sums 64 bits, distinct values their limit.
    pub overflows: u64,
}

/// What must be written so that stored parts are the state again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Parts that are new or changed, with their bytes, by ascending number.
    pub put: Vec<(u32, Vec<u8>)>,
    /// Parts that are gone, ascending.
    pub delete: Vec<u32>,
}
