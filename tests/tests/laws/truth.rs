//! No leakage (I1) and one truth (I2).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use rand::Rng;
use thalweg_core::Instant;
use thalweg_tests::generator::{Arrival, Case, Question, check};
use thalweg_tests::harness::{Found, Outcome, Pace, Request, Workshop, expected, pin_of_prefix, same};
use thalweg_tests::oracle;

use crate::asking::{answerable, ask_offline};

/// I1: what happens after T changes nothing at T.
#[test]
fn later_events_change_nothing() {
    check("later_events_change_nothing", 150, |case, chance| {
        let Some(at) = case.questions.first().map(|question| question.at) else { return Ok(()) };
        let questions: Vec<_> =
            case.questions.iter().map(|question| Question { at, ..question.clone() }).collect();
        let mut past = case.clone();
        past.arrivals.retain(|arrival| !happens_after(case, arrival, at));
        let before = Workshop::with_all(&past, chance)?;
        let after = Workshop::with_all(case, chance)?;
        let request = Request::default();
        let known = ask_offline(&before, &questions, &request)?;
        same("offline", &questions, &known, &ask_offline(&after, &questions, &request)?)?;
        let online = after.go_online("store", Pace::random(chance, case))?;
        online.catch_up(&after)?;
        same("online", &questions, &known, &online.look_up(case, &questions)?.answers)
    });
}

/// I2: whatever has been applied, lookups give what a training set pinned there gives, also after restarts.
#[test]
fn online_answers_are_training_rows() {
    let (asked, answered) = (AtomicUsize::new(0), AtomicUsize::new(0));
    check("online_answers_are_training_rows", 250, |case, chance| {
        let workshop = Workshop::new(case)?;
        let mut online = workshop.go_online("store", Pace::random(chance, case))?;
        let mut rest = case.arrivals.as_slice();
        let mut appended = 0;
        loop {
            let (run, after) = rest.split_at(chance.random_range(rest.len().min(1)..=rest.len()));
            rest = after;
            appended += run.len();
            workshop.append(run, chance)?;
            if chance.random_bool(0.7) || rest.is_empty() {
                online.catch_up(&workshop)?;
            }
            let arrived = case.prefix(appended);
            let questions = answerable(&arrived, chance);
            let found = online.look_up(&arrived, &questions)?;
            same_as_training_rows(&workshop, &arrived, &questions, &found)?;
            asked.fetch_add(questions.len() * columns(&arrived), Ordering::Relaxed);
            answered.fetch_add(found.answers.iter().map(BTreeMap::len).sum(), Ordering::Relaxed);
            if rest.is_empty() {
                return must_answer(&arrived, &questions, &found);
            }
            if chance.random_bool(0.25) {
                online.stop()?;
                online = workshop.go_online("store", Pace::random(chance, case))?;
            }
        }
    });
    let (asked, answered) = (asked.into_inner(), answered.into_inner());
    assert!(answered * 3 > asked, "{answered} answers to {asked} questions: hardly anything was compared");
}

/// How many columns the views have.
fn columns(case: &Case) -> usize {
    case.definitions.count_columns()
}

/// Checks what was found online against the training set pinned at what was applied, and against the oracle.
fn same_as_training_rows(workshop: &Workshop, case: &Case, questions: &[Question], found: &Found) -> Outcome {
    let now = workshop.training_set(&[], &Request::default())?.commit.manifest.pin;
    let pin = Some(pin_of_prefix(case, &now, &found.applied));
    let rows = ask_offline(workshop, questions, &Request { pin, ..Request::default() })?;
    same("online, against the training set", questions, &rows, &found.answers)?;
    same("offline, against the oracle", questions, &expected(case, Some(&found.applied), questions), &rows)
}

/// Checks that with everything applied every question is answered that lies within the lookback.
fn must_answer(case: &Case, questions: &[Question], found: &Found) -> Outcome {
    for view in &case.definitions.views {
        let source = &case.definitions.sources[view.source];
        let events = case.events(view.source);
        let watermark = oracle::watermark(source, &events, &found.applied[view.source]);
        let earliest = view.reach_back().zip(watermark).map(|(lookback, watermark)| {
            Instant::from_micros(watermark).saturating_sub(lookback).as_micros()
        });
        for (question, answers) in questions.iter().zip(&found.answers) {
            let answered = answers.keys().any(|column| column.starts_with(&format!("{}__", view.name)));
            if !answered && earliest.is_none_or(|earliest| question.at >= earliest) {
                return Err(format!("{} does not answer {question}", view.name));
            }
        }
    }
    Ok(())
}

fn happens_after(case: &Case, arrival: &Arrival, at: i64) -> bool {
    let source = &case.definitions.sources[arrival.source];
    oracle::time_of(source, &arrival.as_event(0)).is_some_and(|(time, _)| time > at)
}
