//! What the oracle answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use thalweg_backfill::{Pin, TopicPin};
use thalweg_core::{Aggregation, FieldType, Instant};

use super::{Answer, Answers};
use crate::definition::{Column, is_approximate};
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
    for view in case.definitions.views.iter().filter(|view| !case.tells_append_times(view)) {
        let of_view = format!("{}__", view.name);
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
