//! Training sets over Flight: a spine is uploaded, described, and streamed back with its features.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use serde_json::json;
use thalweg_backfill::{Cancellation, Commit, Prepared, TrainingSet, TrainingSetRequest};

use super::command::{Command, TrainingSetCommand};
use super::spool::Spool;
use crate::node::Node;
use crate::{Error, Kind};

/// A training set as `GetFlightInfo` describes it.
pub(super) struct Description {
    pub(super) schema: SchemaRef,
    pub(super) rows: usize,
    pub(super) commit: Commit,
    /// Asks for the very same bytes, now or later, here or at another replica with the same log.
    pub(super) ticket: Command,
}

/// Everything about the answer but its values.
pub(super) fn describe(
    node: &Node,
    spool: &Spool,
    command: &TrainingSetCommand,
) -> Result<Description, Error> {
    let repository = node.repository();
    let prepared = Prepared::new(&repository, node.log(), &of_upload(spool, command)?)?;
    let commit = prepared.commit().clone();
    let ticket = TrainingSetCommand {
        pin: Some(commit.manifest.pin.clone()),
        commit: Some(commit.id.clone()),
        ..command.clone()
    };
    Ok(Description {
        schema: prepared.schema().clone(),
        rows: prepared.num_rows(),
        commit,
        ticket: Command::TrainingSet(ticket),
    })
}

/// The answer to a ticket.
pub(super) fn answer(
    node: &Node,
    spool: &Spool,
    command: &TrainingSetCommand,
    cancellation: &Cancellation,
) -> Result<TrainingSet, Error> {
    let set = node.training_set(&of_upload(spool, command)?, cancellation)?;
    match &command.commit {
        Some(wanted) if *wanted != set.commit.id => Err(Error::new(
            Kind::FailedPrecondition,
            format!(
                "commit {wanted} cannot be remade: the definitions or the engine have changed since (now {}). Ask again from GetFlightInfo",
                set.commit.id
            ),
        )),
        _ => Ok(set),
    }
}

/// What `app_metadata` says of a training set.
pub(super) fn metadata(commit: &Commit) -> String {
    json!({"commit": commit.id, "manifest": commit.manifest}).to_string()
}

fn of_upload(spool: &Spool, command: &TrainingSetCommand) -> Result<TrainingSetRequest, Error> {
    let spine = command.spine.as_ref().ok_or_else(|| {
        Error::invalid(
            "a training set needs `spine`: upload one by DoPut, then ask with {\"spine\": {\"upload\": …}}",
        )
    })?;
    let (schema, batches) = spool.get(&spine.upload)?;
    request(command, schema, batches)
}

/// What `command` asks for, of these rows.
pub(super) fn request(
    command: &TrainingSetCommand,
    spine_schema: SchemaRef,
    spine: Vec<RecordBatch>,
) -> Result<TrainingSetRequest, Error> {
    Ok(TrainingSetRequest {
        features: command.features()?,
        spine_schema,
        spine,
        timestamp_column: command.timestamp_column(),
        as_of: command.as_of,
        boundary: command.boundary,
        pin: command.pin.clone(),
        statuses: command.statuses,
        full_feature_names: command.full_feature_names.unwrap_or(true),
    })
}

/// The batches of a set, owned, so that a stream can outlive the call.
pub(super) fn into_batches(set: TrainingSet) -> impl Iterator<Item = RecordBatch> + Send {
    let set = Arc::new(set);
    (0..set.num_batches()).map(move |number| set.batch(number))
}
