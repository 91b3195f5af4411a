//! Rows out of histories: the interval that holds a row's instant.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::{Field, Int64Type, Schema, TimestampMicrosecondType};
use thalweg_backfill::{
    AsOf, Budget, Cancellation, DEFAULT_TIMESTAMP_COLUMN, Features, Sliced as _, Stretch, VALID_FROM,
    VALID_TO, prepare_history,
};
use thalweg_definitions::Layout;

use super::history::MEMORY_BUDGET_BYTES;
use super::question::Question;
use super::stage::Stage;
use super::subject::Found;
use crate::harness::{Outcome, failed};

/// The column that tells whose intervals are whose.
const NUMBER: &str = "_number_of_the_row";

impl Stage<'_> {
    /// What histories find, one history for the rows that ask the same features, from before the first of
    /// their instants to after the last. Rows of features that drift have none, and of an instant after which
    /// there is none.
    ///
    /// # Errors
    /// What the engine has against it; intervals that are not the whole stretch, or two alike beside each
    /// other.
    pub fn history_rows(&self) -> Outcome<Vec<Found>> {
        let is_asked = |question: &Question| {
            question.as_of == AsOf::EventTime
                && !question.refused
                && question.written_at < i64::MAX
                && !self.drifts(question)
        };
        self.of_alike_rows(is_asked, |features, _, spine| self.intervals_at(features, &spine))
    }

    fn drifts(&self, question: &Question) -> bool {
        let repository = &self.subject.repository;
        let Ok(features) = question.features.resolve(repository) else { return false };
        let layout = Layout::new(repository, &features, true);
        layout.is_ok_and(|layout| layout.folds.iter().any(|fold| fold.plan.drifting().is_some()))
    }

    /// For each row of `spine` the interval of its keys that holds its instant.
    fn intervals_at(&self, features: &Features, spine: &RecordBatch) -> Outcome<RecordBatch> {
        let instants = spine.column_by_name(DEFAULT_TIMESTAMP_COLUMN).ok_or("a spine without instants")?;
        let instants = instants.as_primitive::<TimestampMicrosecondType>();
        let (first, last) = (instants.values().iter().min(), instants.values().iter().max());
        let (Some(first), Some(last)) = (first, last) else { return Err("a spine without rows".to_owned()) };
        let stretch = Stretch { from_us: first.saturating_sub(1), to_us: last.saturating_add(2) };
        let keys = numbered_keys(spine)?;
        let request = self.request(features, AsOf::EventTime, keys);
        let (budget, cancellation) = (Budget::new(MEMORY_BUDGET_BYTES), Cancellation::default());
        let mut history = prepare_history(&self.subject.repository, &*self.log, &request, stretch)
            .and_then(|prepared| prepared.replay(&budget, &cancellation))
            .map_err(failed("a history"))?;
        let schema = history.schema().clone();
        let mut slices = Vec::new();
        while let Some(slice) = history.next_slice().map_err(failed("a slice of a history"))? {
            slices.push(slice);
        }
        let all = concat_batches(&schema, &slices).map_err(failed("the slices of a history"))?;
        let rows = (0..spine.num_rows()).map(|row| holding(&all, row, instants.value(row), stretch));
        let rows = UInt32Array::from(rows.collect::<Outcome<Vec<_>>>()?);
        take_record_batch(&all, &rows).map_err(failed("the intervals of the rows"))
    }
}

/// The columns of `spine` but its instants, and a number for each row.
fn numbered_keys(spine: &RecordBatch) -> Outcome<RecordBatch> {
    let schema = spine.schema();
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..spine.num_rows() as i64));
    let kept = schema.fields().iter().zip(spine.columns());
    let kept = kept.filter(|(field, _)| field.name() != DEFAULT_TIMESTAMP_COLUMN);
    let kept = kept.map(|(field, column)| (Arc::clone(field), column.clone()));
    let number = Arc::new(Field::new(NUMBER, numbers.data_type().clone(), false));
    let (fields, columns): (Vec<_>, Vec<_>) = kept.chain([(number, numbers)]).unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(failed("the keys of a history"))
}

/// Which interval of row `number` holds `at`. They must be the whole stretch, one after the other, each other
/// than the one before.
fn holding(all: &RecordBatch, number: usize, at: i64, stretch: Stretch) -> Outcome<u32> {
    let column = |name: &str| all.column_by_name(name).ok_or_else(|| format!("no column `{name}`"));
    let numbers = column(NUMBER)?.as_primitive::<Int64Type>();
    let from = column(VALID_FROM)?.as_primitive::<TimestampMicrosecondType>();
    let to = column(VALID_TO)?.as_primitive::<TimestampMicrosecondType>();
    let own: Vec<usize> = (0..all.num_rows()).filter(|row| numbers.value(*row) == number as i64).collect();
    let begins = own.first().map(|first| from.value(*first)) == Some(stretch.from_us);
    let ends = own.last().map(|last| to.value(*last)) == Some(stretch.to_us);
    let joined =
        own.windows(2).all(|pair| pair[1] == pair[0] + 1 && to.value(pair[0]) == from.value(pair[1]));
    if !(begins && ends && joined) {
        return Err(format!("the intervals of row {} are not the stretch {stretch:?}", number + 1));
    }
    let values = all.schema().index_of(VALID_TO).map_err(failed("the columns of a history"))? + 1;
    let same = |pair: &[usize]| {
        all.columns()[values..]
            .iter()
            .all(|column| column.slice(pair[0], 1).to_data() == column.slice(pair[1], 1).to_data())
    };
    if let Some(pair) = own.windows(2).find(|pair| same(pair)) {
        return Err(format!(
            "row {}: nothing changes at {}, where an interval ends",
            number + 1,
            to.value(pair[0])
        ));
    }
    let mut holding = own.iter().filter(|row| from.value(**row) <= at && at < to.value(**row));
    match (holding.next(), holding.next()) {
        (Some(row), None) => Ok(*row as u32),
        other => Err(format!("row {}: the intervals that hold {at} µs are {other:?}", number + 1)),
    }
}
