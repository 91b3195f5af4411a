//! What can be read between two batches.

use std::collections::BTreeMap;
use std::sync::RwLockReadGuard;

use arrow::array::{Array, BinaryArray};
use thalweg_core::{Instant, KeyState, Status, Value, key_group};

use crate::error::{Error, Result};
use crate::rows::TopicId;
use crate::shared::Shared;
use crate::slots::Version;
use crate::status::ViewStatus;
use crate::topic_state::TopicState;
use crate::view_state::ViewState;

/// The states of a topic's views at one moment: all values, offsets and watermarks read through it belong
/// together.
///
/// No batch is applied while it lives, so it should not live long.
pub struct Reading<'a> {
    topic: &'a TopicState,
    shared: RwLockReadGuard<'a, Shared>,
}

/// The answers for the keys of one lookup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// For each key a value and its status for each feature of the view's plan.
    pub rows: Vec<Vec<(Value, Status)>>,
    /// For each key the time of its newest event visible at the instant asked for.
    pub last_event_times: Vec<Option<Instant>>,
    /// How many values are null because they do not fit: integer sums 64 bits, distinct values their limit.
    pub overflows: u64,
    /// Version of the view that answered.
    pub version: Version,
}

/// Reads several topics at one moment. Readings come in the order of `topics`.
///
/// Taking guards one by one in any other order can end in a deadlock between two readers and two writers.
pub fn read_all<'a>(topics: &[&'a TopicState]) -> Vec<Reading<'a>> {
    let mut order: Vec<_> = topics.iter().enumerate().collect();
    order.sort_by_key(|(_, topic)| topic.topic());
    let mut readings: Vec<_> = order.into_iter().map(|(position, topic)| (position, topic.read())).collect();
    readings.sort_by_key(|(position, _)| *position);
    readings.into_iter().map(|(_, reading)| reading).collect()
}

impl<'a> Reading<'a> {
    pub(crate) const fn new(topic: &'a TopicState, shared: RwLockReadGuard<'a, Shared>) -> Self {
        Self { topic, shared }
    }

    /// Name of the topic.
    pub fn topic(&self) -> &str {
        self.topic.topic()
    }

    /// Whether the views belong to a newer state of the topic by now: that one is to be asked. It stays as it
    /// is for as long as this is read.
    pub fn is_retired(&self) -> bool {
        self.shared.retired
    }

    /// Id of the topic, once anything is known of it.
    pub fn topic_id(&self) -> Option<TopicId> {
        self.shared.topic_id
    }

    /// The offsets that every answer rests on: next offsets, by partition.
    pub fn applied(&self) -> &BTreeMap<i32, i64> {
        &self.shared.applied
    }

    /// How far event time has come in `source`; none before its first event.
    pub fn watermark(&self, source: &str) -> Option<Instant> {
        let source = self.topic.sources().iter().position(|name| name == source)?;
        self.shared.watermarks[source]
    }

    /// The earliest instant `view` answers; none if it answers all.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownView`].
    pub fn horizon(&self, view: &str) -> Result<Option<Instant>> {
        self.view(view).map(ViewState::forget_before)
    }

    /// The values of `view` for `keys` (as [`encode_keys`](thalweg_core::encode_keys) writes them) at `at`. A
    /// key without events, or null, gives the values of the empty fold.
    ///
    /// # Errors
    ///
    /// [`Error::Retired`], [`Error::UnknownView`], [`Error::Rebuilding`], [`Error::OutOfRange`];
    /// [`Error::Io`] and [`Error::Damaged`] where a state has to be read from files.
    pub fn lookup(&self, view: &str, keys: &BinaryArray, at: Instant) -> Result<Found> {
        if self.shared.retired {
            return Err(Error::Retired { topic: self.topic().to_owned() });
        }
        let view = self.view(view)?;
        self.check(view, at)?;
        let mut found = Found {
            rows: Vec::with_capacity(keys.len()),
            last_event_times: Vec::with_capacity(keys.len()),
            overflows: 0,
            version: view.spec.version,
        };
        let nothing = KeyState::new();
        for row in 0..keys.len() {
            let key = keys.is_valid(row).then(|| keys.value(row));
            let hot = key.and_then(|key| view.hot.get(key));
            let stored = match (hot, key) {
                (None, Some(key)) => view.load(self.topic.store(), key_group(key), key)?,
                _ => None,
            };
            let state = hot.or(stored.as_ref()).unwrap_or(&nothing);
            let answer = state.answer(view.plan(), at);
            found.rows.push(answer.values);
            found.overflows += answer.overflows;
            found.last_event_times.push(state.last_event_time(view.plan(), at));
        }
        Ok(found)
    }

    /// Every view, what it holds and how far it is.
    pub fn views(&self) -> Vec<ViewStatus> {
        let status = |view: &ViewState| ViewStatus {
            name: view.spec.name.clone(),
            version: view.spec.version,
            source: view.spec.source.clone(),
            keys: view.clock.keys,
            bytes_in_memory: view.hot.bytes() as u64,
            bytes_on_disk: self.topic.store().bytes_on_disk(view.slot),
            applied: view.progress.iter().map(|(partition, seen)| (*partition, seen.next)).collect(),
            rebuilding: !self.shared.in_step(view),
            horizon: view.forget_before(),
        };
        self.shared.views.iter().map(status).collect()
    }

    fn view(&self, name: &str) -> Result<&ViewState> {
        self.shared
            .views
            .iter()
            .find(|view| view.spec.name == name)
            .ok_or_else(|| Error::UnknownView { topic: self.topic().to_owned(), view: name.to_owned() })
    }

    /// Refuses what could not be answered exactly.
    fn check(&self, view: &ViewState, at: Instant) -> Result<()> {
        self.topic.check_whole()?;
        if !self.shared.in_step(view) {
            return Err(Error::Rebuilding {
                topic: self.topic().to_owned(),
                view: view.spec.name.clone(),
                applied: view.progress.values().map(|seen| seen.next).sum(),
                target: self.shared.applied.values().sum(),
            });
        }
        match view.forget_before() {
            Some(horizon) if at < horizon => {
                Err(Error::OutOfRange { view: view.spec.name.clone(), at, horizon })
            }
            _ => Ok(()),
        }
    }
}
