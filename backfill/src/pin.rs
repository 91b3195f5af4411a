//! Which prefix of the log a training set rests on.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use thalweg_log::{EmbeddedLog, TopicPartition};

use crate::Error;

/// A prefix of the log: for each topic, one next offset per partition.
///
/// A topic the pin does not name had no records when the pin was taken, and neither has a partition
/// past the last one listed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pin {
    /// The pinned topics by name.
    pub topics: BTreeMap<String, TopicPin>,
}

/// A prefix of one topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicPin {
    /// The topic's id: a topic deleted and created again is another topic.
    pub topic_id: String,
    /// For each partition the offset after the last record seen.
    pub next_offsets: Vec<i64>,
}

impl Pin {
    /// The end of `topics` as the log has them now; a topic the log does not have is left out.
    ///
    /// # Errors
    /// Whatever the log says when asked for an offset.
    pub fn now<'a>(log: &EmbeddedLog, topics: impl IntoIterator<Item = &'a str>) -> Result<Self, Error> {
        let mut pinned = BTreeMap::new();
        for name in topics.into_iter().collect::<BTreeSet<_>>() {
            let Some(info) = log.topic(name) else { continue };
            let next_offsets = (0..info.partitions)
                .map(|partition| log.next_offset(&TopicPartition { topic: name.to_owned(), partition }))
                .collect::<Result<_, _>>()?;
            pinned.insert(name.to_owned(), TopicPin { topic_id: info.id.to_string(), next_offsets });
        }
        Ok(Self { topics: pinned })
    }

    /// Proves that the log still has everything this pin names, before anything is read.
    ///
    /// # Errors
    /// [`Error::PinnedTopicGone`], [`Error::PinnedTopicReplaced`], [`Error::PinBeyondEnd`] or
    /// [`Error::PinExpired`], each with what is missing.
    pub fn check(&self, log: &EmbeddedLog) -> Result<(), Error> {
        for (name, pinned) in &self.topics {
            let info = log.topic(name).ok_or_else(|| Error::PinnedTopicGone { topic: name.clone() })?;
            let found = info.id.to_string();
            if found != pinned.topic_id {
                return Err(Error::PinnedTopicReplaced {
                    topic: name.clone(),
                    pinned: pinned.topic_id.clone(),
                    found,
                });
            }
            for (partition, &pinned) in pinned.next_offsets.iter().enumerate() {
                let partition = TopicPartition { topic: name.clone(), partition: partition as i32 };
                check_partition(log, partition, pinned)?;
            }
        }
        Ok(())
    }
}

fn check_partition(log: &EmbeddedLog, partition: TopicPartition, pinned: i64) -> Result<(), Error> {
    let exists = log.topic(&partition.topic).is_some_and(|info| partition.partition < info.partitions);
    let end = if exists { log.next_offset(&partition)? } else { 0 };
    if pinned > end {
        return Err(Error::PinBeyondEnd { partition, pinned, end });
    }
    let start = if exists { log.start_offset(&partition)? } else { 0 };
    if start > 0 && pinned > 0 {
        return Err(Error::PinExpired { partition, gone_until: start.min(pinned) - 1 });
    }
    Ok(())
}
