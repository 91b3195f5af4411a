//! One topic: its threads, and what they share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use thalweg_log::TopicPartition;
use thalweg_store::TopicState;

use crate::IngestOptions;
use crate::applier::Applier;
use crate::error::{Error, Result};
use crate::reader::Reader;
use crate::status::{Condition, LiveCounters, PartitionStatus, SourceStatus, TopicStatus};

/// What the threads of one topic share with each other and with those who ask.
pub(crate) struct Shared {
    pub(crate) topic: String,
    pub(crate) state: Arc<TopicState>,
    pub(crate) counters: LiveCounters,
    pub(crate) stopping: AtomicBool,
    condition: Mutex<Condition>,
    progress: Arc<Progress>,
}

/// Wakes those who wait for offsets to be applied, of any topic.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    steps: Mutex<u64>,
    made: Condvar,
}

/// Lives as long as a thread, and says so if that ends by a panic: else the topic would seem to be running.
struct Watch {
    shared: Arc<Shared>,
    role: &'static str,
}

impl Drop for Watch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let topic = self.shared.topic.clone();
            self.shared.set_stopped(&Error::Panicked { topic, role: self.role });
        }
    }
}

/// The running ingest of one topic.
pub(crate) struct Pipeline {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Progress {
    /// Tells everybody who waits to look again.
    pub(crate) fn announce(&self) {
        *self.lock() += 1;
        self.made.notify_all();
    }

    /// Waits until `done` gives an answer, at most for `timeout`.
    pub(crate) fn wait_for<T>(&self, timeout: Duration, mut done: impl FnMut() -> Option<T>) -> Option<T> {
        let mut answer = None;
        let (steps, _) = self
            .made
            .wait_timeout_while(self.lock(), timeout, |_| {
                answer = done();
                answer.is_none()
            })
            .unwrap_or_else(PoisonError::into_inner);
        drop(steps);
        answer
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    pub(crate) fn new(state: Arc<TopicState>, progress: Arc<Progress>) -> Self {
        Self {
            topic: state.topic().to_owned(),
            state,
            counters: LiveCounters::default(),
            stopping: AtomicBool::new(false),
            condition: Mutex::new(Condition::WaitingForTopic),
            progress,
        }
    }

    pub(crate) fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    pub(crate) fn condition(&self) -> Condition {
        self.condition.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn announce(&self) {
        self.progress.announce();
    }

    /// The topic exists and is being read.
    pub(crate) fn set_running(&self) {
        *self.condition.lock().unwrap_or_else(PoisonError::into_inner) = Condition::Running;
    }

    /// Notes why the topic is no longer ingested. The first reason stays.
    pub(crate) fn set_stopped(&self, error: &Error) {
        let mut condition = self.condition.lock().unwrap_or_else(PoisonError::into_inner);
        if !matches!(*condition, Condition::Stopped(_)) {
            tracing::error!(topic = %self.topic, %error, "the ingest of a topic has stopped");
            *condition = Condition::Stopped(error.to_string());
        }
        drop(condition);
        self.announce();
    }
}

impl Pipeline {
    /// Starts the threads.
    pub(crate) fn start(options: &IngestOptions, shared: Arc<Shared>, views: Vec<String>) -> Result<Self> {
        let (sender, receiver) = sync_channel(options.queue_chunks.max(1));
        let mut pipeline = Self { shared: Arc::clone(&shared), threads: Vec::new() };
        let applier = Applier::new(options, Arc::clone(&shared));
        pipeline.spawn("apply", move || applier.run(&receiver))?;
        let reader = Reader::new(options, shared, views, sender);
        pipeline.spawn("read", move || reader.run())?;
        Ok(pipeline)
    }

    fn spawn(&mut self, role: &'static str, work: impl FnOnce() + Send + 'static) -> Result<()> {
        let topic = &self.shared.topic;
        let watch = Watch { shared: Arc::clone(&self.shared), role };
        let thread = Builder::new()
            .name(format!("{role} {topic}"))
            .spawn(move || {
                let _watch = watch;
                work();
            })
            .map_err(|cause| Error::Thread { topic: topic.clone(), cause })?;
        self.threads.push(thread);
        Ok(())
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Tells the threads to end once what was read is applied and committed.
    pub(crate) fn ask_to_stop(&self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
    }

    /// Waits until the threads have ended.
    pub(crate) fn join(&mut self) {
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!(topic = %self.shared.topic, "a thread of the ingest panicked");
            }
        }
    }

    /// How it is doing.
    pub(crate) fn status(&self, options: &IngestOptions) -> TopicStatus {
        let shared = &self.shared;
        let partitions = options.log.topic(&shared.topic).map_or(0, |info| info.partitions);
        let reading = shared.state.read();
        let partition_status = |partition| PartitionStatus {
            partition,
            next_offset: options
                .log
                .next_offset(&TopicPartition::new(shared.topic.as_str(), partition))
                .unwrap_or(0),
            applied: reading.applied().get(&partition).copied().unwrap_or(0),
        };
        let source_status =
            |name: &String| SourceStatus { name: name.clone(), watermark: reading.watermark(name) };
        TopicStatus {
            topic: shared.topic.clone(),
            condition: shared.condition(),
            partitions: (0..partitions).map(partition_status).collect(),
            sources: shared.state.sources().iter().map(source_status).collect(),
            views: reading.views(),
            counters: shared.counters.read(),
        }
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        self.ask_to_stop();
        self.join();
    }
}

#[cfg(test)]
mod tests {
    use thalweg_store::{Store, StoreOptions};

    use super::*;

    #[test]
    fn a_thread_that_panics_stops_its_topic() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = Store::open(dir.path(), StoreOptions::default()).expect("a new store");
        let state = TopicState::open(store, "t", Vec::new()).expect("no views");
        let shared = Arc::new(Shared::new(Arc::new(state), Arc::default()));
        let mut pipeline = Pipeline { shared: Arc::clone(&shared), threads: Vec::new() };
        pipeline.spawn("read", || panic!("on purpose")).expect("a thread");
        pipeline.join();
        let Condition::Stopped(reason) = shared.condition() else { panic!("{:?}", shared.condition()) };
        assert!(reason.starts_with("the thread that should read topic `t` panicked"), "{reason}");
    }
}
