//! How the ingest is doing.

use std::sync::atomic::{AtomicU64, Ordering};

use thalweg_core::Instant;
use thalweg_log::Log;
use thalweg_store::ViewStatus;

use crate::bound::ends;
use crate::pipeline::Shared;

/// Whether a topic is being ingested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The topic does not exist yet.
    WaitingForTopic,
    /// Events are applied as they come.
    Running,
    /// It cannot be read on now, for the reason given, and is as soon as it can.
    Waiting(String),
    /// It has stopped, for the reason given; the state stands where it stood.
    Stopped(String),
}

/// How the ingest of all topics is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Every topic that feeds views that serve, by name.
    pub topics: Vec<TopicStatus>,
    /// What is built to take their place, if definitions are changing.
    pub building: Option<BuildStatus>,
}

/// What is built beside what serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildStatus {
    /// The views that are built. They are swapped in together.
    pub views: Vec<ViewBuild>,
    /// Why the last try to swap them in failed, if one has. It is tried again.
    pub held_up: Option<String>,
}

/// One view that is being built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewBuild {
    /// The topic that feeds it.
    pub topic: String,
    /// The view, and what there is of it.
    pub view: ViewStatus,
    /// Records of the topic that it has not read yet.
    pub records_left: u64,
    /// Why it does not go on, if it has stopped.
    pub stopped: Option<String>,
}

/// How the ingest of one topic is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicStatus {
    /// Name of the topic.
    pub topic: String,
    /// Whether it is being ingested.
    pub condition: Condition,
    /// Its partitions, in order; none before it exists.
    pub partitions: Vec<PartitionStatus>,
    /// The sources over it, by name.
    pub sources: Vec<SourceStatus>,
    /// The views over it.
    pub views: Vec<ViewStatus>,
    /// What was done since the start.
    pub counters: Counters,
}

/// How far one partition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionStatus {
    /// The partition.
    pub partition: i32,
    /// The offset after its last record.
    pub next_offset: i64,
    /// The offset after the last record applied.
    pub applied: i64,
}

/// How far event time has come in a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceStatus {
    /// Name of the source.
    pub name: String,
    /// Its watermark; none before its first event.
    pub watermark: Option<Instant>,
}

/// What was done for a topic since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Records decoded, counted once for each source over the topic.
    pub records: u64,
    /// Events folded, counted once for each view.
    pub events: u64,
    /// Dead letters written.
    pub dead_letters: u64,
    /// Times an expression failed on a row and gave null.
    pub failed_expressions: u64,
    /// Commits.
    pub commits: u64,
}

impl Status {
    /// Records that are in the log and not applied yet, in all partitions of all topics that are not stopped.
    pub fn lag_records(&self) -> i64 {
        let running = self.topics.iter().filter(|topic| !matches!(topic.condition, Condition::Stopped(_)));
        running.flat_map(|topic| &topic.partitions).map(|at| (at.next_offset - at.applied).max(0)).sum()
    }
}

impl Shared {
    /// How the ingest of this topic is doing.
    pub(crate) fn status(&self, log: &dyn Log) -> TopicStatus {
        // Who asks how it is doing is told what is known.
        let trouble = log.trouble();
        let ends = match &trouble {
            Some(_) => self.state.read().applied().clone().into_iter().collect(),
            None => ends(log, self.topic()).unwrap_or_default(),
        };
        let reading = self.state.read();
        let partition_status = |(partition, next_offset)| PartitionStatus {
            partition,
            next_offset,
            applied: reading.applied().get(&partition).copied().unwrap_or(0),
        };
        let source_status =
            |name: &String| SourceStatus { name: name.clone(), watermark: reading.watermark(name) };
        TopicStatus {
            topic: self.topic().to_owned(),
            condition: match (self.condition(), trouble) {
                (Condition::Running | Condition::WaitingForTopic, Some(trouble)) => {
                    Condition::Waiting(trouble.to_string())
                }
                (condition, _) => condition,
            },
            partitions: ends.into_iter().map(partition_status).collect(),
            sources: self.state.sources().iter().map(source_status).collect(),
            views: reading.views(),
            counters: self.counters.read(),
        }
    }
}

/// Counters that threads add to.
#[derive(Debug, Default)]
pub(crate) struct LiveCounters {
    pub(crate) records: AtomicU64,
    pub(crate) events: AtomicU64,
    pub(crate) dead_letters: AtomicU64,
    pub(crate) failed_expressions: AtomicU64,
    pub(crate) commits: AtomicU64,
}

impl LiveCounters {
    pub(crate) fn read(&self) -> Counters {
        Counters {
            records: self.records.load(Ordering::Relaxed),
            events: self.events.load(Ordering::Relaxed),
            dead_letters: self.dead_letters.load(Ordering::Relaxed),
            failed_expressions: self.failed_expressions.load(Ordering::Relaxed),
            commits: self.commits.load(Ordering::Relaxed),
        }
    }
}

/// Adds to a counter.
pub(crate) fn count(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}
