//! A log in a directory, laid out as a Kafka broker's log directory.
//!
//! ```text
//! <dir>/.lock                          held by the one process that has the log open
//! <dir>/<topic>-<partition>/
//!     partition.metadata               the topic's id, as Kafka writes it
//!     00000000000000000000.log         segments: record batches, named for their first offset
//!     durable-end                      how far the records are known to be on disk (Kafka ignores it)
//! ```

mod directory;
mod disk;
mod durable_end;
mod lock;
mod log;
#[cfg(test)]
mod log_tests;
mod meta;
mod options;
mod partition;
mod reader;
mod recovery;
#[cfg(test)]
mod recovery_tests;
mod scan;
mod segment;
mod writer;

pub use log::EmbeddedLog;
pub use options::{EmbeddedOptions, TopicIds};
pub use recovery::CutTail;
