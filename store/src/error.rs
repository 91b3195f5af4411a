//! What can go wrong with stored state.

use std::path::PathBuf;

use thalweg_core::Instant;

/// Result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the store could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process (or another part of this one) has the directory open.
    #[error(
        "cannot open the state directory `{}`: another process is using it ({cause}); stop the `thalweg serve` that runs on it \
         (`fuser {}/LOCK` tells which process), or give this one another directory",
        path.display(), path.display()
    )]
    Locked {
        /// The directory.
        path: PathBuf,
        /// What RocksDB said.
        cause: String,
    },
    /// The directory cannot be opened.
    #[error("cannot open the state directory `{}`: {cause}; if its files are damaged, move the directory away: \
             the state is then rebuilt from the log", path.display())]
    Open {
        /// The directory.
        path: PathBuf,
        /// What RocksDB said.
        cause: rocksdb::Error,
    },
    /// The directory was written by another version of Thalweg, or by something else.
    #[error(
        "the state directory `{}` has format {found}, this program reads format {known}; run the version that wrote it, \
         or move the directory away: the state is then rebuilt from the log",
        path.display()
    )]
    Format {
        /// The directory.
        path: PathBuf,
        /// The version found, or what stands in its place.
        found: String,
        /// The version this program writes.
        known: u32,
    },
    /// RocksDB failed to read or write.
    #[error("cannot {action} the state directory `{}`: {cause}", path.display())]
    Io {
        /// What was being done: "read", "write to", "flush".
        action: &'static str,
        /// The directory.
        path: PathBuf,
        /// What RocksDB said.
        cause: rocksdb::Error,
    },
    /// Stored bytes are not what was written.
    #[error("damaged state: {what} of view `{view}`{}: {cause}; drop the view's state to have it rebuilt from the log",
            key.as_ref().map(|key| format!(", key 0x{key}")).unwrap_or_default())]
    Damaged {
        /// The view, or its slot where the name is not known.
        view: String,
        /// The entity key's bytes in hexadecimal, where one is concerned.
        key: Option<String>,
        /// Which row.
        what: &'static str,
        /// What is wrong with it.
        cause: String,
    },
    /// The columns of a selection are not those of the view's plan.
    #[error(
        "the events selected for view `{view}` do not have the columns of its plan: they belong to another version of it"
    )]
    Selection {
        /// The view.
        view: String,
    },
    /// An earlier write failed, so memory is ahead of what can be committed.
    #[error(
        "the state of topic `{topic}` takes no more events since a write failed ({cause}); free the disk and start again: \
             events are read again from the last commit"
    )]
    Broken {
        /// The topic.
        topic: String,
        /// The failure.
        cause: String,
    },
    /// The thread that applied events panicked, and what it left may hold half of a batch.
    #[error(
        "the state of topic `{topic}` may hold half of a batch, since the thread that applied it panicked; start again: \
             events are read again from the last commit"
    )]
    HalfApplied {
        /// The topic.
        topic: String,
    },
    /// Events were applied and never committed, and nobody is left to do it.
    #[error(
        "the ingest of topic `{topic}` has stopped with events that were not committed; start again: events are read again \
             from the last commit"
    )]
    Unsettled {
        /// The topic.
        topic: String,
    },
    /// The views belong to a newer state of the topic.
    #[error("the views over topic `{topic}` were taken over by a newer state of it; ask that")]
    Retired {
        /// The topic.
        topic: String,
    },
    /// A batch starts after the offset a view needs next.
    #[error(
        "topic `{topic}` partition {partition}: view `{view}` needs offset {needed} next and was given {given}; \
             events between them would be lost"
    )]
    Gap {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The view.
        view: String,
        /// The next offset the view has not seen.
        needed: i64,
        /// The first offset of the batch.
        given: i64,
    },
    /// State was built from a topic of the same name that is not this one.
    #[error(
        "topic `{topic}` was deleted and created again since its events were applied (its id was {stored}, it is {found}); \
             `thalweg backfill --rebuild` builds view `{view}`, and all over this topic, from the new one"
    )]
    OtherTopic {
        /// The topic.
        topic: String,
        /// A view with state from the old one.
        view: String,
        /// Id of the topic the state is from.
        stored: String,
        /// Id of the topic there is.
        found: String,
    },
    /// Offsets were applied that the log does not have.
    #[error(
        "topic `{topic}` partition {partition}: view `{view}` has applied offsets below {stored}, but the log ends at {end}; \
             restore the log, or have the view built from what there is with `thalweg backfill --rebuild`"
    )]
    BeyondEnd {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The view.
        view: String,
        /// The next offset the view needs.
        stored: i64,
        /// The end of the log.
        end: i64,
    },
    /// There is no such view over the topic.
    #[error("topic `{topic}` feeds no view named `{view}`")]
    UnknownView {
        /// The topic.
        topic: String,
        /// The name asked for.
        view: String,
    },
    /// The view has not seen all the events that its neighbours have.
    #[error(
        "view `{view}` is still being rebuilt from topic `{topic}`: {applied} of {target} offsets are applied; try again later"
    )]
    Rebuilding {
        /// The topic.
        topic: String,
        /// The view.
        view: String,
        /// Offsets applied, over all partitions.
        applied: i64,
        /// Offsets its neighbours have applied, over all partitions.
        target: i64,
    },
    /// The instant asked for lies before what the state can answer exactly.
    #[error("view `{view}` cannot be answered at {} us: its state reaches back to {} us only; \
             ask for a later instant, raise the view's `lookback`, or take a training set, which reaches back to the log's start",
            at.as_micros(), horizon.as_micros())]
    OutOfRange {
        /// The view.
        view: String,
        /// The instant asked for.
        at: Instant,
        /// The earliest instant that can be answered.
        horizon: Instant,
    },
}
