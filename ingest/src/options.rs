//! What an ingest needs and how it behaves.

use std::sync::Arc;

use thalweg_core::TimeDelta;
use thalweg_definitions::Repository;
use thalweg_log::Log;
use thalweg_store::Store;

use crate::Clock;

/// Records durably that these definitions serve from now on; what it says where that fails.
pub type BeforeSwap = dyn Fn(&Repository) -> Result<(), String> + Send + Sync;

/// What an ingest needs and how it behaves. None of the numbers changes a value.
#[derive(Clone)]
pub struct IngestOptions {
    /// Where events come from, and dead letters go.
    pub log: Arc<dyn Log>,
    /// What is made of them, to begin with.
    pub repository: Arc<Repository>,
    /// Where the result is kept.
    pub store: Arc<Store>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// Called before other definitions begin to serve. Where it fails they do not, and it is tried again.
    pub before_swap: Arc<BeforeSwap>,
    /// Records of one partition that are decoded and applied together, about. Lookups wait while they are
    /// applied.
    pub chunk_records: usize,
    /// Chunks that wait between reading and applying.
    pub queue_chunks: usize,
    /// Events after which a commit is due.
    pub commit_events: u64,
    /// Time after which a commit is due. Where there is nothing more to read, it comes at once.
    pub commit_interval: TimeDelta,
    /// Time after which commits are written to files. What is not there when the process dies is read again.
    pub flush_interval: TimeDelta,
}

impl IngestOptions {
    /// The given parts with the default behaviour.
    pub fn new(
        log: Arc<dyn Log>,
        repository: Arc<Repository>,
        store: Arc<Store>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            log,
            repository,
            store,
            clock,
            before_swap: Arc::new(|_| Ok(())),
            chunk_records: 4096,
            queue_chunks: 4,
            commit_events: 250_000,
            commit_interval: TimeDelta::from_micros(1_000_000),
            flush_interval: TimeDelta::from_micros(2_000_000),
        }
    }
}
