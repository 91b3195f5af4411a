//! Reading order is nothing (I3).

use rand::Rng;
use rand::seq::SliceRandom;
use thalweg_core::TimeDelta;
use thalweg_tests::generator::{Arrival, Case, Chance, check};
use thalweg_tests::harness::{Pace, Request, Workshop, expected, same};

use crate::asking::ask_offline;
use crate::ties::columns_that_go_by_ties;

/// I3: for one log, nothing of how it is written, read and applied shows in a value.
#[test]
fn how_a_log_is_read_changes_nothing() {
    check("how_a_log_is_read_changes_nothing", 120, |case, chance| {
        let request = Request::default();
        let once = Workshop::with_all(case, chance)?;
        let known = ask_offline(&once, &case.questions, &request)?;
        // The partitions' records interleaved in another way and in other batches: the same log.
        let other = Case { arrivals: interleaved(case, chance), ..case.clone() };
        let again = Workshop::with_all(&other, chance)?;
        same(
            "another interleaving",
            &case.questions,
            &known,
            &ask_offline(&again, &case.questions, &request)?,
        )?;
        for store in ["one", "another"] {
            let online = again.go_online(store, Pace::random(chance, case))?;
            online.catch_up(&again)?;
            same("online", &case.questions, &known, &online.look_up(case, &case.questions)?.answers)?;
            online.stop()?;
            // What is decoded from files anew is what was in memory.
            let online = again.go_online(store, Pace::random(chance, case))?;
            same("restarted", &case.questions, &known, &online.look_up(case, &case.questions)?.answers)?;
        }
        Ok(())
    });
}

/// I3: the same events in other partitions give the same values, but for those that go by an order which only
/// partitions and offsets tell.
#[test]
fn other_partitions_change_nothing_but_ties() {
    check("other_partitions_change_nothing_but_ties", 120, |case, chance| {
        let mut other = case.clone();
        other.partitions.iter_mut().for_each(|partitions| *partitions = chance.random_range(1..6));
        other.arrivals.shuffle(chance);
        for arrival in &mut other.arrivals {
            arrival.partition = chance.random_range(0..other.partitions[arrival.source]);
        }
        let (one, another) = (Workshop::with_all(case, chance)?, Workshop::with_all(&other, chance)?);
        let request = Request::default();
        let known = ask_offline(&one, &case.questions, &request)?;
        let mut found = ask_offline(&another, &case.questions, &request)?;
        for column in columns_that_go_by_ties(case) {
            found.iter_mut().for_each(|answers| drop(answers.remove(&column)));
        }
        same("in other partitions", &case.questions, &known, &found)
    });
}

/// I3: a view that is defined later, or in another way than before, is rebuilt beside the others, which see
/// again what they have seen and fold nothing of it twice.
#[test]
fn views_that_come_later_catch_up() {
    check("views_that_come_later_catch_up", 80, |case, chance| {
        let whole = Workshop::new(case)?;
        let (before, after) = case.arrivals.split_at(chance.random_range(0..=case.arrivals.len()));
        whole.append(before, chance)?;
        let mut fewer = case.definitions.clone();
        for view in &mut fewer.views {
            // Another ttl is another view; the same features under it are other values.
            let changed = chance.random_bool(0.3);
            view.ttl = if changed { Some(TimeDelta::from_micros(1)) } else { view.ttl };
        }
        let kept = chance.random_range(1..=fewer.views.len());
        fewer.views.truncate(kept);
        fewer.drop_dangling();
        let first = whole.redefined(fewer)?;
        let online = first.go_online("store", Pace::random(chance, case))?;
        if chance.random_bool(0.7) {
            online.catch_up(&first)?;
        }
        online.stop()?;
        let online = whole.go_online("store", Pace::random(chance, case))?;
        whole.append(after, chance)?;
        online.catch_up(&whole)?;
        let found = online.look_up(case, &case.questions)?;
        same("caught up", &case.questions, &expected(case, None, &case.questions), &found.answers)?;
        online.stop()
    });
}

/// The arrivals in another order in which each partition's come as before.
fn interleaved(case: &Case, chance: &mut Chance) -> Vec<Arrival> {
    let mut order: Vec<_> = case.arrivals.iter().map(|arrival| (arrival.source, arrival.partition)).collect();
    order.shuffle(chance);
    let mut taken = vec![false; case.arrivals.len()];
    let next = |place: &(usize, i32)| {
        let mut open =
            case.arrivals.iter().enumerate().filter(|(n, a)| !taken[*n] && (a.source, a.partition) == *place);
        let (n, arrival) = open.next().expect("as many as there are of this partition");
        let arrival = arrival.clone();
        taken[n] = true;
        arrival
    };
    order.iter().map(next).collect()
}
