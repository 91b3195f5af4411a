//! One process's log, state and definitions, put together.

mod definitions;
mod log;
mod lookups;
mod rebuild;
mod records;

pub(crate) use lookups::not_applied;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, RwLock};

use thalweg_backfill::Memory;
use thalweg_definitions::Repository;
use thalweg_ingest::{Ingest, IngestOptions};
use thalweg_log::{Log, Schemas, TopicPartition};
use thalweg_store::{Store, StoreOptions};

use self::log::open_log;
use crate::clock::WallClock;
use crate::config::{Config, History};
use crate::manifests::Manifests;
use crate::registry::Registry;
use crate::{Error, wire};

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
    /// Where records' schemas are looked up.
    schemas: Schemas,
    log: Arc<dyn Log>,
    registry: Registry,
    manifests: Manifests,
    /// The definitions applied last. What answers lookups is the ingest's affair.
    registered: RwLock<Arc<Repository>>,
    /// Held while definitions change: one change at a time.
    changing: Mutex<()>,
    /// What keeps features up to date; none in a tool.
    ingest: Option<Ingest>,
    /// What requests about the past may hold.
    memory: Arc<Memory>,
}

impl Node {
    /// Opens the log and, to serve, the state, and goes on where they were.
    ///
    /// # Errors
    /// A log or state that another process has open, or that is damaged; each says what to do.
    pub fn open(config: Config, role: Role) -> Result<Arc<Self>, Error> {
        let schemas = config.schemas()?;
        Self::open_with(config, role, schemas)
    }

    /// As [`open`](Self::open), with another registry of records' schemas than the settings name.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(config: Config, role: Role, schemas: Schemas) -> Result<Arc<Self>, Error> {
        let log = open_log(&config, role)?;
        let registry = Registry::new(&config.state.dir);
        let mut registered = registry.registered(&config.limits.definitions)?;
        registered.connect(&schemas);
        let registered = Arc::new(registered);
        let ingest = match role {
            Role::Tool => None,
            Role::Serve => Some(start_ingest(&config, &schemas, &log, &registry, &registered)?),
        };
        let registered = RwLock::new(registered);
        let manifests = Manifests::new(config.state.dir.join("manifests"), config.limits.kept_manifests);
        let bytes = |setting: u64| usize::try_from(setting).unwrap_or(usize::MAX);
        let History { memory_budget_bytes, total_memory_bytes } = config.history;
        let memory = Arc::new(Memory::new(bytes(memory_budget_bytes), bytes(total_memory_bytes)));
        Ok(Arc::new(Self {
            config,
            schemas,
            log,
            registry,
            manifests,
            registered,
            changing: Mutex::default(),
            ingest,
            memory,
        }))
    }

    /// The settings the node was opened with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The log.
    pub fn log(&self) -> &dyn Log {
        &*self.log
    }

    /// The log, for as long as it is needed.
    pub(crate) fn shared_log(&self) -> Arc<dyn Log> {
        Arc::clone(&self.log)
    }

    /// The memory that requests about the past share.
    pub fn memory(&self) -> &Arc<Memory> {
        &self.memory
    }

    /// The manifests of training sets that were described here.
    pub fn manifests(&self) -> &Manifests {
        &self.manifests
    }

    /// Where uploaded spines are kept.
    pub fn spine_dir(&self) -> PathBuf {
        self.config.state.dir.join("spines")
    }

    /// Lag, watermarks, views and their state, and what is being built.
    ///
    /// # Errors
    /// A log that cannot be asked.
    pub fn status(&self) -> Result<wire::StatusResponse, Error> {
        match &self.ingest {
            Some(ingest) => Ok(crate::status::of_ingest(&ingest.status())),
            None => crate::status::of_log(&*self.log, &self.repository()),
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
        let topics = self.log.topics()?.into_iter().map(topic).collect::<Result<_, Error>>()?;
        Ok(wire::TopicsResponse { topics })
    }

    /// Makes everything applied durable and stops keeping features. What was being built goes on at the next
    /// start.
    ///
    /// # Errors
    /// A state that cannot be written; the log still has everything.
    pub fn shutdown(&self) -> Result<(), Error> {
        match &self.ingest {
            Some(ingest) => Ok(ingest.end()?),
            None => Ok(()),
        }
    }
}

/// Keeps features by the definitions that serve, and builds what the registered ones have otherwise.
fn start_ingest(
    config: &Config,
    schemas: &Schemas,
    log: &Arc<dyn Log>,
    registry: &Registry,
    registered: &Arc<Repository>,
) -> Result<Ingest, Error> {
    let store = Store::open(config.state.dir.join("folds"), store_options(config))?;
    let serving = match registry.serving(&config.limits.definitions)? {
        Some(mut serving) => {
            serving.connect(schemas);
            Arc::new(serving)
        }
        None => {
            // Nothing has served yet that could be served on.
            registry.serve(registered)?;
            Arc::clone(registered)
        }
    };
    let record = registry.clone();
    let options = IngestOptions {
        commit_events: config.state.commit_events,
        commit_interval: config.state.commit_interval,
        before_swap: Arc::new(move |serving| record.serve(serving).map_err(|error| error.to_string())),
        ..IngestOptions::new(Arc::clone(log), serving, store, Arc::new(WallClock))
    };
    Ok(Ingest::start_toward(options, Arc::clone(registered))?)
}

fn store_options(config: &Config) -> StoreOptions {
    let memory_budget_bytes = usize::try_from(config.state.memory_budget_bytes).unwrap_or(usize::MAX);
    StoreOptions { memory_budget_bytes, history_kept: config.state.served_history, ..StoreOptions::default() }
}
