//! The audit of one view.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::{Field, FieldRef, Schema, TimestampMicrosecondType};
use serde_json::{Map, Value};
use thalweg_backfill::{
    Answered, Cancellation, DEFAULT_TIMESTAMP_COLUMN, Difference, Pin, TopicPin, Verdict, verify,
};
use thalweg_core::Instant;
use thalweg_ingest::{Clock as _, Serving};

use super::drawn::{Drawn, draw, instants};
use super::{all_of, check_keys};
use crate::clock::WallClock;
use crate::json::to_json;
use crate::lookup::{Lookup, LookupRequest, Moment};
use crate::node::Node;
use crate::wire::{AuditedOffset, CellDifference, ViewAudit};
use crate::{Error, Kind};

/// What was looked up, and what it rests on.
struct Seen {
    now: Instant,
    applied: Vec<(String, i32, i64)>,
    versions: BTreeMap<String, String>,
    keys: usize,
    answered: Answered,
}

/// Looks up keys of `view`, of either kind, that are drawn by `seed`, all at one moment, and compares the
/// answers with a replay of the log up to what was applied then.
///
/// # Errors
/// NOT_FOUND for a view that is not there; RESOURCE_EXHAUSTED for more keys than one lookup may ask for; what
/// keeps the state from being read or the log from being replayed; CANCELLED.
pub fn audit_view(
    node: &Node,
    view: &str,
    keys: usize,
    seed: u64,
    cancellation: &Cancellation,
) -> Result<ViewAudit, Error> {
    let began = WallClock.now();
    check_keys(keys, node.config().limits.lookup_rows)?;
    loop {
        let serving = node.serving()?;
        let repository = serving.repository();
        if repository.view(view).is_none() && repository.on_demand_view(view).is_none() {
            all_of(view).resolve(&node.repository())?;
            let why = "its first version is being built from the log and answers no lookups yet";
            return Ok(skipped(view, seed, why.to_owned()));
        }
        let seen = match look_up(node, &serving, view, keys, seed, cancellation) {
            Ok(Looked::Seen(seen)) => *seen,
            // Other definitions have come to serve meanwhile: they are audited, from the beginning.
            _ if !Arc::ptr_eq(&serving, &node.serving()?) => continue,
            Ok(Looked::NoKeys) => return Ok(skipped(view, seed, "it has no keys yet".to_owned())),
            Ok(Looked::Replaced) => {
                return Err(Error::internal("changed definitions were only half swapped in"));
            }
            // A view that is not in step is being made again.
            Err(error) if error.kind == Kind::FailedPrecondition => {
                return Ok(skipped(view, seed, error.message));
            }
            Err(error) => return Err(error),
        };
        let Seen { now, applied, versions, keys, answered } = seen;
        let spine = answered.spine.clone();
        let verdict = verify(repository, node.log(), answered, &node.memory().budget(), cancellation)?;
        if verdict.differing > 0 {
            node.manifests().keep(&verdict.commit)?;
        }
        let applied = applied.into_iter();
        return Ok(ViewAudit {
            view: view.to_owned(),
            seed,
            skipped: String::new(),
            at_us: now.as_micros(),
            applied: applied
                .map(|(topic, partition, next_offset)| AuditedOffset { topic, partition, next_offset })
                .collect(),
            versions: versions.into_iter().collect(),
            keys: keys as u64,
            rows: spine.num_rows() as u64,
            cells: verdict.cells,
            differing: verdict.differing,
            differences: told(&spine, &verdict),
            commit: verdict.commit.id,
            elapsed_us: WallClock.now().as_micros().saturating_sub(began.as_micros()),
        });
    }
}

/// Looks up keys of `view`, drawn by `seed`, all at one moment.
fn look_up(
    node: &Node,
    serving: &Serving,
    view: &str,
    keys: usize,
    seed: u64,
    cancellation: &Cancellation,
) -> Result<Looked, Error> {
    let features = all_of(view);
    // Off the moment that holds batches up: what is drawn need not be of one moment.
    let Drawn { keys, entities, inputs } =
        draw(serving, &features, keys, seed, || !cancellation.is_cancelled())?;
    if cancellation.is_cancelled() {
        return Err(thalweg_backfill::Error::Cancelled.into());
    }
    if keys == 0 {
        return Ok(Looked::NoKeys);
    }
    let mut columns: Vec<(FieldRef, ArrayRef)> = Vec::new();
    for (name, values) in entities.iter().chain(&inputs) {
        columns.push((Arc::new(Field::new(name, values.data_type().clone(), true)), values.clone()));
    }
    let request = LookupRequest {
        features: features.clone(),
        entities,
        request_inputs: inputs,
        at: None,
        full_feature_names: true,
    };
    let config = node.config();
    let lookup = Lookup::new(serving, &request, config.limits.lookup_rows)?;
    let Some(moment) = lookup.moment() else { return Ok(Looked::Replaced) };
    let now = moment.now(config.clock, || WallClock.now());
    let instants = instants(keys, now, moment.watermark(), moment.horizon()?, seed);
    let found = moment.find_each(&instants)?;
    let (applied, pin) = (moment.applied(), pin(node, &moment)?);
    drop(moment);
    let (answers, _) = lookup.columns(&found)?;
    let at = instants.iter().map(|at| at.as_micros()).collect::<Vec<_>>();
    let at: ArrayRef = Arc::new(TimestampMicrosecondArray::from(at).with_timezone("UTC"));
    columns.push((Arc::new(Field::new(DEFAULT_TIMESTAMP_COLUMN, at.data_type().clone(), true)), at));
    let (fields, columns): (Vec<FieldRef>, Vec<ArrayRef>) = columns.into_iter().unzip();
    let spine = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?;
    let (values, statuses) = answers.into_iter().map(|column| (column.values, column.statuses)).unzip();
    let answered = Answered { features, spine, values, statuses, pin };
    let seen = Seen { now, applied, versions: lookup.versions(), keys, answered };
    Ok(Looked::Seen(Box::new(seen)))
}

/// The log prefix that `moment` rests on.
///
/// # Errors
/// UNAVAILABLE where the log has another topic of a name by now.
fn pin(node: &Node, moment: &Moment<'_>) -> Result<Pin, Error> {
    let mut pin = Pin::default();
    for (topic, id) in moment.topics() {
        let found = node.log().topic(&topic)?.map(|info| info.id);
        if let Some(id) = id.filter(|id| found.is_none_or(|found| found.as_bytes() != id)) {
            let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
            return Err(Error::new(
                Kind::Unavailable,
                format!(
                    "the state rests on topic `{topic}` of id {id}, which the log does not have any more"
                ),
            ));
        }
        let topic_id = id.and(found).map(|found| found.to_string());
        pin.topics.insert(topic, TopicPin { topic_id, next_offsets: Vec::new() });
    }
    for (topic, partition, next) in moment.applied() {
        let Some(of_topic) = pin.topics.get_mut(&topic) else { continue };
        let place = usize::try_from(partition).unwrap_or_default();
        let partitions = of_topic.next_offsets.len().max(place + 1);
        of_topic.next_offsets.resize(partitions, 0);
        of_topic.next_offsets[place] = next;
    }
    Ok(pin)
}

/// What came of looking up.
enum Looked {
    /// The view has no keys.
    NoKeys,
    /// Other definitions serve by now.
    Replaced,
    /// Answers.
    Seen(Box<Seen>),
}

/// The differences as they are told: values and rows as JSON.
fn told(spine: &RecordBatch, verdict: &Verdict) -> Vec<CellDifference> {
    let one = |difference: &Difference| {
        let Difference { row, column, online, replayed } = difference;
        let schema = spine.schema();
        let cells = schema.fields().iter().zip(spine.columns());
        let mut cells: Map<String, Value> =
            cells.map(|(field, values)| (field.name().clone(), to_json(values, *row))).collect();
        cells.shift_remove(DEFAULT_TIMESTAMP_COLUMN);
        CellDifference {
            row: Value::Object(cells).to_string(),
            at_us: instant_of(spine, *row),
            column: column.clone(),
            online: to_json(&online.value, 0).to_string(),
            online_status: online.status.clone(),
            replayed: to_json(&replayed.value, 0).to_string(),
            replayed_status: replayed.status.clone(),
        }
    };
    verdict.differences.iter().map(one).collect()
}

fn instant_of(spine: &RecordBatch, row: usize) -> i64 {
    let at = spine.column_by_name(DEFAULT_TIMESTAMP_COLUMN).expect("the spine of an audit has instants");
    at.as_primitive::<TimestampMicrosecondType>().value(row)
}

fn skipped(view: &str, seed: u64, why: String) -> ViewAudit {
    ViewAudit { view: view.to_owned(), seed, skipped: why, ..ViewAudit::default() }
}
