//! Ingestion and lookups.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use rand::Rng;
use thalweg_backfill::{AppliedHistory, Cancellation};
use thalweg_core::{Instant, Status, TimeDelta, column_of, encode_keys};
use thalweg_definitions::{InputFeature, OnDemandView, Repository, RequestKey};
use thalweg_flight_server::served::ServedHistory;
use thalweg_ingest::{Clock, Condition, Ingest, IngestOptions};
use thalweg_log::{Log, TopicPartition};
use thalweg_store::{Error as StoreError, Reading, Store, StoreOptions, TopicState, ViewSpec, read_all};

use super::{Answer, Answers, Outcome, Workshop, cell, failed};
use crate::generator::{Case, Chance, Question};

/// How long ingestion may take to get through a case.
const PATIENCE: Duration = Duration::from_secs(30);

/// A clock that goes on by a second whenever it is asked, from where it is set; or stands at an end of time.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `micros` first.
    pub const fn new(micros: i64) -> Self {
        Self(AtomicI64::new(micros))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Instant {
        let step = |now: i64| Some(if now == i64::MIN { now } else { now.saturating_add(1_000_000) });
        let now = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step);
        Instant::from_micros(now.unwrap_or_else(|now| now))
    }
}

/// How ingestion goes about its work: nothing of it may show in a value.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    chunk_records: usize,
    commit_events: u64,
    flush: TimeDelta,
    memory_budget_bytes: usize,
    clock: i64,
}

impl Pace {
    /// Any pace, for a case that plays before the clock, after it, or around it.
    pub fn random(chance: &mut Chance, case: &Case) -> Self {
        let some = case.questions.first().map_or(0, |question| question.at);
        Self {
            chunk_records: chance.random_range(1..20),
            commit_events: chance.random_range(1..30),
            flush: TimeDelta::from_micros([0, 3_000_000, i64::MAX][chance.random_range(0..3)]),
            memory_budget_bytes: [1, 1 << 30][chance.random_range(0..2)],
            clock: [i64::MIN, some, i64::MAX][chance.random_range(0..3)],
        }
    }

    /// Any pace, by a clock that goes on from `clock`.
    pub fn random_from(clock: i64, chance: &mut Chance, case: &Case) -> Self {
        Self { clock, ..Self::random(chance, case) }
    }

    /// A pace that makes no fuss, after every event that can have happened.
    pub const fn steady() -> Self {
        Self {
            chunk_records: 4_096,
            commit_events: u64::MAX,
            flush: TimeDelta::from_micros(i64::MAX),
            memory_budget_bytes: 1 << 26,
            clock: i64::MAX,
        }
    }

    /// The same pace by a clock that goes on from `clock`.
    pub const fn steady_from(clock: i64) -> Self {
        Self { clock, ..Self::steady() }
    }
}

/// A store that ingestion writes to.
pub struct Online {
    ingest: Ingest,
    clock: Arc<ManualClock>,
    repository: Arc<Repository>,
    dir: PathBuf,
}

/// What a lookup found, and what it rests on.
#[derive(Clone, Debug)]
pub struct Found {
    /// The answers of the views that answered.
    pub answers: Answers,
    /// For each source and partition, how many records were applied.
    pub applied: Vec<Vec<i64>>,
}

impl Workshop {
    /// Begins, or goes on, to ingest into the store in the folder `name`.
    ///
    /// # Errors
    /// What the engine has against it.
    pub fn go_online(&self, name: &str, pace: Pace) -> Outcome<Online> {
        Online::start(self.dir.path().join(name), &self.log, &self.repository, pace)
    }

    /// The next offsets of the log, of the topics that feed some view.
    fn ends(&self) -> Outcome<Vec<(&str, i32, i64)>> {
        let mut ends = Vec::new();
        for (number, source) in self.case.definitions.sources.iter().enumerate() {
            if self.case.definitions.views.iter().all(|view| view.source != number) {
                continue;
            }
            for partition in 0..self.case.partitions[number] {
                let end = self.log.next_offset(&TopicPartition::new(source.name.as_str(), partition));
                ends.push((source.name.as_str(), partition, end.map_err(failed("the end of the log"))?));
            }
        }
        Ok(ends)
    }
}

impl Online {
    /// Begins, or goes on, to ingest from `log` into the store in the folder `dir`.
    ///
    /// # Errors
    /// What the engine has against it.
    pub fn start(
        dir: PathBuf,
        log: &Arc<dyn Log>,
        repository: &Arc<Repository>,
        pace: Pace,
    ) -> Outcome<Self> {
        let store = open_store(&dir, pace.memory_budget_bytes)?;
        let clock = Arc::new(ManualClock::new(pace.clock));
        let options = IngestOptions {
            chunk_records: pace.chunk_records,
            commit_events: pace.commit_events,
            flush_interval: pace.flush,
            ..IngestOptions::new(Arc::clone(log), Arc::clone(repository), store, clock.clone())
        };
        let ingest = Ingest::start(options).map_err(failed("start to ingest"))?;
        Ok(Self { ingest, clock, repository: Arc::clone(repository), dir })
    }

    /// The ingest itself.
    pub const fn ingest(&self) -> &Ingest {
        &self.ingest
    }

    /// Waits until everything in the log is applied to all views.
    ///
    /// # Errors
    /// If it stops, or takes too long.
    pub fn catch_up(&self, workshop: &Workshop) -> Outcome {
        self.wait(&workshop.ends()?)
    }

    /// Waits until the records before `ends` (topic, partition, next offset) are applied to all views.
    ///
    /// # Errors
    /// If it stops, or takes too long.
    pub fn wait(&self, ends: &[(&str, i32, i64)]) -> Outcome {
        for _ in 0..PATIENCE.as_millis() {
            let applied = self.ingest.wait_applied(ends, PATIENCE).map_err(failed("ingest"))?;
            let rebuilding =
                || self.ingest.status().topics.iter().any(|t| t.views.iter().any(|v| v.rebuilding));
            if applied && !rebuilding() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Err(format!("not everything was applied in {PATIENCE:?}: {:?}", self.ingest.status()))
    }

    /// Asks `questions` of the state as it is now; a view whose horizon lies after a question does not answer it.
    ///
    /// # Errors
    /// If a question that the view has to answer is refused, or ingestion has stopped.
    pub fn look_up(&self, case: &Case, questions: &[Question]) -> Outcome<Found> {
        for topic in self.ingest.status().topics {
            if let Condition::Stopped(reason) = topic.condition {
                return Err(format!("the ingest of {} has stopped: {reason}", topic.topic));
            }
        }
        let topics: Vec<_> =
            case.definitions.sources.iter().map(|source| self.ingest.source(&source.name)).collect();
        let present: Vec<_> = topics.iter().flatten().map(Arc::as_ref).collect();
        look_up(case, &self.repository, &read_all(&present), questions)
    }

    /// Asks the questions' keys of the state as it is now, at the instant that the clock shows. Gives the questions as
    /// they were asked, too.
    ///
    /// # Errors
    /// What [`look_up`](Self::look_up) says.
    pub fn look_up_now(&self, case: &Case, questions: &[Question]) -> Outcome<(Vec<Question>, Found)> {
        let serving = self.ingest.serving();
        let topics: Vec<_> =
            case.definitions.sources.iter().map(|source| serving.source(&source.name)).collect();
        let present: Vec<_> = topics.iter().flatten().map(Arc::as_ref).collect();
        let readings = read_all(&present);
        // Nothing is applied while the readings are held.
        let at = self.clock.now().as_micros();
        let asked: Vec<_> = questions.iter().map(|question| Question { at, ..question.clone() }).collect();
        let found = look_up(case, &self.repository, &readings, &asked)?;
        Ok((asked, found))
    }

    /// What was applied when.
    pub fn history(&self) -> Arc<dyn AppliedHistory> {
        let what_serves = self.ingest.what_serves();
        Arc::new(ServedHistory::new(what_serves, self.clock.clone(), Cancellation::default()))
    }

    /// Sets the clock, which goes on from there.
    pub fn set_clock(&self, micros: i64) {
        self.clock.0.store(micros, Ordering::Relaxed);
    }

    /// What the clock will show next.
    pub fn clock(&self) -> i64 {
        self.clock.0.load(Ordering::Relaxed)
    }

    /// Ends in order.
    ///
    /// # Errors
    /// What the engine has against it.
    pub fn stop(self) -> Outcome {
        self.ingest.stop().map_err(failed("stop the ingest"))
    }

    /// What the files of the store are at this instant, as a process would find them that starts after a kill: they are
    /// copied to the folder `name` while the store goes on.
    ///
    /// # Errors
    /// If files vanish under the copying again and again.
    pub fn image(&self, name: &str) -> Outcome<()> {
        let to = self.dir.with_file_name(name);
        for _ in 0..50 {
            if to.exists() {
                std::fs::remove_dir_all(&to).map_err(failed("empty the image"))?;
            }
            if copy_store(&self.dir, &to).is_ok() {
                return Ok(());
            }
        }
        Err(format!("{} never stood still long enough to be copied", self.dir.display()))
    }
}

/// Copies what names files before the files, so that all that is named is there.
fn copy_store(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    let copy = |name: &str| std::fs::copy(from.join(name), to.join(name)).map(drop);
    let current = std::fs::read_to_string(from.join("CURRENT"))?;
    copy(current.trim_end())?;
    std::fs::write(to.join("CURRENT"), &current)?;
    for entry in std::fs::read_dir(from)? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        if name.ends_with(".sst") || name.starts_with("OPTIONS") || name == "IDENTITY" {
            copy(&name)?;
        }
    }
    // A file that was deleted between the reading of the manifest and now is missing from the image.
    let still = std::fs::read_to_string(from.join("CURRENT"))?;
    if still == current { Ok(()) } else { Err(std::io::Error::other("the manifest was replaced")) }
}

fn open_store(dir: &Path, memory_budget_bytes: usize) -> Outcome<Arc<Store>> {
    let options = StoreOptions { memory_budget_bytes, ..StoreOptions::default() };
    Store::open(dir, options).map_err(failed("open the store"))
}

/// What the store in the folder `name` holds before anything more is applied to it.
///
/// # Errors
/// If it cannot be opened, or refuses what it has to answer.
pub fn state_of_image(workshop: &Workshop, name: &str, questions: &[Question]) -> Outcome<Found> {
    let store = open_store(&workshop.dir.path().join(name), 1 << 30)?;
    let (case, repository) = (&workshop.case, &workshop.repository);
    let topics: Vec<_> = case
        .definitions
        .sources
        .iter()
        .filter(|source| repository.views_of(&source.name).next().is_some())
        .map(|source| {
            let views = repository.views_of(&source.name).map(|view| ViewSpec {
                name: view.name.clone(),
                version: *view.version.as_bytes(),
                source: view.source.clone(),
                plan: view.plan.clone(),
            });
            TopicState::open(Arc::clone(&store), &source.name, views.collect())
        })
        .collect::<Result<_, _>>()
        .map_err(failed("open the state of a topic"))?;
    look_up(case, repository, &read_all(&topics.iter().collect::<Vec<_>>()), questions)
}

/// Asks `questions` of states that are read at one moment.
///
/// # Errors
/// If a question at or after the watermark less the view's lookback is refused, or one is refused for another
/// reason than its age.
pub fn look_up(
    case: &Case,
    repository: &Repository,
    readings: &[Reading<'_>],
    questions: &[Question],
) -> Outcome<Found> {
    let mut answers = vec![BTreeMap::new(); questions.len()];
    let applied = |source: &str, partition| {
        let reading = readings.iter().find(|reading| reading.topic() == source);
        reading.and_then(|reading| reading.applied().get(&partition).copied()).unwrap_or(0)
    };
    for view in &case.definitions.views {
        let source = &case.definitions.sources[view.source].name;
        let reading =
            readings.iter().find(|reading| reading.topic() == source).ok_or("a view without a state")?;
        let defined = repository.view(&view.name).ok_or("a view that was not loaded")?;
        let latest_refused = view.reach_back().and_then(|lookback| {
            Some(reading.watermark(source)?.saturating_sub(lookback).as_micros().saturating_sub(1))
        });
        for (question, answers) in questions.iter().zip(&mut answers) {
            let parts = &case.definitions.entities[view.entity].join_keys;
            let columns: Vec<_> = parts
                .iter()
                .map(|(name, field_type)| column_of(&field_type.to_arrow(), [question.keys[name].clone()]))
                .collect();
            let keys = encode_keys(&columns).map_err(failed("encode a key"))?;
            let found = match reading.lookup(&view.name, &keys, Instant::from_micros(question.at)) {
                Ok(found) => found,
                Err(StoreError::OutOfRange { .. })
                    if latest_refused.is_some_and(|last| question.at <= last) =>
                {
                    continue;
                }
                Err(error) => return Err(format!("{} {question}: {error}", view.name)),
            };
            let [row] = <[_; 1]>::try_from(found.rows).map_err(|rows| format!("{rows:?} for one key"))?;
            for (column, (value, status)) in defined.plan.features.iter().zip(row) {
                let answer = Answer { value, status, data_type: defined.column_type(column) };
                answers.insert(format!("{}__{}", view.name, column.name), answer);
            }
        }
    }
    for view in &repository.on_demand_views {
        for (question, answers) in questions.iter().zip(&mut answers) {
            compute(view, question, answers);
        }
    }
    let sources = case.definitions.sources.iter().zip(&case.partitions);
    let applied =
        sources.map(|(source, n)| (0..*n).map(|partition| applied(&source.name, partition)).collect());
    Ok(Found { answers, applied: applied.collect() })
}

/// Adds what `view` computes, if the views of its inputs have answered.
fn compute(view: &OnDemandView, question: &Question, answers: &mut BTreeMap<String, Answer>) {
    let of_view = |input: &InputFeature| answers.get(&input.full_name()).map(|answer| answer.value.clone());
    let Some(values) = view.inputs.iter().map(of_view).collect::<Option<Vec<_>>>() else { return };
    let types = view.inputs.iter().map(|input| &input.data_type);
    let inputs = types.zip(values).map(|(data_type, value)| column_of(data_type, [value]));
    let asked = view.request.iter().map(|RequestKey { name, field_type }| {
        column_of(&field_type.to_arrow(), [question.asked[name].clone()])
    });
    let batch = view.input_batch(inputs.chain(asked).collect(), 1);
    for feature in &view.features {
        let column = feature.evaluate(&batch).column;
        let value = cell(&column, 0);
        let status = if value.is_null() { Status::NullValue } else { Status::Present };
        let answer = Answer { value, status, data_type: column.data_type().clone() };
        answers.insert(format!("{}__{}", view.name, feature.name), answer);
    }
}
