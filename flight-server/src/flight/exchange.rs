//! Training sets in an exchange: rows come batch by batch, and go back with their features as they come.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use thalweg_backfill::{AppliedHistory, Cancellation, Memory, Pin, Prepared, TrainingSet, training_set};
use thalweg_definitions::Repository;
use thalweg_log::Log;

use super::command::TrainingSetCommand;
use super::pin::PinRef;
use super::shards::Order;
use super::spine::Rows;
use super::training_set::request;
use crate::Error;
use crate::node::Node;

/// What all batches of one exchange are answered by: the definitions and the log prefix there were at its
/// beginning.
///
/// Which keys will come is not known beforehand, so each batch replays the log: an exchange holds no more
/// memory than one batch takes, and takes the time of one training set for each.
pub struct Exchange {
    repository: Arc<Repository>,
    log: Arc<dyn Log>,
    /// What was applied when, if that is known.
    history: Option<Arc<dyn AppliedHistory>>,
    /// What its batches may hold, one at a time.
    memory: Arc<Memory>,
    command: TrainingSetCommand,
    /// What all batches rest on.
    pin: Pin,
    spine: SchemaRef,
    schema: SchemaRef,
}

impl Exchange {
    /// Begins an exchange with `node` for rows of the schema `spine`.
    ///
    /// # Errors
    /// What [`over`](Self::over) says.
    pub(super) fn begin(
        node: &Node,
        mut command: TrainingSetCommand,
        spine: SchemaRef,
        cancellation: &Cancellation,
    ) -> Result<Self, Error> {
        if let Some(pin) = &mut command.pin {
            *pin = PinRef::Prefix(pin.resolve(node.manifests())?);
        }
        let (log, memory) = (node.shared_log(), Arc::clone(node.memory()));
        Self::over(node.repository(), log, node.history(cancellation), memory, command, spine)
    }

    /// Begins an exchange over `log` for rows of the schema `spine`, each batch of which may hold so much of
    /// `memory`; `history` tells what was applied when.
    ///
    /// # Errors
    /// Whatever is wrong with the command or the columns; a spine in the command.
    pub fn over(
        repository: Arc<Repository>,
        log: Arc<dyn Log>,
        history: Option<Arc<dyn AppliedHistory>>,
        memory: Arc<Memory>,
        command: TrainingSetCommand,
        spine: SchemaRef,
    ) -> Result<Self, Error> {
        let is_of_a_flight = command.spine.is_some() || command.commit.is_some();
        if is_of_a_flight || command.shards.is_some() || command.order != Order::Spine {
            return Err(Error::invalid(
                "an exchange is about the rows sent in it, in their order; leave `spine`, `commit`, `shards` and \
                 `order` out, or use DoGet",
            ));
        }
        if command.leakage {
            return Err(Error::invalid(
                "an exchange does not report leakage, since it never has all rows; leave `leakage` out, or upload the rows and use GetFlightInfo",
            ));
        }
        let pin = match &command.pin {
            None => None,
            Some(PinRef::Prefix(pin)) => Some(pin.clone()),
            Some(PinRef::Commit(id)) => {
                return Err(Error::invalid(format!(
                    "which log prefix commit `{id}` rests on is not known here"
                )));
            }
        };
        let empty =
            request(&command, history.clone(), pin, Rows { schema: spine.clone(), batches: Vec::new() })?;
        let prepared = Prepared::new(&repository, &*log, &empty)?;
        let schema = prepared.schema().clone();
        let pin = prepared.commit().manifest.pin.clone();
        Ok(Self { repository, log, history, memory, command, pin, spine, schema })
    }

    /// Schema of every answer: the columns of the rows, features, statuses where asked for.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The features of one batch, as an upload of these very rows with the same pin would have them.
    ///
    /// # Errors
    /// What [`training_set`] says.
    pub fn join(&self, batch: RecordBatch, cancellation: &Cancellation) -> Result<TrainingSet, Error> {
        let rows = Rows { schema: self.spine.clone(), batches: vec![batch] };
        let request = request(&self.command, self.history.clone(), Some(self.pin.clone()), rows)?;
        let budget = self.memory.budget();
        Ok(training_set(&self.repository, &*self.log, &request, &budget, cancellation)?)
    }
}
