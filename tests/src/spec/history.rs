//! Rows with their features from the log: training sets, and exchanges.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{Field, Schema};
use thalweg_backfill::{
    AsOf, Boundary, Budget, Cancellation, DEFAULT_TIMESTAMP_COLUMN, Features, Memory, Prepared, TrainingSet,
    TrainingSetRequest, training_set,
};
use thalweg_core::{FieldType, Value, column_of};
use thalweg_definitions::Repository;
use thalweg_flight_server::flight::{Exchange, TrainingSetCommand};

use super::question::Question;
use super::stage::Stage;
use super::subject::Found;
use crate::harness::{Answer, Outcome, cell, failed, status};

/// What the log's events may take of memory.
pub(super) const MEMORY_BUDGET_BYTES: usize = 1 << 26;

impl Stage<'_> {
    /// What training sets find, one set for the rows that ask the same features.
    ///
    /// # Errors
    /// What the engine has against it.
    pub fn training_rows(&self) -> Outcome<Vec<Found>> {
        let told = self.told();
        let is_asked = |question: &Question| question.as_of != AsOf::Served || told.is_some();
        self.of_alike_rows(is_asked, |features, as_of, spine| {
            let request =
                TrainingSetRequest { history: told.clone(), ..self.request(features, as_of, spine) };
            self.training_set(&self.subject.repository, &request)
        })
    }

    /// The rows of one training set.
    ///
    /// # Errors
    /// What the engine has against it.
    pub(super) fn training_set(
        &self,
        repository: &Repository,
        request: &TrainingSetRequest,
    ) -> Outcome<RecordBatch> {
        let (budget, cancellation) = (Budget::new(MEMORY_BUDGET_BYTES), Cancellation::default());
        let set = training_set(repository, &*self.log, request, &budget, &cancellation);
        rows_of(&set.map_err(failed("a training set"))?)
    }

    /// For each column that the file counts leaking rows of, how many of the rows that ask it leak.
    ///
    /// # Errors
    /// What the engine has against it.
    pub fn leaking_rows(&self) -> Outcome<BTreeMap<String, u64>> {
        let mut leaking = BTreeMap::new();
        let expected = &self.subject.example.leakage;
        let questions: Vec<_> = self.subject.questions().filter(|question| !question.refused).collect();
        for column in expected.keys() {
            let asking: Vec<_> =
                questions.iter().copied().filter(|question| question.columns.contains(column)).collect();
            for alike in asking.chunk_by(|a, b| a.features == b.features) {
                let request = self.request(&alike[0].features, AsOf::EventTime, spine(alike)?);
                let leakage = Prepared::new(&self.subject.repository, &*self.log, &request)
                    .and_then(|set| set.leakage(&Budget::new(MEMORY_BUDGET_BYTES), &Cancellation::default()))
                    .map_err(failed("a leakage report"))?;
                let of_column = leakage.features.iter().find(|feature| feature.name == *column);
                let of_column = of_column.ok_or_else(|| format!("no leakage of column {column} is told"))?;
                *leaking.entry(column.clone()).or_default() += of_column.rows;
            }
        }
        Ok(leaking)
    }

    /// What exchanges find, one exchange for the rows that ask the same features, each row in a batch of its
    /// own.
    ///
    /// # Errors
    /// What the engine has against it.
    pub fn exchanged_rows(&self) -> Outcome<Vec<Found>> {
        let told = self.told();
        let is_asked = |question: &Question| question.as_of != AsOf::Served || told.is_some();
        self.of_alike_rows(is_asked, |features, as_of, spine| {
            let (feature_service, features) = match features.clone() {
                Features::Service(name) => (Some(name), Vec::new()),
                Features::List(references) => (None, references),
            };
            let command = TrainingSetCommand {
                feature_service,
                features,
                as_of,
                boundary: self.boundary(),
                statuses: true,
                ..TrainingSetCommand::default()
            };
            let (repository, log) = (Arc::clone(&self.subject.repository), Arc::clone(&self.log));
            let memory = Arc::new(Memory::new(MEMORY_BUDGET_BYTES, MEMORY_BUDGET_BYTES));
            let exchange = Exchange::over(repository, log, told.clone(), memory, command, spine.schema())
                .map_err(failed("an exchange"))?;
            let join = |row| {
                let set = exchange.join(spine.slice(row, 1), &Cancellation::default());
                rows_of(&set.map_err(failed("a batch of an exchange"))?)
            };
            let batches = (0..spine.num_rows()).map(join).collect::<Outcome<Vec<_>>>()?;
            concat_batches(exchange.schema(), &batches).map_err(failed("batches of an exchange"))
        })
    }

    /// What `join` finds for each row that `is_asked`; it is given those that ask the same features in the
    /// same way together.
    pub(super) fn of_alike_rows(
        &self,
        is_asked: impl Fn(&Question) -> bool,
        join: impl Fn(&Features, AsOf, RecordBatch) -> Outcome<RecordBatch>,
    ) -> Outcome<Vec<Found>> {
        let questions: Vec<_> = self.subject.questions().collect();
        let is_asked: Vec<_> = questions.iter().map(|question| is_asked(question)).collect();
        let mut found = vec![Found::NotAsked; questions.len()];
        for first in 0..questions.len() {
            if !is_asked[first] || !matches!(found[first], Found::NotAsked) {
                continue;
            }
            let asked = |n: usize| {
                let Question { features, as_of, refused, .. } = questions[n];
                (features, *as_of, *refused)
            };
            let (features, as_of, refused) = asked(first);
            let alike = (first..questions.len()).filter(|n| is_asked[*n] && asked(*n) == asked(first));
            let alike: Vec<_> = alike.collect();
            let spine = spine(&alike.iter().map(|n| questions[*n]).collect::<Vec<_>>())?;
            let rows = match join(features, as_of, spine) {
                Err(why) if refused => {
                    alike.iter().for_each(|n| found[*n] = Found::Refused(why.clone()));
                    continue;
                }
                rows => rows?,
            };
            for (row, n) in alike.iter().enumerate() {
                let columns = questions[*n].columns.iter();
                let answers = columns.map(|column| Ok((column.clone(), answer(&rows, column, row)?)));
                found[*n] = Found::Answered(answers.collect::<Outcome<_>>()?);
            }
        }
        Ok(found)
    }

    /// Asks for these features of the rows of `spine`, and says no history of what was served.
    pub(super) fn request(&self, features: &Features, as_of: AsOf, spine: RecordBatch) -> TrainingSetRequest {
        TrainingSetRequest {
            features: features.clone(),
            spine_schema: spine.schema(),
            spine: vec![spine],
            timestamp_column: DEFAULT_TIMESTAMP_COLUMN.to_owned(),
            as_of,
            history: None,
            boundary: self.boundary(),
            pin: None,
            statuses: true,
            full_feature_names: true,
        }
    }

    /// Whether the file's rows see events at their very instants.
    pub(super) const fn boundary(&self) -> Boundary {
        if self.subject.specification.exclusive { Boundary::Exclusive } else { Boundary::Inclusive }
    }
}

/// Join keys, request inputs and instant of each question; all have the same columns.
fn spine(questions: &[&Question]) -> Outcome<RecordBatch> {
    let column = |name: &str, of_type: FieldType, values: Vec<Value>| {
        let array = column_of(&of_type.to_arrow(), values);
        (Field::new(name, array.data_type().clone(), true), array)
    };
    let keys = questions[0].keys.iter().map(|(name, (of_type, _))| {
        column(name, *of_type, questions.iter().map(|question| question.keys[name].1.clone()).collect())
    });
    let inputs = questions[0].inputs.iter().filter(|(name, _)| !questions[0].keys.contains_key(*name));
    let inputs = inputs.map(|(name, (of_type, _))| {
        column(name, *of_type, questions.iter().map(|question| question.inputs[name].1.clone()).collect())
    });
    let instants = questions.iter().map(|question| Value::Timestamp(question.written_at)).collect();
    let instants = column(DEFAULT_TIMESTAMP_COLUMN, FieldType::Timestamp, instants);
    let (fields, arrays): (Vec<_>, Vec<_>) = keys.chain(inputs).chain([instants]).unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).map_err(failed("the rows to be joined"))
}

fn rows_of(set: &TrainingSet) -> Outcome<RecordBatch> {
    concat_batches(&set.schema, &set.batches().collect::<Vec<_>>()).map_err(failed("one batch"))
}

/// One cell, with its status.
pub(super) fn answer(rows: &RecordBatch, column: &str, row: usize) -> Outcome<Answer> {
    let find = |name: &str| rows.column_by_name(name).ok_or_else(|| format!("there is no column `{name}`"));
    let (values, statuses) = (find(column)?, find(&format!("{column}__status"))?);
    let statuses = statuses.as_string_opt::<i32>().ok_or("a status column is text")?;
    Ok(Answer {
        value: cell(values, row),
        status: status(statuses.value(row)),
        data_type: values.data_type().clone(),
    })
}
