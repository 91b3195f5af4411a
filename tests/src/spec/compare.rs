//! Where what was found is not what a file says.

use std::collections::BTreeMap;

use thalweg_core::Status;

use super::file::Letter;
use super::question::{Asked, Expected};
use super::subject::{Found, FoundLetter, Run};
use super::values::spelt;
use crate::harness::Answer;

/// One thing that is not as the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Position of the row, if it is about one.
    pub row: Option<usize>,
    /// Name of the column, if it is about one.
    pub column: Option<String>,
    /// Row, column, what is expected and what was found, in words.
    pub text: String,
}

/// What of `run` is not as these rows, and these dead letters if there are any to compare, say.
pub fn differences(rows: &[Asked], letters: Option<&[Letter]>, run: &Run) -> Vec<Difference> {
    let mut all = Vec::new();
    for (n, (Asked { row, expected, .. }, found)) in rows.iter().zip(&run.rows).enumerate() {
        let place = format!("row {} (line {})", n + 1, row.line);
        let mut whole_row = |text: &str| {
            all.push(Difference { row: Some(n), column: None, text: format!("{place}: {text}") })
        };
        match found {
            Found::NotAsked => {}
            Found::Absent(columns) => {
                let known = |expected: &&Expected| {
                    columns.contains(&expected.column) && expected.status != Status::NotFound
                };
                for expected in expected.iter().filter(known) {
                    let text = format!(
                        "{place}, column {}: expected {}, found no row of the key",
                        expected.column,
                        expected.status.name()
                    );
                    all.push(Difference { row: Some(n), column: Some(expected.column.clone()), text });
                }
            }
            Found::OutOfRange if row.out_of_range => {}
            Found::OutOfRange => {
                whole_row("expected an answer, found a refusal as out of range (see the view's `lookback`)");
            }
            Found::Refused(message) => match &row.refused {
                Some(part) if message.contains(part) => {}
                Some(part) => whole_row(&format!(
                    "expected a refusal that says `{part}`, found one that says `{message}`"
                )),
                None => whole_row(&format!("expected an answer, found a refusal: {message}")),
            },
            Found::Answered(_) if row.refused.is_some() => whole_row("expected a refusal, found an answer"),
            Found::Answered(_) if row.out_of_range && run.online => {
                whole_row("expected a refusal as out of range, found an answer");
            }
            Found::Answered(answers) => {
                for expected in expected {
                    let answer = answers.get(&expected.column);
                    if let Some(text) = differs(expected, answer) {
                        let text = format!("{place}, column {}: {text}", expected.column);
                        all.push(Difference { row: Some(n), column: Some(expected.column.clone()), text });
                    }
                }
            }
        }
    }
    if let (Some(expected), Some(found)) = (letters, &run.letters) {
        all.extend(differences_of_letters(expected, found));
    }
    all
}

/// What of the leaking rows that `run` has counted is not as `expected` says.
pub fn differences_of_leakage(expected: &BTreeMap<String, u64>, run: &Run) -> Vec<Difference> {
    let Some(found) = &run.leakage else { return Vec::new() };
    let differs = |(column, rows): (&String, &u64)| {
        let found = found.get(column).copied().unwrap_or_default();
        let text = format!("leakage of column {column}: expected {rows} rows, found {found}");
        (found != *rows).then(|| Difference { row: None, column: Some(column.clone()), text })
    };
    expected.iter().filter_map(differs).collect()
}

/// How many rows `run` has an answer, or a refusal, for.
pub fn count_asked(run: &Run) -> usize {
    run.rows.iter().filter(|found| !matches!(found, Found::NotAsked)).count()
}

fn differs(expected: &Expected, found: Option<&Answer>) -> Option<String> {
    let shown = |value: Option<String>, status: &str| {
        format!("{} {status}", value.unwrap_or("(any value)".to_owned()))
    };
    let wanted = shown(expected.value.as_ref().map(spelt), expected.status.name());
    let Some(found) = found else { return Some(format!("expected {wanted}, found no such column")) };
    let same_value = expected.value.as_ref().is_none_or(|value| *value == found.value);
    if same_value && expected.status == found.status && expected.data_type == found.data_type {
        return None;
    }
    let given = shown(Some(spelt(&found.value)), found.status.name());
    let types = match expected.data_type == found.data_type {
        true => String::new(),
        false => format!("; expected a column of {}, found one of {}", expected.data_type, found.data_type),
    };
    Some(format!("expected {wanted}, found {given}{types}"))
}

/// Every expected letter must be found, and no other.
fn differences_of_letters(expected: &[Letter], found: &[FoundLetter]) -> Vec<Difference> {
    let mut rest = found.to_vec();
    let mut all = Vec::new();
    let mut note = |text: String| all.push(Difference { row: None, column: None, text });
    for letter in expected {
        let is_it = |found: &FoundLetter| {
            let reasons = letter.reason.as_ref().zip(found.reason.as_ref());
            (&found.topic, found.event, &found.view) == (&letter.topic, letter.event, &letter.view)
                && reasons.is_none_or(|(part, whole)| whole.contains(part))
        };
        match rest.iter().position(is_it) {
            Some(place) => drop(rest.remove(place)),
            None => note(format!("expected a dead letter, {letter:?}")),
        }
    }
    for letter in rest {
        note(format!("found a dead letter that is not expected, {letter:?}"));
    }
    all
}
