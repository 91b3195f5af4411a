//! One moment between two batches, at which a lookup reads.

use arrow::array::BinaryArray;
use thalweg_core::Instant;
use thalweg_definitions::Fold;
use thalweg_store::{Found, Reading, TopicId};

use super::{Lookup, topic_of};
use crate::Error;
use crate::config::Clock;

/// The states that a lookup reads, all at one moment: nothing is applied while this lives, so that it should
/// not live long.
pub(crate) struct Moment<'a> {
    lookup: &'a Lookup<'a>,
    readings: Vec<Reading<'a>>,
}

impl<'a> Moment<'a> {
    /// The moment of `readings`; none if one of them has been replaced. While the guards are held none of
    /// them can be. So all views are of the definitions asked, or none is asked.
    pub(super) fn new(lookup: &'a Lookup<'a>, readings: Vec<Reading<'a>>) -> Option<Self> {
        (!readings.iter().any(Reading::is_retired)).then_some(Self { lookup, readings })
    }

    /// The least watermark of the sources; none where nothing has been applied of one.
    pub(crate) fn watermark(&self) -> Option<Instant> {
        let watermark = |fold: &Fold<'_>| self.reading(fold).watermark(&fold.view.source);
        self.lookup.layout.folds.iter().map(watermark).min().flatten()
    }

    /// What now is by `clock`, where `wall` tells the time of day.
    pub(crate) fn now(&self, clock: Clock, wall: impl FnOnce() -> Instant) -> Instant {
        match clock {
            Clock::Wall => wall(),
            Clock::Stream => self.watermark().unwrap_or(Instant::MIN),
        }
    }

    /// The earliest instant that all views answer; none if they answer all.
    ///
    /// # Errors
    /// A view without a state.
    pub(crate) fn horizon(&self) -> Result<Option<Instant>, Error> {
        let mut latest = None;
        for fold in &self.lookup.layout.folds {
            latest = latest.max(self.reading(fold).horizon(&fold.view.name)?);
        }
        Ok(latest)
    }

    /// What each fold holds for all rows at `at`.
    ///
    /// # Errors
    /// OUT_OF_RANGE or FAILED_PRECONDITION, as the wire contract says.
    pub(crate) fn find(&self, at: Instant) -> Result<Vec<Found>, Error> {
        self.of_folds(|reading, fold, keys| Ok(reading.lookup(&fold.view.name, keys, at)?))
    }

    /// What each fold holds for each row at an instant of its own.
    ///
    /// # Errors
    /// Those of [`find`](Self::find).
    pub(crate) fn find_each(&self, instants: &[Instant]) -> Result<Vec<Found>, Error> {
        self.of_folds(|reading, fold, keys| {
            let mut all = reading.lookup(&fold.view.name, &keys.slice(0, 0), Instant::MAX)?;
            for (row, at) in instants.iter().enumerate() {
                let found = reading.lookup(&fold.view.name, &keys.slice(row, 1), *at)?;
                all.rows.extend(found.rows);
                all.last_event_times.extend(found.last_event_times);
                all.overflows += found.overflows;
            }
            Ok(all)
        })
    }

    /// Next offset applied, by topic and partition.
    pub(crate) fn applied(&self) -> Vec<(String, i32, i64)> {
        let of = |reading: &Reading<'_>| {
            let applied = reading.applied().iter();
            applied.map(|(&at, &next)| (reading.topic().to_owned(), at, next)).collect::<Vec<_>>()
        };
        self.readings.iter().flat_map(of).collect()
    }

    /// The topics that are read, each with its id once anything is known of it.
    pub(crate) fn topics(&self) -> Vec<(String, Option<TopicId>)> {
        self.readings.iter().map(|reading| (reading.topic().to_owned(), reading.topic_id())).collect()
    }

    fn of_folds(
        &self,
        find: impl Fn(&Reading<'_>, &Fold<'_>, &BinaryArray) -> Result<Found, Error>,
    ) -> Result<Vec<Found>, Error> {
        let folds = self.lookup.layout.folds.iter().zip(&self.lookup.keys);
        folds.map(|(fold, keys)| find(self.reading(fold), fold, keys)).collect()
    }

    fn reading(&self, fold: &Fold<'_>) -> &Reading<'a> {
        let topic = topic_of(self.lookup.repository, fold);
        let reading = self.readings.iter().find(|reading| reading.topic() == topic);
        reading.expect("a lookup reads the topics of its folds")
    }
}
