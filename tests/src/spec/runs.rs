//! Going through the modes.

use std::slice;
use std::sync::Arc;

use thalweg_definitions::Repository;

use super::arrival::{Arrival, shuffled, spread};
use super::by_oracle;
use super::mode::Mode;
use super::redefine::redefined;
use super::stage::Stage;
use super::subject::{Found, Run, Subject};
use crate::harness::{Online, Outcome, Pace, failed};
use crate::kafka::{Namespace, broker};

/// The seed of the other order of arrival.
const SHUFFLE: u64 = 2;

/// A file on its way through the modes; some share what they have set up.
pub struct Runner<'a> {
    subject: &'a Subject<'a>,
    whole: Option<Whole<'a>>,
}

/// The log as it is written, and what lookups found over it.
struct Whole<'a> {
    stage: Stage<'a>,
    lookup: Run,
    stream_clock: Outcome<Run>,
}

impl<'a> Runner<'a> {
    /// A runner that has not run.
    pub const fn new(subject: &'a Subject<'a>) -> Self {
        Self { subject, whole: None }
    }

    /// Goes through `mode`, in one way or several.
    ///
    /// # Errors
    /// What the engine has against it.
    pub fn run(&mut self, mode: Mode) -> Outcome<Vec<Run>> {
        let subject = self.subject;
        match mode {
            Mode::Oracle => Ok(vec![by_oracle::run(subject)?]),
            Mode::Lookup => Ok(vec![self.whole()?.lookup.clone()]),
            Mode::StreamClock => Ok(vec![self.whole()?.stream_clock.clone()?]),
            Mode::TrainingSet => Ok(vec![training_set(&self.whole()?.stage, "")?]),
            Mode::Exchange => Ok(vec![offline(self.whole()?.stage.exchanged_rows()?)]),
            Mode::Snapshot => Ok(vec![offline(self.whole()?.stage.snapshot_rows()?)]),
            Mode::FeatureHistory => Ok(vec![offline(self.whole()?.stage.history_rows()?)]),
            Mode::Known => Ok(vec![offline(self.whole()?.stage.known_rows()?)]),
            Mode::Served => Ok(vec![offline(self.whole()?.stage.served_rows()?)]),
            Mode::Rebuilt => {
                let stage = &self.whole()?.stage;
                stage.drop_store(FIRST)?;
                let online = stage.online(FIRST, &subject.repository, Pace::steady())?;
                Ok(vec![lookup(stage, online, &subject.arrivals, "")?])
            }
            Mode::Restarts => Ok(vec![restarts(subject)?]),
            Mode::Redelivered => Ok(vec![redelivered(subject)?]),
            Mode::Redefined => Ok(vec![between(subject, &redefined(subject.specification)?)?]),
            Mode::Kafka => {
                let log = Namespace::new(&broker()).map_err(failed("a client of the broker"))?;
                let stage = Stage::over(subject, subject.partitions, log)?;
                stage.append(&subject.arrivals)?;
                both_ways_over(&stage, &subject.arrivals, "")
            }
            Mode::Shuffled => {
                both_ways(subject, subject.partitions, &shuffled(&subject.arrivals, SHUFFLE), "")
            }
            Mode::Partitions => {
                let mut runs = Vec::new();
                for partitions in 1..=3 {
                    let arrivals = spread(&subject.arrivals, partitions);
                    runs.extend(both_ways(subject, partitions, &arrivals, &format!("{partitions}: "))?);
                }
                Ok(runs)
            }
        }
    }

    fn whole(&mut self) -> Outcome<&Whole<'a>> {
        if self.whole.is_none() {
            self.whole = Some(Whole::new(self.subject)?);
        }
        self.whole.as_ref().ok_or_else(|| "nothing was set up".to_owned())
    }
}

/// The name of the store that all modes over the log as it is written have in turn.
const FIRST: &str = "store";

impl<'a> Whole<'a> {
    fn new(subject: &'a Subject<'a>) -> Outcome<Self> {
        let stage = Stage::with(subject, subject.partitions, &subject.arrivals)?;
        let online = stage.online(FIRST, &subject.repository, Pace::steady())?;
        let defined = subject.defined.as_ref().ok();
        let now = stage.look_up_now(&online, |question| {
            defined.and_then(|defined| by_oracle::watermark(subject, defined, question))
        });
        let stream_clock =
            now.map(|rows| Run { what: String::new(), online: true, rows, letters: None, leakage: None });
        let lookup = lookup(&stage, online, &subject.arrivals, "")?;
        Ok(Self { stage, lookup, stream_clock })
    }
}

/// Asks the rows, and then, since letters are written with commits, ends the ingest and reads the dead
/// letters.
fn lookup(stage: &Stage, online: Online, arrivals: &[Arrival], what: &str) -> Outcome<Run> {
    let rows = stage.look_up(&online)?;
    online.stop()?;
    let letters = Some(stage.letters(arrivals)?);
    Ok(Run { what: what.to_owned(), online: true, rows, letters, leakage: None })
}

fn offline(rows: Vec<Found>) -> Run {
    Run { what: String::new(), online: false, rows, letters: None, leakage: None }
}

fn training_set(stage: &Stage, what: &str) -> Outcome<Run> {
    let (rows, leakage) = (stage.training_rows()?, Some(stage.leaking_rows()?));
    Ok(Run { what: what.to_owned(), online: false, rows, letters: None, leakage })
}

fn both_ways(subject: &Subject, partitions: i32, arrivals: &[Arrival], what: &str) -> Outcome<Vec<Run>> {
    both_ways_over(&Stage::with(subject, partitions, arrivals)?, arrivals, what)
}

fn both_ways_over(stage: &Stage, arrivals: &[Arrival], what: &str) -> Outcome<Vec<Run>> {
    let online = stage.online(FIRST, &stage.subject.repository, Pace::steady())?;
    let offline = training_set(stage, &format!("{what}training set"))?;
    Ok(vec![lookup(stage, online, arrivals, &format!("{what}lookup"))?, offline])
}

fn restarts(subject: &Subject) -> Outcome<Run> {
    let stage = Stage::new(subject, subject.partitions)?;
    for arrival in &subject.arrivals {
        stage.append(slice::from_ref(arrival))?;
        stage.online(FIRST, &subject.repository, Pace::steady())?.stop()?;
    }
    let online = stage.online(FIRST, &subject.repository, Pace::steady())?;
    lookup(&stage, online, &subject.arrivals, "")
}

/// Before each event the files are set aside. The event is applied, its dead letters are written, and the
/// ingest is killed: it goes on with the files that were set aside, which know nothing of the event, and is
/// given it again.
fn redelivered(subject: &Subject) -> Outcome<Run> {
    let stage = Stage::new(subject, subject.partitions)?;
    let name = |life: usize| format!("life{life}");
    for (life, arrival) in subject.arrivals.iter().enumerate() {
        let online = stage.online(&name(life), &subject.repository, Pace::steady())?;
        online.image(&name(life + 1))?;
        stage.append(slice::from_ref(arrival))?;
        stage.catch_up(&online, &subject.repository)?;
        drop(online);
        stage.drop_store(&name(life))?;
        stage.online(&name(life + 1), &subject.repository, Pace::steady())?.stop()?;
    }
    let online = stage.online(&name(subject.arrivals.len()), &subject.repository, Pace::steady())?;
    lookup(&stage, online, &subject.arrivals, "")
}

/// A third of the events comes under the file's definitions, a third under others, the rest under the file's
/// again.
fn between(subject: &Subject, others: &Arc<Repository>) -> Outcome<Run> {
    let stage = Stage::new(subject, subject.partitions)?;
    let (first, rest) = subject.arrivals.split_at(subject.arrivals.len().div_ceil(3));
    let (second, third) = rest.split_at(rest.len().div_ceil(2));
    stage.append(first)?;
    let online = stage.online(FIRST, &subject.repository, Pace::steady())?;
    stage.append(second)?;
    stage.change(&online, others)?;
    stage.append(third)?;
    stage.change(&online, &subject.repository)?;
    lookup(&stage, online, &subject.arrivals, "")
}
