//! All topics, and the definitions they follow.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use thalweg_definitions::Repository;
use thalweg_store::TopicState;

use crate::IngestOptions;
use crate::bound::{Bound, can_go_on};
use crate::builder::Builder;
use crate::changes::{Changes, TopicViews, views_of};
use crate::error::{Error, Result};
use crate::pipeline::{Pipeline, Shared};
use crate::running::Running;
use crate::serving::Serving;
use crate::status::{Condition, Status};

/// The running ingest: the events of every topic that feeds a view go into the store as they come.
///
/// Dropping it stops it as [`stop`](Self::stop) does.
pub struct Ingest {
    running: Arc<Running>,
    /// What builds changed definitions. Held while definitions change: one change at a time.
    builder: Mutex<Option<Builder>>,
}

impl Ingest {
    /// Starts to ingest for all views of the repository, each from where the store has it. States of views
    /// and versions that are not in the repository are dropped from the store.
    ///
    /// A topic that cannot be read, or is not this log's, does not fail the start: its [`Condition`] says why
    /// it is stopped.
    ///
    /// # Errors
    ///
    /// Where the store cannot be read, or a thread not be started.
    pub fn start(options: IngestOptions) -> Result<Self> {
        Self::open(options, &TopicViews::new())
    }

    /// Starts as [`start`](Self::start) does, and begins or goes on to build what `target` has otherwise, as
    /// [`change`](Self::change) does.
    ///
    /// # Errors
    ///
    /// What [`start`](Self::start) and [`change`](Self::change) say.
    pub fn start_toward(options: IngestOptions, target: Arc<Repository>) -> Result<Self> {
        let changes = Changes::between(&options.repository, &target)?;
        let ingest = Self::open(options, &changes.build)?;
        ingest.change(target)?;
        Ok(ingest)
    }

    /// Starts what serves; what was built so far of the views `building` stays in the store.
    fn open(options: IngestOptions, building: &TopicViews) -> Result<Self> {
        let repository = Arc::clone(&options.repository);
        let running = Arc::new(Running::new(options));
        let options = &running.options;
        let (mut topics, mut pipelines) = (BTreeMap::new(), running.pipelines());
        for (topic, views) in views_of(&repository)? {
            let state = TopicState::open(Arc::clone(&options.store), &topic, views)?;
            let shared = running.share(state, &repository, Bound::LOG_END);
            pipelines.insert(topic.clone(), Pipeline::start(options, Arc::clone(&shared))?);
            topics.insert(topic, shared);
        }
        drop(pipelines);
        // Not before: a state that serves now may have been found where it was built.
        running.retain(&repository, building)?;
        running.serve(Serving::new(repository, topics));
        Ok(Self { running, builder: Mutex::default() })
    }

    /// Has `target` serve as soon as it can answer: views that are new or changed are built from the log
    /// beside those that serve, in a thread of its own, and swapped in, all at one moment, when they have
    /// come to the same offsets. Lookups and the views that stay go on meanwhile. Where nothing has to be
    /// built or to go, `target` serves on return.
    ///
    /// A change that is under way is given up for this one; what was built so far stays if `target` needs it.
    ///
    /// # Errors
    ///
    /// Where the store cannot be read or written, a thread not be started, or the swap not be recorded; what
    /// serves goes on.
    pub fn change(&self, target: Arc<Repository>) -> Result<()> {
        let mut builder = self.builder.lock().unwrap_or_else(PoisonError::into_inner);
        drop(builder.take());
        let running = &self.running;
        let serving = running.serving();
        let changes = Changes::between(serving.repository(), &target)?;
        // What serves must not lie where what is no longer being built is dropped.
        running.promote(std::iter::empty())?;
        running.retain(serving.repository(), &changes.build)?;
        if changes.topics.is_empty() {
            (running.options.before_swap)(&target).map_err(|reason| Error::NotRecorded { reason })?;
            running.serve(Serving::new(target, serving.topics().clone()));
            return Ok(());
        }
        for (view, _) in changes.to_build() {
            tracing::info!(view, "building a changed view from the log");
        }
        *builder = Some(Builder::begin(running, target, changes)?);
        Ok(())
    }

    /// Has `views` built again from the log, beside the states that serve, and swapped in when they have come to
    /// the same offsets. Where the log no longer has what a topic's states stand for or need next (its records
    /// expired, or the topic was created again), all views over that topic are. Gives the names of what is built.
    ///
    /// # Errors
    ///
    /// [`Error::Changing`] while definitions change; where the log or the store cannot be read, or a thread not
    /// be started.
    pub fn rebuild(&self, views: &[String]) -> Result<Vec<String>> {
        let mut builder = self.builder.lock().unwrap_or_else(PoisonError::into_inner);
        let running = &self.running;
        if running.building().is_some() {
            return Err(Error::Changing);
        }
        drop(builder.take());
        let serving = running.serving();
        let is_wanted = |view: &str| views.iter().any(|wanted| wanted == view);
        let mut replaced = BTreeSet::new();
        for (topic, shared) in serving.topics() {
            let concerned = shared.views.iter().any(|view| is_wanted(view));
            if concerned && !can_go_on(&shared.state, &*running.options.log)? {
                replaced.insert(topic.as_str());
            }
        }
        let repository = serving.repository();
        let changes = Changes::anew(repository, is_wanted, |topic| replaced.contains(topic))?;
        running.promote(std::iter::empty())?;
        running.retain(repository, &TopicViews::new())?;
        let names: Vec<_> = changes.to_build().map(|(view, _)| view.to_owned()).collect();
        for view in &names {
            tracing::info!(view, "building a view again from the log");
        }
        if !names.is_empty() {
            *builder = Some(Builder::begin(running, Arc::clone(repository), changes)?);
        }
        Ok(names)
    }

    /// Waits until nothing is being built, at most for `timeout`. Whether that is so.
    pub fn wait_changed(&self, timeout: Duration) -> bool {
        let done = || self.running.building().is_none().then_some(());
        self.running.progress.wait_for(timeout, done).is_some()
    }

    /// What answers lookups now.
    pub fn serving(&self) -> Arc<Serving> {
        self.running.serving()
    }

    /// Gives what answers lookups whenever it is asked, wherever that is.
    pub fn what_serves(&self) -> impl Fn() -> Arc<Serving> + Send + Sync + use<> {
        let running = Arc::clone(&self.running);
        move || running.serving()
    }

    /// The state of everything over `topic`, if it feeds a view that serves.
    pub fn topic(&self, topic: &str) -> Option<Arc<TopicState>> {
        self.serving().topic(topic)
    }

    /// The state that holds the views over the source `source`, if any of them serves.
    pub fn source(&self, source: &str) -> Option<Arc<TopicState>> {
        self.serving().source(source)
    }

    /// The state that holds the view `view`, if it serves.
    pub fn view(&self, view: &str) -> Option<Arc<TopicState>> {
        self.serving().view(view)
    }

    /// How all topics are doing, and what is being built.
    pub fn status(&self) -> Status {
        let (running, serving) = (&self.running, self.serving());
        let log = &*running.options.log;
        Status {
            topics: serving.topics().values().map(|shared| shared.status(log)).collect(),
            building: running.building().map(|building| building.status(log)),
        }
    }

    /// Waits until all `offsets` (topic, partition, next offset) are applied to what serves, at most for
    /// `timeout`. Whether they are. A topic whose first views are still being built is waited for.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownTopic`] and [`Error::Stopped`] where waiting is in vain.
    pub fn wait_applied(&self, offsets: &[(&str, i32, i64)], timeout: Duration) -> Result<bool> {
        let done = || self.applied(offsets).transpose();
        self.running.progress.wait_for(timeout, done).unwrap_or(Ok(false))
    }

    /// Some(true) once all `offsets` are applied.
    fn applied(&self, offsets: &[(&str, i32, i64)]) -> Result<Option<bool>> {
        let serving = self.serving();
        for (topic, partition, next) in offsets {
            let shared: &Shared = match serving.topics().get(*topic) {
                Some(shared) => shared,
                None => match self.running.building() {
                    Some(building) if building.topics().contains_key(*topic) => return Ok(None),
                    // It may have been swapped in since.
                    _ if self.serving().topics().contains_key(*topic) => return Ok(None),
                    _ => return Err(Error::UnknownTopic { topic: (*topic).to_owned() }),
                },
            };
            if shared.state.read().applied().get(partition).copied().unwrap_or(0) >= *next {
                continue;
            }
            return match shared.condition() {
                Condition::Stopped(reason) => Err(Error::Stopped { topic: (*topic).to_owned(), reason }),
                _ => Ok(None),
            };
        }
        Ok(Some(true))
    }

    /// Applies and commits what was read, ends all threads, and writes the state to files. Lookups still find
    /// what was applied.
    ///
    /// # Errors
    ///
    /// Where the files cannot be written. What is not there will be read again from the log.
    pub fn end(&self) -> Result<()> {
        self.end_threads();
        Ok(self.running.options.store.flush()?)
    }

    /// As [`end`](Self::end), and lets go of the store.
    ///
    /// # Errors
    ///
    /// What [`end`](Self::end) says.
    pub fn stop(self) -> Result<()> {
        self.end()
    }

    fn end_threads(&self) {
        drop(self.builder.lock().unwrap_or_else(PoisonError::into_inner).take());
        let mut pipelines = self.running.pipelines();
        pipelines.values().for_each(Pipeline::ask_to_stop);
        pipelines.values_mut().for_each(Pipeline::halt);
    }
}

impl Drop for Ingest {
    fn drop(&mut self) {
        self.end_threads();
    }
}
