//! What was served.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use rand::Rng;
use thalweg_backfill::AsOf;
use thalweg_tests::generator::{Question, check};
use thalweg_tests::harness::{
    Found, Pace, Request, Workshop, expected, same, stream_bytes, training_answers,
};

/// What was served is what lookups answered then, and what the oracle says of the events that were applied by
/// then, through restarts and kills; where nobody knows any more, because a kill has taken it, it is refused.
#[test]
fn what_was_served_is_what_lookups_answered() {
    let (compared, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    check("what_was_served_is_what_lookups_answered", 120, |case, chance| {
        let workshop = Workshop::new(case)?;
        let begin = case.questions.first().map_or(0, |question| question.at.clamp(-1 << 60, 1 << 60));
        let (mut store, mut lives) = ("store0".to_owned(), 0);
        let mut online = workshop.go_online(&store, Pace::random_from(begin, chance, case))?;
        let mut answered: Vec<(Vec<Question>, Found)> = Vec::new();
        let mut rest = case.arrivals.as_slice();
        let mut appended = 0;
        while !rest.is_empty() {
            let (run, after) = rest.split_at(chance.random_range(1..=rest.len()));
            (rest, appended) = (after, appended + run.len());
            workshop.append(run, chance)?;
            if chance.random_bool(0.6) {
                online.catch_up(&workshop)?;
            }
            let (questions, found) = online.look_up_now(&case.prefix(appended), &case.questions)?;
            answered.push((questions, found));
            // The clock of the next life goes on well after that of this one.
            let pace = Pace::random_from(online.clock().saturating_add(1 << 40), chance, case);
            match chance.random_range(0..6) {
                0 => {
                    online.stop()?;
                    online = workshop.go_online(&store, pace)?;
                }
                1 => {
                    lives += 1;
                    store = format!("store{lives}");
                    online.image(&store)?;
                    drop(online);
                    online = workshop.go_online(&store, pace)?;
                }
                _ => {}
            }
        }
        online.catch_up(&workshop)?;
        if workshop.views(AsOf::Served).next().is_none() {
            return Ok(());
        }
        let request = Request { as_of: AsOf::Served, history: Some(online.history()), ..Request::default() };
        for (questions, found) in &answered {
            let set = match workshop.training_set(questions, &request) {
                Err(why) if why.contains("what was served of topic") => {
                    refused.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                set => set?,
            };
            let rows = training_answers(&workshop, questions, &set)?;
            compared.fetch_add(rows.iter().map(BTreeMap::len).sum(), Ordering::Relaxed);
            same("what was served", questions, &rows, &found.answers)?;
            let folded = expected(case, Some(&found.applied), questions);
            same("what was served, against the oracle", questions, &folded, &rows)?;
            let again = workshop.training_set(questions, &request)?;
            if again.commit.id != set.commit.id || stream_bytes(&again)? != stream_bytes(&set)? {
                return Err("what was served is another the second time".to_owned());
            }
        }
        online.stop()
    });
    let (compared, refused) = (compared.into_inner(), refused.into_inner());
    assert!(compared > 1_000 && refused > 5, "{compared} answers were compared, {refused} sets refused");
}
