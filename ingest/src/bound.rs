//! How far a reader may go.

use std::collections::BTreeMap;
use std::sync::Arc;

use thalweg_log::{Log, TopicPartition};
use thalweg_store::TopicState;

use crate::error::Result;

/// How far a reader may go.
#[derive(Clone)]
pub(crate) enum Bound {
    /// As far as the log does, and at least this far (next offsets, by partition): what is built over a topic
    /// that nothing serves yet answers nothing before it has seen what there was.
    LogEnd { at_least: BTreeMap<i32, i64> },
    /// As far as another state of the topic has come: the one that serves while this one is built, so that
    /// they can come to the same offsets, and answers never fall back when one takes the other's place.
    Applied(Arc<TopicState>),
}

impl Bound {
    /// As far as the log does.
    pub(crate) const LOG_END: Self = Self::LogEnd { at_least: BTreeMap::new() };

    /// What is built beside `serving` goes as far as that has come. A state that is not of this log would be
    /// no bound.
    ///
    /// # Errors
    ///
    /// A log that cannot be asked.
    pub(crate) fn beside(serving: Option<&Arc<TopicState>>, topic: &str, log: &dyn Log) -> Result<Self> {
        if let Some(serving) = serving
            && can_go_on(serving, log)?
        {
            return Ok(Self::Applied(Arc::clone(serving)));
        }
        Ok(Self::LogEnd { at_least: ends(log, topic)?.into_iter().collect() })
    }

    /// The offset up to which `partition`, whose log ends at `end`, may be read now.
    pub(crate) fn of(&self, partition: i32, end: i64) -> i64 {
        match self {
            Self::LogEnd { .. } => end,
            Self::Applied(serving) => serving.read().applied().get(&partition).copied().unwrap_or(0).min(end),
        }
    }

    /// Whether a state with this bound has come further in some partition: a kill may cost the serving one
    /// more.
    pub(crate) fn is_passed_by(&self, state: &TopicState) -> bool {
        match self {
            Self::LogEnd { .. } => false,
            Self::Applied(serving) => {
                let applied = serving.read().applied().clone();
                let at = |partition: &i32| applied.get(partition).copied().unwrap_or(0);
                state.read().applied().iter().any(|(partition, next)| *next > at(partition))
            }
        }
    }

    /// Whether a state with this bound could take the serving one's place as it is now.
    pub(crate) fn is_reached_by(&self, state: &TopicState) -> bool {
        match self {
            Self::LogEnd { at_least } => {
                // One after the other: who holds a reading and asks for another may wait forever.
                let applied = state.read().applied().clone();
                let at = |partition: &i32| applied.get(partition).copied().unwrap_or(0);
                at_least.iter().all(|(partition, end)| at(partition) >= *end) && state.all_in_step()
            }
            Self::Applied(serving) => {
                let applied = serving.read().applied().clone();
                state.is_at(&applied)
            }
        }
    }
}

/// The partitions of `topic` and where they end; none where it does not exist.
pub(crate) fn ends(log: &dyn Log, topic: &str) -> Result<Vec<(i32, i64)>> {
    let partitions = log.topic(topic)?.map_or(0, |info| info.partitions);
    let end = |partition| Ok((partition, log.next_offset(&TopicPartition::new(topic, partition))?));
    (0..partitions).map(end).collect()
}

/// Whether the log still has what `state` needs next: it is of this topic, and stands within it.
pub(crate) fn can_go_on(state: &TopicState, log: &dyn Log) -> Result<bool> {
    let topic = log.topic(state.topic())?;
    let mut there = BTreeMap::new();
    for (partition, end) in ends(log, state.topic())? {
        let start = log.start_offset(&TopicPartition::new(state.topic(), partition))?;
        there.insert(partition, start..=end);
    }
    let reading = state.read();
    let Some(topic) = topic else { return Ok(reading.applied().is_empty()) };
    let is_there = |(partition, next): (&i32, &i64)| match there.get(partition) {
        Some(offsets) => *next == 0 || offsets.contains(next),
        None => *next == 0,
    };
    Ok(reading.topic_id().is_none_or(|id| id == *topic.id.as_bytes())
        && reading.applied().iter().all(is_there))
}
