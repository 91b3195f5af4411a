//! Which prefix of the log a training set rests on.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use thalweg_log::{Log, TopicPartition};

use crate::Error;

/// A prefix of the log: for each topic, one next offset per partition. A partition past the last one listed
/// was not there yet when the pin was taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pin {
    /// The pinned topics by name.
    pub topics: BTreeMap<String, TopicPin>,
}

/// A prefix of one topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicPin {
    /// The topic's id: a topic deleted and created again is another topic. None if there was no such topic
    /// when the pin was taken.
    pub topic_id: Option<String>,
    /// For each partition the offset after the last record seen.
    pub next_offsets: Vec<i64>,
}

impl Pin {
    /// The end of `topics` as the log has them now. One the log does not have is pinned as not being there.
    ///
    /// # Errors
    /// Whatever the log says when asked for an offset.
    pub fn now<'a>(log: &dyn Log, topics: impl IntoIterator<Item = &'a str>) -> Result<Self, Error> {
        let mut pinned = BTreeMap::new();
        for name in topics.into_iter().collect::<BTreeSet<_>>() {
            let info = log.topic(name)?;
            let next_offsets = (0..info.as_ref().map_or(0, |info| info.partitions))
                .map(|partition| log.next_offset(&TopicPartition { topic: name.to_owned(), partition }))
                .collect::<Result<_, _>>()?;
            let topic_id = info.map(|info| info.id.to_string());
            pinned.insert(name.to_owned(), TopicPin { topic_id, next_offsets });
        }
        Ok(Self { topics: pinned })
    }

    /// Where `topic` ended.
    ///
    /// # Errors
    /// [`Error::NotPinned`]: that nothing is known of a topic must not be taken for its being empty.
    pub(crate) fn of(&self, topic: &str) -> Result<&TopicPin, Error> {
        self.topics.get(topic).ok_or_else(|| Error::NotPinned {
            topic: topic.to_owned(),
            pinned: self.topics.keys().cloned().collect(),
        })
    }

    /// Proves that the log still has everything this pin names, before anything is read.
    ///
    /// # Errors
    /// [`Error::PinnedTopicGone`], [`Error::PinnedTopicReplaced`], [`Error::PinBeyondEnd`] or
    /// [`Error::PinExpired`], each with what is missing.
    pub fn check(&self, log: &dyn Log) -> Result<(), Error> {
        for (name, pinned) in &self.topics {
            if let Some(topic_id) = &pinned.topic_id {
                let info = log.topic(name)?.ok_or_else(|| Error::PinnedTopicGone { topic: name.clone() })?;
                let found = info.id.to_string();
                if found != *topic_id {
                    return Err(Error::PinnedTopicReplaced {
                        topic: name.clone(),
                        pinned: topic_id.clone(),
                        found,
                    });
                }
            }
            for (partition, &pinned) in pinned.next_offsets.iter().enumerate() {
                let partition = TopicPartition { topic: name.clone(), partition: partition as i32 };
                check_partition(log, partition, pinned)?;
            }
        }
        Ok(())
    }
}

fn check_partition(log: &dyn Log, partition: TopicPartition, pinned: i64) -> Result<(), Error> {
    let exists = log.topic(&partition.topic)?.is_some_and(|info| partition.partition < info.partitions);
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
