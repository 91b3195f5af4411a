//! What lag tools look at: a group's committed offsets.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::{Offset, TopicPartitionList};

use super::asking::create;
use super::context::Context;
use super::options::KafkaOptions;
use super::trouble::Troubles;

/// Events of the client that are looked at after a commit.
const EVENTS: usize = 20;

/// Commits offsets to the group that the options name. They are a hint for others: Thalweg never reads them.
pub(super) struct Committer {
    options: KafkaOptions,
    troubles: Arc<Troubles>,
    client: Mutex<Option<BaseConsumer<Context>>>,
}

impl Committer {
    pub(super) fn new(options: &KafkaOptions, troubles: &Arc<Troubles>) -> Self {
        Self { options: options.clone(), troubles: Arc::clone(troubles), client: Mutex::default() }
    }

    /// Commits the next offset of some partitions of a topic, without waiting for an answer. Without a group,
    /// nothing; what fails is said in the log alone.
    pub(super) fn commit(&self, topic: &str, next: &[(i32, i64)]) {
        let Some(config) = self.options.to_commit() else { return };
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if client.is_none() {
            match create(&config, &self.troubles) {
                Ok(new) => *client = Some(new),
                Err(error) => return tracing::warn!(%error, "no offsets are committed to the group"),
            }
        }
        let Some(client) = &*client else { return };
        let mut offsets = TopicPartitionList::with_capacity(next.len());
        for (partition, next) in next {
            if let Err(error) = offsets.add_partition_offset(topic, *partition, Offset::Offset(*next)) {
                return tracing::warn!(topic, partition, %error, "an offset cannot be committed to the group");
            }
        }
        if let Err(error) = client.commit(&offsets, CommitMode::Async) {
            tracing::debug!(topic, %error, "offsets are not committed to the group");
        }
        for _ in 0..EVENTS {
            let _ = client.poll(Duration::ZERO);
        }
    }
}
