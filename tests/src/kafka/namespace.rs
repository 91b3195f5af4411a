//! One broker, many logs: each test sees its own topics alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use thalweg_log::{
    Error, KafkaLog, KafkaOptions, Log, NewRecord, RecordReader, TopicId, TopicInfo, TopicPartition,
};

use super::Broker;

static NEXT: AtomicUsize = AtomicUsize::new(0);

/// A log in a broker in which the names of all topics begin with a prefix that nobody sees.
///
/// A timestamp of 0, which Kafka's client cannot write, becomes 1.
#[derive(Debug)]
pub struct Namespace {
    log: KafkaLog,
    prefix: String,
}

impl Namespace {
    /// A log without topics, in a broker that others use too.
    ///
    /// # Errors
    /// If there is no client for the broker.
    pub fn new(broker: &Broker) -> Result<Arc<Self>, Error> {
        let mut options = KafkaOptions::default();
        options.properties.insert("bootstrap.servers".to_owned(), broker.bootstrap());
        let prefix = format!("n{}.", NEXT.fetch_add(1, Ordering::Relaxed));
        Ok(Arc::new(Self { log: KafkaLog::open(options)?, prefix }))
    }

    fn inside(&self, topic: &str) -> String {
        format!("{}{topic}", self.prefix)
    }

    fn partition(&self, partition: &TopicPartition) -> TopicPartition {
        TopicPartition::new(self.inside(&partition.topic), partition.partition)
    }

    fn outside(&self, info: TopicInfo) -> Option<TopicInfo> {
        let name = info.name.strip_prefix(&self.prefix)?.to_owned();
        Some(TopicInfo { name, ..info })
    }
}

impl Log for Namespace {
    fn topics(&self) -> Result<Vec<TopicInfo>, Error> {
        Ok(self.log.topics()?.into_iter().filter_map(|info| self.outside(info)).collect())
    }

    fn topic(&self, name: &str) -> Result<Option<TopicInfo>, Error> {
        Ok(self.log.topic(&self.inside(name))?.and_then(|info| self.outside(info)))
    }

    fn create_topic(&self, name: &str, partitions: i32) -> Result<TopicId, Error> {
        self.log.create_topic(&self.inside(name), partitions)
    }

    fn append(&self, topic: &str, partition: i32, records: &[NewRecord<'_>]) -> Result<i64, Error> {
        self.log.append(&self.inside(topic), partition, &written(records))
    }

    fn append_all(&self, topic: &str, records: Vec<(i32, Vec<NewRecord<'_>>)>) -> Result<Vec<i64>, Error> {
        let records = records.iter().map(|(partition, records)| (*partition, written(records))).collect();
        self.log.append_all(&self.inside(topic), records)
    }

    fn start_offset(&self, partition: &TopicPartition) -> Result<i64, Error> {
        self.log.start_offset(&self.partition(partition))
    }

    fn next_offset(&self, partition: &TopicPartition) -> Result<i64, Error> {
        self.log.next_offset(&self.partition(partition))
    }

    fn readers(&self, topic: &str, from: &[(i32, i64)]) -> Result<Vec<Box<dyn RecordReader>>, Error> {
        self.log.readers(&self.inside(topic), from)
    }

    fn trouble(&self) -> Option<Error> {
        self.log.trouble()
    }
}

/// The records as Kafka's client can write them.
fn written<'a>(records: &[NewRecord<'a>]) -> Vec<NewRecord<'a>> {
    let written = |record: &NewRecord<'a>| match record.timestamp_ms {
        0 => NewRecord { timestamp_ms: 1, ..*record },
        _ => *record,
    };
    records.iter().map(written).collect()
}
