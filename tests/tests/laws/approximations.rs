//! What is approximate is so within its bounds.

use std::sync::atomic::{AtomicUsize, Ordering};

use thalweg_core::{Instant, Value};
use thalweg_tests::definition::is_approximate;
use thalweg_tests::generator::check;
use thalweg_tests::harness::{Request, Workshop};
use thalweg_tests::oracle;

use crate::asking::ask_offline;

/// What is approximate is as near to the oracle's exact values as it says.
#[test]
fn approximations_keep_their_bounds() {
    let compared = AtomicUsize::new(0);
    check("approximations_keep_their_bounds", 150, |case, chance| {
        let workshop = Workshop::with_all(case, chance)?;
        let answers = ask_offline(&workshop, &case.questions, &Request::default())?;
        for view in &case.definitions.views {
            let events = case.events(view.source);
            let placed = oracle::placed_events(&case.definitions, view, &events);
            let join_keys = &case.definitions.entities[view.entity].join_keys;
            let columns = view.columns();
            for column in columns.iter().filter(|column| is_approximate(&column.aggregation)) {
                let name = format!("{}__{}", view.name, column.name);
                for (question, answers) in case.questions.iter().zip(&answers) {
                    let key: Vec<_> = join_keys.iter().map(|(part, _)| question.keys[part].clone()).collect();
                    let at = Instant::from_micros(question.at);
                    let (exact, status) = oracle::value(view, column, &placed, &key, at);
                    let Some(found) = answers.get(&name) else { return Err(format!("{name} is missing")) };
                    if found.status != status || !is_near(&exact, &found.value) {
                        return Err(format!(
                            "{name} {question}: found {found:?}, and it is {exact:?} {status:?}"
                        ));
                    }
                    compared.fetch_add(usize::from(!exact.is_null()), Ordering::Relaxed);
                }
            }
        }
        Ok(())
    });
    assert!(compared.into_inner() > 1_000, "hardly anything was compared");
}

/// Whether a list of percentiles is within 1 % of what it should be, or a count of few values within its
/// error.
fn is_near(exact: &Value, found: &Value) -> bool {
    match (exact, found) {
        (Value::List(exact), Value::List(found)) => {
            exact.len() == found.len() && exact.iter().zip(found).all(|(exact, found)| is_near(exact, found))
        }
        (Value::Int64(exact), Value::Int64(found)) => (exact - found).abs() <= 2 + exact / 20,
        (Value::Float64(exact), Value::Float64(found)) if exact.is_finite() => {
            (exact - found).abs() <= 0.01 * exact.abs()
        }
        _ => exact == found,
    }
}
