//! What is being built, and how far.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use thalweg_definitions::Repository;
use thalweg_log::{Log, TopicPartition};

use crate::bound::ends;
use crate::pipeline::Shared;
use crate::status::{BuildStatus, Condition, ViewBuild};

/// Definitions on their way to serve.
pub(crate) struct Building {
    target: Arc<Repository>,
    /// What the threads share that build, by topic.
    topics: BTreeMap<String, Arc<Shared>>,
    /// Why the last try to swap failed.
    held_up: Mutex<Option<String>>,
}

impl Building {
    pub(crate) fn new(target: Arc<Repository>, topics: BTreeMap<String, Arc<Shared>>) -> Self {
        Self { target, topics, held_up: Mutex::default() }
    }

    pub(crate) const fn target(&self) -> &Arc<Repository> {
        &self.target
    }

    pub(crate) const fn topics(&self) -> &BTreeMap<String, Arc<Shared>> {
        &self.topics
    }

    pub(crate) fn hold_up(&self, why: String) {
        *self.held_up.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }

    /// Whether the threads of a topic have stopped by themselves.
    pub(crate) fn has_stopped(&self) -> bool {
        self.topics.values().any(|shared| matches!(shared.condition(), Condition::Stopped(_)))
    }

    /// Whether every topic has at most `records` left to read before it is where it may go now.
    pub(crate) fn is_close(&self, log: &dyn Log, records: i64) -> bool {
        self.topics.values().all(|shared| {
            let left = |(partition, end): (i32, i64)| {
                (shared.bound.of(partition, end) - shared.state.resume_from(partition)).max(0)
            };
            !shared.bound.is_passed_by(&shared.state)
                && ends(log, shared.topic())
                    .is_ok_and(|ends| ends.into_iter().map(left).sum::<i64>() <= records)
        })
    }

    /// Whether every topic is where it could take the place of what serves as that is now.
    pub(crate) fn is_in_step(&self) -> bool {
        self.topics.values().all(|shared| shared.bound.is_reached_by(&shared.state))
    }

    pub(crate) fn status(&self, log: &dyn Log) -> BuildStatus {
        let views = self.topics.values().flat_map(|shared| {
            let stopped = match shared.condition() {
                Condition::Stopped(reason) | Condition::Waiting(reason) => Some(reason),
                Condition::Running | Condition::WaitingForTopic => None,
            };
            // Who asks how it is doing is told what is known.
            let ends = ends(log, shared.topic()).unwrap_or_default();
            let views = shared.state.read().views();
            let build = move |view: thalweg_store::ViewStatus| {
                let left = |(partition, end): (i32, i64)| {
                    let start =
                        log.start_offset(&TopicPartition::new(shared.topic(), partition)).unwrap_or(0);
                    let next = view.applied.get(&partition).copied().unwrap_or(0).max(start);
                    u64::try_from(end - next).unwrap_or(0)
                };
                let records_left = ends.iter().copied().map(left).sum();
                ViewBuild { topic: shared.topic().to_owned(), view, records_left, stopped: stopped.clone() }
            };
            views.into_iter().map(build)
        });
        let held_up = self.held_up.lock().unwrap_or_else(PoisonError::into_inner).clone();
        BuildStatus { views: views.collect(), held_up }
    }
}
