//! Answers to questions, from wherever they come.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;
use thalweg_core::{Status, Value};

use super::Outcome;
use crate::generator::Question;

/// One column's answer to one question.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The value, equal only to the same bits.
    pub value: Value,
    /// Why it is so.
    pub status: Status,
    /// The type of its column.
    pub data_type: DataType,
}

/// All columns' answers to all questions, by `view__column`; a view that would not answer is left out.
pub type Answers = Vec<BTreeMap<String, Answer>>;

/// Checks that `found` has what `expected` has, bit for bit, for the columns that both have.
///
/// # Errors
/// The first differences, in words, if there are any.
pub fn same(what: &str, questions: &[Question], expected: &Answers, found: &Answers) -> Outcome {
    let all = differences(questions, expected, found);
    match all.len() {
        0 => Ok(()),
        count => {
            let shown: Vec<_> = all.into_iter().take(6).map(|(_, text)| text).collect();
            Err(format!("{what}: {count} differences\n{}", shown.join("\n")))
        }
    }
}

/// The names of columns with different answers, and how they differ.
pub fn differences(questions: &[Question], expected: &Answers, found: &Answers) -> Vec<(String, String)> {
    assert_eq!(expected.len(), questions.len(), "every question is answered");
    assert_eq!(found.len(), questions.len(), "every question is answered");
    let mut all = Vec::new();
    for (question, (expected, found)) in questions.iter().zip(expected.iter().zip(found)) {
        for (column, wanted) in expected {
            match found.get(column) {
                Some(given) if given != wanted => all.push((
                    column.clone(),
                    format!(
                        "{column} {question}:\n    expected {}\n    found    {}",
                        shown(wanted),
                        shown(given)
                    ),
                )),
                _ => {}
            }
        }
    }
    all
}

fn shown(answer: &Answer) -> String {
    let bits = match &answer.value {
        Value::Float64(x) => format!(" (bits {:#018x})", x.to_bits()),
        Value::Float32(x) => format!(" (bits {:#010x})", x.to_bits()),
        _ => String::new(),
    };
    format!("{:?}{bits} {} as {}", answer.value, answer.status.name(), answer.data_type)
}
