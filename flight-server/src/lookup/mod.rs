//! Online answers: features of entities at an instant, from the running folds.

mod answering;
mod asked;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::ArrayRef;
use thalweg_backfill::Features;
use thalweg_core::{Instant, Status};
use thalweg_definitions::{Fold, Layout};
use thalweg_ingest::Serving;
use thalweg_store::{Reading, TopicState, read_all};

use self::answering::Answering;
use self::asked::Asked;
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
    let repository = serving.repository();
    let features = request.features.resolve(repository)?;
    let layout = Layout::new(repository, &features, request.full_feature_names)
        .map_err(|cause| Error::from(thalweg_backfill::Error::from(cause)))?;
    let asked = Asked::new(request, row_limit)?;
    let rows = asked.rows;
    let keys = layout.folds.iter().map(|fold| asked.keys_of(fold)).collect::<Result<Vec<_>, _>>()?;
    let inputs = asked.inputs(&layout)?;
    asked.refuse_unused(&layout)?;

    let topic_of = |fold: &Fold<'_>| {
        let source = repository.source(&fold.view.source).expect("a checked view's source is defined");
        source.topic.clone()
    };
    let states = layout
        .folds
        .iter()
        .map(|fold| {
            let topic = topic_of(fold);
            let state = serving.topic(&topic).ok_or_else(|| not_kept(fold))?;
            Ok((topic, state))
        })
        .collect::<Result<BTreeMap<String, Arc<TopicState>>, Error>>()?;
    let readings = read_all(&states.values().map(|state| state.as_ref()).collect::<Vec<_>>());
    // While the guards are held none of them can be retired. So all views are of these definitions, or none
    // is asked.
    if readings.iter().any(Reading::is_retired) {
        return Ok(None);
    }
    let reading_of: BTreeMap<&str, &Reading<'_>> = states.keys().map(String::as_str).zip(&readings).collect();
    let sources = layout.folds.iter().filter_map(|fold| repository.source(&fold.view.source));
    let watermark =
        sources.map(|source| reading_of[source.topic.as_str()].watermark(&source.name)).min().flatten();
    let at = match (request.at, clock) {
        (Some(at), _) => at,
        (None, Clock::Wall) => now(),
        (None, Clock::Stream) => watermark.unwrap_or(Instant::MIN),
    };

    let mut found = Vec::with_capacity(layout.folds.len());
    let mut versions = BTreeMap::new();
    for (fold, keys) in layout.folds.iter().zip(&keys) {
        found.push(reading_of[topic_of(fold).as_str()].lookup(&fold.view.name, keys, at)?);
        versions.insert(fold.view.name.clone(), fold.view.version.to_hex());
    }
    let applied = readings
        .iter()
        .flat_map(|reading| reading.applied().iter().map(|(&p, &next)| (reading.topic().to_owned(), p, next)))
        .collect();
    drop(reading_of);
    drop(readings);

    versions.extend(layout.on_demand.iter().map(|of| (of.view.name.clone(), of.view.version.to_hex())));
    let answering = Answering { layout: &layout, found: &found, inputs: &inputs, rows };
    let (columns, failed_expressions) = answering.columns()?;
    Ok(Some(LookupAnswer { columns, rows, at, applied, watermark, versions, failed_expressions }))
}

fn not_kept(fold: &Fold<'_>) -> Error {
    Error::internal(format!(
        "view `{}` is defined and has no state: a mistake of the program",
        fold.view.name
    ))
}
