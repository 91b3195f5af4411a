//! What the writer and the readers of a topic's state share.

use std::collections::BTreeMap;

use thalweg_core::Instant;

use crate::history::Recorder;
use crate::rows::TopicId;
use crate::view_state::ViewState;

/// What readers see.
pub(crate) struct Shared {
    pub(crate) topic_id: Option<TopicId>,
    pub(crate) views: Vec<ViewState>,
    /// The most that any view has applied, by partition.
    pub(crate) applied: BTreeMap<i32, i64>,
    /// How far event time has come, by position in [`TopicState::sources`](crate::TopicState::sources).
    pub(crate) watermarks: Vec<Option<Instant>>,
    /// Whether its views belong to a newer state of the topic, which is to be asked instead.
    pub(crate) retired: bool,
}

/// What only the writing thread needs.
#[derive(Default)]
pub(crate) struct Writer {
    /// Why nothing can be written any more.
    pub(crate) broken: Option<String>,
    /// What was applied when; none of what is being built.
    pub(crate) history: Option<Recorder>,
    /// Whether something was applied since the last commit.
    pub(crate) uncommitted: bool,
    /// Partitions that have moved on since the last commit, by view.
    pub(crate) moved: Vec<(usize, i32)>,
    /// View, and state row in it, at which forgetting in idle keys goes on.
    pub(crate) forget_from: (usize, Option<Vec<u8>>),
}

impl Shared {
    /// The views of a topic, and what follows from how far they are.
    pub(crate) fn new(topic_id: Option<TopicId>, views: Vec<ViewState>, sources: &[String]) -> Self {
        let watermarks = vec![None; sources.len()];
        let mut shared = Self { topic_id, views, applied: BTreeMap::new(), watermarks, retired: false };
        shared.refresh(sources);
        shared
    }

    /// Whether the view has seen as much as any.
    pub(crate) fn in_step(&self, view: &ViewState) -> bool {
        self.applied.iter().all(|(partition, next)| view.next(*partition) >= *next)
    }

    /// Derives what follows from the views' progress.
    pub(crate) fn refresh(&mut self, sources: &[String]) {
        for view in &self.views {
            for (partition, seen) in &view.progress {
                let most = self.applied.entry(*partition).or_insert(0);
                *most = seen.next.max(*most);
            }
        }
        for (source, watermark) in sources.iter().zip(&mut self.watermarks) {
            let applied = &self.applied;
            let in_step =
                |view: &&ViewState| applied.iter().all(|(partition, next)| view.next(*partition) >= *next);
            let views = self.views.iter().filter(|view| view.spec.source == *source).filter(in_step);
            *watermark = (*watermark).max(views.filter_map(|view| view.clock.watermark).max());
        }
    }

    /// Moves the horizons of all views on: of those in step by their source's watermark, of the others by
    /// their own.
    pub(crate) fn move_horizons(&mut self, sources: &[String], now: Instant) {
        let in_step: Vec<_> = self.views.iter().map(|view| self.in_step(view)).collect();
        for (view, in_step) in self.views.iter_mut().zip(in_step) {
            let source = sources.binary_search(&view.spec.source).ok().filter(|_| in_step);
            view.move_horizon(source.and_then(|source| self.watermarks[source]), now);
        }
    }
}
