//! A case of the generator as a specification file, with what the oracle answers as the rows.

use std::collections::BTreeSet;
use std::fmt::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use thalweg_core::{FieldType, Instant, Status, TimeDelta, Value};

use super::values::spelt;
use super::yaml::{quoted, written};
use crate::definition::{Format, Row, Source, View, Writing};
use crate::generator::{Arrival, Case, Question};
use crate::harness::{Answer, expected};
use crate::oracle;

/// The file that says of `case` what the oracle says; its rule in words is left to be written.
pub fn case_as_file(case: &Case) -> String {
    let mut lines = vec![
        "rule: >".to_owned(),
        "  What this shows is still to be said, in one to three sentences.".to_owned(),
        "lossy_order: true".to_owned(),
        "---".to_owned(),
        case.definitions.to_yaml().trim_end().to_owned(),
        "---".to_owned(),
    ];
    let named: Vec<_> =
        case.definitions.sources.iter().filter(|source| source.format == Format::NamedAvro).collect();
    if !named.is_empty() {
        lines.push("schemas:".to_owned());
        let schema = |source: &&Source| {
            format!("  {}: '{}'", Writing::Same.number(source), source.written_schema(Writing::Same))
        };
        lines.extend(named.iter().map(schema));
    }
    lines.push("events:".to_owned());
    for (number, source) in case.definitions.sources.iter().enumerate() {
        lines.push(format!("  {}:", source.name));
        let arrivals = case.arrivals.iter().filter(|arrival| arrival.source == number);
        let records: Vec<_> = arrivals.map(|arrival| record(case, arrival)).collect();
        match records.is_empty() {
            true => lines.last_mut().expect("the topic").push_str(" []"),
            false => lines.extend(records.into_iter().map(|record| format!("    - {record}"))),
        }
    }
    lines.push("rows:".to_owned());
    let answers = expected(case, None, &case.questions);
    for (question, answers) in case.questions.iter().zip(&answers) {
        let of_view = |view: &str| -> Vec<(&String, &Answer)> {
            let prefix = format!("{view}__");
            answers.iter().filter(|(column, _)| column.starts_with(&prefix)).collect()
        };
        // What is approximate is not in the oracle's answers.
        let mut line = |views: &[&View], asked: &[(String, FieldType)], answers: &[(&String, &Answer)]| {
            if !answers.is_empty() {
                lines.push(format!("  - {}", row(case, views, asked, question, answers)));
            }
        };
        for view in &case.definitions.views {
            line(&[view], &[], &of_view(&view.name));
        }
        for on_demand in &case.definitions.on_demand {
            let is_input = |view: &&View| on_demand.inputs.iter().any(|(name, _)| *name == view.name);
            let views: Vec<_> = case.definitions.views.iter().filter(is_input).collect();
            line(&views, &on_demand.request, &of_view(&on_demand.name));
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

fn record(case: &Case, arrival: &Arrival) -> String {
    let mut entries = Vec::new();
    match (&arrival.row, &arrival.value) {
        (Some(row), _) => {
            let source = &case.definitions.sources[arrival.source];
            if source.format == Format::NamedAvro {
                entries.push(format!("\"@schema\": {}", Writing::Same.number(source)));
            }
            let mut of_value = row.clone();
            of_value.retain(|path, _| !path.starts_with('@'));
            entries.extend(fields(&of_value, |path, value| in_json(source.fields.get(path).copied(), value)));
        }
        (None, None) => entries.push("\"@tombstone\": true".to_owned()),
        (None, Some(bytes)) => entries.push(match std::str::from_utf8(bytes) {
            Ok(text) => format!("\"@raw\": {}", quoted(text)),
            Err(_) => format!("\"@base64\": {}", quoted(&BASE64_STANDARD.encode(bytes))),
        }),
    }
    if arrival.partition != 0 {
        entries.push(format!("\"@partition\": {}", arrival.partition));
    }
    let timestamp = Value::Timestamp(arrival.timestamp_ms.saturating_mul(1_000));
    entries.push(format!("\"@timestamp\": {}", spelt(&timestamp)));
    if let Some(key) = arrival.key.as_ref().and_then(|key| std::str::from_utf8(key).ok()) {
        entries.push(format!("\"@key\": {}", quoted(key)));
    }
    if !arrival.headers.is_empty() {
        let headers =
            arrival.headers.iter().map(|(name, value)| format!("{{{}: {}}}", quoted(name), header(value)));
        entries.push(format!("\"@headers\": [{}]", headers.collect::<Vec<_>>().join(", ")));
    }
    format!("{{{}}}", entries.join(", "))
}

fn header(value: &Option<Vec<u8>>) -> String {
    match value.as_deref().map(std::str::from_utf8) {
        None => "null".to_owned(),
        Some(Ok(text)) => quoted(text),
        Some(Err(_)) => {
            let bytes = BASE64_STANDARD.encode(value.as_deref().unwrap_or_default());
            format!("{{base64: {}}}", quoted(&bytes))
        }
    }
}

/// The fields of a row, those with a dot in their path inside of their records.
fn fields(row: &Row, spell: impl Fn(&str, &Value) -> String) -> Vec<String> {
    let mut entries: Vec<(String, Vec<String>)> = Vec::new();
    for (path, value) in row {
        let text = spell(path, value);
        match path.split_once('.') {
            None => entries.push((String::new(), vec![format!("{path}: {text}")])),
            Some((record, field)) => {
                let inner = format!("{field}: {text}");
                match entries.iter_mut().find(|(name, _)| name == record) {
                    Some((_, inside)) => inside.push(inner),
                    None => entries.push((record.to_owned(), vec![inner])),
                }
            }
        }
    }
    let written = |(record, inside): (String, Vec<String>)| match record.is_empty() {
        true => inside.concat(),
        false => format!("{record}: {{{}}}", inside.join(", ")),
    };
    entries.into_iter().map(written).collect()
}

/// A field's value as a JSON source spells it.
fn in_json(declared: Option<&str>, value: &Value) -> String {
    match (value, spelt(value)) {
        (Value::Float32(_) | Value::Float64(_), text) => match text.as_str() {
            ".nan" => quoted("NaN"),
            ".inf" => quoted("Infinity"),
            "-.inf" => quoted("-Infinity"),
            _ => text,
        },
        // An integer counts in the unit of the field.
        (Value::Timestamp(micros), text) if !text.starts_with('"') => match declared {
            Some("timestamp_ms") => micros.div_euclid(1_000).to_string(),
            Some("timestamp_s") => micros.div_euclid(1_000_000).to_string(),
            _ => text,
        },
        (_, text) => text,
    }
}

fn row(
    case: &Case,
    views: &[&View],
    asked: &[(String, FieldType)],
    question: &Question,
    answers: &[(&String, &Answer)],
) -> String {
    let keys = views.iter().flat_map(|view| &case.definitions.entities[view.entity].join_keys);
    let keys: BTreeSet<_> = keys.map(|(name, _)| name).collect();
    let keys = keys.into_iter().map(|name| (name, &question.keys[name]));
    let asked = asked.iter().map(|(name, _)| (name, &question.asked[name]));
    let mut text = String::from("{");
    for (name, value) in keys.chain(asked) {
        write!(text, "{}: {}, ", written(name), spelt(value)).expect("a string takes everything");
    }
    write!(text, "at: {}", spelt(&Value::Timestamp(question.at))).expect("a string takes everything");
    if views.iter().any(|view| is_out_of_range(case, view, question)) {
        text.push_str(", \"@lookup\": OUT_OF_RANGE");
    }
    for (column, answer) in answers {
        write!(text, ", {column}: {}", spelt(&answer.value)).expect("a string takes everything");
        let implied = if answer.value.is_null() { Status::NullValue } else { Status::Present };
        if answer.status != implied {
            write!(text, ", {column}__status: {}", answer.status.name()).expect("a string takes everything");
        }
    }
    text + "}"
}

/// Whether a lookup refuses the question once everything is applied.
fn is_out_of_range(case: &Case, view: &View, question: &Question) -> bool {
    let applied = vec![i64::MAX; usize::try_from(case.partitions[view.source]).expect("a few")];
    let source = &case.definitions.sources[view.source];
    let watermark = oracle::watermark(source, &case.events(view.source), &applied);
    let earliest = |(lookback, watermark): (TimeDelta, i64)| {
        Instant::from_micros(watermark).saturating_sub(lookback).as_micros()
    };
    view.reach_back().zip(watermark).map(earliest).is_some_and(|earliest| question.at < earliest)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::super::by_oracle;
    use super::super::compare::{count_asked, differences};
    use super::super::file::{Claim, Specification};
    use super::super::subject::Subject;
    use super::*;
    use crate::generator::Chance;

    #[test]
    fn a_printed_case_is_read_as_itself() {
        let (mut rows, mut refused) = (0, 0);
        for seed in 0..120 {
            let case = Case::generate(&mut Chance::seed_from_u64(seed));
            let text = case_as_file(&case);
            let specification = match Specification::read("printed", &text) {
                Ok(specification) => specification,
                Err(why) => panic!("seed {seed}: {why}\n{text}"),
            };
            let Claim::Example(example) = &specification.claim else { panic!("rows are expected") };
            let subject = match Subject::new(&specification, example) {
                Ok(subject) => subject,
                Err(why) => panic!("seed {seed}: {why}\n{text}"),
            };
            let run = by_oracle::run(&subject).expect("the oracle says what it was read from");
            assert_eq!(differences(&subject.rows, subject.letters, &run), [], "seed {seed}\n{text}");
            rows += count_asked(&run);
            refused += subject.rows.iter().filter(|asked| asked.row.out_of_range).count();
        }
        assert!(rows > 500 && refused > 20, "{rows} rows, {refused} of them out of range");
    }
}
