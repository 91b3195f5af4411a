//! Training sets.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{Field, Schema};
use arrow::ipc::writer::StreamWriter;
use rand::Rng;
use thalweg_backfill::{
    AppliedHistory, AsOf, Boundary, Budget, Cancellation, Features, Pin, Prepared, TrainingSet,
    TrainingSetRequest, training_set,
};
use thalweg_core::{FieldType, Value, column_of};

use super::cells::{cell, status};
use super::{Answer, Answers, Outcome, Workshop, failed};
use crate::definition::{OnDemandView, View};
use crate::generator::{Chance, Question, REQUEST_INPUTS};

/// What a training set is asked for with, beside the questions.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The log prefix; the end of the log, if none.
    pub pin: Option<Pin>,
    /// Whether events at the instant itself are left out.
    pub exclusive: bool,
    /// Which events a row sees.
    pub as_of: AsOf,
    /// What was applied when, if anybody tells.
    pub history: Option<Arc<dyn AppliedHistory>>,
}

impl Workshop {
    /// The training set of all views, or where not all events are seen, of those that can tell which are. Its
    /// spine has a row for each question.
    ///
    /// # Errors
    /// What the engine has against it.
    pub fn training_set(&self, questions: &[Question], request: &Request) -> Outcome<TrainingSet> {
        self.training_set_named(&self.names(request.as_of), questions, request)
    }

    /// The same of `views`, whatever they can tell.
    ///
    /// # Errors
    /// What the engine has against it.
    pub fn training_set_of(
        &self,
        views: &[&View],
        questions: &[Question],
        request: &Request,
    ) -> Outcome<TrainingSet> {
        let names: Vec<_> = views.iter().map(|view| view.name.as_str()).collect();
        self.training_set_named(&names, questions, request)
    }

    fn training_set_named(
        &self,
        views: &[&str],
        questions: &[Question],
        request: &Request,
    ) -> Outcome<TrainingSet> {
        let request = self.request(views, questions, request);
        training_set(&self.repository, &*self.log, &request, &Budget::default(), &Cancellation::default())
            .map_err(failed("the training set"))
    }

    /// How many rows of each column leak in the training set of all views that can tell.
    ///
    /// # Errors
    /// What the engine has against it.
    pub fn leaking_rows(&self, questions: &[Question], request: &Request) -> Outcome<BTreeMap<String, u64>> {
        let request = self.request(&self.names(AsOf::Known), questions, request);
        let leakage = Prepared::new(&self.repository, &*self.log, &request)
            .and_then(|set| set.leakage(&Budget::default(), &Cancellation::default()))
            .map_err(failed("the leakage report"))?;
        Ok(leakage.features.into_iter().map(|feature| (feature.name, feature.rows)).collect())
    }

    /// Names of the views of both kinds of which there are training sets of this kind.
    fn names(&self, as_of: AsOf) -> Vec<&str> {
        let folded = self.views(as_of).map(|view| view.name.as_str());
        folded.chain(self.on_demand_views(as_of).map(|view| view.name.as_str())).collect()
    }

    fn request(&self, views: &[&str], questions: &[Question], request: &Request) -> TrainingSetRequest {
        let spine = self.spine(questions);
        let views = views.iter().map(|view| format!("{view}:*"));
        TrainingSetRequest {
            features: Features::List(views.collect()),
            spine_schema: spine.schema(),
            spine: split(&spine),
            timestamp_column: "event_timestamp".to_owned(),
            as_of: request.as_of,
            history: request.history.clone(),
            boundary: if request.exclusive { Boundary::Exclusive } else { Boundary::Inclusive },
            pin: request.pin.clone(),
            statuses: true,
            full_feature_names: true,
        }
    }

    /// The views of which there are training sets of this kind.
    pub fn views(&self, as_of: AsOf) -> impl Iterator<Item = &View> {
        let of_all = as_of == AsOf::EventTime;
        self.case.definitions.views.iter().filter(move |view| of_all || self.case.tells_append_times(view))
    }

    /// The on-demand views of which there are training sets of this kind.
    pub fn on_demand_views(&self, as_of: AsOf) -> impl Iterator<Item = &OnDemandView> {
        let of_all = as_of == AsOf::EventTime;
        let all = self.case.definitions.on_demand.iter();
        all.filter(move |view| of_all || self.case.inputs_tell_append_times(view))
    }

    /// One row for each question: a number, all join keys, all that a question says, the instant.
    fn spine(&self, questions: &[Question]) -> RecordBatch {
        let column = |name: &str, field_type: FieldType, values: Vec<Value>| {
            let array = column_of(&field_type.to_arrow(), values);
            (Field::new(name, array.data_type().clone(), true), array)
        };
        let numbers = (0..).map(Value::Int64).take(questions.len()).collect();
        let mut columns = vec![column("number", FieldType::Int64, numbers)];
        for (name, field_type) in self.case.definitions.entities.iter().flat_map(|entity| &entity.join_keys) {
            let values = questions.iter().map(|question| question.keys[name].clone()).collect();
            columns.push(column(name, *field_type, values));
        }
        for (name, field_type) in REQUEST_INPUTS {
            let values = questions.iter().map(|question| question.asked[name].clone()).collect();
            columns.push(column(name, field_type, values));
        }
        let instants = questions.iter().map(|question| Value::Timestamp(question.at)).collect();
        columns.push(column("event_timestamp", FieldType::Timestamp, instants));
        let (fields, arrays): (Vec<_>, Vec<ArrayRef>) = columns.into_iter().unzip();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("columns of one length")
    }
}

/// The spine in two batches, as an upload would bring it.
fn split(spine: &RecordBatch) -> Vec<RecordBatch> {
    let half = spine.num_rows() / 2;
    vec![spine.slice(0, half), spine.slice(half, spine.num_rows() - half)]
}

/// Takes the answers out of a training set, and checks that its rows are those of the spine.
///
/// # Errors
/// If they are not.
pub fn training_answers(workshop: &Workshop, questions: &[Question], set: &TrainingSet) -> Outcome<Answers> {
    let all = concat_batches(&set.schema, &set.batches().collect::<Vec<_>>()).map_err(failed("one batch"))?;
    let spine = workshop.spine(questions);
    let width = spine.num_columns();
    let passed: Vec<_> = (0..width).collect();
    let passed = all.project(&passed).map_err(failed("the spine's columns"))?;
    if passed.columns() != spine.columns() || passed.schema().fields() != spine.schema().fields() {
        return Err(format!("the spine does not pass through unchanged: {spine:?} became {passed:?}"));
    }
    let schema = all.schema();
    let mut answers = vec![BTreeMap::new(); questions.len()];
    for (position, field) in schema.fields().iter().enumerate().skip(width) {
        let Some(statuses) = all.column_by_name(&format!("{}__status", field.name())) else { continue };
        let statuses = statuses.as_string_opt::<i32>().ok_or("a status column is text")?;
        for (row, answers) in answers.iter_mut().enumerate() {
            let value = cell(all.column(position), row);
            let answer =
                Answer { value, status: status(statuses.value(row)), data_type: field.data_type().clone() };
            answers.insert(field.name().clone(), answer);
        }
    }
    let views = workshop.views(set.commit.manifest.as_of);
    let columns: usize = views.map(|view| view.columns().len()).sum();
    let on_demand = workshop.on_demand_views(set.commit.manifest.as_of);
    let columns = columns + on_demand.map(|view| view.features.len()).sum::<usize>();
    if schema.fields().len() != width + 2 * columns || answers.iter().any(|row| row.len() != columns) {
        return Err(format!(
            "a training set of {columns} columns and their statuses has {:?}",
            schema.fields()
        ));
    }
    Ok(answers)
}

/// The bytes of a training set as an Arrow IPC stream.
///
/// # Errors
/// What Arrow has against it.
pub fn stream_bytes(set: &TrainingSet) -> Outcome<Vec<u8>> {
    let mut writer = StreamWriter::try_new(Vec::new(), &set.schema).map_err(failed("a stream"))?;
    for batch in set.batches() {
        writer.write(&batch).map_err(failed("a batch"))?;
    }
    writer.into_inner().map_err(failed("the stream"))
}

impl Request {
    /// A request for either boundary.
    pub fn random(chance: &mut Chance) -> Self {
        Self { exclusive: chance.random_bool(0.3), ..Self::default() }
    }

    /// The questions whose inclusive answers are those to `questions` under this request.
    pub fn as_inclusive(&self, questions: &[Question]) -> Vec<Question> {
        let moved = |question: &Question| {
            let at = if self.exclusive { question.at.saturating_sub(1) } else { question.at };
            Question { at, ..question.clone() }
        };
        questions.iter().map(moved).collect()
    }
}
