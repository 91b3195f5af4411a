//! Fold states on disk and in memory: the online half of Thalweg.
//!
//! A [`Store`] is one RocksDB directory. A [`TopicState`] is everything that the events of one topic feed:
//! the fold states of all views over it, the offsets they have seen and how far event time has come. Batches
//! of one partition are applied to all of its views together, and a commit writes the changed states
//! and the offsets they stand for in one atomic batch, so that what is on disk is at every instant the fold
//! of a prefix of the log. Readers see values and offsets that belong together.
//!
//! A view may be built beside the state that serves: under a slot of its own, in a [`TopicState`] of its own.
//! Once it has come as far, [`take_over`] makes new states out of the views of old ones, in memory, at one
//! moment.
//!
//! The log is the redo log: RocksDB's own is switched off. A process that dies loses its latest commits
//! and reads those events again; it never finds half of a commit. Why that holds is told at
//! [`StoreOptions`].
//!
//! This crate is not a cache beside another truth, and it knows nothing of where events come
//! from: no topics' files, no decoding, no clock (the caller says what time it is), no serving.

mod commit;
mod error;
mod history;
mod hot;
mod keys;
mod options;
mod reading;
mod rows;
mod sample;
mod shared;
mod slots;
mod status;
mod store;
mod take_over;
#[cfg(test)]
mod tests;
mod topic_state;
mod view_state;
mod watermark;

pub use commit::Committed;
pub use error::{Error, Result};
pub use history::Moment;
pub use options::StoreOptions;
pub use reading::{Found, Reading, read_all};
pub use rows::TopicId;
pub use slots::{Place, Slot, Version};
pub use status::ViewStatus;
pub use store::Store;
pub use take_over::{Wanted, take_over};
pub use topic_state::{Batch, TopicState};
pub use view_state::ViewSpec;
