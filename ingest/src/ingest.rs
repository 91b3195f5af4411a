//! All topics.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use thalweg_store::{TopicState, Version, ViewSpec};

use crate::IngestOptions;
use crate::error::{Error, Result};
use crate::pipeline::{Pipeline, Progress, Shared};
use crate::status::{Condition, Status};

/// The running ingest: the events of every topic that feeds a view go into the store as they come.
///
/// Dropping it stops it as [`stop`](Self::stop) does.
pub struct Ingest {
    options: IngestOptions,
    /// By topic.
    pipelines: BTreeMap<String, Pipeline>,
    progress: Arc<Progress>,
}

impl Ingest {
    /// Starts to ingest for all views of the repository, each from where the store has it. States of views and versions that are
    /// not in the repository are dropped from the store.
    ///
    /// A topic that cannot be read, or is not this log's, does not fail the start: its [`Condition`] says why it is stopped.
    ///
    /// # Errors
    ///
    /// Where the store cannot be read, or a thread not be started.
    pub fn start(options: IngestOptions) -> Result<Self> {
        let repository = Arc::clone(&options.repository);
        let keep: Vec<(&str, Version)> =
            repository.views.iter().map(|view| (view.name.as_str(), *view.version.as_bytes())).collect();
        for view in options.store.retain(&keep)? {
            tracing::info!(view, "dropped the state of a view or version that is no longer defined");
        }
        let mut topics: BTreeMap<&str, Vec<ViewSpec>> = BTreeMap::new();
        for view in &repository.views {
            let source = repository.source(&view.source).ok_or_else(|| Error::Repository {
                view: view.name.clone(),
                what: "source",
                name: view.source.clone(),
            })?;
            topics.entry(&source.topic).or_default().push(ViewSpec {
                name: view.name.clone(),
                version: *view.version.as_bytes(),
                source: view.source.clone(),
                plan: view.plan.clone(),
            });
        }
        let mut ingest = Self { options, pipelines: BTreeMap::new(), progress: Arc::default() };
        for (topic, views) in topics {
            let names = views.iter().map(|view| view.name.clone()).collect();
            let state = TopicState::open(Arc::clone(&ingest.options.store), topic, views)?;
            let shared = Arc::new(Shared::new(Arc::new(state), Arc::clone(&ingest.progress)));
            let pipeline = Pipeline::start(&ingest.options, shared, names)?;
            ingest.pipelines.insert(topic.to_owned(), pipeline);
        }
        Ok(ingest)
    }

    /// The state of everything over `topic`, if it feeds a view.
    pub fn topic(&self, topic: &str) -> Option<Arc<TopicState>> {
        self.pipelines.get(topic).map(|pipeline| Arc::clone(&pipeline.shared().state))
    }

    /// The state that holds the views over the source `source`, if it has any.
    pub fn source(&self, source: &str) -> Option<Arc<TopicState>> {
        self.topic(&self.options.repository.source(source)?.topic)
    }

    /// The state that holds the view `view`.
    pub fn view(&self, view: &str) -> Option<Arc<TopicState>> {
        self.source(&self.options.repository.view(view)?.source)
    }

    /// How all topics are doing.
    pub fn status(&self) -> Status {
        Status { topics: self.pipelines.values().map(|pipeline| pipeline.status(&self.options)).collect() }
    }

    /// Waits until all `offsets` (topic, partition, next offset) are applied, at most for `timeout`. Whether they are.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownTopic`] and [`Error::Stopped`] where waiting is in vain.
    pub fn wait_applied(&self, offsets: &[(&str, i32, i64)], timeout: Duration) -> Result<bool> {
        let done = || self.applied(offsets).transpose();
        match self.progress.wait_for(timeout, done) {
            Some(answer) => answer,
            None => Ok(false),
        }
    }

    /// Some(true) once all `offsets` are applied.
    fn applied(&self, offsets: &[(&str, i32, i64)]) -> Result<Option<bool>> {
        for (topic, partition, next) in offsets {
            let pipeline = self.pipelines.get(*topic);
            let shared = pipeline.ok_or_else(|| Error::UnknownTopic { topic: (*topic).to_owned() })?.shared();
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

    /// Applies and commits what was read, ends all threads, and writes the state to files.
    ///
    /// # Errors
    ///
    /// Where the files cannot be written. What is not there will be read again from the log.
    pub fn stop(mut self) -> Result<()> {
        self.end_threads();
        Ok(self.options.store.flush()?)
    }

    fn end_threads(&mut self) {
        self.pipelines.values().for_each(Pipeline::ask_to_stop);
        self.pipelines.values_mut().for_each(Pipeline::join);
    }
}

impl Drop for Ingest {
    fn drop(&mut self) {
        self.end_threads();
    }
}
