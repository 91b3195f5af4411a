//! Events of a topic over Flight.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use thalweg_backfill::{EventRange, Pin, events, events_schema};
use thalweg_core::Instant;
use tokio::sync::mpsc;

use super::command::{Command, EventsCommand};
use crate::Error;
use crate::node::Node;
use crate::pool::Pool;

/// Batches read ahead of a slow client.
const BATCHES_AHEAD: usize = 4;

/// The schema of the answer, and a ticket that names the log prefix it covers.
pub(super) fn describe(node: &Node, command: &EventsCommand) -> Result<(SchemaRef, Command), Error> {
    let source = node.source_of(&command.topic)?;
    let pin = match &command.pin {
        Some(pin) => pin.clone(),
        None => Pin::now(node.log(), [command.topic.as_str()])?,
    };
    let ticket = EventsCommand { pin: Some(pin), ..command.clone() };
    Ok((events_schema(&source), Command::Events(ticket)))
}

/// Reads on a thread of its own, no further ahead than a few batches, until the client has all or goes away.
pub(super) fn stream(
    node: Arc<Node>,
    pool: Arc<Pool>,
    command: EventsCommand,
) -> mpsc::Receiver<Result<RecordBatch, Error>> {
    let (sender, receiver) = mpsc::channel(BATCHES_AHEAD);
    tokio::spawn(async move {
        let batches = sender.clone();
        if let Err(error) = pool.run(move || read(&node, &command, &batches)).await {
            // Nobody is left to tell where this fails.
            let _ = sender.send(Err(error)).await;
        }
    });
    receiver
}

fn read(
    node: &Node,
    command: &EventsCommand,
    sender: &mpsc::Sender<Result<RecordBatch, Error>>,
) -> Result<(), Error> {
    let source = node.source_of(&command.topic)?;
    let pin = match &command.pin {
        Some(pin) => pin.clone(),
        None => Pin::now(node.log(), [command.topic.as_str()])?,
    };
    let range = EventRange {
        from: command.from_us.map(Instant::from_micros),
        to: command.to_us.map(Instant::from_micros),
    };
    for batch in events(node.log(), &source, &pin, range)? {
        if sender.blocking_send(Ok(batch?)).is_err() {
            break;
        }
    }
    Ok(())
}
