//! Training sets: every row of a spine with the values its features had at the row's instant.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use thalweg_definitions::{AnswerColumn, Fold, Layout, Repository};
use thalweg_log::Log;

use crate::answer::{ROWS_PER_BATCH, TrainingSet, answer_schema};
use crate::commit::ManifestFeature;
use crate::reading::{Keys, keys_of};
use crate::served::{AppliedHistory, Served};
use crate::spine::Spine;
use crate::{
    AsOf, Boundary, Budget, Cancellation, Commit, ENGINE_VERSION, Error, Features, Manifest, Pin, Replayed,
};

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
    /// Which events a row sees.
    pub as_of: AsOf,
    /// What the online store had applied when; needed where rows see what was served.
    pub history: Option<Arc<dyn AppliedHistory>>,
    /// Whether events at a row's very instant take part.
    pub boundary: Boundary,
    /// The log prefix to rest on; the end of the log now, if none.
    pub pin: Option<Pin>,
    /// Whether each feature's status follows the features.
    pub statuses: bool,
    /// Whether columns are named `view__column` (else `column`).
    pub full_feature_names: bool,
}

/// A checked request: everything about its answer is known but the values.
#[derive(Debug)]
pub struct Prepared<'a> {
    pub(crate) repository: &'a Repository,
    pub(crate) log: &'a dyn Log,
    pub(crate) layout: Layout<'a>,
    pub(crate) spine: Spine,
    /// The keys of each fold.
    pub(crate) keys: Vec<Arc<Keys>>,
    /// The request inputs of on-demand features, each a column of the spine in the type it is declared in.
    pub(crate) request: BTreeMap<String, ArrayRef>,
    /// Where rows see what was served: what that was, by topic.
    pub(crate) served: BTreeMap<String, Arc<Served>>,
    pub(crate) schema: SchemaRef,
    pub(crate) commit: Commit,
    pub(crate) statuses: bool,
}

impl<'a> Prepared<'a> {
    /// Checks `request` against the definitions, its own spine and the log. Nothing of the log is read.
    ///
    /// # Errors
    /// Anything wrong with the request; a pin the log no longer has.
    pub fn new(
        repository: &'a Repository,
        log: &'a dyn Log,
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
        let keys = keys_of(&layout.folds, &spine)?;
        if request.as_of != AsOf::EventTime {
            refuse_unknown_append_times(repository, &layout.folds, request.as_of)?;
        }
        let inputs = layout.request_inputs();
        let inputs = inputs.into_iter().map(|input| Ok((input.name.clone(), spine.input(input)?)));
        let inputs = inputs.collect::<Result<BTreeMap<_, _>, Error>>()?;
        let pin = match &request.pin {
            Some(pin) => pin.clone(),
            None => Pin::now(log, topics(repository, &layout.folds))?,
        };
        topics(repository, &layout.folds).try_for_each(|topic| pin.of(topic).map(drop))?;
        pin.check(log)?;
        let served = match request.as_of {
            AsOf::Served => served(repository, &layout.folds, request, &pin, &spine)?,
            AsOf::EventTime | AsOf::Known => BTreeMap::new(),
        };
        let commit = Commit::new(Manifest {
            engine_version: ENGINE_VERSION,
            features: layout.columns.iter().map(|column| manifest_feature(column, &layout)).collect(),
            spine_hash: spine.hash()?,
            spine_rows: spine.batch().num_rows() as u64,
            timestamp_column: request.timestamp_column.clone(),
            as_of: request.as_of,
            boundary: request.boundary,
            served: served.iter().map(|(topic, served)| (topic.clone(), served.digest.clone())).collect(),
            pin,
            statuses: request.statuses,
            history: None,
        });
        let statuses = request.statuses;
        Ok(Self { repository, log, layout, spine, keys, request: inputs, served, schema, commit, statuses })
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

    /// One of `of` shards, numbered from 0: whole batches of the answer, the next ones to those of the shard before.
    /// The commit stays that of the whole.
    ///
    /// # Errors
    /// [`Error::NoShard`] where there is none of this number.
    pub fn shard(self, number: usize, of: usize) -> Result<Self, Error> {
        if number >= of {
            return Err(Error::NoShard { number, of });
        }
        let rows = self.num_rows();
        let all = rows.div_ceil(ROWS_PER_BATCH) as u128;
        let start = |number: usize| {
            let batch = all * number as u128 / of as u128;
            rows.min(batch as usize * ROWS_PER_BATCH)
        };
        let (from, until) = (start(number), start(number + 1));
        let spine = self.spine.slice(from..until);
        let keys = keys_of(&self.layout.folds, &spine)?;
        let request = self.request.iter();
        let request = request.map(|(name, all)| (name.clone(), all.slice(from, until - from))).collect();
        Ok(Self { spine, keys, request, ..self })
    }

    /// Reads the events of the spine's keys by replaying the pinned log once per source.
    ///
    /// Time grows with events plus rows, and where rows do not see all that had happened with the cost of a
    /// lookup for each row; memory holds the spine and the events of its keys, the latter within `budget`.
    ///
    /// # Errors
    /// [`Error::OverBudget`]; damage in the log; [`Error::Cancelled`].
    pub fn replay(self, budget: &Budget, cancellation: &Cancellation) -> Result<Replayed<'a>, Error> {
        Replayed::new(self, budget, cancellation)
    }

    /// Makes the training set: [`replay`](Self::replay) and [`Replayed::into_set`] in one.
    ///
    /// # Errors
    /// Theirs.
    pub fn run(self, budget: &Budget, cancellation: &Cancellation) -> Result<TrainingSet, Error> {
        self.replay(budget, cancellation)?.into_set()
    }
}

/// Makes a training set: [`Prepared::new`] and [`Prepared::run`] in one.
///
/// # Errors
/// Theirs.
pub fn training_set(
    repository: &Repository,
    log: &dyn Log,
    request: &TrainingSetRequest,
    budget: &Budget,
    cancellation: &Cancellation,
) -> Result<TrainingSet, Error> {
    Prepared::new(repository, log, request)?.run(budget, cancellation)
}

/// Refuses sources of which nobody says when the log learned of their events.
pub(crate) fn refuse_unknown_append_times(
    repository: &Repository,
    folds: &[Fold<'_>],
    as_of: AsOf,
) -> Result<(), Error> {
    let sources = folds.iter().filter_map(|fold| repository.source(&fold.view.source));
    let mut unknown = sources.filter(|source| source.append_time.is_none());
    match unknown.next() {
        Some(source) => Err(Error::UnknownAppendTime { source_name: source.name.clone(), as_of }),
        None => Ok(()),
    }
}

/// What was applied of each topic at the instants of the spine.
fn served(
    repository: &Repository,
    folds: &[Fold<'_>],
    request: &TrainingSetRequest,
    pin: &Pin,
    spine: &Spine,
) -> Result<BTreeMap<String, Arc<Served>>, Error> {
    let history = request.history.as_ref().ok_or(Error::NothingServes)?;
    let topics: BTreeSet<&str> = topics(repository, folds).collect();
    let served = topics.into_iter().map(|topic| {
        let served = Served::read(history.as_ref(), topic, pin.of(topic)?, spine.instants())?;
        Ok((topic.to_owned(), Arc::new(served)))
    });
    served.collect()
}

/// The topics that `folds` rest on.
pub(crate) fn topics<'a>(repository: &'a Repository, folds: &'a [Fold<'a>]) -> impl Iterator<Item = &'a str> {
    folds.iter().filter_map(|fold| repository.source(&fold.view.source)).map(|source| source.topic.as_str())
}

fn manifest_feature(column: &AnswerColumn, layout: &Layout<'_>) -> ManifestFeature {
    let mut key_columns: Vec<String> = Vec::new();
    for (name, _) in layout.folds_of(column.origin).into_iter().flat_map(|fold| &fold.key_columns) {
        if !key_columns.contains(name) {
            key_columns.push(name.clone());
        }
    }
    ManifestFeature {
        name: column.name.clone(),
        feature: column.feature.clone(),
        version: layout.version_of(column.origin).to_hex(),
        key_columns,
    }
}
