//! Training sets: every row of a spine with the values its features had at the row's instant.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, StringArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use rayon::prelude::*;
use thalweg_core::{FieldType, SortedRows, Swept, sweep};
use thalweg_definitions::{AnswerColumn, FeatureRef, Fold, Layout, Repository};
use thalweg_log::EmbeddedLog;

use crate::commit::ManifestFeature;
use crate::gather::Gathered;
use crate::key_index::KeyIndex;
use crate::replay::Replay;
use crate::spine::Spine;
use crate::{Boundary, Budget, Cancellation, Commit, ENGINE_VERSION, Error, Manifest, Pin};

/// Rows of each batch of an answer but the last. Part of what a commit id promises.
const ROWS_PER_BATCH: usize = 16_384;

/// Which features a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Features {
    /// All of a feature service.
    Service(String),
    /// References, each `view:column` or `view:*`.
    List(Vec<String>),
}

impl Features {
    /// The single columns these stand for, in order.
    ///
    /// # Errors
    /// Where a service, view or column is not defined.
    pub fn resolve(&self, repository: &Repository) -> Result<Vec<FeatureRef>, Error> {
        match self {
            Self::Service(name) => match repository.service(name) {
                Some(service) => Ok(service.features.clone()),
                None => Err(Error::UnknownService {
                    service: name.clone(),
                    present: repository.services.iter().map(|service| service.name.clone()).collect(),
                }),
            },
            Self::List(references) => Ok(repository.resolve(references)?),
        }
    }
}

/// What a training set is asked for with.
#[derive(Clone, Debug)]
pub struct TrainingSetRequest {
    /// The features wanted.
    pub features: Features,
    /// Schema of the spine.
    pub spine_schema: SchemaRef,
    /// The spine's rows. They come back in this order, none merged, none dropped.
    pub spine: Vec<RecordBatch>,
    /// The spine's time column.
    pub timestamp_column: String,
    /// Whether events at a row's very instant take part.
    pub boundary: Boundary,
    /// The log prefix to rest on; the end of the log now, if none.
    pub pin: Option<Pin>,
    /// Whether each feature's status follows the features.
    pub statuses: bool,
    /// Whether columns are named `view__column` (else `column`).
    pub full_feature_names: bool,
}

/// An answer, ready to be streamed.
#[derive(Clone, Debug)]
pub struct TrainingSet {
    /// Spine columns, features, statuses.
    pub schema: SchemaRef,
    /// What the answer is a function of. Equal commit ids mean equal bytes.
    pub commit: Commit,
    all: RecordBatch,
}

impl TrainingSet {
    /// Rows in all: as many as the spine has.
    pub fn num_rows(&self) -> usize {
        self.all.num_rows()
    }

    /// How many batches the answer has.
    pub fn num_batches(&self) -> usize {
        self.num_rows().div_ceil(ROWS_PER_BATCH)
    }

    /// Batch `number`, below [`num_batches`](Self::num_batches). Its bounds belong to the commit.
    pub fn batch(&self, number: usize) -> RecordBatch {
        let from = number * ROWS_PER_BATCH;
        self.all.slice(from, ROWS_PER_BATCH.min(self.num_rows() - from))
    }

    /// All rows in the spine's order, batch by batch.
    pub fn batches(&self) -> impl Iterator<Item = RecordBatch> + '_ {
        (0..self.num_batches()).map(|number| self.batch(number))
    }
}

/// A checked request: everything about its answer is known but the values.
#[derive(Debug)]
pub struct Prepared<'a> {
    repository: &'a Repository,
    log: &'a EmbeddedLog,
    layout: Layout<'a>,
    spine: Spine,
    readings: Vec<Arc<Reading>>,
    schema: SchemaRef,
    commit: Commit,
    statuses: bool,
}

impl<'a> Prepared<'a> {
    /// Checks `request` against the definitions, its own spine and the log. Nothing of the log is read.
    ///
    /// # Errors
    /// Anything wrong with the request; a pin the log no longer has.
    pub fn new(
        repository: &'a Repository,
        log: &'a EmbeddedLog,
        request: &TrainingSetRequest,
    ) -> Result<Self, Error> {
        let features = request.features.resolve(repository)?;
        let layout = Layout::new(repository, &features, request.full_feature_names)?;
        let schema = answer_schema(&layout, &request.spine_schema, request.statuses)?;
        let spine = Spine::new(
            request.spine_schema.clone(),
            &request.spine,
            &request.timestamp_column,
            request.boundary,
        )?;
        let readings = readings(&layout.folds, &spine)?;
        let pin = match &request.pin {
            Some(pin) => pin.clone(),
            None => Pin::now(log, topics(repository, &layout.folds))?,
        };
        topics(repository, &layout.folds).try_for_each(|topic| pin.of(topic).map(drop))?;
        pin.check(log)?;
        let commit = Commit::new(Manifest {
            engine_version: ENGINE_VERSION,
            features: layout.columns.iter().map(|column| manifest_feature(column, &layout.folds)).collect(),
            spine_hash: spine.hash()?,
            spine_rows: spine.batch().num_rows() as u64,
            timestamp_column: request.timestamp_column.clone(),
            as_of: "event_time".to_owned(),
            boundary: request.boundary,
            pin,
            statuses: request.statuses,
        });
        Ok(Self { repository, log, layout, spine, readings, schema, commit, statuses: request.statuses })
    }

    /// Spine columns, features, statuses.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// What the answer is a function of.
    pub fn commit(&self) -> &Commit {
        &self.commit
    }

    /// Rows the answer has: as many as the spine.
    pub fn num_rows(&self) -> usize {
        self.spine.batch().num_rows()
    }

    /// Makes the training set by replaying the pinned log once per source.
    ///
    /// Time grows with events plus rows; memory holds the spine, the answer, and the events of the
    /// spine's keys, the last within `budget`.
    ///
    /// # Errors
    /// [`Error::OverBudget`]; damage in the log; [`Error::Cancelled`].
    pub fn run(self, budget: &Budget, cancellation: &Cancellation) -> Result<TrainingSet, Error> {
        let pin = &self.commit.manifest.pin;
        let replay = Replay { repository: self.repository, log: self.log, pin, budget, cancellation };
        let latest = self.spine.instants().iter().copied().max().unwrap_or(i64::MIN);
        let gathered = replay.gather(&self.layout.folds, &self.readings, latest)?;
        let swept = self
            .layout
            .folds
            .par_iter()
            .zip(gathered)
            .zip(&self.readings)
            .map(|((fold, parts), reading)| {
                cancellation.check()?;
                let events = Gathered::sort(parts, &fold.plan, reading.index.len())?;
                Ok((sweep(&fold.plan, &events, &reading.rows)?, reading.clone()))
            })
            .collect::<Result<Vec<_>, Error>>()?;
        let all = assemble(&self.schema, &self.spine, &self.layout.columns, &swept, self.statuses)?;
        Ok(TrainingSet { schema: self.schema, commit: self.commit, all })
    }
}

/// Makes a training set: [`Prepared::new`] and [`Prepared::run`] in one.
///
/// # Errors
/// Theirs.
pub fn training_set(
    repository: &Repository,
    log: &EmbeddedLog,
    request: &TrainingSetRequest,
    budget: &Budget,
    cancellation: &Cancellation,
) -> Result<TrainingSet, Error> {
    Prepared::new(repository, log, request)?.run(budget, cancellation)
}

/// The spine read by one choice of key columns: its rows by key and instant.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) index: KeyIndex,
    rows: SortedRows,
    /// For each spine row its position among the sorted ones.
    position_of_row: UInt32Array,
}

/// The reading of each fold; folds with equal key columns share one.
fn readings(folds: &[Fold<'_>], spine: &Spine) -> Result<Vec<Arc<Reading>>, Error> {
    let mut made: HashMap<&[(String, FieldType)], Arc<Reading>> = HashMap::new();
    let mut of_fold = Vec::with_capacity(folds.len());
    for fold in folds {
        let reading = match made.get(fold.key_columns.as_slice()) {
            Some(reading) => reading.clone(),
            None => {
                let (index, keys) = KeyIndex::build(spine.keys(&fold.key_columns)?);
                let rows = SortedRows::sort(&keys, index.len(), spine.instants())?;
                let position_of_row = invert(&rows.sources);
                Arc::new(Reading { index, rows, position_of_row })
            }
        };
        made.insert(&fold.key_columns, reading.clone());
        of_fold.push(reading);
    }
    Ok(of_fold)
}

/// The spine's columns as given, the features, their statuses if asked for.
fn answer_schema(layout: &Layout<'_>, spine: &Schema, statuses: bool) -> Result<SchemaRef, Error> {
    let mut fields: Vec<Arc<Field>> = spine.fields().iter().cloned().collect();
    fields.extend(layout.columns.iter().map(|c| Arc::new(Field::new(&c.name, c.data_type.clone(), true))));
    if statuses {
        let status = |c: &AnswerColumn| Field::new(format!("{}__status", c.name), DataType::Utf8, false);
        fields.extend(layout.columns.iter().map(|c| Arc::new(status(c))));
    }
    let mut names = BTreeSet::new();
    if let Some(twice) = fields.iter().find(|field| !names.insert(field.name().clone())) {
        return Err(Error::NameClash { column: twice.name().clone() });
    }
    Ok(Arc::new(Schema::new_with_metadata(fields, spine.metadata().clone())))
}

/// For each number its place in `order`, which has every number once.
fn invert(order: &[u32]) -> UInt32Array {
    let mut place = vec![0; order.len()];
    for (at, &number) in order.iter().enumerate() {
        place[number as usize] = at as u32;
    }
    place.into()
}

fn topics<'a>(repository: &'a Repository, folds: &'a [Fold<'a>]) -> impl Iterator<Item = &'a str> {
    folds.iter().filter_map(|fold| repository.source(&fold.view.source)).map(|source| source.topic.as_str())
}

fn manifest_feature(column: &AnswerColumn, folds: &[Fold<'_>]) -> ManifestFeature {
    let fold = &folds[column.fold];
    ManifestFeature {
        name: column.name.clone(),
        feature: column.feature.clone(),
        version: fold.view.version.to_hex(),
        key_columns: fold.key_columns.iter().map(|(name, _)| name.clone()).collect(),
    }
}

fn assemble(
    schema: &SchemaRef,
    spine: &Spine,
    columns: &[AnswerColumn],
    swept: &[(Swept, Arc<Reading>)],
    statuses: bool,
) -> Result<RecordBatch, Error> {
    let in_spine_order = |column: &AnswerColumn| {
        let (swept, reading) = &swept[column.fold];
        take(&swept.columns[column.feature_index], &reading.position_of_row, None)
    };
    let mut arrays: Vec<ArrayRef> = spine.batch().columns().to_vec();
    let values = columns.par_iter().map(in_spine_order).collect::<Result<Vec<_>, _>>()?;
    if statuses {
        let of_column = |column: &AnswerColumn| {
            let (swept, reading) = &swept[column.fold];
            let positions = reading.position_of_row.values().iter();
            let names =
                positions.map(|&position| swept.status(column.feature_index, position as usize).name());
            Arc::new(StringArray::from_iter_values(names)) as ArrayRef
        };
        let of_columns: Vec<ArrayRef> = columns.par_iter().map(of_column).collect();
        arrays.extend(values);
        arrays.extend(of_columns);
    } else {
        arrays.extend(values);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(spine.batch().num_rows()));
    Ok(RecordBatch::try_new_with_options(schema.clone(), arrays, &options)?)
}
