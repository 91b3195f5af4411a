//! Training sets are what the written semantics say.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use thalweg_backfill::AsOf;
use thalweg_tests::generator::check;
use thalweg_tests::harness::{Request, Workshop, expected, expected_known, same};

use crate::asking::ask_offline;

/// Training sets are what the written semantics say, at either boundary.
#[test]
fn a_training_set_is_what_the_oracle_says() {
    check("a_training_set_is_what_the_oracle_says", 350, |case, chance| {
        let workshop = Workshop::with_all(case, chance)?;
        let request = Request::random(chance);
        let answers = ask_offline(&workshop, &case.questions, &request)?;
        let expected = expected(case, None, &request.as_inclusive(&case.questions));
        same("the training set", &case.questions, &expected, &answers)
    });
}

/// What was known is what the oracle says of the events that the log had by then; where a source does not say
/// when it had them, the request is refused.
#[test]
fn what_was_known_is_what_the_oracle_says() {
    let (differ, refused) = (AtomicU64::new(0), AtomicUsize::new(0));
    check("what_was_known_is_what_the_oracle_says", 420, |case, chance| {
        let workshop = Workshop::with_all(case, chance)?;
        let request = Request { as_of: AsOf::Known, ..Request::random(chance) };
        for view in case.definitions.views.iter().filter(|view| !case.tells_append_times(view)) {
            let source = &case.definitions.sources[view.source].name;
            match workshop.training_set_of(&[view], &case.questions, &request) {
                Err(why) if why.contains(&format!("source `{source}`")) && why.contains("append_time") => {}
                other => return Err(format!("{} is answered as of what was known: {other:?}", view.name)),
            }
            refused.fetch_add(1, Ordering::Relaxed);
        }
        if workshop.views(request.as_of).next().is_none() {
            return Ok(());
        }
        let answers = ask_offline(&workshop, &case.questions, &request)?;
        let questions = request.as_inclusive(&case.questions);
        let known = expected_known(case, &questions);
        let happened = expected(case, None, &questions);
        same("what was known", &case.questions, &known, &answers)?;
        let mut leaking: BTreeMap<String, u64> = BTreeMap::new();
        for (known, happened) in known.iter().zip(&happened) {
            for (column, known) in known {
                let differs = known.value != happened[column].value;
                *leaking.entry(column.clone()).or_default() += u64::from(differs);
            }
        }
        differ.fetch_add(leaking.values().sum(), Ordering::Relaxed);
        let mut found = workshop.leaking_rows(&case.questions, &request)?;
        found.retain(|column, _| leaking.contains_key(column));
        match found == leaking {
            true => Ok(()),
            false => Err(format!("leaking rows: expected {leaking:?}, found {found:?}")),
        }
    });
    let (differ, refused) = (differ.into_inner(), refused.into_inner());
    assert!(differ > 500 && refused > 50, "{differ} answers differ, {refused} requests were refused");
}
