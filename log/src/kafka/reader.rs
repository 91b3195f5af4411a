//! Partitions of a topic, read forward.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::BaseConsumer;
use rdkafka::error::RDKafkaErrorCode;

use super::asking::{Asker, create};
use super::context::Context;
use super::native::{Fetching, Message};
use super::options::KafkaOptions;
use super::trouble::Troubles;
use crate::error::Error;
use crate::log::{RecordReader, RecordSink};
use crate::topic::TopicPartition;

/// Events of the client that are looked at in a row.
const EVENTS: usize = 10;

/// Readers of partitions of `topic`, each from its offset. They share a client, which fetches ahead for all of
/// them, and may be used by different threads.
pub(super) fn open_readers(
    options: &KafkaOptions,
    troubles: &Arc<Troubles>,
    asker: &Arc<Asker>,
    topic: &str,
    from: &[(i32, i64)],
) -> Result<Vec<Box<dyn RecordReader>>, Error> {
    let consumer: Arc<BaseConsumer<Context>> = Arc::new(create(&options.to_read(from.len()), troubles)?);
    let mut readers: Vec<Box<dyn RecordReader>> = Vec::with_capacity(from.len());
    for &(number, offset) in from {
        let partition = TopicPartition::new(topic, number);
        let (start, next) = asker.offsets(&partition)?;
        check_range(&partition, offset, start, next)?;
        let fetching = Fetching::start(&consumer, topic, number, offset)
            .map_err(|code| asker.refused("read", &partition.to_string(), code.to_string()))?;
        readers.push(Box::new(Reader {
            partition,
            next_offset: offset,
            known_end: next,
            at_end: offset == next,
            messages: VecDeque::new(),
            fetching,
            asker: Arc::clone(asker),
            troubles: Arc::clone(troubles),
            consumer: Arc::clone(&consumer),
        }));
    }
    Ok(readers)
}

/// Reads one partition.
struct Reader {
    partition: TopicPartition,
    next_offset: i64,
    /// The end as it was last told.
    known_end: i64,
    /// Whether everything up to the end was taken when it was last told.
    at_end: bool,
    /// What was taken and not handed on. It goes before the client does.
    messages: VecDeque<Message>,
    fetching: Fetching,
    asker: Arc<Asker>,
    troubles: Arc<Troubles>,
    consumer: Arc<BaseConsumer<Context>>,
}

impl RecordReader for Reader {
    fn next_offset(&self) -> i64 {
        self.next_offset
    }

    fn end(&self) -> Result<i64, Error> {
        if self.at_end && self.messages.is_empty() && self.fetching.is_empty() {
            return Ok(self.next_offset);
        }
        // Records of open transactions count here, until the end is come to and told as it is.
        let high = self.fetching.high_watermark().unwrap_or(0);
        Ok(self.known_end.max(high).max(self.next_offset))
    }

    fn read(&mut self, until: i64, max_records: usize, sink: &mut dyn RecordSink) -> Result<bool, Error> {
        self.hear();
        let first = self.next_offset;
        let mut taken = 0;
        while self.next_offset < until && taken < max_records && !sink.is_full() {
            if self.messages.is_empty() {
                self.fetching.take(Duration::ZERO, &mut self.messages);
            }
            let Some(message) = self.messages.front() else { break };
            let offset = message.offset();
            match message.error() {
                None if offset < until => {
                    message.hand_to(|record| sink.push(record));
                    self.next_offset = self.next_offset.max(offset + 1);
                    self.at_end = false;
                    taken += 1;
                }
                Some(RDKafkaErrorCode::PartitionEOF) if offset <= until => {
                    self.next_offset = self.next_offset.max(offset);
                    self.known_end = offset;
                    self.at_end = true;
                    self.troubles.answered();
                }
                // Whatever lies in between is gone, or was never meant to be seen; the rest is for later.
                None | Some(RDKafkaErrorCode::PartitionEOF) => {
                    self.next_offset = until;
                    break;
                }
                // First what came before it.
                Some(_) if self.next_offset > first => break,
                Some(code) => self.judge(code, &message.reason())?,
            }
            self.messages.pop_front();
        }
        if taken > 0 {
            self.troubles.answered();
        }
        Ok(self.next_offset > first)
    }

    fn wait(&mut self, timeout: Duration) -> Result<bool, Error> {
        if self.messages.is_empty() {
            self.fetching.take(timeout, &mut self.messages);
        }
        // That the end is where the reader is brings it no further, but is news to those who wait for more.
        let was_at_end = self.at_end;
        let is_no_news = |message: &Message| {
            message.error() == Some(RDKafkaErrorCode::PartitionEOF) && message.offset() <= self.next_offset
        };
        while self.messages.front().is_some_and(is_no_news) {
            self.messages.pop_front();
            (self.known_end, self.at_end) = (self.next_offset, true);
        }
        Ok(!self.messages.is_empty() || self.at_end != was_at_end)
    }
}

impl Reader {
    /// Whether reading goes on by itself after this event; if not, why not. It stays where it is then, and says
    /// so again.
    fn judge(&self, code: RDKafkaErrorCode, reason: &str) -> Result<(), Error> {
        let partition = &self.partition;
        match code {
            RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange => {
                let (start, next) = self.asker.offsets(partition)?;
                check_range(partition, self.next_offset, start, next)?;
                Err(self.asker.refused("read", &partition.to_string(), reason.to_owned()))
            }
            RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::UnknownTopic
            | RDKafkaErrorCode::UnknownPartition => {
                // It is also said while a cluster moves things about.
                self.asker.offsets(partition).map(drop)
            }
            RDKafkaErrorCode::BrokerTransportFailure
            | RDKafkaErrorCode::AllBrokersDown
            | RDKafkaErrorCode::OperationTimedOut
            | RDKafkaErrorCode::Resolve
            | RDKafkaErrorCode::SSL
            | RDKafkaErrorCode::Authentication => {
                self.troubles.note(Some(code), reason);
                Ok(())
            }
            _ => Err(self.asker.refused("read", &partition.to_string(), reason.to_owned())),
        }
    }

    /// Lets the client say what happened to it, which goes into `troubles`.
    fn hear(&self) {
        for _ in 0..EVENTS {
            let _ = self.consumer.poll(Duration::ZERO);
        }
    }
}

/// Refuses an offset that the partition has not, or has no more.
fn check_range(partition: &TopicPartition, offset: i64, start: i64, next: i64) -> Result<(), Error> {
    if (start..=next).contains(&offset) {
        return Ok(());
    }
    Err(Error::OffsetOutOfRange { partition: partition.clone(), offset, start, next })
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, next_offset, .. } = self;
        f.debug_struct("Reader")
            .field("partition", partition)
            .field("next_offset", next_offset)
            .finish_non_exhaustive()
    }
}
