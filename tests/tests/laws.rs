//! The laws, each tried on random cases: what is defined, what arrives and what is asked are all made up.
//!
//! A failure prints the case, cut down, and a seed. `THALWEG_SEED=… cargo test --test laws NAME` tries it
//! again; `THALWEG_CASES=100 cargo test --test laws` tries each law on a hundred times as many cases.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use rand::Rng;
use rand::seq::SliceRandom;
use thalweg_backfill::AsOf;
use thalweg_core::{Aggregation, Instant, TimeDelta, Value};
use thalweg_tests::definition::is_approximate;
use thalweg_tests::generator::{Arrival, Case, Chance, Question, check};
use thalweg_tests::harness::{
    Answers, Found, Outcome, Pace, Request, Workshop, expected, expected_known, letters, pin_of_prefix, same,
    state_of_image, stream_bytes, training_answers,
};
use thalweg_tests::oracle;

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

/// What was known is what the oracle says of the events that the log had by then; where a source does not say when
/// it had them, the request is refused.
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

/// What was served is what lookups answered then, through restarts and kills; where nobody knows any more, because a
/// kill has taken it, it is refused.
#[test]
fn what_was_served_is_what_lookups_answered() {
    let (compared, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    check("what_was_served_is_what_lookups_answered", 120, |case, chance| {
        let workshop = Workshop::new(case)?;
        let begin = case.questions.first().map_or(0, |question| question.at.clamp(-1 << 60, 1 << 60));
        let (mut store, mut lives) = ("store0".to_owned(), 0);
        let mut online = workshop.go_online(&store, Pace::random_from(begin, chance, case))?;
        let mut answered: Vec<(Vec<Question>, Answers)> = Vec::new();
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
            answered.push((questions, found.answers));
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
        for (questions, answers) in &answered {
            let set = match workshop.training_set(questions, &request) {
                Err(why) if why.contains("what was served of topic") => {
                    refused.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                set => set?,
            };
            let rows = training_answers(&workshop, questions, &set)?;
            compared.fetch_add(rows.iter().map(BTreeMap::len).sum(), Ordering::Relaxed);
            same("what was served", questions, &rows, answers)?;
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

/// Whether a list of percentiles is within 1 % of what it should be, or a count of few values within its error.
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

/// I3: a view that is defined later, or in another way than before, is rebuilt beside the others, which see again
/// what they have seen and fold nothing of it twice.
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

/// I4: one commit, the same bytes, whatever has been appended since.
#[test]
fn a_commit_gives_the_same_bytes() {
    check("a_commit_gives_the_same_bytes", 100, |case, chance| {
        let workshop = Workshop::new(case)?;
        let (before, after) = case.arrivals.split_at(chance.random_range(0..=case.arrivals.len()));
        workshop.append(before, chance)?;
        let request = Request::random(chance);
        let first = workshop.training_set(&case.questions, &request)?;
        let pinned = Request { pin: Some(first.commit.manifest.pin.clone()), ..request.clone() };
        workshop.append(after, chance)?;
        let again = workshop.training_set(&case.questions, &pinned)?;
        if first.commit != again.commit {
            return Err(format!("the pin of {:?} gives {:?}", first.commit, again.commit));
        }
        if stream_bytes(&first)? != stream_bytes(&again)? {
            return Err(format!("commit {} gave other bytes the second time", first.commit.id));
        }
        let now = workshop.training_set(&case.questions, &request)?;
        let moved = now.commit.manifest.pin != first.commit.manifest.pin;
        if moved == (now.commit.id == first.commit.id) {
            return Err("the commit id does not go with the pin".to_owned());
        }
        Ok(())
    });
}

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

/// How many columns the views have.
fn columns(case: &Case) -> usize {
    case.definitions.count_columns()
}

fn ask_offline(workshop: &Workshop, questions: &[Question], request: &Request) -> Outcome<Answers> {
    training_answers(workshop, questions, &workshop.training_set(questions, request)?)
}

/// Checks what was found online against the training set pinned at what was applied, and against the oracle.
fn same_as_training_rows(workshop: &Workshop, case: &Case, questions: &[Question], found: &Found) -> Outcome {
    let now = workshop.training_set(&[], &Request::default())?.commit.manifest.pin;
    let pin = Some(pin_of_prefix(case, &now, &found.applied));
    let rows = ask_offline(workshop, questions, &Request { pin, ..Request::default() })?;
    same("online, against the training set", questions, &rows, &found.answers)?;
    same("offline, against the oracle", questions, &expected(case, Some(&found.applied), questions), &rows)
}

/// The case's questions, and each again at an instant that lookups most probably reach.
fn answerable(case: &Case, chance: &mut Chance) -> Vec<Question> {
    let newest = |source: usize| {
        let events = case.events(source);
        let time = |event| Some(oracle::time_of(&case.definitions.sources[source], event)?.0);
        events.iter().filter_map(time).max()
    };
    let latest = (0..case.definitions.sources.len()).filter_map(newest).max();
    let mut questions = case.questions.clone();
    if let Some(latest) = latest {
        let mut again = case.questions.clone();
        for question in &mut again {
            let view = chance.random_range(0..case.definitions.views.len());
            let lookback =
                case.definitions.views[view].reach_back().map_or(0, |lookback| lookback.as_micros());
            let back = [0, lookback / 2, lookback][chance.random_range(0..3)];
            question.at = latest.saturating_sub(back).saturating_add(chance.random_range(0..2));
        }
        questions.extend(again);
    }
    questions
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

/// The columns whose values may go by partitions and offsets, all of a table among them, because two events of a view are of one key, one
/// instant and one `order_by`.
fn columns_that_go_by_ties(case: &Case) -> Vec<String> {
    let mut columns = Vec::new();
    for view in &case.definitions.views {
        let events = case.events(view.source);
        let placed = oracle::placed_events(&case.definitions, view, &events);
        let tied = |n: usize| {
            let one = &placed[n];
            placed[n + 1..].iter().any(|o| (o.time, o.order_by, &o.key) == (one.time, one.order_by, &one.key))
        };
        if !(0..placed.len()).any(tied) {
            continue;
        }
        let is_table = case.definitions.sources[view.source].is_table;
        let by_order = |aggregation: &Aggregation| {
            use Aggregation::{First, FirstN, Last, LastN, MaxBy, MinBy};
            let by_ends = matches!(aggregation, First { .. } | Last { .. } | FirstN { .. } | LastN { .. });
            is_table || by_ends || matches!(aggregation, MinBy | MaxBy)
        };
        let of_view = view.columns();
        let by_order = of_view.iter().filter(|column| by_order(&column.aggregation));
        columns.extend(by_order.map(|column| format!("{}__{}", view.name, column.name)));
    }
    for view in &case.definitions.on_demand {
        let full_name = |(of_view, column): &(String, String)| format!("{of_view}__{column}");
        if view.inputs.iter().any(|input| columns.contains(&full_name(input))) {
            columns.extend(view.features.iter().map(|feature| format!("{}__{}", view.name, feature.name)));
        }
    }
    columns
}
