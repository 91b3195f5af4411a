//! What changes topics, for tests: it waits until the change is seen.

use std::time::Duration;

use futures::executor::block_on;
use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

const TIMEOUT: Duration = Duration::from_secs(20);
/// How often it is looked whether a change is seen, and how many times.
const SEEN_PAUSE: Duration = Duration::from_millis(20);
const SEEN_TRIES: u32 = 500;

/// A client that creates, changes and deletes topics.
///
/// All of its methods panic where the broker refuses.
pub struct Admin {
    client: AdminClient<DefaultClientContext>,
    options: AdminOptions,
}

impl Admin {
    pub(super) fn new(config: &ClientConfig) -> Self {
        let options = AdminOptions::new().request_timeout(Some(TIMEOUT)).operation_timeout(Some(TIMEOUT));
        Self { client: config.create().expect("a client"), options }
    }

    /// Creates a topic; `configs` such as `("cleanup.policy", "compact")`.
    pub fn create_topic(&self, name: &str, partitions: i32, configs: &[(&str, &str)]) {
        let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        let topic = configs.iter().fold(topic, |topic, (key, value)| topic.set(key, value));
        let created = block_on(self.client.create_topics([&topic], &self.options)).expect("an answer");
        created.into_iter().for_each(|created| drop(created.expect("a new topic")));
        self.wait_for(name, |seen| seen == partitions);
    }

    /// Deletes a topic.
    pub fn delete_topic(&self, name: &str) {
        let deleted = block_on(self.client.delete_topics(&[name], &self.options)).expect("an answer");
        deleted.into_iter().for_each(|deleted| drop(deleted.expect("a topic")));
        self.wait_for(name, |seen| seen == 0);
    }

    /// Lets a topic have `partitions` partitions, more than it had.
    pub fn add_partitions(&self, name: &str, partitions: i32) {
        let count = usize::try_from(partitions).expect("a number of partitions");
        let new = NewPartitions::new(name, count);
        let added = block_on(self.client.create_partitions([&new], &self.options)).expect("an answer");
        added.into_iter().for_each(|added| drop(added.expect("more partitions")));
        self.wait_for(name, |seen| seen == partitions);
    }

    /// Deletes the records of a partition below the offset `before`, as retention does.
    pub fn delete_records(&self, topic: &str, partition: i32, before: i64) {
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset(topic, partition, Offset::Offset(before)).expect("an offset");
        let deleted = block_on(self.client.delete_records(&offsets, &self.options)).expect("an answer");
        deleted.elements().iter().for_each(|deleted| deleted.error().expect("records that can be deleted"));
    }

    /// Sets properties of a topic; those that are not named fall back to their defaults.
    pub fn set_configs(&self, topic: &str, configs: &[(&str, &str)]) {
        let config = AlterConfig::new(ResourceSpecifier::Topic(topic));
        let config = configs.iter().fold(config, |config, (key, value)| config.set(key, value));
        let set = block_on(self.client.alter_configs([&config], &self.options)).expect("an answer");
        set.into_iter().for_each(|set| drop(set.expect("properties of a topic")));
    }

    /// Waits until the broker says that the topic has as many partitions as `wanted` wants; none is 0.
    fn wait_for(&self, topic: &str, wanted: impl Fn(i32) -> bool) {
        for _ in 0..SEEN_TRIES {
            let metadata = self.client.inner().fetch_metadata(None, TIMEOUT).expect("a broker that answers");
            let found =
                metadata.topics().iter().find(|found| found.name() == topic && found.error().is_none());
            let seen = found.map_or(0, |found| {
                let led = found.partitions().iter().filter(|partition| partition.leader() >= 0);
                i32::try_from(led.count()).expect("a number of partitions")
            });
            if wanted(seen) {
                return;
            }
            std::thread::sleep(SEEN_PAUSE);
        }
        panic!("the broker does not show the change of topic {topic}");
    }
}
