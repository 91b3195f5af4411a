//! Cutting a failing case down to what fails in it.

use super::Case;
use crate::definition::View;

/// How many smaller cases are tried at most.
const TRIES: usize = 400;

/// A case that still `fails`, from which nothing more could be taken; and why it fails.
pub fn shrink(case: Case, why: String, fails: impl Fn(&Case) -> Option<String>) -> (Case, String) {
    let mut smallest = (case, why);
    let mut tries = TRIES;
    loop {
        let before = tries;
        let mut improved = false;
        for part in [
            Part::Arrivals,
            Part::Questions,
            Part::OnDemand,
            Part::Computed,
            Part::Views,
            Part::Features,
            Part::Columns,
            Part::Conditions,
        ] {
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
    OnDemand,
    Computed,
    Views,
    Features,
    Columns,
    Conditions,
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
            let smaller = without(&smallest.0, part, from, run);
            *tries -= usize::from(smaller.is_some());
            match smaller.and_then(|smaller| Some((fails(&smaller)?, smaller))) {
                Some((why, smaller)) => {
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
        Part::OnDemand => case.definitions.on_demand.len(),
        Part::Computed => case.definitions.on_demand.iter().map(|view| view.features.len()).sum(),
        Part::Views => case.definitions.views.len(),
        Part::Features => features().count(),
        Part::Columns => features().map(|feature| feature.aggregations.len() + feature.windows.len()).sum(),
        Part::Conditions => {
            let conditions = |view: &View| [view.filter.is_some(), view.ttl.is_some(), view.forget.is_some()];
            let of_views = case.definitions.views.iter().flat_map(conditions);
            let of_features = features().map(|feature| feature.filter.is_some());
            of_views.chain(of_features).filter(|is_there| *is_there).count()
        }
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
        Part::OnDemand => smaller.definitions.on_demand.retain(|_| !goes(next())),
        Part::Computed => {
            for view in &mut smaller.definitions.on_demand {
                view.features.retain(|_| !goes(next()));
            }
            smaller.definitions.on_demand.retain(|view| !view.features.is_empty());
        }
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
                return None;
            }
        }
        Part::Conditions => {
            for view in &mut smaller.definitions.views {
                view.filter = view.filter.take().filter(|_| !goes(next()));
                view.ttl = view.ttl.filter(|_| !goes(next()));
                view.forget = view.forget.filter(|_| !goes(next()));
                for feature in &mut view.features {
                    feature.filter = feature.filter.take().filter(|_| !goes(next()));
                }
            }
        }
    }
    smaller.definitions.drop_dangling();
    (!smaller.definitions.views.is_empty()).then_some(smaller)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;
    use crate::generator::Chance;

    #[test]
    fn what_does_not_matter_goes() {
        let case = Case::generate(&mut Chance::seed_from_u64(3));
        let marked = |case: &Case| case.arrivals.iter().any(|arrival| arrival.row.is_some());
        assert!(marked(&case) && case.arrivals.len() > 1, "a case with something to take away");
        let (smallest, why) =
            shrink(case, "at first".to_owned(), |case| marked(case).then(|| "still".to_owned()));
        let views = &smallest.definitions.views;
        assert_eq!((smallest.arrivals.len(), smallest.questions.len(), views.len()), (1, 0, 1));
        assert!(smallest.definitions.on_demand.is_empty());
        assert_eq!((views[0].features.len(), views[0].columns().len()), (1, 1));
        assert!(views[0].filter.is_none() && views[0].ttl.is_none() && views[0].features[0].filter.is_none());
        assert_eq!(why, "still");
    }
}
