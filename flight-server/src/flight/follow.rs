//! Events of a topic over Flight, as they come.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use futures::FutureExt;
use thalweg_backfill::Following;
use tokio::sync::{Semaphore, mpsc};

use super::command::EventsCommand;
use super::events::range;
use crate::node::Node;
use crate::pool::Pool;
use crate::{Error, Kind};

/// Batches read ahead of a slow client.
const BATCHES_AHEAD: usize = 4;
/// How long a stream rests when there is nothing new.
const IDLE: Duration = Duration::from_millis(10);
/// How often a stream looks for new partitions of its topic.
const LOOK_FOR_PARTITIONS: Duration = Duration::from_secs(5);

/// Refuses what does not go together with following.
pub(super) fn check(command: &EventsCommand) -> Result<(), Error> {
    match command.dead_letters || command.pin.is_some() || command.to_us.is_some() {
        true => Err(Error::invalid("`follow` never ends: leave `pin`, `to_us` and `dead_letters` out")),
        false => Ok(()),
    }
}

/// Reads on until the client goes away. A stream takes a place of `places` for as long as it lives, and one of
/// `pool` only while it reads.
///
/// # Errors
/// RESOURCE_EXHAUSTED where no place is left.
pub(super) fn stream(
    node: Arc<Node>,
    pool: Arc<Pool>,
    places: &Arc<Semaphore>,
    command: EventsCommand,
) -> Result<mpsc::Receiver<Result<RecordBatch, Error>>, Error> {
    let place = places.clone().try_acquire_owned().map_err(|_| {
        let limit = node.config().limits.followers;
        let why = format!("{limit} streams follow topics already (limit `limits.followers`); end one first");
        Error::new(Kind::ResourceExhausted, why)
    })?;
    let (sender, receiver) = mpsc::channel(BATCHES_AHEAD);
    tokio::spawn(async move {
        let _place = place;
        tokio::select! {
            () = sender.closed() => {}
            failed = follow(node, &pool, command, &sender) => {
                if let Err(error) = failed {
                    // Nobody is left to tell where this fails.
                    let _ = sender.send(Err(error)).await;
                }
            }
        }
    });
    Ok(receiver)
}

async fn follow(
    node: Arc<Node>,
    pool: &Pool,
    command: EventsCommand,
    sender: &mpsc::Sender<Result<RecordBatch, Error>>,
) -> Result<(), Error> {
    let mut following = pool
        .run(move || {
            let source = node.source_of(&command.topic)?;
            Ok(Following::begin(node.shared_log(), source, range(&command), &command.offsets)?)
        })
        .await?;
    let mut looks = tokio::time::interval(LOOK_FOR_PARTITIONS);
    loop {
        let look = looks.tick().now_or_never().is_some();
        let step = move || {
            if look {
                following.find_new_partitions()?;
            }
            let batch = following.next_batch()?;
            Ok((following, batch))
        };
        let batch;
        (following, batch) = pool.run(step).await?;
        match batch {
            Some(batch) => {
                if sender.send(Ok(batch)).await.is_err() {
                    return Ok(());
                }
            }
            None => tokio::time::sleep(IDLE).await,
        }
    }
}
