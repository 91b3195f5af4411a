//! Rows as of what was known and served, where that is all that had happened.

use std::sync::Arc;

use thalweg_backfill::{AppliedHistory, AsOf, TrainingSetRequest};
use thalweg_definitions::{Layout, Repository};

use super::question::Question;
use super::redefine::telling;
use super::stage::Stage;
use super::subject::Found;
use crate::harness::{Outcome, Pace};

/// Clocks that go on from before this instant do not reach the next ones that are asked.
const EARLIEST: i64 = -1 << 60;

/// How long before the first instant of a row everything is applied: longer than a clock goes on meanwhile.
const BEFOREHAND: i64 = 1 << 40;

impl Stage<'_> {
    /// What training sets as of what was known find for the rows of sources that say no append time, by
    /// definitions in which it is the record's timestamp: those rows by whose instants the log had
    /// everything.
    ///
    /// # Errors
    /// What the engine has against it.
    pub fn known_rows(&self) -> Outcome<Vec<Found>> {
        let repository = telling(self.subject.specification)?;
        let newest = self.subject.arrivals.iter().map(|arrival| arrival.timestamp_ms).max().unwrap_or(0);
        let newest = newest.saturating_mul(1_000);
        let is_asked = |question: &Question| {
            question.as_of == AsOf::EventTime && question.at >= newest && !self.says_append_times(question)
        };
        self.of_alike_rows(is_asked, |features, _, spine| {
            self.training_set(&repository, &self.request(features, AsOf::Known, spine))
        })
    }

    /// What training sets as of what was served find, where a store had applied everything before the first
    /// of the rows' instants, by the same definitions.
    ///
    /// # Errors
    /// What the engine has against it.
    pub fn served_rows(&self) -> Outcome<Vec<Found>> {
        let repository = telling(self.subject.specification)?;
        let is_asked = |question: &Question| {
            question.as_of == AsOf::EventTime
                && !question.refused
                && (EARLIEST..i64::MAX).contains(&question.at)
        };
        let instants =
            || self.subject.questions().filter(|question| is_asked(question)).map(|question| question.at);
        let (Some(first), Some(last)) = (instants().min(), instants().max()) else {
            return Ok(vec![Found::NotAsked; self.subject.rows.len()]);
        };
        let online = self.online("served", &repository, Pace::steady_from(first - BEFOREHAND))?;
        online.set_clock(last);
        let history: Arc<dyn AppliedHistory> = online.history();
        let found = self.of_alike_rows(is_asked, |features, _, spine| {
            let request = TrainingSetRequest {
                history: Some(Arc::clone(&history)),
                ..self.request(features, AsOf::Served, spine)
            };
            self.training_set(&repository, &request)
        });
        online.stop()?;
        found
    }

    /// Whether some source behind `question` has append times of its own.
    fn says_append_times(&self, question: &Question) -> bool {
        let repository: &Repository = &self.subject.repository;
        let Ok(features) = question.features.resolve(repository) else { return true };
        let layout = Layout::new(repository, &features, true);
        let says =
            |source: &str| repository.source(source).is_some_and(|source| source.append_time.is_some());
        layout.is_ok_and(|layout| layout.folds.iter().any(|fold| says(&fold.view.source)))
    }
}
