//! Asking questions of cases.

use rand::Rng;
use thalweg_tests::generator::{Case, Chance, Question};
use thalweg_tests::harness::{Answers, Outcome, Request, Workshop, training_answers};
use thalweg_tests::oracle;

/// What the training set of `request` answers.
pub fn ask_offline(workshop: &Workshop, questions: &[Question], request: &Request) -> Outcome<Answers> {
    training_answers(workshop, questions, &workshop.training_set(questions, request)?)
}

/// The case's questions, and each again at an instant that lookups most probably reach.
pub fn answerable(case: &Case, chance: &mut Chance) -> Vec<Question> {
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
