//! A specification file made ready for its modes, and what a mode finds.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Schema;
use thalweg_definitions::{DefinitionFile, Repository, load_text};

use super::arrival::{Arrival, arrivals, partitions, with_offsets};
use super::definitions::{self, Defined};
use super::file::{Example, Letter, Specification};
use super::mode::Mode;
use super::question::{Asked, Question, asked};
use crate::harness::{Answer, Outcome, Shelf};

/// A file, its definitions as the engine and as the oracle have them, and its records as they are written.
#[derive(Debug)]
pub struct Subject<'a> {
    /// The file.
    pub specification: &'a Specification,
    /// Its rows, with what each asks and expects.
    pub rows: Vec<Asked<'a>>,
    /// Its dead letters, if it says which there are.
    pub letters: Option<&'a [Letter]>,
    /// The definitions.
    pub repository: Arc<Repository>,
    /// The definitions for the oracle, if it can say them.
    pub defined: Outcome<Defined>,
    /// What the records say, as they are written.
    pub example: &'a Example,
    /// The records in their order and partitions.
    pub arrivals: Vec<Arrival>,
    /// How many partitions they lie in.
    pub partitions: i32,
}

/// What a mode finds for one row.
#[derive(Clone, Debug)]
pub enum Found {
    /// Its columns.
    Answered(BTreeMap<String, Answer>),
    /// No row of its key, which says of these columns that nothing is known.
    Absent(Vec<String>),
    /// That it lies further back than can be answered.
    OutOfRange,
    /// A refusal, with its message.
    Refused(String),
    /// The mode does not ask this row.
    NotAsked,
}

/// What was found by one way of going through a mode.
#[derive(Clone, Debug)]
pub struct Run {
    /// What was done, where a mode does several things.
    pub what: String,
    /// Whether the online store was asked, which has a lookback.
    pub online: bool,
    /// What was found for each row.
    pub rows: Vec<Found>,
    /// The dead letters, if any were looked for.
    pub letters: Option<Vec<FoundLetter>>,
    /// For the columns of the file's `leakage` the rows that leak, if they were counted.
    pub leakage: Option<BTreeMap<String, u64>>,
}

/// A dead letter of the log, or of the oracle, which gives no reason.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FoundLetter {
    /// Topic of the record.
    pub topic: String,
    /// Which record of that topic, from 1.
    pub event: usize,
    /// The view it is dead for; all, if none.
    pub view: Option<String>,
    /// The reason.
    pub reason: Option<String>,
}

impl<'a> Subject<'a> {
    /// Loads the definitions, writes the records, and reads the rows by the types of their columns.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn new(specification: &'a Specification, example: &'a Example) -> Outcome<Self> {
        let repository = load(&specification.definitions, &specification.schemas)?;
        let defined = definitions::read(&specification.defined);
        let rows = example.rows.iter().map(|row| asked(specification, &repository, row));
        let rows = rows.collect::<Outcome<_>>()?;
        let arrivals = arrivals(specification, example)?;
        let partitions = partitions(&arrivals);
        let letters = example.letters.as_deref();
        if let (Err(why), false) = (&defined, specification.without.contains_key(&Mode::Oracle)) {
            return Err(format!("{why}; say so with `without: {{oracle: \"…\"}}`"));
        }
        Ok(Self { specification, rows, letters, repository, defined, example, arrivals, partitions })
    }

    /// The questions of the rows.
    pub fn questions(&self) -> impl Iterator<Item = &Question> {
        self.rows.iter().map(|asked| &asked.question)
    }
}

/// Loads definitions; their places are counted in this text. Records name `schemas` by their numbers.
///
/// # Errors
/// All mistakes, as a user would see them.
pub fn load(definitions: &str, schemas: &BTreeMap<u32, Schema>) -> Outcome<Arc<Repository>> {
    let file = DefinitionFile::new("features.yaml", definitions);
    let mut repository = load_text(&[file]).map_err(|mistakes| mistakes.to_string())?;
    repository.connect(&Shelf::of(schemas));
    Ok(Arc::new(repository))
}

/// Which record of the file is at `offset` of a partition, when `arrivals` are appended in order.
pub fn event_at(arrivals: &[Arrival], topic: &str, partition: i32, offset: i64) -> Option<usize> {
    let mut all = with_offsets(arrivals).into_iter();
    let (found, _) = all.find(|(arrival, at)| {
        (arrival.topic.as_str(), arrival.partition, *at) == (topic, partition, offset)
    })?;
    Some(found.event)
}
