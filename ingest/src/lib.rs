//! From the log to the store, continuously: events are read, decoded, selected, folded and committed.
//!
//! [`Ingest`] runs one pipeline for each topic that feeds views. A reader thread goes through the topic's
//! partitions in turn, a bounded run of records at a time, decodes them once for each source over the topic
//! and selects each view's events; a bounded queue takes them to a thread that applies them to the topic's
//! [`TopicState`](thalweg_store::TopicState) and commits. Where a queue is full its reader waits: memory does
//! not grow with the log.
//!
//! - All views over a topic move together, whatever their sources. A view whose state was lost catches up
//!   first: reading starts where the view that lags most needs it, and the others skip what they have seen.
//! - Definitions change without a pause ([`Ingest::change`]): new and changed views are built beside those
//!   that serve, by pipelines of their own, no further than what serves has come; then views go over into new
//!   states at one moment and one offset in every partition. What answers is a [`Serving`], definitions and
//!   states together, replaced whole.
//! - What cannot be used goes to the source's dead letters, once, also across a kill: letters are made
//!   durable before the commit that passes their offsets, and after a restart those already there are not
//!   written again.
//! - Whatever is wrong with a topic stops that topic, says why in its [`Condition`], and loses nothing: its
//!   state stands where it stood, lookups go on, other topics go on.
//!
//! This crate does not know how keys are spelt in bytes, what an aggregation computes, or who asks for
//! values. It takes the time from a [`Clock`] that it is given.

mod applier;
mod bound;
mod builder;
mod building;
mod changes;
mod clock;
mod dead_letters;
mod error;
mod handover;
mod ingest;
mod letter_box;
mod options;
mod pipeline;
mod progress;
mod reader;
mod running;
mod serving;
mod source_reader;
mod status;
#[cfg(test)]
mod tests;

pub use clock::Clock;
pub use error::{Error, Result};
pub use ingest::Ingest;
pub use options::{BeforeSwap, IngestOptions};
pub use serving::Serving;
pub use status::{
    BuildStatus, Condition, Counters, PartitionStatus, SourceStatus, Status, TopicStatus, ViewBuild,
};
