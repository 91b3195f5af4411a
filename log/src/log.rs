//! What a log is to those who use it, wherever it is kept.

use std::fmt::Debug;
use std::time::Duration;

use crate::batch::{NewRecord, Record};
use crate::error::Error;
use crate::topic::{TopicId, TopicInfo, TopicPartition};

/// A log: topics, their partitions, and records at offsets in them. Any number of threads use it at once.
pub trait Log: Debug + Send + Sync {
    /// All topics, by name.
    ///
    /// # Errors
    /// A log that cannot be asked.
    fn topics(&self) -> Result<Vec<TopicInfo>, Error>;

    /// The topic of this name, if there is one.
    ///
    /// # Errors
    /// A log that cannot be asked.
    fn topic(&self, name: &str) -> Result<Option<TopicInfo>, Error>;

    /// Creates a topic with so many partitions and returns its id, once it is durable.
    ///
    /// # Errors
    /// If there is a topic of this name, the name or the number is not allowed, or the log refuses.
    fn create_topic(&self, name: &str, partitions: i32) -> Result<TopicId, Error>;

    /// Appends the records and returns the first one's offset, once all are durable. With no records: the
    /// next offset.
    ///
    /// # Errors
    /// If there is no such partition, a record is too large, or writing failed, now or before. The records
    /// may be in the log nevertheless when a machine fails at the wrong moment; they are never acknowledged.
    fn append(&self, topic: &str, partition: i32, records: &[NewRecord<'_>]) -> Result<i64, Error>;

    /// Appends records to several partitions of a topic and returns the first offset of each, in the given
    /// order, once all are durable.
    ///
    /// # Errors
    /// As [`append`](Self::append). An unknown partition or a record that is too large is found before
    /// anything is written; when writing fails, some partitions may have their records.
    fn append_all(&self, topic: &str, records: Vec<(i32, Vec<NewRecord<'_>>)>) -> Result<Vec<i64>, Error>;

    /// The first offset of a partition.
    ///
    /// # Errors
    /// If there is no such partition, or the log cannot be asked.
    fn start_offset(&self, partition: &TopicPartition) -> Result<i64, Error>;

    /// The offset behind the last record of a partition that a reader comes to.
    ///
    /// # Errors
    /// If there is no such partition, or the log cannot be asked.
    fn next_offset(&self, partition: &TopicPartition) -> Result<i64, Error>;

    /// Readers of partitions of `topic`, each from its offset on, in the given order.
    ///
    /// # Errors
    /// If there is no such partition, or the log cannot be asked.
    fn readers(&self, topic: &str, from: &[(i32, i64)]) -> Result<Vec<Box<dyn RecordReader>>, Error>;

    /// Tells others, where the log has a way to, how far a topic is applied durably (next offsets, by partition).
    /// It is a hint for those who watch: nothing is ever read from it.
    fn note_applied(&self, _topic: &str, _next: &[(i32, i64)]) {}

    /// What stands between us and the log at the moment, where that may be: readers bring nothing then, and go on
    /// when it is over.
    fn trouble(&self) -> Option<Error> {
        None
    }
}

/// Reads the records of one partition forward.
pub trait RecordReader: Debug + Send {
    /// The offset at which the reader goes on.
    fn next_offset(&self) -> i64;

    /// The partition's end, as far as the reader knows: no request is made.
    ///
    /// # Errors
    /// If the partition is gone.
    fn end(&self) -> Result<i64, Error>;

    /// Hands on to `sink` what is there of the records below the offset `until`: about `max_records`, fewer if
    /// the sink is full. Says whether the reader came any further, which it does past offsets without records,
    /// too. It does not wait.
    ///
    /// # Errors
    /// Damage, an offset that the log does not have.
    fn read(&mut self, until: i64, max_records: usize, sink: &mut dyn RecordSink) -> Result<bool, Error>;

    /// Waits, at most for `timeout`, until [`read`](Self::read) comes any further. Says whether it does.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    fn wait(&mut self, timeout: Duration) -> Result<bool, Error>;
}

/// Takes records one by one; a closure does, too.
pub trait RecordSink {
    /// Takes the next record.
    fn push(&mut self, record: &Record<'_>);

    /// Whether no more should come for now.
    fn is_full(&self) -> bool {
        false
    }
}

impl<F: FnMut(&Record<'_>)> RecordSink for F {
    fn push(&mut self, record: &Record<'_>) {
        self(record);
    }
}
