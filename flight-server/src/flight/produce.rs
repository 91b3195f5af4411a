//! Rows over Flight into the log.

use std::sync::Arc;

use arrow::array::RecordBatch;
use tokio::sync::mpsc;
use tokio_stream::{Stream, StreamExt};

use super::command::ProduceCommand;
use crate::Error;
use crate::node::Node;
use crate::pool::Pool;
use crate::produce::Produced;

/// Batches taken off the network ahead of the disk.
const BATCHES_AHEAD: usize = 4;

/// Appends every batch of `rows` and gives what was written once it is durable.
pub(super) async fn produce(
    node: Arc<Node>,
    pool: &Pool,
    command: ProduceCommand,
    mut rows: impl Stream<Item = Result<RecordBatch, Error>> + Unpin + Send,
) -> Result<Produced, Error> {
    let (sender, mut receiver) = mpsc::channel(BATCHES_AHEAD);
    let receive = async move {
        while let Some(batch) = rows.next().await {
            if sender.send(batch).await.is_err() {
                break;
            }
        }
    };
    let write = pool.run(move || {
        let batches = std::iter::from_fn(|| receiver.blocking_recv());
        node.produce(&command.topic, command.options(), batches, |_| {})
    });
    tokio::join!(receive, write).1
}
