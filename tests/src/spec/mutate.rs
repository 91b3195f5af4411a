//! Whether a file says anything: each of its expected values is changed in turn, and then it must fail.

use arrow::datatypes::DataType;
use thalweg_core::{Status, Value};

use super::check::check_refusal;
use super::compare::{differences, differences_of_leakage};
use super::file::{Cell, Claim, Letter, Row, Specification};
use super::mode::Mode;
use super::question::{Asked, asked};
use super::runs::Runner;
use super::subject::{Found, Run, Subject};
use super::values::spelt;
use super::yaml::parse;
use crate::harness::Outcome;

/// Changes each expected value of the file called `file`, one at a time, and compares with what the cheapest
/// mode finds, and those modes that do not ask each row or find no value for some. Gives how many were
/// changed.
///
/// # Errors
/// If a changed file does not fail, or not where it was changed.
pub fn mutate(file: &str, text: &str) -> Outcome<usize> {
    let specification = Specification::read(file, text)?;
    match &specification.claim {
        Claim::Refused(parts) => mutate_refusal(&specification, parts),
        Claim::Example(example) => {
            let subject = Subject::new(&specification, example)?;
            Ok(mutate_cells(&subject)? + mutate_rest(&subject)? + mutate_letters(&subject)?)
        }
    }
}

fn mutate_refusal(specification: &Specification, parts: &[String]) -> Outcome<usize> {
    for n in 0..parts.len() {
        let mut changed = parts.to_vec();
        changed[n] = format!("{}~", parts[n]);
        if parts[n].trim().is_empty() || check_refusal(&specification.definitions, &changed).is_ok() {
            return Err(format!("the refusal does not hang on `{}`", parts[n]));
        }
    }
    Ok(parts.len())
}

/// The modes that go by less than all rows and cells: what they leave out must be no more than they say.
const SELECTIVE: [Mode; 4] = [Mode::Snapshot, Mode::FeatureHistory, Mode::Known, Mode::Served];

fn mutate_cells(subject: &Subject) -> Outcome<usize> {
    let without = |mode: &Mode| subject.specification.without.contains_key(mode);
    let cheap = if without(&Mode::Oracle) { Mode::TrainingSet } else { Mode::Oracle };
    if subject.rows.is_empty() {
        return Ok(0);
    }
    let mut runner = Runner::new(subject);
    let mut changes = 0;
    for mode in [cheap].into_iter().chain(SELECTIVE).filter(|mode| *mode == cheap || !without(mode)) {
        let runs = runner.run(mode)?;
        let [run] = runs.as_slice() else { return Err(format!("{} does one thing", mode.name())) };
        for (n, asked) in subject.rows.iter().enumerate() {
            if mode == cheap || !matches!(run.rows[n], Found::NotAsked | Found::Refused(_)) {
                changes +=
                    mutate_row(subject, run, n, asked).map_err(|why| format!("{}: {why}", mode.name()))?;
            }
        }
    }
    Ok(changes)
}

/// Changes each expected value and status of row `n`, as far as `run` has something to hold against it.
fn mutate_row(subject: &Subject, run: &Run, n: usize, asked: &Asked) -> Outcome<usize> {
    let Asked { row, expected, .. } = asked;
    let mut changes = 0;
    for (cell, expected) in row.cells.iter().zip(expected) {
        let mut all = Vec::new();
        let mut changed = cell.clone();
        changed.status =
            Some(if expected.status == Status::Present { Status::NotFound } else { Status::Present });
        match &run.rows[n] {
            Found::Absent(columns) if !columns.contains(&cell.column) => continue,
            Found::Absent(_) => {}
            _ => {
                if let Some(value) = &expected.value {
                    let mut changed = cell.clone();
                    changed.value = Some(parse(&spelt(&other(value, &expected.data_type)?), row.line)?);
                    // With the status as it was, the value alone must tell.
                    changed.status = Some(expected.status);
                    all.push(changed);
                }
            }
        }
        all.push(changed);
        for changed in all {
            must_fail(subject, run, n, changed)?;
            changes += 1;
        }
    }
    Ok(changes)
}

/// Changes what refused rows must be told, and how many rows leak.
fn mutate_rest(subject: &Subject) -> Outcome<usize> {
    let refused = subject.rows.iter().enumerate().filter(|(_, asked)| asked.row.refused.is_some());
    let refused: Vec<_> = refused.collect();
    let leakage = &subject.example.leakage;
    if refused.is_empty() && leakage.is_empty() {
        return Ok(0);
    }
    let runs = Runner::new(subject).run(Mode::TrainingSet)?;
    let [run] = runs.as_slice() else { return Err("training sets do one thing".to_owned()) };
    for (n, Asked { row, question, .. }) in &refused {
        let refused = row.refused.as_ref().map(|part| format!("{part}~"));
        for refused in [refused, None] {
            let row = Row { refused, ..(*row).clone() };
            let alone = [Asked { row: &row, question: question.clone(), expected: Vec::new() }];
            let run = Run { rows: vec![run.rows[*n].clone()], ..run.clone() };
            if differences(&alone, None, &run).is_empty() {
                return Err(format!("line {}: the refusal may as well be {:?}", row.line, row.refused));
            }
        }
    }
    for column in leakage.keys() {
        let mut changed = leakage.clone();
        changed.entry(column.clone()).and_modify(|rows| *rows += 1);
        if differences_of_leakage(&changed, run).is_empty() {
            return Err(format!("one more row of column {column} may as well leak"));
        }
    }
    Ok(2 * refused.len() + leakage.len())
}

/// Compares `run` with the file in which row `n` has the cell `changed`.
fn must_fail(subject: &Subject, run: &Run, n: usize, changed: Cell) -> Outcome {
    let mut row = subject.rows[n].row.clone();
    let column = changed.column.clone();
    row.cells.iter_mut().filter(|cell| cell.column == column).for_each(|cell| *cell = changed.clone());
    let alone = [asked(subject.specification, &subject.repository, &row)?];
    let run = Run { rows: vec![run.rows[n].clone()], ..run.clone() };
    let found = differences(&alone, None, &run);
    match found.iter().any(|difference| difference.column.as_ref() == Some(&column)) {
        true => Ok(()),
        false => Err(format!("line {}: column {column} may as well be {changed:?}", row.line)),
    }
}

/// Another value of the same type.
fn other(value: &Value, data_type: &DataType) -> Outcome<Value> {
    Ok(match (value, data_type) {
        (Value::Null, DataType::Boolean) => Value::Bool(false),
        (Value::Null, DataType::Int32) => Value::Int32(0),
        (Value::Null, DataType::Int64) => Value::Int64(0),
        (Value::Null, DataType::Float32) => Value::Float32(0.0),
        (Value::Null, DataType::Float64) => Value::Float64(0.0),
        (Value::Null, DataType::Utf8) => Value::String("".into()),
        (Value::Null, DataType::Binary) => Value::Binary([].into()),
        (Value::Null, DataType::Date32) => Value::Date(0),
        (Value::Null, DataType::Timestamp(..)) => Value::Timestamp(0),
        (Value::Null, DataType::List(_)) => Value::List(Vec::new()),
        (Value::Bool(truth), _) => Value::Bool(!truth),
        (Value::Int32(n), _) => Value::Int32(n ^ 1),
        (Value::Int64(n), _) => Value::Int64(n ^ 1),
        // The next double; the sign alone of what is no finite number.
        (Value::Float32(x), _) if x.is_finite() => Value::Float32(f32::from_bits(x.to_bits() ^ 1)),
        (Value::Float64(x), _) if x.is_finite() => Value::Float64(f64::from_bits(x.to_bits() ^ 1)),
        (Value::Float32(x), _) => Value::Float32(if x.is_nan() { 0.0 } else { -x }),
        (Value::Float64(x), _) => Value::Float64(if x.is_nan() { 0.0 } else { -x }),
        (Value::String(text), _) => Value::String(format!("{text}~").into()),
        (Value::Binary(bytes), _) => Value::Binary(bytes.iter().copied().chain([7]).collect()),
        (Value::Date(days), _) => Value::Date(days ^ 1),
        (Value::Timestamp(micros), _) => Value::Timestamp(micros ^ 1),
        (Value::List(items), _) => Value::List(items.iter().cloned().chain([Value::Null]).collect()),
        (Value::Map(counts), _) => Value::Map(counts.iter().map(|(key, n)| (key.clone(), n + 1)).collect()),
        (Value::Null, DataType::Map(..)) => Value::Map(Vec::new()),
        (Value::Null, other) => return Err(format!("no other value of type {other} is known")),
    })
}

fn mutate_letters(subject: &Subject) -> Outcome<usize> {
    let Some(letters) = subject.letters else { return Ok(0) };
    let runs = Runner::new(subject).run(Mode::Lookup)?;
    let [run] = runs.as_slice() else { return Err("lookups do one thing".to_owned()) };
    let mut changed = Vec::new();
    for n in 0..letters.len() {
        let mut change = |change: &dyn Fn(&mut Letter)| {
            let mut letters = letters.to_vec();
            change(&mut letters[n]);
            changed.push(letters);
        };
        change(&|letter| letter.event += 1_000);
        change(&|letter| letter.topic.push('~'));
        change(&|letter| letter.view = Some(letter.view.clone().unwrap_or_default() + "~"));
        change(&|letter| letter.reason = Some(letter.reason.clone().unwrap_or_default() + "\u{0}"));
    }
    changed.extend((0..letters.len()).map(|n| {
        let kept = letters.iter().enumerate().filter(|(place, _)| *place != n);
        kept.map(|(_, letter)| letter.clone()).collect()
    }));
    changed
        .push([letters, &[Letter { topic: "none".to_owned(), event: 1, view: None, reason: None }]].concat());
    match changed.iter().find(|letters| differences(&[], Some(letters), run).is_empty()) {
        Some(letters) => Err(format!("the dead letters may as well be {letters:?}")),
        None => Ok(changed.len()),
    }
}
