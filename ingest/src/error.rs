//! What can go wrong between the log and the store.

use thalweg_definitions::ExpressionError;
use thalweg_log::TopicPartition;

/// Result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a topic's events cannot be ingested, or a wait for them is in vain.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log cannot be read, or does not take dead letters.
    #[error(transparent)]
    Log(#[from] thalweg_log::Error),
    /// The state cannot be read or written, or does not belong to this log.
    #[error(transparent)]
    Store(#[from] thalweg_store::Error),
    /// A view's expressions do not compile over its source.
    #[error("view `{view}` cannot be evaluated over source `{source_name}`: {cause}")]
    View {
        /// The view.
        view: String,
        /// Its source.
        source_name: String,
        /// What is wrong.
        cause: ExpressionError,
    },
    /// A view refers to something that the repository does not have.
    #[error("view `{view}` refers to {what} `{name}`, which its repository does not have")]
    Repository {
        /// The view.
        view: String,
        /// What kind of thing.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// The topic was there and is gone.
    #[error(
        "topic `{topic}` is gone from the log; restore it, or create it again and run `thalweg backfill --rebuild`, or remove the sources over it"
    )]
    TopicGone {
        /// The topic.
        topic: String,
    },
    /// Records that were not read yet are not in the log any more.
    #[error(
        "the log of {partition} begins at offset {start}, but offset {needed} was to be read next: retention took \
         what lies between. Restore it, or have the views over the topic built from what there is with \
         `thalweg backfill --rebuild`"
    )]
    Expired {
        /// The partition.
        partition: TopicPartition,
        /// The offset that was to be read.
        needed: i64,
        /// The first offset there is.
        start: i64,
    },
    /// The log ends before what was read of it.
    #[error(
        "the log of {partition} ends at offset {end}, but offset {needed} was to be read next: records were lost, in an \
         unclean election of a leader, or the topic is not the one it was. Restore it, or have the views over the topic \
         built from what there is with `thalweg backfill --rebuild`"
    )]
    BeyondEnd {
        /// The partition.
        partition: TopicPartition,
        /// The offset that was to be read.
        needed: i64,
        /// The offset after the last one there is.
        end: i64,
    },
    /// No view is fed by the topic, so nothing of it is ever applied.
    #[error("no feature view is over topic `{topic}`, so its offsets are never applied")]
    UnknownTopic {
        /// The topic.
        topic: String,
    },
    /// Something else is being built.
    #[error("views are being built already; wait until `thalweg status` shows that they serve")]
    Changing,
    /// The topic's ingest has stopped.
    #[error("the ingest of topic `{topic}` has stopped: {reason}")]
    Stopped {
        /// The topic.
        topic: String,
        /// Why.
        reason: String,
    },
    /// A thread of the ingest ended by a panic: a mistake in this program.
    #[error(
        "the thread that should {role} topic `{topic}` panicked; start again, and report what the log says"
    )]
    Panicked {
        /// The topic.
        topic: String,
        /// What the thread did.
        role: &'static str,
    },
    /// That other definitions serve could not be recorded, so they do not.
    #[error("changed definitions cannot be put in the place of those that serve: {reason}")]
    NotRecorded {
        /// Why not.
        reason: String,
    },
    /// The system gives no further thread.
    #[error("cannot start a thread for topic `{topic}`: {cause}")]
    Thread {
        /// The topic.
        topic: String,
        /// What the system says.
        cause: std::io::Error,
    },
}
