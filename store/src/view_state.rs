//! The states of one view.

use std::collections::HashSet;

use arrow::array::{Array, BinaryArray};
use rocksdb::WriteBatch;
use thalweg_core::{
    Changes, FoldPlan, Instant, KeyGroup, KeyState, Lane, Lookback, Order, Selection, key_group,
};

use crate::error::{Error, Result};
use crate::hot::HotStates;
use crate::keys::{self, StateKey};
use crate::rows::{Progress, ProgressMap, TopicId, ViewClock};
use crate::slots::{Place, Slot, Version};
use crate::store::{Store, damaged};
use crate::watermark::{horizon, watermark};

/// A view as the store sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct ViewSpec {
    /// Name of the view.
    pub name: String,
    /// Hash of what it means. A state is only ever continued under the version that began it.
    pub version: Version,
    /// Name of its source.
    pub source: String,
    /// What is folded.
    pub plan: FoldPlan,
}

/// A view's states, how far they have come, and which of them are in memory.
pub(crate) struct ViewState {
    pub(crate) spec: ViewSpec,
    pub(crate) slot: Slot,
    pub(crate) place: Place,
    pub(crate) progress: ProgressMap,
    pub(crate) clock: ViewClock,
    pub(crate) hot: HotStates,
    /// Whether every key that has a state is in memory: what is not there then is nowhere.
    complete: bool,
    /// Groups with states in memory of which nothing is left since the last commit.
    emptied: Vec<KeyGroup>,
}

/// States that a selection needs and that were not in memory: none where the key is new.
pub(crate) type Loaded = Vec<(Vec<u8>, Option<KeyState>)>;

impl ViewState {
    /// Finds what the store has of the view in `place`. A state that was kept for a shorter lookback has
    /// forgotten what must be answered now: it is dropped, to be built anew. To serve, what was built for the
    /// place is taken if there is no other: a process that died while it swapped them has left it there.
    pub(crate) fn open(store: &Store, place: Place, spec: ViewSpec) -> Result<Self> {
        loop {
            if place == Place::Serving && store.find_slot(place, &spec.name, &spec.version)?.is_none() {
                store.promote(&[(&spec.name, spec.version)])?;
            }
            let found = Self::find(store, place, spec.clone())?;
            if !found.has_forgotten_too_much() {
                return Ok(found);
            }
            store.drop_state(place, &spec.name, &spec.version)?;
        }
    }

    fn find(store: &Store, place: Place, spec: ViewSpec) -> Result<Self> {
        let slot = store.slot(place, &spec.name, &spec.version)?;
        let (from, until) = keys::progress_of(slot);
        let mut progress = ProgressMap::new();
        for (key, value) in store.range(&from, &until)? {
            let row = keys::parse_progress(&key).zip(Progress::decode(&value));
            let (partition, seen) = row.ok_or_else(|| damaged(&spec.name, "progress row"))?;
            progress.insert(partition, seen);
        }
        let clock = match store.get(&keys::clock(slot))? {
            Some(bytes) => ViewClock::decode(&bytes).ok_or_else(|| damaged(&spec.name, "clock row"))?,
            None => ViewClock::default(),
        };
        let complete = progress.is_empty();
        Ok(Self { spec, slot, place, progress, clock, hot: HotStates::new(), complete, emptied: Vec::new() })
    }

    /// The same states in the place that serves, under a spec that differs at most in its source's name and
    /// its lookback.
    pub(crate) fn serving_as(self, spec: ViewSpec) -> Self {
        Self { spec, place: Place::Serving, ..self }
    }

    /// Whether less is kept than the plan's lookback asks for. Under one lookback the horizon never passes
    /// the watermark minus that lookback.
    fn has_forgotten_too_much(&self) -> bool {
        let allowed = match self.spec.plan.lookback {
            Lookback::Within(lookback) => {
                self.clock.watermark.map(|watermark| watermark.saturating_sub(lookback))
            }
            Lookback::Unbounded => None,
        };
        self.clock.horizon > allowed
    }

    /// The next offset of `partition` to apply.
    pub(crate) fn next(&self, partition: i32) -> i64 {
        self.progress.get(&partition).map_or(0, |seen| seen.next)
    }

    /// Loads the states that the rows of `selection` from `first` on need and that are not in memory. Changes
    /// nothing.
    pub(crate) fn load_missing(&self, store: &Store, selection: &Selection, first: usize) -> Result<Loaded> {
        let mut seen = HashSet::new();
        let mut loaded = Loaded::new();
        for row in first..selection.len() {
            let key = selection.keys.value(row);
            if self.hot.get(key).is_some() || !seen.insert(key) {
                continue;
            }
            loaded.push((key.to_vec(), self.load(store, key_group(key), key)?));
        }
        Ok(loaded)
    }

    /// Folds the rows of `selection` from `first` on into their keys' states, all of which are in memory or
    /// in `loaded`.
    pub(crate) fn add(&mut self, selection: &Selection, lanes: &[Lane<'_>], first: usize, loaded: Loaded) {
        for (key, state) in loaded {
            self.hot.insert(&key, state.unwrap_or_default());
        }
        for row in first..selection.len() {
            let order = Order {
                time: Instant::from_micros(selection.times[row]),
                order_by: selection
                    .order_by
                    .as_ref()
                    .filter(|values| values.is_valid(row))
                    .map(|values| values.value(row)),
                partition: selection.partition,
                offset: selection.offsets[row],
            };
            let state = self
                .hot
                .change(selection.keys.value(row))
                .expect("the states of all keys of a selection were loaded");
            self.clock.keys += u64::from(state.is_empty());
            state.add(&self.spec.plan, order, lanes, row);
        }
    }

    /// Notes that the events of `partition` below `next` are applied, the latest of them at `newest`.
    pub(crate) fn advance(&mut self, topic_id: TopicId, partition: i32, next: i64, newest: Option<Instant>) {
        let seen = self.progress.entry(partition).or_insert(Progress { topic_id, next, newest: None });
        seen.next = seen.next.max(next);
        seen.newest = seen.newest.max(newest);
    }

    /// Moves the watermark on to what the progress gives, never back.
    pub(crate) fn move_watermark(&mut self, ends: &[i64]) {
        self.clock.watermark = self.clock.watermark.max(watermark(&self.progress, ends));
    }

    /// Moves the horizon on to what `source_watermark` and `now` give, never back.
    pub(crate) fn move_horizon(&mut self, source_watermark: Option<Instant>, now: Instant) {
        self.clock.watermark = self.clock.watermark.max(source_watermark);
        let earliest = horizon(self.clock.watermark, now, self.spec.plan.lookback);
        self.clock.horizon = self.clock.horizon.max(earliest);
    }

    /// Puts the changed states of `group` into `batch`, and forgets in each what no answerable instant can
    /// see.
    pub(crate) fn take_dirty(&mut self, group: KeyGroup, batch: &mut WriteBatch) -> usize {
        let (plan, slot, horizon) = (&self.spec.plan, self.slot, self.forget_before());
        let (mut states, mut gone) = (0, 0);
        self.hot.take_dirty(group, |hot| {
            if let Some(horizon) = horizon {
                hot.state.forget(plan, horizon);
                gone += u64::from(hot.state.is_empty());
            }
            let mut row = StateKey::new(slot, group, hot.key());
            put_changes(&mut row, hot.state.take_changes(), batch);
            states += 1;
        });
        if gone > 0 {
            self.clock.keys -= gone;
            self.emptied.push(group);
        }
        states
    }

    /// Forgets what no answerable instant can see in the state of an idle key: in memory if it is there, else
    /// in `stored`, and puts what changed into `batch`.
    pub(crate) fn forget_idle(
        &mut self,
        group: KeyGroup,
        key: &[u8],
        stored: Option<KeyState>,
        batch: &mut WriteBatch,
    ) {
        let Some(horizon) = self.forget_before() else { return };
        let plan = &self.spec.plan;
        let mut stored = stored;
        let Some(state) = self.hot.get_mut(key).or(stored.as_mut()) else { return };
        let was_empty = state.is_empty();
        state.forget(plan, horizon);
        put_changes(&mut StateKey::new(self.slot, group, key), state.take_changes(), batch);
        if state.is_empty() && !was_empty {
            self.clock.keys -= 1;
            self.emptied.push(group);
        }
    }

    /// Drops from memory the states of which nothing is left. They must have been committed: until then what is
    /// in files is not gone.
    pub(crate) fn drop_emptied(&mut self) {
        let mut groups = std::mem::take(&mut self.emptied);
        groups.sort_unstable();
        groups.dedup();
        groups.into_iter().for_each(|group| self.hot.drop_empty(group));
    }

    /// The horizon behind which this view forgets; none if it never does.
    pub(crate) fn forget_before(&self) -> Option<Instant> {
        match self.spec.plan.lookback {
            Lookback::Within(_) => self.clock.horizon,
            Lookback::Unbounded => None,
        }
    }

    /// Drops unchanged states from memory until about `target` bytes are free, and gives the bytes freed.
    pub(crate) fn evict(&mut self, target: usize) -> usize {
        let freed = self.hot.evict(target);
        self.complete &= freed == 0;
        freed
    }

    /// The plan of the view's folds.
    pub(crate) const fn plan(&self) -> &FoldPlan {
        &self.spec.plan
    }

    /// The state of `key` in the store, which is the current one if it is not in memory.
    pub(crate) fn load(&self, store: &Store, group: KeyGroup, key: &[u8]) -> Result<Option<KeyState>> {
        if self.complete {
            return Ok(None);
        }
        store.load(&self.spec.name, self.slot, &self.spec.plan, group, key)
    }
}

/// The input columns of `selection` as `view` declares them.
pub(crate) fn lanes<'a>(view: &ViewSpec, selection: &'a Selection) -> Result<Vec<Lane<'a>>> {
    let lanes: Option<Vec<_>> = selection.inputs.iter().map(Lane::of).collect();
    lanes
        .filter(|lanes| lanes.iter().map(Lane::field_type).eq(view.plan.inputs.iter().copied()))
        .filter(|lanes| same_lengths(selection) && lanes.len() == view.plan.inputs.len())
        .ok_or_else(|| Error::Selection { view: view.name.clone() })
}

fn same_lengths(selection: &Selection) -> bool {
    let rows = selection.len();
    let keys: &BinaryArray = &selection.keys;
    selection.times.len() == rows
        && keys.len() == rows
        && keys.null_count() == 0
        && selection.order_by.as_ref().is_none_or(|values| values.len() == rows)
        && selection.inputs.iter().all(|input| input.len() == rows)
}

fn put_changes(row: &mut StateKey, changes: Changes, batch: &mut WriteBatch) {
    for (part, bytes) in changes.put {
        batch.put(row.part(part), bytes);
    }
    for part in changes.delete {
        batch.delete(row.part(part));
    }
}
