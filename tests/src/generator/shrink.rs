//! Cutting a failing case down to what fails in it.

use super::Case;

/// How many smaller cases are tried at most.
const TRIES: usize = 400;

/// A case that still `fails`, from which nothing more could be taken; and why it fails.
pub fn shrink(case: Case, why: String, fails: impl Fn(&Case) -> Option<String>) -> (Case, String) {
    let mut smallest = (case, why);
    let mut tries = TRIES;
    loop {
        let before = tries;
        let mut improved = false;
        for part in [Part::Arrivals, Part::Questions, Part::Views, Part::Features, Part::Columns] {
            improved |= shrink_part(&mut smallest, part, &mut tries, &fails);
        }
        if !improved || tries == 0 || tries == before {
            return smallest;
        }
    }
}

#[derive(Clone, Copy)]
enum Part {
    Arrivals,
    Questions,
    Views,
    Features,
    Columns,
}

/// Takes away runs of things, long ones first, as long as the case still fails.
fn shrink_part(
    smallest: &mut (Case, String),
    part: Part,
    tries: &mut usize,
    fails: &impl Fn(&Case) -> Option<String>,
) -> bool {
    let mut improved = false;
    let mut run = size(&smallest.0, part).div_ceil(2);
    while run > 0 {
        let mut from = 0;
        while from < size(&smallest.0, part) && *tries > 0 {
            let Some(smaller) = without(&smallest.0, part, from, run) else { break };
            *tries -= 1;
            match fails(&smaller) {
                Some(why) => {
                    *smallest = (smaller, why);
                    improved = true;
                }
                None => from += run,
            }
        }
        run /= 2;
    }
    improved
}

fn size(case: &Case, part: Part) -> usize {
    let features = || case.definitions.views.iter().flat_map(|view| &view.features);
    match part {
        Part::Arrivals => case.arrivals.len(),
        Part::Questions => case.questions.len(),
        Part::Views => case.definitions.views.len(),
        Part::Features => features().count(),
        Part::Columns => features().map(|feature| feature.aggregations.len() + feature.windows.len()).sum(),
    }
}

/// The case without `run` things from the one numbered `from` on, if that can be a case.
fn without(case: &Case, part: Part, from: usize, run: usize) -> Option<Case> {
    let mut smaller = case.clone();
    let goes = |n: usize| (from..from + run).contains(&n);
    let mut counted = 0..;
    let mut next = || counted.next().expect("numbers do not end");
    match part {
        Part::Arrivals => smaller.arrivals.retain(|_| !goes(next())),
        Part::Questions => smaller.questions.retain(|_| !goes(next())),
        Part::Views => smaller.definitions.views.retain(|_| !goes(next())),
        Part::Features => {
            for view in &mut smaller.definitions.views {
                view.features.retain(|_| !goes(next()));
            }
            smaller.definitions.views.retain(|view| !view.features.is_empty());
        }
        Part::Columns => {
            for feature in smaller.definitions.views.iter_mut().flat_map(|view| &mut view.features) {
                feature.aggregations.retain(|_| !goes(next()));
                feature.windows.retain(|_| !goes(next()));
            }
            let features = || smaller.definitions.views.iter().flat_map(|view| &view.features);
            if features().any(|feature| feature.aggregations.is_empty()) {
                return Some(smaller).filter(|_| false);
            }
        }
    }
    (!smaller.definitions.views.is_empty()).then_some(smaller)
}
