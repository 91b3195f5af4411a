//! One process's log, state and definitions, put together.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use arrow::array::RecordBatch;
use thalweg_backfill::{Budget, Cancellation, TrainingSet, TrainingSetRequest, training_set};
use thalweg_definitions::{DefinitionFile, Diff, Repository, Source, load_text_within};
use thalweg_ingest::{Clock, Ingest, IngestOptions};
use thalweg_log::{EmbeddedLog, EmbeddedOptions, TopicPartition};
use thalweg_store::{Store, StoreOptions};

use crate::clock::WallClock;
use crate::config::{Compression, Config};
use crate::lookup::{LookupAnswer, LookupRequest, lookup};
use crate::produce::{ProduceOptions, Produced, Producer};
use crate::registry::Registry;
use crate::wire;
use crate::{Error, Kind};

/// How long one look at the applied offsets waits for them.
const WAIT_SLICE: Duration = Duration::from_millis(100);

/// How often, and after what pauses, it is looked whether lookups still hold an ingest that is to stop.
const STOP_TRIES: u32 = 2_000;
const STOP_PAUSE: Duration = Duration::from_millis(5);

/// What a process opens a node for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// To keep features up to date and answer.
    Serve,
    /// To look or to write once, without keeping any features.
    Tool,
}

/// A log, the folds over it, and the definitions they follow. All methods may block: call them from
/// threads that may.
pub struct Node {
    config: Config,
    log: Arc<EmbeddedLog>,
    registry: Registry,
    /// What answers now. Replaced as a whole when definitions change.
    current: RwLock<Current>,
    /// Held while definitions change: one change at a time.
    changing: Mutex<()>,
    store: Option<Arc<Store>>,
}

/// Definitions, and the ingest that follows them while a server runs.
#[derive(Clone)]
struct Current {
    repository: Arc<Repository>,
    ingest: Option<Arc<Ingest>>,
}

impl Node {
    /// Opens the log and, to serve, the state, and goes on where they were.
    ///
    /// # Errors
    /// A log or state that another process has open, or that is damaged; each says what to do.
    pub fn open(config: Config, role: Role) -> Result<Arc<Self>, Error> {
        let compression = match config.log.embedded.compression {
            Compression::None => thalweg_log::Compression::None,
            Compression::Zstd => thalweg_log::Compression::Zstd,
        };
        let options = EmbeddedOptions {
            segment_bytes: config.log.embedded.segment_bytes,
            compression,
            ..Default::default()
        };
        let log = Arc::new(EmbeddedLog::open(&config.log.embedded.dir, options)?);
        for cut in log.cut_tails() {
            tracing::warn!(partition = %cut.partition, bytes = cut.bytes, next_offset = cut.next_offset, "cut a torn tail off the log; nothing acknowledged was in it");
        }
        let registry = Registry::new(&config.state.dir);
        let repository = Arc::new(registry.load(&config.limits.definitions)?);
        let store = match role {
            Role::Tool => None,
            Role::Serve => Some(Store::open(config.state.dir.join("folds"), store_options(&config))?),
        };
        let node = Self {
            current: RwLock::new(Current { repository: repository.clone(), ingest: None }),
            changing: Mutex::new(()),
            config,
            log,
            registry,
            store,
        };
        if let Some(store) = &node.store {
            let ingest = node.start_ingest(store, &repository)?;
            node.replace(Current { repository, ingest: Some(ingest) });
        }
        Ok(Arc::new(node))
    }

    /// The settings the node was opened with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The log.
    pub fn log(&self) -> &Arc<EmbeddedLog> {
        &self.log
    }

    /// The definitions in force.
    pub fn repository(&self) -> Arc<Repository> {
        self.now().repository
    }

    /// Where uploaded spines are kept.
    pub fn spine_dir(&self) -> PathBuf {
        self.config.state.dir.join("spines")
    }

    /// Compares `files` with what is registered and, unless `dry_run`, puts them in force: the views that
    /// changed are built from the log, the others go on.
    ///
    /// # Errors
    /// INVALID_ARGUMENT with every mistake in the files.
    pub fn apply(&self, files: &[DefinitionFile], dry_run: bool) -> Result<Diff, Error> {
        let _one_at_a_time = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let new = Arc::new(load_text_within(files, &self.config.limits.definitions)?);
        let old = self.now();
        let diff = Diff::between(&old.repository, &new);
        if dry_run {
            return Ok(diff);
        }
        self.registry.store(&new)?;
        let Some(store) = &self.store else {
            self.replace(Current { repository: new, ingest: None });
            return Ok(diff);
        };
        // The state of a topic has one writer: the old ingest commits and ends before the new one begins.
        // In between lookups are refused with FAILED_PRECONDITION.
        self.replace(Current { repository: new.clone(), ingest: None });
        if let Some(ingest) = old.ingest {
            stop(ingest)?;
        }
        // A longer lookback needs events that were forgotten, though it leaves the view's version as it is.
        for view in diff.views.iter().filter(|view| view.rebuild).filter_map(|view| new.view(&view.name)) {
            store.drop_state(&view.name, view.version.as_bytes())?;
        }
        let ingest = self.start_ingest(store, &new)?;
        self.replace(Current { repository: new, ingest: Some(ingest) });
        Ok(diff)
    }

    /// Answers a lookup.
    ///
    /// # Errors
    /// As the wire contract says of GetFeatures.
    pub fn lookup(&self, request: &LookupRequest) -> Result<LookupAnswer, Error> {
        let current = self.now();
        let ingest = current.ingest.ok_or_else(not_serving)?;
        let limits = &self.config.limits;
        lookup(&current.repository, &ingest, request, self.config.clock, WallClock.now(), limits.lookup_rows)
    }

    /// Waits until the offsets below `wanted` (topic, partition, next offset) are applied.
    ///
    /// # Errors
    /// DEADLINE_EXCEEDED after `timeout`.
    pub fn wait_applied(&self, wanted: &[(TopicPartition, i64)], timeout: Duration) -> Result<(), Error> {
        if wanted.is_empty() {
            return Ok(());
        }
        let mut left = timeout;
        // In slices, so that a change of definitions does not have to wait for whoever waits here.
        while !left.is_zero() {
            let slice = left.min(WAIT_SLICE);
            if self.is_applied(wanted, slice)? {
                return Ok(());
            }
            left -= slice;
        }
        Err(not_applied(timeout))
    }

    /// Whether the offsets below `wanted` are applied now or within `timeout`.
    ///
    /// # Errors
    /// A topic or partition that will never be applied.
    pub fn is_applied(&self, wanted: &[(TopicPartition, i64)], timeout: Duration) -> Result<bool, Error> {
        for (at, _) in wanted {
            let topic = self.log.topic(&at.topic);
            if let Some(topic) = topic.filter(|topic| !(0..topic.partitions).contains(&at.partition)) {
                let there = topic.partitions;
                return Err(Error::invalid(format!(
                    "there is no partition {at}: the topic has {there}, numbered from 0"
                )));
            }
        }
        let offsets: Vec<_> =
            wanted.iter().map(|(at, next)| (at.topic.as_str(), at.partition, *next)).collect();
        Ok(self.now().ingest.ok_or_else(not_serving)?.wait_applied(&offsets, timeout)?)
    }

    /// Makes a training set from the log.
    ///
    /// # Errors
    /// What [`training_set`] says.
    pub fn training_set(
        &self,
        request: &TrainingSetRequest,
        cancellation: &Cancellation,
    ) -> Result<TrainingSet, Error> {
        let budget =
            Budget::new(usize::try_from(self.config.history.memory_budget_bytes).unwrap_or(usize::MAX));
        Ok(training_set(&self.repository(), &self.log, request, &budget, cancellation)?)
    }

    /// The source of the registered definitions that reads `topic`.
    ///
    /// # Errors
    /// NOT_FOUND, with the topics there are sources for.
    pub fn source_of(&self, topic: &str) -> Result<Source, Error> {
        let repository = self.repository();
        let known: BTreeSet<&str> = repository.sources.iter().map(|source| source.topic.as_str()).collect();
        repository.sources.iter().find(|source| source.topic == topic).cloned().ok_or_else(|| {
            Error::new(
                Kind::NotFound,
                format!(
                    "no registered source reads topic `{topic}`, so its format is not known; sources read: {}. Apply a definition first",
                    if known.is_empty() { "nothing yet".to_owned() } else { known.into_iter().collect::<Vec<_>>().join(", ") }
                ),
            )
        })
    }

    /// Appends rows to `topic`, a batch at a time, and returns when all are durable.
    ///
    /// # Errors
    /// Rows that do not fit; those of earlier batches are then written, and the message says how many.
    pub fn produce(
        &self,
        topic: &str,
        options: ProduceOptions,
        batches: impl Iterator<Item = Result<RecordBatch, Error>>,
        mut progress: impl FnMut(u64),
    ) -> Result<Produced, Error> {
        let source = self.source_of(topic)?;
        let mut producer = Producer::new(&self.log, &source, options)?;
        for batch in batches {
            let written = batch.and_then(|batch| producer.produce(&batch, WallClock.now()));
            if let Err(error) = written {
                let records = producer.produced().records;
                return Err(Error::new(
                    error.kind,
                    format!(
                        "{} ({records} records of this file were written before it, and stay)",
                        error.message
                    ),
                ));
            }
            progress(producer.produced().records);
        }
        Ok(producer.produced().clone())
    }

    /// Lag, watermarks, views and their state.
    ///
    /// # Errors
    /// A log that cannot be asked.
    pub fn status(&self) -> Result<wire::StatusResponse, Error> {
        let current = self.now();
        match &current.ingest {
            Some(ingest) => Ok(crate::status::of_ingest(&ingest.status())),
            None => crate::status::of_log(&self.log, &current.repository),
        }
    }

    /// The topics of the log.
    ///
    /// # Errors
    /// A log that cannot be asked.
    pub fn topics(&self) -> Result<wire::TopicsResponse, Error> {
        let topic = |info: thalweg_log::TopicInfo| {
            let partitions =
                (0..info.partitions).map(|partition| TopicPartition { topic: info.name.clone(), partition });
            let offsets = partitions
                .map(|partition| Ok((self.log.start_offset(&partition)?, self.log.next_offset(&partition)?)))
                .collect::<Result<Vec<_>, Error>>()?;
            let (start_offsets, next_offsets) = offsets.into_iter().unzip();
            Ok(wire::TopicStatus {
                name: info.name,
                topic_id: info.id.to_string(),
                next_offsets,
                start_offsets,
            })
        };
        let topics = self.log.topics().into_iter().map(topic).collect::<Result<_, Error>>()?;
        Ok(wire::TopicsResponse { topics })
    }

    /// Makes everything applied durable and stops keeping features.
    ///
    /// # Errors
    /// A state that cannot be written; the log still has everything.
    pub fn shutdown(&self) -> Result<(), Error> {
        let current = self.now();
        self.replace(Current { ingest: None, ..current.clone() });
        match current.ingest {
            Some(ingest) => stop(ingest),
            None => Ok(()),
        }
    }

    fn start_ingest(&self, store: &Arc<Store>, repository: &Arc<Repository>) -> Result<Arc<Ingest>, Error> {
        let options = IngestOptions {
            commit_events: self.config.state.commit_events,
            commit_interval: self.config.state.commit_interval,
            ..IngestOptions::new(self.log.clone(), repository.clone(), store.clone(), Arc::new(WallClock))
        };
        Ok(Arc::new(Ingest::start(options)?))
    }

    fn now(&self) -> Current {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, current: Current) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = current;
    }
}

/// Stops an ingest once the lookups that still hold it are done.
fn stop(mut ingest: Arc<Ingest>) -> Result<(), Error> {
    for _ in 0..STOP_TRIES {
        match Arc::try_unwrap(ingest) {
            Ok(ingest) => return Ok(ingest.stop()?),
            Err(held) => ingest = held,
        }
        std::thread::sleep(STOP_PAUSE);
    }
    Err(Error::new(
        Kind::Unavailable,
        "lookups under way do not end, so the ingest cannot be stopped; try again",
    ))
}

fn store_options(config: &Config) -> StoreOptions {
    let memory_budget_bytes = usize::try_from(config.state.memory_budget_bytes).unwrap_or(usize::MAX);
    StoreOptions { memory_budget_bytes, ..StoreOptions::default() }
}

/// What is said when offsets were waited for in vain.
pub(crate) fn not_applied(waited: Duration) -> Error {
    Error::new(
        Kind::DeadlineExceeded,
        format!(
            "min_offsets were not applied within {} ms; ask again, or see `thalweg status`",
            waited.as_millis()
        ),
    )
}

fn not_serving() -> Error {
    Error::new(
        Kind::FailedPrecondition,
        "features are not being kept at this moment: definitions are changing or the server is stopping; try again",
    )
}
