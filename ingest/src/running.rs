//! What runs: what serves and its threads, and what is built beside it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use thalweg_definitions::Repository;
use thalweg_store::{TopicState, Version};

use crate::IngestOptions;
use crate::bound::Bound;
use crate::building::Building;
use crate::error::Result;
use crate::letter_box::LetterBoxes;
use crate::pipeline::{Pipeline, Shared};
use crate::progress::Progress;
use crate::serving::Serving;
use crate::status::LiveCounters;

/// Threads by topic.
pub(crate) type Pipelines = BTreeMap<String, Pipeline>;

/// What an [`Ingest`](crate::Ingest) and the thread that builds for it share.
pub(crate) struct Running {
    pub(crate) options: IngestOptions,
    pub(crate) progress: Arc<Progress>,
    letters: LetterBoxes,
    serving: RwLock<Arc<Serving>>,
    /// The threads of what serves.
    pipelines: Mutex<Pipelines>,
    building: Mutex<Option<Arc<Building>>>,
    /// Views that serve from the place of what is being built: they were swapped in and not promoted yet.
    unpromoted: Mutex<Vec<(String, Version)>>,
    /// By topic: they go on when the views over it change.
    counters: Mutex<BTreeMap<String, Arc<LiveCounters>>>,
}

impl Running {
    /// Nothing but the definitions.
    pub(crate) fn new(options: IngestOptions) -> Self {
        let serving = Serving::new(Arc::clone(&options.repository), BTreeMap::new());
        Self {
            letters: LetterBoxes::new(Arc::clone(&options.log)),
            options,
            progress: Arc::default(),
            serving: RwLock::new(Arc::new(serving)),
            pipelines: Mutex::default(),
            building: Mutex::default(),
            unpromoted: Mutex::default(),
            counters: Mutex::default(),
        }
    }

    pub(crate) fn serving(&self) -> Arc<Serving> {
        Arc::clone(&self.serving.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts `serving` in the place of what served. Whoever waits has to be told to look again.
    pub(crate) fn serve(&self, serving: Serving) {
        *self.serving.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(serving);
    }

    pub(crate) fn pipelines(&self) -> MutexGuard<'_, Pipelines> {
        self.pipelines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn building(&self) -> Option<Arc<Building>> {
        self.building.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_building(&self, building: Option<Arc<Building>>) {
        *self.building.lock().unwrap_or_else(PoisonError::into_inner) = building;
        self.progress.announce();
    }

    /// Notes views that have just been swapped in, and gives their states the place of those that served.
    ///
    /// # Errors
    ///
    /// Where the store cannot be read or written; they stay noted, and the next call tries again.
    pub(crate) fn promote(&self, swapped: impl Iterator<Item = (String, Version)>) -> Result<()> {
        let mut unpromoted = self.unpromoted.lock().unwrap_or_else(PoisonError::into_inner);
        unpromoted.extend(swapped);
        let views: Vec<_> = unpromoted.iter().map(|(view, version)| (view.as_str(), *version)).collect();
        self.options.store.promote(&views)?;
        unpromoted.clear();
        Ok(())
    }

    /// What the threads of a topic will share that feed `state` as `repository` says, with the events before
    /// `bound`.
    pub(crate) fn share(&self, state: TopicState, repository: &Arc<Repository>, bound: Bound) -> Arc<Shared> {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let counters = Arc::clone(counters.entry(state.topic().to_owned()).or_default());
        let (repository, progress) = (Arc::clone(repository), Arc::clone(&self.progress));
        Arc::new(Shared::new(Arc::new(state), repository, bound, &self.letters, counters, progress))
    }
}
