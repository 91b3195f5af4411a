//! Nothing is lost and nothing doubled (I5).

use rand::Rng;
use thalweg_tests::generator::check;
use thalweg_tests::harness::{Pace, Workshop, expected, letters, same, state_of_image};
use thalweg_tests::oracle;

use crate::asking::answerable;

/// I5: after a kill at any moment the state is the fold of a prefix of the log; in the end nothing is lost or
/// doubled, and every dead letter is there once.
#[test]
fn a_kill_loses_and_doubles_nothing() {
    check("a_kill_loses_and_doubles_nothing", 120, |case, chance| {
        let workshop = Workshop::new(case)?;
        let mut store = "store0".to_owned();
        let mut rest = case.arrivals.as_slice();
        let mut appended = 0;
        for life in 1.. {
            let online = workshop.go_online(&store, Pace::random(chance, case))?;
            let (run, after) = rest.split_at(chance.random_range(rest.len().min(1)..=rest.len()));
            (rest, appended) = (after, appended + run.len());
            workshop.append(run, chance)?;
            if rest.is_empty() {
                online.catch_up(&workshop)?;
                let found = online.look_up(case, &case.questions)?;
                same("in the end", &case.questions, &expected(case, None, &case.questions), &found.answers)?;
                online.stop()?;
                break;
            }
            if chance.random_bool(0.5) {
                online.catch_up(&workshop)?;
            }
            store = format!("store{life}");
            online.image(&store)?;
            drop(online);
            let arrived = case.prefix(appended);
            let questions = answerable(&arrived, chance);
            let found = state_of_image(&workshop, &store, &questions)?;
            let prefix = expected(&arrived, Some(&found.applied), &questions);
            same("after a kill", &questions, &prefix, &found.answers)?;
        }
        for (source, defined) in case.definitions.sources.iter().enumerate() {
            if !case.definitions.views.iter().any(|view| view.source == source) {
                continue;
            }
            let expected = oracle::dead_events(&case.definitions, source, &case.events(source));
            let found = letters(&workshop, source)?;
            if found != expected {
                return Err(format!(
                    "dead letters of {}: expected {expected:?}, found {found:?}",
                    defined.name
                ));
            }
        }
        Ok(())
    });
}
