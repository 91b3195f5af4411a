//! The log as its users see it.

use std::fmt;
use std::sync::Arc;

use super::appending::Appender;
use super::asking::Asker;
use super::committing::Committer;
use super::options::KafkaOptions;
use super::reader::open_readers;
use super::trouble::Troubles;
use crate::batch::NewRecord;
use crate::error::Error;
use crate::log::{Log, RecordReader};
use crate::topic::{TopicId, TopicInfo, TopicPartition, check_topic_name};

/// The limit `partitions_per_topic`.
const PARTITIONS_PER_TOPIC: i32 = 1024;

/// The topics of a Kafka cluster.
///
/// Records are read as `read_committed` has them: those of transactions that were aborted, or that are still
/// open, are not seen, and a partition's next offset is its last stable one. They are appended by an idempotent
/// producer, and acknowledged by all replicas that are in sync.
///
/// A cluster that is away is no error of a reader: it brings nothing until the cluster is back.
pub struct KafkaLog {
    options: KafkaOptions,
    troubles: Arc<Troubles>,
    asker: Arc<Asker>,
    appender: Appender,
    committer: Committer,
}

impl KafkaLog {
    /// The log in the cluster that `options` say. Nobody is asked yet.
    ///
    /// # Errors
    /// Properties that are unknown, unfit or not to be chosen.
    pub fn open(options: KafkaOptions) -> Result<Self, Error> {
        options.check()?;
        let troubles = Arc::default();
        let asker = Arc::new(Asker::new(&options, &troubles)?);
        let appender = Appender::new(&options, &troubles);
        let committer = Committer::new(&options, &troubles);
        Ok(Self { options, troubles, asker, appender, committer })
    }
}

impl Log for KafkaLog {
    fn topics(&self) -> Result<Vec<TopicInfo>, Error> {
        self.asker.topics()
    }

    fn topic(&self, name: &str) -> Result<Option<TopicInfo>, Error> {
        self.asker.topic(name)
    }

    fn create_topic(&self, name: &str, partitions: i32) -> Result<TopicId, Error> {
        check_topic_name(name)?;
        if !(1..=PARTITIONS_PER_TOPIC).contains(&partitions) {
            let limit = PARTITIONS_PER_TOPIC;
            return Err(Error::PartitionCount { topic: name.to_owned(), partitions, limit });
        }
        self.asker.create_topic(name, partitions)
    }

    fn append(&self, topic: &str, partition: i32, records: &[NewRecord<'_>]) -> Result<i64, Error> {
        let first = self.append_all(topic, vec![(partition, records.to_vec())])?;
        Ok(first.first().copied().unwrap_or_default())
    }

    fn append_all(&self, topic: &str, records: Vec<(i32, Vec<NewRecord<'_>>)>) -> Result<Vec<i64>, Error> {
        let info = self.asker.topic(topic)?.ok_or_else(|| self.asker.unknown_topic(topic))?;
        for (partition, _) in &records {
            if !(0..info.partitions).contains(partition) {
                let (topic, partition) = (topic.to_owned(), *partition);
                return Err(Error::UnknownPartition { topic, partition, partitions: info.partitions });
            }
        }
        let some: Vec<_> = records.iter().filter(|(_, records)| !records.is_empty()).collect();
        let some: Vec<_> = some.iter().map(|(partition, records)| (*partition, records.as_slice())).collect();
        let mut appended = self.appender.append(&self.asker, topic, &some)?.into_iter();
        let first = |(partition, records): &(i32, Vec<NewRecord<'_>>)| match records.is_empty() {
            true => self.next_offset(&TopicPartition::new(topic, *partition)),
            false => Ok(appended.next().unwrap_or_default()),
        };
        records.iter().map(first).collect()
    }

    fn start_offset(&self, partition: &TopicPartition) -> Result<i64, Error> {
        Ok(self.asker.offsets(partition)?.0)
    }

    fn next_offset(&self, partition: &TopicPartition) -> Result<i64, Error> {
        Ok(self.asker.offsets(partition)?.1)
    }

    fn readers(&self, topic: &str, from: &[(i32, i64)]) -> Result<Vec<Box<dyn RecordReader>>, Error> {
        open_readers(&self.options, &self.troubles, &self.asker, topic, from)
    }

    fn note_applied(&self, topic: &str, next: &[(i32, i64)]) {
        self.committer.commit(topic, next);
    }

    fn trouble(&self) -> Option<Error> {
        self.asker.trouble()
    }
}

impl fmt::Debug for KafkaLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaLog").field("options", &self.options).finish_non_exhaustive()
    }
}
