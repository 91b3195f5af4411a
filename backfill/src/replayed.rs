//! The events that a spine needs, read and sorted: what any of its rows is swept from.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::SchemaRef;
use rayon::prelude::*;
use thalweg_core::{FoldPlan, Instant};

use crate::answer::{ROWS_PER_BATCH, TrainingSet, assemble};
use crate::fold::Foldable;
use crate::gather::{Events, Gathered, Wanted};
use crate::reading::{Reading, readings};
use crate::replay::Replay;
use crate::training_set::Prepared;
use crate::{AsOf, Budget, Cancellation, Commit, Error, Leakage, Sliced};

/// Rows that are swept and held at a time where an answer is streamed: whole batches of it.
pub(crate) const ROWS_PER_SLICE: usize = 64 * ROWS_PER_BATCH;

/// A request whose events have been read. Of the answer it holds nothing.
#[derive(Debug)]
pub struct Replayed<'a> {
    prepared: Prepared<'a>,
    /// The events of each fold, of the spine's keys alone.
    events: Vec<Foldable>,
    /// What holds the memory these are in.
    budget: Option<Budget>,
    cancellation: Cancellation,
    /// Rows that were given in slices.
    streamed: usize,
    /// For each on-demand feature view how often an expression failed on those rows, since that was last
    /// asked.
    failed: BTreeMap<String, u64>,
}

impl<'a> Replayed<'a> {
    /// Replays the pinned log once per source.
    ///
    /// # Errors
    /// [`Error::OverBudget`]; damage in the log; [`Error::Cancelled`].
    pub(crate) fn new(
        prepared: Prepared<'a>,
        budget: &Budget,
        cancellation: &Cancellation,
    ) -> Result<Self, Error> {
        let as_of = prepared.commit.manifest.as_of;
        let events = read(&prepared, as_of == AsOf::Known, budget, cancellation)?;
        let folds = prepared.layout.folds.par_iter().zip(&prepared.keys);
        let events = events.into_par_iter().zip(folds).map(|(events, (fold, keys))| {
            cancellation.check()?;
            let source = prepared.repository.source(&fold.view.source);
            let served = source.and_then(|source| prepared.served.get(&source.topic)).cloned();
            Foldable::new(events, keys.index.len(), as_of, served)
        });
        let events = events.collect::<Result<Vec<_>, Error>>()?;
        Ok(Self {
            prepared,
            events,
            budget: Some(budget.clone()),
            cancellation: cancellation.clone(),
            streamed: 0,
            failed: BTreeMap::new(),
        })
    }

    /// What [`Prepared::leakage`] says. The log is replayed again.
    ///
    /// # Errors
    /// Its.
    pub fn leakage(&self, budget: &Budget) -> Result<Leakage, Error> {
        self.prepared.leakage(budget, &self.cancellation)
    }

    /// Some of the answer's rows, in the spine's order, and for each on-demand feature view how often an
    /// expression failed on one of them.
    ///
    /// # Errors
    /// Columns that Arrow cannot put together; [`Error::Cancelled`].
    pub(crate) fn rows(&self, rows: Range<usize>) -> Result<(RecordBatch, BTreeMap<String, u64>), Error> {
        rows_of(&self.prepared, &self.events, rows, &self.cancellation)
    }

    /// What the answer would have for `given`, of which each row has the keys of that row of the spine, folded at
    /// these instants.
    ///
    /// # Errors
    /// Columns that Arrow cannot put together; [`Error::Cancelled`].
    pub(crate) fn rows_at(
        &self,
        given: &RecordBatch,
        rows: &[u32],
        instants: &[i64],
    ) -> Result<(RecordBatch, BTreeMap<String, u64>), Error> {
        let readings = readings(&self.prepared.keys, |keys| keys.reading_of(rows, instants))?;
        let numbers = UInt32Array::from(rows.to_vec());
        let request = self.prepared.request.iter();
        let request = request.map(|(name, all)| Ok((name.clone(), take(all, &numbers, None)?)));
        let request = request.collect::<Result<_, Error>>()?;
        fold(&self.prepared, &self.events, given, &request, &readings, &self.cancellation)
    }

    /// Calls `visit` with the time of every event of the keys of a row of the spine, fold after fold, and with what is
    /// folded of it.
    ///
    /// # Errors
    /// What `visit` says.
    pub(crate) fn events_of(
        &self,
        row: u32,
        mut visit: impl FnMut(&FoldPlan, Instant) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let folds = self.prepared.layout.folds.iter().zip(&self.events).zip(&self.prepared.keys);
        for ((fold, events), keys) in folds {
            let mut times = events.times_of(keys.of_row(row)).iter();
            times.try_for_each(|&time| visit(&fold.plan, Instant::from_micros(time)))?;
        }
        Ok(())
    }

    /// The whole answer in memory.
    ///
    /// # Errors
    /// Columns that Arrow cannot put together; [`Error::Cancelled`].
    pub fn into_set(self) -> Result<TrainingSet, Error> {
        let (all, failed) = self.rows(0..self.prepared.num_rows())?;
        Ok(TrainingSet::new(self.prepared.schema, self.prepared.commit, all, failed))
    }
}

/// A slice is whole batches of the answer ([`batches`](crate::batches)). With the last one the events are given up.
impl Sliced for Replayed<'_> {
    /// Spine columns, features, statuses.
    fn schema(&self) -> &SchemaRef {
        &self.prepared.schema
    }

    fn commit(&self) -> &Commit {
        &self.prepared.commit
    }

    fn next_slice(&mut self) -> Result<Option<RecordBatch>, Error> {
        if self.is_done() {
            return Ok(None);
        }
        let (from, rows) = (self.streamed, self.prepared.num_rows());
        let until = rows.min(from + ROWS_PER_SLICE);
        let (slice, failed) = self.rows(from..until)?;
        failed.into_iter().for_each(|(view, count)| *self.failed.entry(view).or_default() += count);
        self.streamed = until;
        if until == rows {
            self.events.clear();
            self.budget = None;
        }
        Ok(Some(slice))
    }

    fn is_done(&self) -> bool {
        self.streamed == self.prepared.num_rows()
    }

    fn take_failed_expressions(&mut self) -> BTreeMap<String, u64> {
        std::mem::take(&mut self.failed)
    }
}

/// The events of the spine's keys for each fold, with their append times where these are asked for: the pinned log
/// is replayed once per source.
///
/// # Errors
/// [`Error::OverBudget`]; damage in the log; [`Error::Cancelled`].
pub(crate) fn read(
    prepared: &Prepared<'_>,
    append_times: bool,
    budget: &Budget,
    cancellation: &Cancellation,
) -> Result<Vec<Events>, Error> {
    let replay = Replay {
        repository: prepared.repository,
        log: prepared.log,
        pin: &prepared.commit.manifest.pin,
        budget,
        cancellation,
    };
    let latest = prepared.spine.instants().iter().copied().max().unwrap_or(i64::MIN);
    let folds = &prepared.layout.folds;
    let gathered = replay.gather(folds, &prepared.keys, Wanted { latest, append_times })?;
    folds.par_iter().zip(gathered).map(|(fold, parts)| Gathered::join(parts, &fold.plan)).collect()
}

/// Some of the rows that `prepared` asks for, in the spine's order, from the `events` of its folds; and for
/// each on-demand feature view how often an expression failed on one of them.
///
/// # Errors
/// Columns that Arrow cannot put together; [`Error::Cancelled`].
pub(crate) fn rows_of(
    prepared: &Prepared<'_>,
    events: &[Foldable],
    rows: Range<usize>,
    cancellation: &Cancellation,
) -> Result<(RecordBatch, BTreeMap<String, u64>), Error> {
    let Prepared { spine, keys, request, .. } = prepared;
    let instants = &spine.instants()[rows.clone()];
    let readings = readings(keys, |keys| keys.reading(rows.clone(), instants))?;
    let given = spine.batch().slice(rows.start, rows.len());
    let request = request.iter().map(|(name, all)| (name.clone(), all.slice(rows.start, rows.len())));
    fold(prepared, events, &given, &request.collect(), &readings, cancellation)
}

/// The answer's columns for `given`, which `request` has the request inputs of and `readings` are of; and how often
/// expressions failed.
fn fold(
    prepared: &Prepared<'_>,
    events: &[Foldable],
    given: &RecordBatch,
    request: &BTreeMap<String, ArrayRef>,
    readings: &[Arc<Reading>],
    cancellation: &Cancellation,
) -> Result<(RecordBatch, BTreeMap<String, u64>), Error> {
    let Prepared { layout, keys, schema, .. } = prepared;
    let swept = layout
        .folds
        .par_iter()
        .zip(events)
        .zip(keys)
        .zip(readings)
        .map(|(((fold, events), keys), reading)| {
            let swept = events.fold(&fold.plan, keys.index.len(), reading, cancellation)?;
            Ok((swept, Arc::clone(reading)))
        })
        .collect::<Result<Vec<_>, Error>>()?;
    assemble(schema, given, layout, &swept, request, prepared.statuses)
}
