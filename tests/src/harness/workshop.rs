//! Definitions that are loaded, and a log that is being written.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rand::Rng;
use tempfile::TempDir;
use thalweg_definitions::{DefinitionFile, Repository, load_text};
use thalweg_log::{Compression, EmbeddedLog, EmbeddedOptions, Log, NewRecord, Schemas, TopicIds};

use super::{Outcome, Shelf, failed};
use crate::definition::{Definitions, Format, Source, Writing};
use crate::generator::{Arrival, Case, Chance};
use crate::spec::Headers;

/// A folder with a log of a case's topics, and the case's definitions as the engine reads them.
pub struct Workshop {
    /// The definitions.
    pub repository: Arc<Repository>,
    /// The log.
    pub log: Arc<dyn Log>,
    pub(crate) case: Case,
    pub(crate) dir: Arc<TempDir>,
}

impl Workshop {
    /// Loads the definitions of `case`, and creates its topics, with no records in them.
    ///
    /// # Errors
    /// What the engine has against it.
    pub fn new(case: &Case) -> Outcome<Self> {
        let repository = load(&case.definitions)?;
        let dir = temporary_folder()?;
        let log = EmbeddedLog::open(dir.path().join("log"), options(case)).map_err(failed("open the log"))?;
        for (source, partitions) in case.definitions.sources.iter().zip(&case.partitions) {
            log.create_topic(&source.name, *partitions).map_err(failed("create a topic"))?;
        }
        Ok(Self { repository, log: Arc::new(log), case: case.clone(), dir: Arc::new(dir) })
    }

    /// A workshop in which all records of `case` are in the log.
    ///
    /// # Errors
    /// What the engine has against it.
    pub fn with_all(case: &Case, chance: &mut Chance) -> Outcome<Self> {
        let workshop = Self::new(case)?;
        workshop.append(&case.arrivals, chance)?;
        Ok(workshop)
    }

    /// The same folder and log under other definitions, over the same sources.
    ///
    /// # Errors
    /// What the engine has against them.
    pub fn redefined(&self, definitions: Definitions) -> Outcome<Self> {
        let repository = load(&definitions)?;
        let case = Case { definitions, ..self.case.clone() };
        Ok(Self { repository, log: Arc::clone(&self.log), case, dir: Arc::clone(&self.dir) })
    }

    /// Appends records in order, in runs of any length: a run's records of one partition make one batch.
    ///
    /// # Errors
    /// What the log has against it.
    pub fn append(&self, arrivals: &[Arrival], chance: &mut Chance) -> Outcome {
        let mut rest = arrivals;
        while !rest.is_empty() {
            let (run, after) = rest.split_at(chance.random_range(1..=rest.len()));
            rest = after;
            let headers: Vec<_> = run.iter().map(|arrival| as_written(&arrival.headers)).collect();
            let mut batches: BTreeMap<(usize, i32), Vec<NewRecord<'_>>> = BTreeMap::new();
            for (arrival, headers) in run.iter().zip(&headers) {
                batches.entry((arrival.source, arrival.partition)).or_default().push(NewRecord {
                    key: arrival.key.as_deref(),
                    value: arrival.value.as_deref(),
                    timestamp_ms: arrival.timestamp_ms,
                    headers,
                });
            }
            for ((source, partition), records) in batches {
                let topic = &self.case.definitions.sources[source].name;
                self.log.append(topic, partition, &records).map_err(failed("append"))?;
            }
        }
        Ok(())
    }
}

/// Headers as the log takes them.
pub fn as_written(headers: &Headers) -> Vec<(&[u8], Option<&[u8]>)> {
    headers.iter().map(|(name, value)| (name.as_bytes(), value.as_deref())).collect()
}

/// A folder for a log and stores, in memory where there is such a place: flushes are cheap without a disk.
///
/// # Errors
/// If none can be made.
pub fn temporary_folder() -> Outcome<TempDir> {
    let memory = Path::new("/dev/shm");
    let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let dir = tempfile::Builder::new().prefix("thalweg-laws-").tempdir_in(parent);
    dir.map_err(failed("a temporary folder"))
}

fn load(definitions: &Definitions) -> Outcome<Arc<Repository>> {
    let file = DefinitionFile::new("features.yaml", definitions.to_yaml());
    let mut repository = load_text(&[file]).map_err(failed("the definitions are refused"))?;
    repository.connect(&schemas(definitions));
    Ok(Arc::new(repository))
}

/// A registry of the schemas that records of these definitions name.
pub(super) fn schemas(definitions: &Definitions) -> Schemas {
    let named = definitions.sources.iter().filter(|source| source.format == Format::NamedAvro);
    let written = named.flat_map(|source| Writing::ALL.map(|writing| (source, writing)));
    let schema = |(source, writing): (&Source, Writing)| {
        let schema = serde_json::from_str(&source.written_schema(writing));
        (writing.number(source), schema.expect("a schema is JSON"))
    };
    Shelf::of(&written.map(schema).collect())
}

fn options(case: &Case) -> EmbeddedOptions {
    // Small segments now and then, so that reading crosses from one to the next.
    let (compression, segment_bytes) = match case.arrivals.len() % 3 {
        0 => (Compression::None, 2_000),
        1 => (Compression::Zstd, 1 << 20),
        _ => (Compression::None, 1 << 20),
    };
    EmbeddedOptions { segment_bytes, compression, topic_ids: TopicIds::Seeded(7) }
}
