//! Everything the events of one topic feed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use thalweg_core::{Instant, Selection};

use crate::error::{Error, Result};
use crate::history::Recorder;
use crate::reading::Reading;
use crate::rows::TopicId;
use crate::shared::{Shared, Writer};
use crate::slots::Place;
use crate::store::{Store, hex};
use crate::view_state::{Loaded, ViewSpec, ViewState, lanes};

/// The states of all views over one topic, with the offsets they stand for.
///
/// One thread writes ([`apply`](Self::apply), [`commit`](Self::commit)); any number read
/// ([`read`](Self::read)), at every moment between two batches.
///
/// Views may stand at different offsets: one that was added later first catches up. A view is *in step* when
/// it has seen, in every partition, as much as any view of the topic has. Only views in step can be read.
pub struct TopicState {
    store: Arc<Store>,
    topic: String,
    sources: Vec<String>,
    shared: RwLock<Shared>,
    writer: Mutex<Writer>,
}

/// Events of one partition, for all views over the topic.
#[derive(Debug, Default)]
pub struct Batch {
    /// The partition.
    pub partition: i32,
    /// The offset the batch begins with.
    pub from: i64,
    /// The offset after its last record.
    pub next: i64,
    /// Where every partition of the topic ended when this was read: next offsets, by partition.
    pub ends: Vec<i64>,
    /// Latest event time of all usable events in the batch, by position in [`TopicState::sources`].
    pub newest: Vec<Option<Instant>>,
    /// What each view takes of it, by position in [`TopicState::open`]'s `views`. A view that takes
    /// nothing may be missing.
    pub selections: Vec<(usize, Selection)>,
}

impl TopicState {
    /// Finds what the store has of the views over `topic`, to answer lookups. Where there is nothing of a
    /// view but what was built to take its place, that is taken.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] and [`Error::Damaged`].
    pub fn open(store: Arc<Store>, topic: &str, views: Vec<ViewSpec>) -> Result<Self> {
        Self::open_in(Place::Serving, store, topic, views)
    }

    /// Finds what the store has built so far of the views over `topic`, beside the states of the same
    /// versions that answer lookups.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] and [`Error::Damaged`].
    pub fn open_building(store: Arc<Store>, topic: &str, views: Vec<ViewSpec>) -> Result<Self> {
        Self::open_in(Place::Building, store, topic, views)
    }

    fn open_in(place: Place, store: Arc<Store>, topic: &str, views: Vec<ViewSpec>) -> Result<Self> {
        let views: Vec<_> =
            views.into_iter().map(|spec| ViewState::open(&store, place, spec)).collect::<Result<_>>()?;
        let topic_id = views.iter().find_map(|view| view.progress.values().next()).map(|seen| seen.topic_id);
        let history = match place {
            Place::Serving => Some(Recorder::open(&store, topic)?),
            Place::Building => None,
        };
        Ok(Self::of(store, topic, topic_id, views, history))
    }

    /// The state that consists of `views`.
    pub(crate) fn of(
        store: Arc<Store>,
        topic: &str,
        topic_id: Option<TopicId>,
        views: Vec<ViewState>,
        history: Option<Recorder>,
    ) -> Self {
        let mut sources: Vec<String> = views.iter().map(|view| view.spec.source.clone()).collect();
        sources.sort_unstable();
        sources.dedup();
        let shared = RwLock::new(Shared::new(topic_id, views, &sources));
        Self {
            store,
            topic: topic.to_owned(),
            sources,
            shared,
            writer: Mutex::new(Writer { history, ..Writer::default() }),
        }
    }

    /// Name of the topic.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// Names of the sources of the views, sorted.
    pub fn sources(&self) -> &[String] {
        &self.sources
    }

    /// Names of the views, in the order in which they were given.
    pub fn view_names(&self) -> Vec<String> {
        self.read_lock().views.iter().map(|view| view.spec.name.clone()).collect()
    }

    /// Checks that the state is of the topic `id`, whose partitions end at `ends` (next offsets, by
    /// partition), and begins to note at `now` what is applied when. To be called before the first
    /// [`apply`](Self::apply).
    ///
    /// # Errors
    ///
    /// [`Error::OtherTopic`], [`Error::BeyondEnd`] and [`Error::Broken`].
    pub fn bind(&self, id: TopicId, ends: &[i64], now: Instant) -> Result<()> {
        let mut writer = self.writer()?;
        let mut shared = self.write_lock();
        for view in &shared.views {
            for (partition, seen) in &view.progress {
                let end = usize::try_from(*partition).ok().and_then(|at| ends.get(at)).copied().unwrap_or(0);
                if seen.topic_id != id {
                    return Err(Error::OtherTopic {
                        topic: self.topic.clone(),
                        view: view.spec.name.clone(),
                        stored: hex(&seen.topic_id),
                        found: hex(&id),
                    });
                }
                if seen.next > end {
                    return Err(Error::BeyondEnd {
                        topic: self.topic.clone(),
                        partition: *partition,
                        view: view.spec.name.clone(),
                        stored: seen.next,
                        end,
                    });
                }
            }
        }
        shared.topic_id = Some(id);
        let writer = &mut *writer;
        if let Some(history) = &mut writer.history {
            writer.uncommitted |= history.begin(id, now, &shared.applied, ends);
        }
        Ok(())
    }

    /// The offset from which `partition` has to be read: the least that some view needs next.
    pub fn resume_from(&self, partition: i32) -> i64 {
        let shared = self.read_lock();
        shared.views.iter().map(|view| view.next(partition)).min().unwrap_or(0)
    }

    /// The offset the view at position `view` needs next of `partition`.
    pub fn next_of(&self, view: usize, partition: i32) -> i64 {
        self.read_lock().views.get(view).map_or(0, |view| view.next(partition))
    }

    /// Whether every view has applied exactly the offsets below `next` (next offsets, by partition).
    pub fn is_at(&self, next: &BTreeMap<i32, i64>) -> bool {
        let shared = self.read_lock();
        let at = |partition: &i32| next.get(partition).copied().unwrap_or(0);
        let same = |view: &ViewState| {
            let mut partitions = next.keys().chain(view.progress.keys());
            partitions.all(|partition| view.next(*partition) == at(partition))
        };
        shared.views.iter().all(same)
    }

    /// Whether every view has seen as much as any.
    pub fn all_in_step(&self) -> bool {
        let shared = self.read_lock();
        shared.views.iter().all(|view| shared.in_step(view))
    }

    /// Folds a batch into all views at once, and moves their progress on. Each view skips what it has seen.
    /// `now` tells the wall clock's time, which holds the horizon back where event time is ahead of it. It is asked
    /// when the batch is folded and nobody has seen it yet: from that instant on lookups do. Gives the events
    /// folded, over all views.
    ///
    /// # Errors
    ///
    /// [`Error::Gap`], [`Error::Selection`], [`Error::Io`], [`Error::Damaged`], [`Error::Broken`]; the
    /// state is then as it was.
    pub fn apply(&self, batch: &Batch, now: impl FnOnce() -> Instant) -> Result<u64> {
        let mut writer = self.writer()?;
        let prepared = self.prepare(batch)?;
        let mut shared = self.write_lock();
        let topic_id = shared.topic_id.unwrap_or_default();
        let mut events = 0;
        for ((view, selection), prepared) in batch.selections.iter().zip(prepared) {
            let lanes = lanes(&shared.views[*view].spec, selection)?;
            events += (selection.len() - prepared.first) as u64;
            self.track_memory(&mut shared.views[*view], |view| {
                view.add(selection, &lanes, prepared.first, prepared.loaded);
            });
        }
        for (position, view) in shared.views.iter_mut().enumerate() {
            if view.next(batch.partition) >= batch.next {
                continue;
            }
            let source = self.sources.binary_search(&view.spec.source).ok();
            let newest = source.and_then(|source| batch.newest.get(source)).copied().flatten();
            view.advance(topic_id, batch.partition, batch.next, newest);
            writer.moved.push((position, batch.partition));
            writer.uncommitted = true;
        }
        for view in &mut shared.views {
            view.move_watermark(&batch.ends);
        }
        shared.refresh(&self.sources);
        let now = now();
        shared.move_horizons(&self.sources, now);
        let noted = writer.history.as_mut().is_some_and(|history| history.record(now, &shared.applied));
        writer.uncommitted |= noted;
        Ok(events)
    }

    /// Whether decoded states take more memory than they should, so that a commit is due.
    pub fn over_budget(&self) -> bool {
        self.store.resident_bytes() > self.store.options().hot_budget_bytes()
    }

    /// Values, offsets and watermarks that belong together, for as long as the guard lives. Batches wait
    /// meanwhile, so a thread that holds one and asks for another may wait forever. To read several topics at
    /// once use [`read_all`](crate::read_all).
    pub fn read(&self) -> Reading<'_> {
        Reading::new(self, self.read_lock())
    }

    /// Where the states are kept.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Checks `batch` and loads all it needs, without changing anything.
    fn prepare(&self, batch: &Batch) -> Result<Vec<Prepared>> {
        let shared = self.read_lock();
        for view in &shared.views {
            if let Some(seen) = view.progress.get(&batch.partition).filter(|seen| seen.next < batch.from) {
                return Err(Error::Gap {
                    topic: self.topic.clone(),
                    partition: batch.partition,
                    view: view.spec.name.clone(),
                    needed: seen.next,
                    given: batch.from,
                });
            }
        }
        let prepare = |(position, selection): &(usize, Selection)| {
            let view = shared.views.get(*position).ok_or_else(|| self.unknown_view(&position.to_string()))?;
            lanes(&view.spec, selection)?;
            let next = view.next(batch.partition);
            let first = selection.offsets.partition_point(|offset| *offset < next);
            Ok(Prepared { first, loaded: view.load_missing(&self.store, selection, first)? })
        };
        batch.selections.iter().map(prepare).collect()
    }

    /// Lets `change` work on a view, and counts the memory that it took or gave.
    pub(crate) fn track_memory(&self, view: &mut ViewState, change: impl FnOnce(&mut ViewState)) {
        let before = view.hot.bytes();
        change(view);
        self.store.count_resident(view.hot.bytes(), before);
    }

    fn unknown_view(&self, view: &str) -> Error {
        Error::UnknownView { topic: self.topic.clone(), view: view.to_owned() }
    }

    /// The right to write, held by one thread at a time.
    ///
    /// # Errors
    ///
    /// [`Error::Broken`].
    pub(crate) fn writer(&self) -> Result<MutexGuard<'_, Writer>> {
        self.check_whole()?;
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        match &writer.broken {
            Some(cause) => Err(Error::Broken { topic: self.topic.clone(), cause: cause.clone() }),
            None => Ok(writer),
        }
    }

    /// Refuses a state that a writer left when it panicked.
    pub(crate) fn check_whole(&self) -> Result<()> {
        match self.shared.is_poisoned() {
            true => Err(Error::HalfApplied { topic: self.topic.clone() }),
            false => Ok(()),
        }
    }

    /// The states, for as long as nothing is applied.
    pub(crate) fn read_lock(&self) -> RwLockReadGuard<'_, Shared> {
        self.shared.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The states, to change them while nobody reads.
    pub(crate) fn write_lock(&self) -> RwLockWriteGuard<'_, Shared> {
        self.shared.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for TopicState {
    fn drop(&mut self) {
        let held = self.read_lock().views.iter().map(|view| view.hot.bytes()).sum();
        self.store.count_resident(0, held);
    }
}

/// What a selection needs: the first row that is new to its view, and the states not in memory.
struct Prepared {
    first: usize,
    loaded: Loaded,
}
