//! Rows out of snapshots.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use thalweg_backfill::{
    AsOf, Budget, Cancellation, DEFAULT_TIMESTAMP_COLUMN, EntitiesRequest, Features, Pin, entities,
};
use thalweg_core::{Instant, Status};
use thalweg_definitions::{Fold, Layout, Origin};

use super::history::{MEMORY_BUDGET_BYTES, answer};
use super::question::Question;
use super::stage::Stage;
use super::subject::Found;
use crate::harness::{Outcome, cell, failed};

/// What one snapshot is of: its features, its instant, which events it sees.
type Taken<'a> = (&'a Features, i64, AsOf);

impl Stage<'_> {
    /// What snapshots find for the rows whose key all of the widest views of their features have. A snapshot
    /// has no row of a key that none of these knows. Nobody says request inputs there, so that such rows are
    /// not asked; nor are rows of what was served.
    ///
    /// # Errors
    /// What the engine has against it; rows that come twice, or that nobody knows.
    pub fn snapshot_rows(&self) -> Outcome<Vec<Found>> {
        let mut taken: Vec<(Taken<'_>, Outcome<RecordBatch>)> = Vec::new();
        let find = |question| {
            let Some(knowing) = self.knowing(question)? else { return Ok(Found::NotAsked) };
            let wanted = (&question.features, question.written_at, question.as_of);
            let place = taken.iter().position(|(known, _)| *known == wanted).unwrap_or_else(|| {
                taken.push((wanted, self.snapshot(wanted)));
                taken.len() - 1
            });
            match (&taken[place].1, question.refused) {
                (Ok(rows), _) => found(question, rows, &knowing),
                (Err(why), true) => Ok(Found::Refused(why.clone())),
                (Err(why), false) => Err(why.clone()),
            }
        };
        self.subject.questions().map(find).collect()
    }

    /// The widest views' columns among those that `question` asks, if there are snapshots of these.
    fn knowing(&self, question: &Question) -> Outcome<Option<Knowing>> {
        if !question.inputs.is_empty() || question.as_of == AsOf::Served {
            return Ok(None);
        }
        let repository = &self.subject.repository;
        let features = question.features.resolve(repository).map_err(failed("the columns of a row"))?;
        let layout = Layout::new(repository, &features, true).map_err(failed("the columns of a row"))?;
        let Some(widest) = layout.folds.iter().max_by_key(|fold| fold.key_columns.len()) else {
            return Ok(None);
        };
        let has = |fold: &Fold<'_>| fold.key_columns.iter().all(|column| widest.key_columns.contains(column));
        if !layout.folds.iter().all(has) {
            return Ok(None);
        }
        let of_widest = layout.columns.iter().filter(|column| {
            let mut folds = layout.folds_of(column.origin).into_iter();
            matches!(column.origin, Origin::Fold(_))
                && folds.all(|fold| fold.key_columns.len() == widest.key_columns.len())
        });
        Ok(Some(Knowing {
            keys: widest.key_columns.iter().map(|(name, _)| name.clone()).collect(),
            columns: of_widest.map(|column| column.name.clone()).collect(),
            is_all: layout.on_demand.is_empty(),
        }))
    }

    fn snapshot(&self, (features, at, as_of): Taken<'_>) -> Outcome<RecordBatch> {
        let repository = &self.subject.repository;
        let topics = repository.sources.iter().map(|source| source.topic.as_str());
        let pin = Pin::now(&*self.log, topics).map_err(failed("a pin"))?;
        let request = EntitiesRequest {
            features,
            at: Instant::from_micros(at),
            as_of,
            boundary: self.boundary(),
            timestamp_column: DEFAULT_TIMESTAMP_COLUMN,
            pin: &pin,
        };
        let (budget, cancellation) = (Budget::new(MEMORY_BUDGET_BYTES), Cancellation::default());
        let spine = entities(repository, &*self.log, &request, &budget, &cancellation)
            .map_err(failed("the entities of a snapshot"))?;
        self.training_set(repository, &self.request(features, as_of, spine))
    }
}

/// Whose rows a snapshot has.
struct Knowing {
    /// The join keys of the widest views.
    keys: Vec<String>,
    /// The columns asked that these views fold.
    columns: Vec<String>,
    /// Whether these columns tell of all views whose keys are rows.
    is_all: bool,
}

fn found(question: &Question, rows: &RecordBatch, knowing: &Knowing) -> Outcome<Found> {
    let is_it = |row: &usize| {
        knowing.keys.iter().all(|key| {
            let column = rows.column_by_name(key);
            column.is_some_and(|column| cell(column, *row) == question.keys[key].1)
        })
    };
    let same: Vec<usize> = (0..rows.num_rows()).filter(is_it).collect();
    match same[..] {
        [] => Ok(Found::Absent(knowing.columns.clone())),
        [row] => {
            let columns = question.columns.iter();
            let answers = columns.map(|column| Ok((column.clone(), answer(rows, column, row)?)));
            let answers: BTreeMap<_, _> = answers.collect::<Outcome<_>>()?;
            let unknown = |column: &String| answers[column].status == Status::NotFound;
            match knowing.is_all && knowing.columns.iter().all(unknown) {
                true => Err(format!("a snapshot has a row of a key that nobody knows: {:?}", question.keys)),
                false => Ok(Found::Answered(answers)),
            }
        }
        _ => Err(format!("a snapshot has {} rows of one key: {:?}", same.len(), question.keys)),
    }
}
