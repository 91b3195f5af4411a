//! The thread that has new definitions built beside those that serve, and swaps them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use thalweg_definitions::Repository;
use thalweg_store::TopicState;

use crate::bound::Bound;
use crate::building::Building;
use crate::changes::Changes;
use crate::error::{Error, Result};
use crate::handover::Handover;
use crate::pipeline::Pipeline;
use crate::running::{Pipelines, Running};
use crate::status::Condition;

/// How often it is looked how far what is built has come.
const LOOK: Duration = Duration::from_millis(10);
/// How long after a failed swap the next is tried.
const NEXT_TRY: Duration = Duration::from_secs(1);

/// A running build. Dropping it ends it, and keeps what was built so far.
pub(crate) struct Builder {
    thread: Option<JoinHandle<()>>,
    cancelled: Arc<AtomicBool>,
    running: Arc<Running>,
}

/// What the thread works on.
struct Build {
    running: Arc<Running>,
    building: Arc<Building>,
    changes: Changes,
    pipelines: Pipelines,
    cancelled: Arc<AtomicBool>,
}

impl Builder {
    /// Begins to build what `target` has otherwise than what serves.
    pub(crate) fn begin(running: &Arc<Running>, target: Arc<Repository>, changes: Changes) -> Result<Self> {
        let options = &running.options;
        let serving = running.serving();
        let (mut topics, mut pipelines) = (BTreeMap::new(), Pipelines::new());
        for (topic, views) in &changes.build {
            let state = TopicState::open_building(Arc::clone(&options.store), topic, views.clone())?;
            let bound = Bound::beside(serving.topic(topic).as_ref(), topic, &*options.log)?;
            let shared = running.share(state, &target, bound);
            pipelines.insert(topic.clone(), Pipeline::start(options, Arc::clone(&shared))?);
            topics.insert(topic.clone(), shared);
        }
        let building = Arc::new(Building::new(target, topics));
        let cancelled = Arc::new(AtomicBool::new(false));
        let build = Build {
            running: Arc::clone(running),
            building: Arc::clone(&building),
            changes,
            pipelines,
            cancelled: Arc::clone(&cancelled),
        };
        running.set_building(Some(building));
        let thread = std::thread::Builder::new().name("build".to_owned()).spawn(move || build.run());
        let thread = thread.map_err(|cause| {
            running.set_building(None);
            Error::Thread { topic: "of every change".to_owned(), cause }
        })?;
        Ok(Self { thread: Some(thread), cancelled, running: Arc::clone(running) })
    }
}

impl Drop for Builder {
    fn drop(&mut self) {
        self.cancelled.store(true, Ordering::Relaxed);
        self.running.progress.announce();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that builds changed definitions panicked");
        }
        self.running.set_building(None);
    }
}

impl Build {
    fn run(mut self) {
        while self.wait_until_close() {
            match self.hand_over() {
                Ok(true) => return self.running.clean_up(&self.changes, self.building.target()),
                Ok(false) => self.pause(NEXT_TRY),
                Err(error) => {
                    tracing::error!(%error, "changed definitions cannot be swapped in yet");
                    self.building.hold_up(error.to_string());
                    self.pause(NEXT_TRY);
                }
            }
        }
        tracing::info!(
            "the building of changed definitions has ended before it was done; what is built so far stays"
        );
    }

    /// Waits until what is built has nearly come as far as what serves; false if it is cancelled before.
    fn wait_until_close(&self) -> bool {
        let options = &self.running.options;
        let records = options.chunk_records.saturating_mul(options.queue_chunks.max(1));
        let records = i64::try_from(records).unwrap_or(i64::MAX);
        while !self.is_cancelled() {
            let can_go_on = !self.building.has_stopped() && !self.serving_is_stuck();
            if can_go_on && self.building.is_close(&*options.log, records) {
                return true;
            }
            self.pause(LOOK);
        }
        false
    }

    /// Whether something that would have to be taken over has stopped, and left what nobody can commit any
    /// more. Trying to swap would only disturb the others.
    fn serving_is_stuck(&self) -> bool {
        let serving = self.running.serving();
        let changing = self.changes.topics.keys().filter_map(|topic| serving.topics().get(topic));
        let mut stopped = changing.filter(|shared| matches!(shared.condition(), Condition::Stopped(_)));
        let stuck = stopped.find_map(|shared| shared.state.check_settled().err());
        stuck.is_some_and(|error| {
            self.building.hold_up(error.to_string());
            true
        })
    }

    fn hand_over(&mut self) -> Result<bool> {
        Handover {
            running: &self.running,
            building: &self.building,
            changes: &self.changes,
            cancelled: &self.cancelled,
        }
        .run(&mut self.pipelines)
    }

    fn pause(&self, at_most: Duration) {
        self.running.progress.wait_for(at_most, || self.is_cancelled().then_some(()));
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

impl Drop for Build {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let why = "the thread that builds panicked; start again, and report what the log says";
            self.building.hold_up(why.to_owned());
            // It may have been in the middle of a swap: what serves must not stand still for that.
            let mut serving = self.running.pipelines();
            serving.values_mut().for_each(|pipeline| pipeline.resume(&self.running.options));
        }
    }
}
