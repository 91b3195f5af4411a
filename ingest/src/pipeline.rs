//! One topic: its threads, and what they share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use thalweg_definitions::Repository;
use thalweg_log::RegistryError;
use thalweg_store::TopicState;

use crate::IngestOptions;
use crate::applier::Applier;
use crate::bound::Bound;
use crate::error::{Error, Result};
use crate::letter_box::{LetterBoxes, Letters};
use crate::progress::Progress;
use crate::reader::Reader;
use crate::status::{Condition, LiveCounters};

/// How often a thread that sleeps looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(20);

/// What the threads of one topic share with each other and with those who ask.
pub(crate) struct Shared {
    pub(crate) state: Arc<TopicState>,
    /// The definitions that are followed.
    pub(crate) repository: Arc<Repository>,
    /// Names of the views, in the state's order.
    pub(crate) views: Vec<String>,
    /// Where dead letters go, by position of their source in the state.
    pub(crate) letters: Vec<Letters>,
    /// How far the topic is read.
    pub(crate) bound: Bound,
    pub(crate) counters: Arc<LiveCounters>,
    pub(crate) progress: Arc<Progress>,
    stopping: AtomicBool,
    condition: Mutex<Condition>,
}

/// Lives as long as a thread, and says so if that ends by a panic: else the topic would seem to be running.
struct Watch {
    shared: Arc<Shared>,
    role: &'static str,
}

impl Drop for Watch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let topic = self.shared.topic().to_owned();
            self.shared.set_stopped(&Error::Panicked { topic, role: self.role });
        }
    }
}

/// The running ingest of one topic.
pub(crate) struct Pipeline {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Shared {
    /// What is shared about `state`, which is fed as `repository` says with the events before `bound`.
    pub(crate) fn new(
        state: Arc<TopicState>,
        repository: Arc<Repository>,
        bound: Bound,
        letters: &LetterBoxes,
        counters: Arc<LiveCounters>,
        progress: Arc<Progress>,
    ) -> Self {
        let views = state.view_names();
        let letters = state.sources().iter().map(|source| letters.reader_of(source)).collect();
        Self {
            state,
            repository,
            views,
            letters,
            bound,
            counters,
            progress,
            stopping: AtomicBool::new(false),
            condition: Mutex::new(Condition::WaitingForTopic),
        }
    }

    /// Name of the topic.
    pub(crate) fn topic(&self) -> &str {
        self.state.topic()
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

    /// Sleeps for a while. Says whether the threads are not to stop; at once where they are.
    pub(crate) fn sleep_unless_stopping(&self, time: Duration) -> bool {
        for _ in 0..time.as_millis() / LOOK.as_millis() {
            if self.stopping() {
                return false;
            }
            std::thread::sleep(LOOK);
        }
        !self.stopping()
    }

    /// The topic can be read on, if it could not.
    pub(crate) fn set_running_again(&self) {
        let mut condition = self.condition.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*condition, Condition::Waiting(_)) {
            tracing::info!(topic = self.topic(), "the ingest of a topic goes on");
            *condition = Condition::Running;
        }
    }

    /// The topic cannot be read on now. Says so once for as long as that lasts.
    pub(crate) fn set_waiting(&self, error: &RegistryError) {
        let mut condition = self.condition.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = Condition::Waiting(error.to_string());
        if *condition == Condition::Running {
            tracing::warn!(topic = self.topic(), %error, "the ingest of a topic waits");
        }
        if matches!(*condition, Condition::Running | Condition::Waiting(_)) {
            *condition = waiting;
        }
    }

    /// Notes why the topic is no longer ingested. The first reason stays.
    pub(crate) fn set_stopped(&self, error: &Error) {
        let mut condition = self.condition.lock().unwrap_or_else(PoisonError::into_inner);
        if !matches!(*condition, Condition::Stopped(_)) {
            tracing::error!(topic = self.topic(), %error, "the ingest of a topic has stopped");
            *condition = Condition::Stopped(error.to_string());
        }
        drop(condition);
        self.announce();
    }
}

impl Pipeline {
    /// Starts the threads.
    pub(crate) fn start(options: &IngestOptions, shared: Arc<Shared>) -> Result<Self> {
        let mut pipeline = Self { shared, threads: Vec::new() };
        pipeline.start_threads(options)?;
        Ok(pipeline)
    }

    /// Goes on where [`halt`](Self::halt) has ended; what has stopped by itself stays as it is.
    pub(crate) fn resume(&mut self, options: &IngestOptions) {
        if !self.threads.is_empty() || matches!(self.shared.condition(), Condition::Stopped(_)) {
            return;
        }
        self.shared.stopping.store(false, Ordering::Relaxed);
        if let Err(error) = self.start_threads(options) {
            self.shared.set_stopped(&error);
        }
    }

    fn start_threads(&mut self, options: &IngestOptions) -> Result<()> {
        let (sender, receiver) = sync_channel(options.queue_chunks.max(1));
        let applier = Applier::new(options, Arc::clone(&self.shared));
        self.spawn("apply", move || applier.run(&receiver))?;
        let reader = Reader::new(options, Arc::clone(&self.shared), sender);
        self.spawn("read", move || reader.run())
    }

    fn spawn(&mut self, role: &'static str, work: impl FnOnce() + Send + 'static) -> Result<()> {
        let topic = self.shared.topic();
        let watch = Watch { shared: Arc::clone(&self.shared), role };
        let thread = Builder::new()
            .name(format!("{role} {topic}"))
            .spawn(move || {
                let _watch = watch;
                work();
            })
            .map_err(|cause| Error::Thread { topic: topic.to_owned(), cause })?;
        self.threads.push(thread);
        Ok(())
    }

    /// Tells the threads to end once what was read is applied and committed.
    pub(crate) fn ask_to_stop(&self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
    }

    /// Ends the threads; what was read is applied and committed.
    pub(crate) fn halt(&mut self) {
        self.ask_to_stop();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!(topic = self.shared.topic(), "a thread of the ingest panicked");
            }
        }
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        self.halt();
    }
}

#[cfg(test)]
mod tests {
    use thalweg_definitions::load_text;
    use thalweg_store::{Store, StoreOptions};

    use super::*;
    use crate::tests::support::open_log;

    #[test]
    fn a_thread_that_panics_stops_its_topic() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = Store::open(dir.path().join("state"), StoreOptions::default()).expect("a new store");
        let state = Arc::new(TopicState::open(store, "t", Vec::new()).expect("no views"));
        let repository = Arc::new(load_text(&[]).expect("no definitions"));
        let letters = LetterBoxes::new(open_log(&dir.path().join("log"), 1));
        let shared = Shared::new(state, repository, Bound::LOG_END, &letters, Arc::default(), Arc::default());
        let mut pipeline = Pipeline { shared: Arc::new(shared), threads: Vec::new() };
        pipeline.spawn("read", || panic!("on purpose")).expect("a thread");
        pipeline.halt();
        let Condition::Stopped(reason) = pipeline.shared.condition() else { panic!("it goes on") };
        assert!(reason.starts_with("the thread that should read topic `t` panicked"), "{reason}");
    }
}
