//! What the oracle answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use thalweg_backfill::{Pin, TopicPin};
use thalweg_core::{Aggregation, FieldType, Instant};

use super::{Answer, Answers};
use crate::definition::{Column, View, is_approximate};
use crate::generator::{Case, Question};
use crate::oracle;

/// For each source, and of it for each partition, how many records have been applied.
pub type Applied = Vec<Vec<i64>>;

/// The oracle's answers over the records before `applied`, or over all there are, in the columns that are exact.
pub fn expected(case: &Case, applied: Option<&Applied>, questions: &[Question]) -> Answers {
    expected_of(case, applied, questions, |placed, _| placed.to_vec())
}

/// The same over what the log had at the instant of each question, of the views whose sources say when that was.
pub fn expected_known(case: &Case, questions: &[Question]) -> Answers {
    let mut answers = expected_of(case, None, questions, oracle::known);
    let untold = case.definitions.views.iter().filter(|view| !case.tells_append_times(view));
    let on_demand = case.definitions.on_demand.iter().filter(|view| !case.inputs_tell_append_times(view));
    for view in untold.map(|view| &view.name).chain(on_demand.map(|view| &view.name)) {
        let of_view = format!("{view}__");
        answers.iter_mut().for_each(|answers| answers.retain(|column, _| !column.starts_with(&of_view)));
    }
    answers
}

fn expected_of(
    case: &Case,
    applied: Option<&Applied>,
    questions: &[Question],
    seen: impl for<'a> Fn(&[oracle::Placed<'a>], Instant) -> Vec<oracle::Placed<'a>>,
) -> Answers {
    let mut answers = vec![BTreeMap::new(); questions.len()];
    for view in &case.definitions.views {
        let mut events = case.events(view.source);
        if let Some(applied) = applied {
            events.retain(|event| event.offset < applied[view.source][event.partition as usize]);
        }
        let placed = oracle::placed_events(&case.definitions, view, &events);
        for column in view.columns().into_iter().filter(|column| !is_approximate(&column.aggregation)) {
            let data_type = type_of(&column);
            for (question, answers) in questions.iter().zip(&mut answers) {
                let parts = &case.definitions.entities[view.entity].join_keys;
                let key: Vec<_> = parts.iter().map(|(name, _)| question.keys[name].clone()).collect();
                let at = Instant::from_micros(question.at);
                let (value, status) = oracle::value(view, &column, &seen(&placed, at), &key, at);
                let answer = Answer { value, status, data_type: data_type.clone() };
                answers.insert(format!("{}__{}", view.name, column.name), answer);
            }
        }
    }
    for view in &case.definitions.on_demand {
        // What is computed from something approximate is not exact either.
        let exact = view.inputs.iter().all(|(of_view, column)| {
            let mut views = case.definitions.views.iter().filter(|view| view.name == *of_view);
            let columns = views.next().map(View::columns).unwrap_or_default();
            columns.iter().any(|known| known.name == *column && !is_approximate(&known.aggregation))
        });
        for (question, answers) in questions.iter().zip(&mut answers).filter(|_| exact) {
            let value = |view: &str, column: &str| answers[&format!("{view}__{column}")].value.clone();
            let row = view.row(value, |name| question.asked[name].clone());
            answers.extend(view.features.iter().map(|feature| {
                let (value, status) = oracle::computed(&feature.expression, &row);
                let answer = Answer { value, status, data_type: feature.of_type.to_arrow() };
                (format!("{}__{}", view.name, feature.name), answer)
            }));
        }
    }
    answers
}

/// The type that a column of results has by the table of aggregations.
pub(crate) fn type_of(column: &Column) -> DataType {
    let input = column.feature.of.as_ref().map(|(_, input)| *input);
    let own = || input.map(FieldType::to_arrow).expect("only a count needs no input");
    match column.aggregation {
        Aggregation::Count => DataType::Int64,
        Aggregation::Sum if input.is_some_and(FieldType::is_integer) => DataType::Int64,
        Aggregation::Sum
        | Aggregation::Avg
        | Aggregation::Variance
        | Aggregation::Stddev
        | Aggregation::VariancePop
        | Aggregation::StddevPop
        | Aggregation::ExpDecaySum { .. } => DataType::Float64,
        Aggregation::TimeSinceFirst | Aggregation::TimeSinceLast => DataType::Int64,
        Aggregation::CountDistinct { .. } | Aggregation::ApproxCountDistinct => DataType::Int64,
        Aggregation::ApproxPercentile { .. } => {
            DataType::List(Arc::new(Field::new("item", DataType::Float64, true)))
        }
        Aggregation::Histogram { .. } => {
            let entry = vec![Field::new("key", own(), false), Field::new("value", DataType::Int64, true)];
            let entries = Field::new("entries", DataType::Struct(entry.into()), false);
            DataType::Map(Arc::new(entries), false)
        }
        Aggregation::Any | Aggregation::All => DataType::Boolean,
        Aggregation::Min
        | Aggregation::Max
        | Aggregation::MinBy
        | Aggregation::MaxBy
        | Aggregation::First { .. }
        | Aggregation::Last { .. } => own(),
        Aggregation::FirstN { .. } | Aggregation::LastN { .. } | Aggregation::TopK { .. } => {
            DataType::List(Arc::new(Field::new("item", own(), true)))
        }
    }
}

/// The pin of the records before `applied`, where `now` is the pin of all there are.
pub fn pin_of_prefix(case: &Case, now: &Pin, applied: &Applied) -> Pin {
    let mut topics = now.topics.clone();
    for (source, applied) in case.definitions.sources.iter().zip(applied) {
        if let Some(topic) = topics.get_mut(&source.name) {
            *topic = TopicPin { topic_id: topic.topic_id.clone(), next_offsets: applied.clone() };
        }
    }
    Pin { topics }
}
