//! Training sets over Flight: described, then streamed; their rows are uploaded, or made here.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use serde_json::json;
use thalweg_backfill::{
    AppliedHistory, Cancellation, Commit, Leakage, Pin, Prepared, Replayed, Sliced, TrainingSetRequest,
    batches,
};
use tokio::sync::{mpsc, oneshot};

use super::command::{Command, TrainingSetCommand};
use super::history::{self, HistoryCommand};
use super::pin::PinRef;
use super::sent::bytes_of_rows;
use super::shards::{Order, Shard, numbered};
use super::spine::{Making, Rows};
use super::spool::Spool;
use crate::leakage::leakage_report;
use crate::metrics::Metrics;
use crate::node::Node;
use crate::pool::{Place, Pool};
use crate::{Error, Kind};

/// Batches handed over ahead of a slow client.
const BATCHES_AHEAD: usize = 4;

/// A training set as `GetFlightInfo` describes it.
pub(super) struct Description {
    pub(super) schema: SchemaRef,
    pub(super) rows: usize,
    pub(super) commit: Commit,
    /// Which rows tell what nobody could know, where that is asked for.
    pub(super) leakage: Option<Leakage>,
    /// Each asks for the very same bytes, now or later, here or at another replica with the same log.
    pub(super) tickets: Vec<Command>,
    /// Whether the streams are to be read one after the other.
    pub(super) ordered: bool,
}

/// Everything about the answer but its values.
pub(super) fn describe(
    node: &Node,
    spool: &Spool,
    command: &TrainingSetCommand,
    cancellation: &Cancellation,
) -> Result<Description, Error> {
    let shards = Shard::all(command.shards, node.config().limits.shards)?;
    let repository = node.repository();
    let making = Making { node, repository: repository.clone(), spool, cancellation };
    let pin = making.pin(command)?;
    let rows = making.rows(command, &pin)?;
    let _rows = rows.hold(node.memory())?;
    let mut ticket = TrainingSetCommand { pin: Some(PinRef::Prefix(pin.clone())), ..command.clone() };
    if command.spine.as_ref().is_some_and(|spine| spine.is_made()) {
        ticket.spine_hash = Some(spool.put(&rows.schema, &rows.batches)?.0);
    }
    let request = request(command, node.history(cancellation), Some(pin), in_order(command, rows)?)?;
    let prepared = Prepared::new(&repository, node.log(), &request)?;
    let commit = prepared.commit().clone();
    node.manifests().keep(&commit)?;
    ticket.commit = Some(commit.id.clone());
    ticket.leakage = false;
    let leakage = match command.leakage {
        true => Some(prepared.leakage(&node.memory().budget(), cancellation)?),
        false => None,
    };
    let of_shard = |shard| TrainingSetCommand { shards: None, shard, ..ticket.clone() };
    Ok(Description {
        schema: prepared.schema().clone(),
        rows: prepared.num_rows(),
        commit,
        leakage,
        tickets: shards.into_iter().map(|shard| Command::TrainingSet(of_shard(shard))).collect(),
        ordered: command.order == Order::Spine,
    })
}

/// The rows as the order asked for has them.
fn in_order(command: &TrainingSetCommand, rows: Rows) -> Result<Rows, Error> {
    match command.order {
        Order::Spine => Ok(rows),
        Order::Any => numbered(rows),
    }
}

/// What training sets are streamed with.
#[derive(Clone)]
pub(super) struct Streaming {
    pub(super) node: Arc<Node>,
    pub(super) spool: Spool,
    /// For reading and computing, which may use all processors.
    pub(super) heavy: Arc<Pool>,
    /// For handing over what was computed, which takes as long as its client does.
    pub(super) streams: Arc<Pool>,
    /// For what fails in a row.
    pub(super) metrics: Arc<Metrics>,
}

impl Streaming {
    /// The schema of the answer to `wanted`, once its events have been read, and its batches, which are computed
    /// as they are taken.
    pub(super) async fn begin(
        self,
        wanted: Wanted,
        cancellation: Cancellation,
    ) -> Result<(SchemaRef, mpsc::Receiver<Result<RecordBatch, Error>>), Error> {
        let (sender, mut batches) = mpsc::channel(BATCHES_AHEAD);
        let (begun, begins) = oneshot::channel();
        tokio::spawn(async move {
            let take = sender.clone();
            let streams = self.streams.clone();
            let streamed = streams.run(move || self.stream(&wanted, &cancellation, begun, &take)).await;
            if let Err(error) = streamed {
                // Nobody is left to tell where this fails.
                let _ = sender.send(Err(error)).await;
            }
        });
        match begins.await {
            Ok(schema) => Ok((schema, batches)),
            Err(_) => match batches.recv().await {
                Some(Err(error)) => Err(error),
                _ => Err(Error::internal("a stream ended before it began, without a word")),
            },
        }
    }

    fn stream(
        &self,
        wanted: &Wanted,
        cancellation: &Cancellation,
        begun: oneshot::Sender<SchemaRef>,
        take: &mpsc::Sender<Result<RecordBatch, Error>>,
    ) -> Result<(), Error> {
        let (node, spool) = (&self.node, &self.spool);
        let working = self.heavy.place()?;
        match wanted {
            Wanted::TrainingSet(command) => make(node, spool, command, None, cancellation, |replayed| {
                self.hand_over(replayed, working, begun, take)
            }),
            Wanted::History(command) => history::make(node, spool, command, cancellation, |history| {
                self.hand_over(history, working, begun, take)
            }),
        }
    }

    /// Takes slice after slice, and holds no place for work while the client takes what was computed, but the memory
    /// that it is in.
    fn hand_over(
        &self,
        mut sliced: impl Sliced,
        working: Place,
        begun: oneshot::Sender<SchemaRef>,
        take: &mpsc::Sender<Result<RecordBatch, Error>>,
    ) -> Result<(), Error> {
        let mut slice = sliced.next_slice()?;
        drop(working);
        // A client that is gone by now does not wait for the schema either.
        let _ = begun.send(sliced.schema().clone());
        while let Some(computed) = slice {
            self.metrics.count_failed_on_demand(&sliced.take_failed_expressions());
            let held = self.node.memory().hold(bytes_of_rows(&computed))?;
            for batch in batches(computed) {
                if take.blocking_send(Ok(batch)).is_err() {
                    return Ok(());
                }
            }
            drop(held);
            if sliced.is_done() {
                break;
            }
            let _working = self.heavy.place()?;
            slice = sliced.next_slice()?;
        }
        Ok(())
    }
}

/// What is streamed.
pub(super) enum Wanted {
    TrainingSet(TrainingSetCommand),
    History(HistoryCommand),
}

/// Hands `then` what `command` asks for, its events read, of the rows `given` or of those it names.
///
/// # Errors
/// Whatever is wrong with the command, what keeps it from being answered, what `then` says.
pub(crate) fn make<T>(
    node: &Node,
    spool: &Spool,
    command: &TrainingSetCommand,
    given: Option<Rows>,
    cancellation: &Cancellation,
    then: impl FnOnce(Replayed<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let repository = node.repository();
    let making = Making { node, repository: repository.clone(), spool, cancellation };
    let pin = making.pin(command)?;
    let rows = in_order(command, given.map_or_else(|| making.rows(command, &pin), Ok)?)?;
    let _rows = rows.hold(node.memory())?;
    let request = request(command, node.history(cancellation), Some(pin), rows)?;
    let mut prepared = Prepared::new(&repository, node.log(), &request)?;
    drop(request);
    check_commit(command, prepared.commit())?;
    if let Some(Shard { number, of }) = command.shard {
        prepared = prepared.shard(number, of)?;
    }
    let replayed = prepared.replay(&node.memory().budget(), cancellation)?;
    then(replayed)
}

/// A stream is of the commit that its ticket names, or there is none.
pub(super) fn check_commit(command: &TrainingSetCommand, commit: &Commit) -> Result<(), Error> {
    match &command.commit {
        Some(wanted) if *wanted != commit.id => Err(Error::new(
            Kind::FailedPrecondition,
            format!(
                "commit {wanted} cannot be remade: the definitions, the spine's file or the engine have changed since (now {}). Ask again from GetFlightInfo",
                commit.id
            ),
        )),
        _ => Ok(()),
    }
}

/// What `app_metadata` says of a training set.
pub(crate) fn metadata(commit: &Commit, leakage: Option<&Leakage>) -> String {
    let mut about = json!({"commit": commit.id, "manifest": commit.manifest});
    if let Some(leakage) = leakage {
        about["leakage"] = leakage_report(leakage);
    }
    about.to_string()
}

/// What `command` asks for, of these rows, resting on `pin` or on the end of the log, where `history` tells what was
/// applied when.
pub(super) fn request(
    command: &TrainingSetCommand,
    history: Option<Arc<dyn AppliedHistory>>,
    pin: Option<Pin>,
    rows: Rows,
) -> Result<TrainingSetRequest, Error> {
    Ok(TrainingSetRequest {
        features: command.features()?,
        spine_schema: rows.schema,
        spine: rows.batches,
        timestamp_column: command.timestamp_column(),
        as_of: command.as_of,
        history,
        boundary: command.boundary,
        pin,
        statuses: command.statuses,
        full_feature_names: command.full_feature_names.unwrap_or(true),
    })
}
