//! The engine in a temporary folder: a log that is being written, stores, lookups, dead letters.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use thalweg_backfill::{AppliedHistory, AsOf};
use thalweg_core::{FieldType, Instant, Value, column_of};
use thalweg_definitions::Repository;
use thalweg_flight_server::Kind;
use thalweg_flight_server::config::Clock;
use thalweg_flight_server::lookup::{LookupAnswer, LookupRequest, lookup};
use thalweg_log::{EmbeddedLog, EmbeddedOptions, Log, NewRecord, TopicIds, TopicPartition};

use super::arrival::Arrival;
use super::question::Question;
use super::subject::{Found, FoundLetter, Subject, event_at};
use super::told::Told;
use crate::harness::{Answer, Online, Outcome, Pace, as_written, cell, failed, letters_of, temporary_folder};

/// How long a change of definitions may take.
const CHANGED: Duration = Duration::from_secs(30);

/// A log and the stores beside it.
pub struct Stage<'a> {
    /// What is asked.
    pub subject: &'a Subject<'a>,
    /// The log.
    pub log: Arc<dyn Log>,
    dir: TempDir,
    partitions: i32,
    appended: RefCell<Vec<Arrival>>,
}

impl<'a> Stage<'a> {
    /// A log in which every topic is empty and has so many partitions.
    ///
    /// # Errors
    /// What the engine has against it.
    pub fn new(subject: &'a Subject<'a>, partitions: i32) -> Outcome<Self> {
        let dir = temporary_folder()?;
        let options = EmbeddedOptions { topic_ids: TopicIds::Seeded(7), ..EmbeddedOptions::default() };
        let log = EmbeddedLog::open(dir.path().join("log"), options).map_err(failed("open the log"))?;
        Self::beside(subject, partitions, Arc::new(log), dir)
    }

    /// The same over any log that has no topics yet.
    ///
    /// # Errors
    /// What the engine has against it.
    pub fn over(subject: &'a Subject<'a>, partitions: i32, log: Arc<dyn Log>) -> Outcome<Self> {
        Self::beside(subject, partitions, log, temporary_folder()?)
    }

    fn beside(subject: &'a Subject<'a>, partitions: i32, log: Arc<dyn Log>, dir: TempDir) -> Outcome<Self> {
        let topics: BTreeSet<_> =
            subject.repository.sources.iter().map(|source| source.topic.as_str()).collect();
        for topic in topics {
            log.create_topic(topic, partitions).map_err(failed("create a topic"))?;
        }
        Ok(Self { subject, log, dir, partitions, appended: RefCell::default() })
    }

    /// A log with `arrivals` in it.
    ///
    /// # Errors
    /// What the engine has against it.
    pub fn with(subject: &'a Subject<'a>, partitions: i32, arrivals: &[Arrival]) -> Outcome<Self> {
        let stage = Self::new(subject, partitions)?;
        stage.append(arrivals)?;
        Ok(stage)
    }

    /// Appends records in order; those of one partition that follow each other make one batch.
    ///
    /// # Errors
    /// What the log has against it.
    pub fn append(&self, arrivals: &[Arrival]) -> Outcome {
        for run in arrivals.chunk_by(|a, b| (&a.topic, a.partition) == (&b.topic, b.partition)) {
            let headers: Vec<_> = run.iter().map(|arrival| as_written(&arrival.headers)).collect();
            let records = run.iter().zip(&headers).map(|(arrival, headers)| NewRecord {
                key: arrival.key.as_deref(),
                value: arrival.value.as_deref(),
                timestamp_ms: arrival.timestamp_ms,
                headers,
            });
            let records: Vec<_> = records.collect();
            self.log.append(&run[0].topic, run[0].partition, &records).map_err(failed("append"))?;
        }
        self.appended.borrow_mut().extend_from_slice(arrivals);
        Ok(())
    }

    /// When what is in the log was applied, as the file says; none if the records of a partition were not
    /// applied in the order they stand in now.
    pub fn told(&self) -> Option<Arc<dyn AppliedHistory>> {
        Some(Arc::new(Told::new(&self.appended.borrow())?))
    }

    /// Ingests into the store called `name` by these definitions, until everything in the log is applied.
    ///
    /// # Errors
    /// What the engine has against it.
    pub fn online(&self, name: &str, repository: &Arc<Repository>, pace: Pace) -> Outcome<Online> {
        let online = Online::start(self.dir.path().join(name), &self.log, repository, pace)?;
        self.catch_up(&online, repository)?;
        Ok(online)
    }

    /// Waits until everything in the log is applied.
    ///
    /// # Errors
    /// If it takes too long, or ingestion stops.
    pub fn catch_up(&self, online: &Online, repository: &Repository) -> Outcome {
        let read =
            repository.sources.iter().filter(|source| repository.views_of(&source.name).next().is_some());
        let topics: BTreeSet<_> = read.map(|source| source.topic.as_str()).collect();
        let mut ends = Vec::new();
        for topic in topics {
            for partition in 0..self.partitions {
                let end = self.log.next_offset(&TopicPartition::new(topic, partition));
                ends.push((topic, partition, end.map_err(failed("the end of the log"))?));
            }
        }
        online.wait(&ends)
    }

    /// Has other definitions serve, and waits until they do and everything in the log is applied.
    ///
    /// # Errors
    /// What the engine has against it.
    pub fn change(&self, online: &Online, repository: &Arc<Repository>) -> Outcome {
        let ingest = online.ingest();
        ingest.change(Arc::clone(repository)).map_err(failed("change the definitions"))?;
        if !ingest.wait_changed(CHANGED) {
            return Err(format!("changed definitions do not serve after {CHANGED:?}"));
        }
        self.catch_up(online, repository)
    }

    /// Drops the store called `name`.
    ///
    /// # Errors
    /// If its files cannot be removed.
    pub fn drop_store(&self, name: &str) -> Outcome {
        std::fs::remove_dir_all(self.dir.path().join(name)).map_err(failed("remove a store"))
    }

    /// What a lookup finds for each row at its instant.
    ///
    /// # Errors
    /// What the engine has against it, but for rows that lie too far back.
    pub fn look_up(&self, online: &Online) -> Outcome<Vec<Found>> {
        let ask = |question: &Question| {
            if question.as_of != AsOf::EventTime {
                return Ok(Found::NotAsked);
            }
            let found = self.ask(online, question, Some(question.at))?;
            found.map_or(Ok(Found::OutOfRange), |answer| answers(question, &answer).map(Found::Answered))
        };
        self.subject.questions().map(ask).collect()
    }

    /// What a lookup by the stream's clock finds: for the rows whose instant the watermark of their sources
    /// is.
    ///
    /// # Errors
    /// What the engine has against it; or if the clock is not at `watermark` of the row, where that is known.
    pub fn look_up_now(
        &self,
        online: &Online,
        watermark: impl Fn(&Question) -> Option<i64>,
    ) -> Outcome<Vec<Found>> {
        let ask = |question: &Question| {
            if question.as_of != AsOf::EventTime {
                return Ok(Found::NotAsked);
            }
            let answer = self.ask(online, question, None)?.ok_or("the watermark is out of range")?;
            let now = answer.at.as_micros();
            if let Some(expected) = watermark(question).filter(|expected| *expected != now) {
                return Err(format!("the stream's clock is at {now} µs, the watermark is {expected} µs"));
            }
            if now != question.at {
                return Ok(Found::NotAsked);
            }
            answers(question, &answer).map(Found::Answered)
        };
        self.subject.questions().map(ask).collect()
    }

    /// One lookup; nothing if it is refused because it lies too far back.
    fn ask(&self, online: &Online, question: &Question, at: Option<i64>) -> Outcome<Option<LookupAnswer>> {
        let key = |(name, (of_type, value)): (&String, &(FieldType, Value))| {
            (name.clone(), column_of(&of_type.to_arrow(), [value.clone()]))
        };
        let request = LookupRequest {
            features: question.features.clone(),
            entities: question.keys.iter().map(key).collect(),
            request_inputs: question.inputs.iter().map(key).collect(),
            at: at.map(Instant::from_micros),
            full_feature_names: true,
        };
        let now = Instant::from_micros(question.at);
        match lookup(&online.ingest().serving(), &request, Clock::Stream, || now, 1) {
            Ok(Some(answer)) => Ok(Some(answer)),
            Ok(None) => Err("other definitions came to serve under a lookup".to_owned()),
            Err(error) if error.kind == Kind::OutOfRange => Ok(None),
            Err(error) => Err(format!("a lookup: {error}")),
        }
    }

    /// The dead letters that are in the log, where `arrivals` are what was appended.
    ///
    /// # Errors
    /// If they cannot be read, or are about records that are not there.
    pub fn letters(&self, arrivals: &[Arrival]) -> Outcome<Vec<FoundLetter>> {
        let mut found = Vec::new();
        for source in &self.subject.repository.sources {
            for letter in letters_of(&*self.log, &source.name)? {
                let event = event_at(arrivals, &letter.topic, letter.partition, letter.offset);
                let event = event.ok_or_else(|| format!("a dead letter of no record: {letter:?}"))?;
                let (topic, view, reason) = (letter.topic, letter.view, Some(letter.reason));
                found.push(FoundLetter { topic, event, view, reason });
            }
        }
        found.sort();
        Ok(found)
    }
}

/// The only row of an answer.
fn answers(question: &Question, answer: &LookupAnswer) -> Outcome<BTreeMap<String, Answer>> {
    let one = |name: &String| {
        let column = answer.columns.iter().find(|column| column.name == *name);
        let column = column.ok_or_else(|| format!("the answer has no column `{name}`"))?;
        let [status] = column.statuses[..] else {
            return Err(format!("{} rows answer one", column.statuses.len()));
        };
        let value = cell(&column.values, 0);
        Ok((name.clone(), Answer { value, status, data_type: column.values.data_type().clone() }))
    };
    question.columns.iter().map(one).collect()
}
