//! Events and dead letters of a topic over Flight.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use thalweg_backfill::{EventRange, Pin, dead_letters, dead_letters_schema, events, events_schema};
use thalweg_core::Instant;
use thalweg_definitions::Source;
use thalweg_log::dead_letter_topic;
use tokio::sync::mpsc;

use super::command::EventsCommand;
use super::follow;
use crate::Error;
use crate::node::Node;
use crate::pool::Pool;

/// Batches read ahead of a slow client.
const BATCHES_AHEAD: usize = 4;

/// The schema of the answer, and the command with the log prefix it covers.
///
/// # Errors
/// NOT_FOUND where no source reads the topic.
pub(crate) fn describe(node: &Node, command: &EventsCommand) -> Result<(SchemaRef, EventsCommand), Error> {
    let source = node.source_of(&command.topic)?;
    let schema = if command.dead_letters { dead_letters_schema() } else { events_schema(&source) };
    if command.dead_letters && !command.offsets.is_empty() {
        return Err(Error::invalid("`offsets` are of the topic; dead letters have others: leave them out"));
    }
    if command.follow {
        follow::check(command)?;
        return Ok((schema, command.clone()));
    }
    let pin = pin(node, &source, command)?;
    Ok((schema, EventsCommand { pin: Some(pin), ..command.clone() }))
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
        let take = move |batch| Ok(batches.blocking_send(Ok(batch)).is_ok());
        if let Err(error) = pool.run(move || read(&node, &command, take)).await {
            // Nobody is left to tell where this fails.
            let _ = sender.send(Err(error)).await;
        }
    });
    receiver
}

/// Hands the batches that `command` asks for to `take`, until there are no more or it wants none.
///
/// # Errors
/// What the log says, and what `take` says.
pub(crate) fn read(
    node: &Node,
    command: &EventsCommand,
    take: impl FnMut(RecordBatch) -> Result<bool, Error>,
) -> Result<(), Error> {
    let source = node.source_of(&command.topic)?;
    let pin = pin(node, &source, command)?;
    let range = range(command);
    match command.dead_letters {
        true => hand(dead_letters(node.log(), &source, &pin, range)?, take),
        false => hand(events(node.log(), &source, &command.offsets, &pin, range)?, take),
    }
}

/// The timestamps of the records that are wanted.
pub(super) fn range(command: &EventsCommand) -> EventRange {
    EventRange {
        from: command.from_us.map(Instant::from_micros),
        to: command.to_us.map(Instant::from_micros),
    }
}

fn hand(
    batches: impl Iterator<Item = Result<RecordBatch, thalweg_backfill::Error>>,
    mut take: impl FnMut(RecordBatch) -> Result<bool, Error>,
) -> Result<(), Error> {
    for batch in batches {
        if !take(batch?)? {
            break;
        }
    }
    Ok(())
}

fn pin(node: &Node, source: &Source, command: &EventsCommand) -> Result<Pin, Error> {
    let letters = command.dead_letters.then(|| dead_letter_topic(&source.name));
    match &command.pin {
        Some(pin) => Ok(pin.clone()),
        None => Ok(Pin::now(node.log(), [letters.as_deref().unwrap_or(&source.topic)])?),
    }
}
