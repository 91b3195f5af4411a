//! Online answers: features of entities at an instant, from the running folds.

mod answering;
mod asked;
mod moment;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray};
use thalweg_backfill::Features;
use thalweg_core::{Instant, Status};
use thalweg_definitions::{Fold, Layout, Repository};
use thalweg_ingest::Serving;
use thalweg_store::{Found, TopicState, read_all};

use self::answering::Answering;
use self::asked::Asked;
pub(crate) use self::moment::Moment;
use crate::Error;
use crate::config::Clock;

/// A lookup of any number of entities.
#[derive(Clone, Debug)]
pub struct LookupRequest {
    /// The features wanted.
    pub features: Features,
    /// For each join key its values, all of one length. A request input may stand here, too.
    pub entities: BTreeMap<String, ArrayRef>,
    /// For each request input of on-demand features its values, as many as there are of a join key.
    pub request_inputs: BTreeMap<String, ArrayRef>,
    /// The instant; what the clock says, if none.
    pub at: Option<Instant>,
    /// Whether columns are named `view__column` (else `column`).
    pub full_feature_names: bool,
}

/// One column of an answer.
#[derive(Clone, Debug)]
pub struct LookupColumn {
    /// Name of the column.
    pub name: String,
    /// The values, a row an entity.
    pub values: ArrayRef,
    /// What stands behind each value.
    pub statuses: Vec<Status>,
    /// Time of the view's newest event that each row saw; of an on-demand feature, that of the views of its
    /// inputs.
    pub event_times: Vec<Option<Instant>>,
}

/// What a lookup gives, and what it rests on.
#[derive(Clone, Debug)]
pub struct LookupAnswer {
    /// The columns in the order asked for.
    pub columns: Vec<LookupColumn>,
    /// Rows asked for.
    pub rows: usize,
    /// The instant the values are of.
    pub at: Instant,
    /// Next offset applied, by topic and partition.
    pub applied: Vec<(String, i32, i64)>,
    /// The least watermark of the sources.
    pub watermark: Option<Instant>,
    /// The views that answered, on-demand ones among them, with their versions in hexadecimal.
    pub versions: BTreeMap<String, String>,
    /// For each on-demand feature view how often an expression failed on a row and gave null.
    pub failed_expressions: BTreeMap<String, u64>,
    /// How many values of the views asked are null because they do not fit: integer sums 64 bits, distinct values their
    /// limit.
    pub overflows: u64,
}

/// Answers `request` by the definitions and states of `serving`, seen at one moment; none if others serve by
/// now.
///
/// `now` tells the wall clock's time; `clock` says whether that or the watermark stands in where no instant is named. It
/// is asked while nothing can be applied: what was applied by then is what is answered.
///
/// # Errors
/// INVALID_ARGUMENT, NOT_FOUND, OUT_OF_RANGE or FAILED_PRECONDITION, as the wire contract says.
pub fn lookup(
    serving: &Serving,
    request: &LookupRequest,
    clock: Clock,
    now: impl FnOnce() -> Instant,
    row_limit: usize,
) -> Result<Option<LookupAnswer>, Error> {
    let lookup = Lookup::new(serving, request, row_limit)?;
    let Some(moment) = lookup.moment() else { return Ok(None) };
    let at = request.at.unwrap_or_else(|| moment.now(clock, now));
    let (found, watermark, applied) = (moment.find(at)?, moment.watermark(), moment.applied());
    drop(moment);
    let (columns, failed_expressions) = lookup.columns(&found)?;
    let versions = lookup.versions();
    let rows = lookup.rows;
    let overflows = found.iter().map(|found| found.overflows).sum();
    Ok(Some(LookupAnswer { columns, rows, at, applied, watermark, versions, failed_expressions, overflows }))
}

/// A checked lookup: the folds that it reads, and by which keys.
pub(crate) struct Lookup<'a> {
    repository: &'a Repository,
    layout: Layout<'a>,
    /// For each fold the keys of all rows.
    keys: Vec<BinaryArray>,
    inputs: BTreeMap<String, ArrayRef>,
    /// Rows asked for.
    rows: usize,
    /// What is read, by topic.
    states: BTreeMap<String, Arc<TopicState>>,
}

impl<'a> Lookup<'a> {
    /// Checks what `request` asks of `serving`, of at most `row_limit` rows. Nothing is read.
    ///
    /// # Errors
    /// INVALID_ARGUMENT or NOT_FOUND, as the wire contract says.
    pub(crate) fn new(
        serving: &'a Serving,
        request: &LookupRequest,
        row_limit: usize,
    ) -> Result<Self, Error> {
        let repository = serving.repository();
        let features = request.features.resolve(repository)?;
        let layout = Layout::new(repository, &features, request.full_feature_names)
            .map_err(|cause| Error::from(thalweg_backfill::Error::from(cause)))?;
        let asked = Asked::new(request, row_limit)?;
        let keys = layout.folds.iter().map(|fold| asked.keys_of(fold)).collect::<Result<Vec<_>, _>>()?;
        let inputs = asked.inputs(&layout)?;
        asked.refuse_unused(&layout)?;
        let states = layout.folds.iter().map(|fold| {
            let topic = topic_of(repository, fold);
            let state = serving.topic(topic).ok_or_else(|| not_kept(fold))?;
            Ok((topic.to_owned(), state))
        });
        let states = states.collect::<Result<_, Error>>()?;
        let rows = asked.rows;
        Ok(Self { repository, layout, keys, inputs, rows, states })
    }

    /// What is read at one moment; none if other definitions serve by now.
    pub(crate) fn moment(&self) -> Option<Moment<'_>> {
        let readings = read_all(&self.states.values().map(|state| state.as_ref()).collect::<Vec<_>>());
        Moment::new(self, readings)
    }

    /// The columns of an answer in the order asked for, from what was found for each fold; and for each
    /// on-demand view how often an expression failed.
    ///
    /// # Errors
    /// Columns that Arrow cannot put together.
    pub(crate) fn columns(
        &self,
        found: &[Found],
    ) -> Result<(Vec<LookupColumn>, BTreeMap<String, u64>), Error> {
        Answering { layout: &self.layout, found, inputs: &self.inputs, rows: self.rows }.columns()
    }

    /// The views that answer, on-demand ones among them, with their versions in hexadecimal.
    pub(crate) fn versions(&self) -> BTreeMap<String, String> {
        let folds = self.layout.folds.iter().map(|of| (of.view.name.clone(), of.view.version.to_hex()));
        let on_demand = self.layout.on_demand.iter();
        folds.chain(on_demand.map(|of| (of.view.name.clone(), of.view.version.to_hex()))).collect()
    }
}

/// The topic that `fold` reads.
fn topic_of<'a>(repository: &'a Repository, fold: &Fold<'_>) -> &'a str {
    &repository.source(&fold.view.source).expect("a checked view's source is defined").topic
}

fn not_kept(fold: &Fold<'_>) -> Error {
    Error::internal(format!(
        "view `{}` is defined and has no state: a mistake of the program",
        fold.view.name
    ))
}
