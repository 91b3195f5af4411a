//! Feature history: for each key the intervals of a stretch of time in which nothing changes.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, TimestampMicrosecondArray, UInt32Array};
use arrow::compute::{concat_batches, partition, take_record_batch};
use arrow::datatypes::{Field, Schema, SchemaRef, TimestampMicrosecondType};
use serde::{Deserialize, Serialize};
use thalweg_core::{FieldType, Instant};
use thalweg_definitions::Repository;
use thalweg_log::Log;

use crate::budget::Loan;
use crate::replayed::ROWS_PER_SLICE;
use crate::{
    AsOf, Boundary, Budget, Cancellation, Commit, Error, Prepared, Replayed, Sliced, TrainingSetRequest,
};

/// The columns that say when a row holds: from the first instant on, and before the second.
pub const VALID_FROM: &str = "_valid_from";
/// See [`VALID_FROM`].
pub const VALID_TO: &str = "_valid_to";

/// The stretch of time that a history is of: from the first instant on, and before the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    /// The first instant, microseconds since the epoch.
    pub from_us: i64,
    /// The instant after the last one.
    pub to_us: i64,
}

/// A history, checked and its events read; its rows are made as they are taken.
///
/// For each row of keys given, in their order: its columns, [`VALID_FROM`], [`VALID_TO`], features, statuses. The
/// intervals of a row are the whole stretch, one after the other; in each every value, and every status if asked
/// for, is the same at all instants, and in the next one some is not.
#[derive(Debug)]
pub struct History<'a> {
    replayed: Replayed<'a>,
    /// The keys as they were given.
    keys: RecordBatch,
    schema: SchemaRef,
    commit: Commit,
    stretch: Stretch,
    boundary: Boundary,
    /// What is left to do.
    ahead: Instants,
    budget: Budget,
    cancellation: Cancellation,
    /// The row that the last interval made so far begins with: whether it goes on is not known yet.
    open: Option<(u32, RecordBatch)>,
    is_done: bool,
    /// For each on-demand feature view how often an expression failed, since that was last asked.
    failed: BTreeMap<String, u64>,
}

/// Rows of keys and, of the first of them, instants that have not been looked at.
#[derive(Debug)]
struct Instants {
    rows: Range<u32>,
    of_row: std::vec::IntoIter<i64>,
    /// The memory that these are in.
    loan: Loan,
}

/// Instants that memory is taken for at a time: more than one event has turns.
const INSTANTS_AT_A_TIME: usize = 65_536;

/// Checks `request`, whose spine are the keys and whose `timestamp_column` means nothing, and describes the history
/// of its features: the schema, and what it is a function of. Nothing of the log is read.
///
/// # Errors
/// A stretch of no time, features that drift, rows as of anything but event time; what [`Prepared::new`] says.
pub fn prepare_history<'a>(
    repository: &'a Repository,
    log: &'a dyn Log,
    request: &TrainingSetRequest,
    stretch: Stretch,
) -> Result<PreparedHistory<'a>, Error> {
    if stretch.from_us >= stretch.to_us {
        return Err(Error::NoStretch { from_us: stretch.from_us, to_us: stretch.to_us });
    }
    if request.as_of != AsOf::EventTime {
        return Err(Error::HistoryAsOf { as_of: request.as_of });
    }
    // All that is visible somewhere in the stretch is visible at its last instant, or was before.
    let last = at_instants(&request.spine_schema, &request.spine, stretch.to_us - 1)?;
    let spine = TrainingSetRequest {
        spine_schema: last.schema(),
        spine: vec![last],
        timestamp_column: VALID_FROM.to_owned(),
        ..request.clone()
    };
    let prepared = Prepared::new(repository, log, &spine)?;
    let drifting = prepared.layout.folds.iter().find_map(|fold| Some((fold, fold.plan.drifting()?)));
    if let Some((fold, column)) = drifting {
        return Err(Error::Drifts {
            feature: format!("{}:{}", fold.view.name, column.name),
            aggregation: column.aggregation.name(),
        });
    }
    let keys = concat_batches(&request.spine_schema, &request.spine)?;
    let mut fields: Vec<Arc<Field>> = prepared.schema().fields().iter().cloned().collect();
    if fields.iter().any(|field| field.name() == VALID_TO) {
        return Err(Error::NameClash { column: VALID_TO.to_owned() });
    }
    let valid_to = Field::new(VALID_TO, FieldType::Timestamp.to_arrow(), false);
    fields.insert(keys.num_columns() + 1, Arc::new(valid_to));
    let schema = Arc::new(Schema::new_with_metadata(fields, prepared.schema().metadata().clone()));
    let mut manifest = prepared.commit().manifest.clone();
    manifest.history = Some(stretch);
    let commit = Commit::new(manifest);
    Ok(PreparedHistory { prepared, keys, schema, commit, stretch, boundary: request.boundary })
}

/// A checked request for a history.
#[derive(Debug)]
pub struct PreparedHistory<'a> {
    prepared: Prepared<'a>,
    keys: RecordBatch,
    schema: SchemaRef,
    commit: Commit,
    stretch: Stretch,
    boundary: Boundary,
}

impl<'a> PreparedHistory<'a> {
    /// The columns of the keys, [`VALID_FROM`], [`VALID_TO`], features, statuses.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// What the history is a function of.
    pub fn commit(&self) -> &Commit {
        &self.commit
    }

    /// Reads the events of the keys by replaying the pinned log once per source.
    ///
    /// # Errors
    /// What [`Prepared::replay`] says.
    pub fn replay(self, budget: &Budget, cancellation: &Cancellation) -> Result<History<'a>, Error> {
        let rows = 0..self.keys.num_rows() as u32;
        Ok(History {
            replayed: self.prepared.replay(budget, cancellation)?,
            keys: self.keys,
            schema: self.schema,
            commit: self.commit,
            stretch: self.stretch,
            boundary: self.boundary,
            ahead: Instants { rows, of_row: Vec::new().into_iter(), loan: budget.loan() },
            budget: budget.clone(),
            cancellation: cancellation.clone(),
            open: None,
            is_done: false,
            failed: BTreeMap::new(),
        })
    }
}

impl Sliced for History<'_> {
    /// The columns of the keys, [`VALID_FROM`], [`VALID_TO`], features, statuses.
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn commit(&self) -> &Commit {
        &self.commit
    }

    fn next_slice(&mut self) -> Result<Option<RecordBatch>, Error> {
        while !self.is_done {
            let (rows, instants) = self.next_instants()?;
            self.is_done = rows.is_empty();
            let closed = match self.is_done {
                true => {
                    self.open.take().map(|(_, row)| self.close(&row, &[self.stretch.to_us])).transpose()?
                }
                false => self.merge(rows, &instants)?,
            };
            if closed.as_ref().is_some_and(|closed| closed.num_rows() > 0) {
                return Ok(closed);
            }
        }
        Ok(None)
    }

    fn is_done(&self) -> bool {
        self.is_done
    }

    fn take_failed_expressions(&mut self) -> BTreeMap<String, u64> {
        std::mem::take(&mut self.failed)
    }
}

impl History<'_> {
    /// The next instants at which something may change, each with its row of keys.
    fn next_instants(&mut self) -> Result<(Vec<u32>, Vec<i64>), Error> {
        let (mut rows, mut instants) = (Vec::new(), Vec::new());
        while rows.len() < ROWS_PER_SLICE {
            let Some(instant) = self.ahead.of_row.next() else {
                let Some(row) = self.ahead.rows.next() else { break };
                self.ahead.of_row = Vec::new().into_iter();
                self.ahead.loan = self.budget.loan();
                self.ahead.of_row = self.instants_of(row)?.into_iter();
                continue;
            };
            rows.push(self.ahead.rows.start - 1);
            instants.push(instant);
        }
        Ok((rows, instants))
    }

    /// The beginning of the stretch, and the instants in it at which something of the key in `row` may change.
    fn instants_of(&mut self, row: u32) -> Result<Vec<i64>, Error> {
        let Stretch { from_us, to_us } = self.stretch;
        // A fold at T is that of an instant before where the boundary is exclusive.
        let delay = self.boundary.instant(Instant::from_micros(0)).as_micros();
        let (mut instants, mut taken_for) = (vec![from_us], 0);
        let (loan, cancellation) = (&mut self.ahead.loan, &self.cancellation);
        self.replayed.events_of(row, |plan, time| {
            if instants.len() >= taken_for {
                cancellation.check()?;
                // A list grows to twice its length.
                loan.take(2 * INSTANTS_AT_A_TIME * size_of::<i64>())?;
                taken_for += INSTANTS_AT_A_TIME;
            }
            plan.turns(time, |turn| {
                let at = turn.as_micros().saturating_sub(delay);
                if (from_us..to_us).contains(&at) {
                    instants.push(at);
                }
            });
            Ok(())
        })?;
        instants.sort_unstable();
        instants.dedup();
        Ok(instants)
    }

    /// Sweeps the rows of keys at these instants and gives the intervals that end before the last one begins,
    /// which stays open.
    fn merge(&mut self, rows: Vec<u32>, instants: &[i64]) -> Result<Option<RecordBatch>, Error> {
        let numbers = UInt32Array::from(rows.clone());
        let given = take_record_batch(&self.keys, &numbers)?;
        let given = at_instants_of(&given, instants)?;
        let (swept, failed) = self.replayed.rows_at(&given, &rows, &self.folded_at(instants))?;
        failed.into_iter().for_each(|(view, count)| *self.failed.entry(view).or_default() += count);
        let (mut rows, mut values) = (rows, swept);
        if let Some((row, first)) = self.open.take() {
            rows.insert(0, row);
            values = concat_batches(values.schema_ref(), [&first, &values])?;
        }
        let mut told_apart: Vec<ArrayRef> = vec![Arc::new(UInt32Array::from(rows.clone()))];
        told_apart.extend(values.columns()[self.keys.num_columns() + 1..].iter().cloned());
        let mut starts: Vec<u32> =
            partition(&told_apart)?.ranges().into_iter().map(|same| same.start as u32).collect();
        let last = starts.pop().unwrap_or_default();
        self.open = Some((rows[last as usize], values.slice(last as usize, 1)));
        if starts.is_empty() {
            return Ok(None);
        }
        let begins = |row: u32| self.valid_from(&values, row as usize);
        let ends: Vec<i64> = starts
            .iter()
            .zip(starts[1..].iter().chain([&last]))
            .map(|(&start, &next)| match rows[start as usize] == rows[next as usize] {
                true => begins(next),
                false => self.stretch.to_us,
            })
            .collect();
        let closed = take_record_batch(&values, &UInt32Array::from(starts))?;
        self.close(&closed, &ends).map(Some)
    }

    fn folded_at(&self, instants: &[i64]) -> Vec<i64> {
        let at = |&at: &i64| self.boundary.instant(Instant::from_micros(at)).as_micros();
        instants.iter().map(at).collect()
    }

    fn valid_from(&self, values: &RecordBatch, row: usize) -> i64 {
        values.column(self.keys.num_columns()).as_primitive::<TimestampMicrosecondType>().value(row)
    }

    /// `rows` with their ends.
    fn close(&self, rows: &RecordBatch, ends: &[i64]) -> Result<RecordBatch, Error> {
        let mut columns = rows.columns().to_vec();
        columns.insert(self.keys.num_columns() + 1, instants(ends));
        Ok(RecordBatch::try_new(self.schema.clone(), columns)?)
    }
}

fn instants(micros: &[i64]) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(micros.to_vec()).with_timezone("UTC"))
}

/// `keys` with a column of instants after them.
fn at_instants_of(keys: &RecordBatch, micros: &[i64]) -> Result<RecordBatch, Error> {
    let mut fields: Vec<Arc<Field>> = keys.schema().fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new(VALID_FROM, FieldType::Timestamp.to_arrow(), false)));
    let schema = Schema::new_with_metadata(fields, keys.schema().metadata().clone());
    let columns = keys.columns().iter().cloned().chain([instants(micros)]).collect();
    Ok(RecordBatch::try_new(Arc::new(schema), columns)?)
}

/// All of `keys` at one instant.
fn at_instants(schema: &SchemaRef, keys: &[RecordBatch], micros: i64) -> Result<RecordBatch, Error> {
    let keys = concat_batches(schema, keys)?;
    at_instants_of(&keys, &vec![micros; keys.num_rows()])
}

#[cfg(test)]
mod tests;
