//! Questions to a cluster that are answered at once or not at all.

use std::sync::Arc;
use std::time::Duration;

use futures::executor::block_on;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::context::Context;
use super::native::{Described, describe};
use super::options::KafkaOptions;
use super::trouble::Troubles;
use crate::error::Error;
use crate::topic::{TopicId, TopicInfo, TopicPartition};

/// How long a question may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long it may take to see whether anybody is there.
const KNOCK: Duration = Duration::from_secs(1);
/// How often a partition without a leader is asked about, and with what pauses.
const LEADER_TRIES: u32 = 100;
const LEADER_PAUSE: Duration = Duration::from_millis(100);
/// Events of a client that are looked at after a failure, for the reason.
const EVENTS: usize = 100;
/// How topics begin that the cluster keeps for itself.
const INTERNAL: &str = "__";

/// A client that asks.
pub(super) struct Asker {
    client: BaseConsumer<Context>,
    options: KafkaOptions,
    troubles: Arc<Troubles>,
}

impl Asker {
    /// A client of the cluster; whether that is there shows when it is asked.
    ///
    /// # Errors
    /// Properties that do not go together.
    pub(super) fn new(options: &KafkaOptions, troubles: &Arc<Troubles>) -> Result<Self, Error> {
        let client = create(&options.to_ask(), troubles)?;
        Ok(Self { client, options: options.clone(), troubles: Arc::clone(troubles) })
    }

    /// All topics but the cluster's own, by name.
    pub(super) fn topics(&self) -> Result<Vec<TopicInfo>, Error> {
        let metadata = self.client.fetch_metadata(None, TIMEOUT);
        let metadata = metadata.map_err(|error| self.failed("list", "the topics", &error))?;
        self.troubles.answered();
        let mut names: Vec<_> = metadata.topics().iter().map(|topic| topic.name()).collect();
        names.retain(|name| !name.starts_with(INTERNAL));
        names.sort_unstable();
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let mut topics = Vec::with_capacity(names.len());
        for (name, described) in self.describe(&names)? {
            topics.extend(self.described(&name, described)?);
        }
        topics.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(topics)
    }

    /// The topic of this name, if there is one.
    pub(super) fn topic(&self, name: &str) -> Result<Option<TopicInfo>, Error> {
        match self.describe(&[name])?.pop() {
            Some((_, described)) => self.described(name, described),
            None => Ok(None),
        }
    }

    /// The first offset of a partition, and the one after its last record that may be read.
    pub(super) fn offsets(&self, partition: &TopicPartition) -> Result<(i64, i64), Error> {
        let TopicPartition { topic, partition: number } = partition;
        let mut tries = 0;
        loop {
            let error = match self.client.fetch_watermarks(topic, *number, TIMEOUT) {
                Ok(offsets) => {
                    self.troubles.answered();
                    return Ok(offsets);
                }
                Err(error) => error,
            };
            tries += 1;
            match error.rdkafka_error_code() {
                // A partition that was just made has no leader yet, or one that does not know of it.
                Some(
                    RDKafkaErrorCode::NotLeaderForPartition
                    | RDKafkaErrorCode::LeaderNotAvailable
                    | RDKafkaErrorCode::ReplicaNotAvailable,
                ) if tries < LEADER_TRIES => std::thread::sleep(LEADER_PAUSE),
                Some(
                    RDKafkaErrorCode::UnknownTopicOrPartition
                    | RDKafkaErrorCode::UnknownTopic
                    | RDKafkaErrorCode::UnknownPartition,
                ) => {
                    let info = self.topic(topic)?.ok_or_else(|| self.unknown_topic(topic))?;
                    let (topic, partition) = (topic.clone(), *number);
                    if !(0..info.partitions).contains(number) {
                        return Err(Error::UnknownPartition {
                            topic,
                            partition,
                            partitions: info.partitions,
                        });
                    }
                    if tries >= LEADER_TRIES {
                        return Err(self.failed(
                            "ask for the offsets of",
                            &format!("{topic}-{partition}"),
                            &error,
                        ));
                    }
                    std::thread::sleep(LEADER_PAUSE);
                }
                _ => return Err(self.failed("ask for the offsets of", &partition.to_string(), &error)),
            }
        }
    }

    /// Creates a topic as the cluster would by itself: with its replication and retention.
    pub(super) fn create_topic(&self, name: &str, partitions: i32) -> Result<TopicId, Error> {
        let admin: AdminClient<Context> = create(&self.options.to_ask(), &self.troubles)?;
        // Minus one is the cluster's default.
        let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(-1));
        let options = AdminOptions::new().request_timeout(Some(TIMEOUT)).operation_timeout(Some(TIMEOUT));
        let answer = block_on(admin.create_topics([&topic], &options));
        let mut answer = answer.map_err(|error| self.failed("create topic", name, &error))?;
        match answer.pop() {
            Some(Ok(_)) => {}
            Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => {
                return Err(Error::TopicExists { topic: name.to_owned() });
            }
            Some(Err((_, code))) => {
                return Err(self.failed("create topic", name, &KafkaError::AdminOp(code)));
            }
            None => return Err(self.refused("create topic", name, "it says nothing of it".to_owned())),
        }
        // It is created, and known to every broker a moment later.
        for _ in 0..100 {
            if let Some(info) = self.topic(name)? {
                return Ok(info.id);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err(self.refused("create topic", name, "it was created but is not seen".to_owned()))
    }

    /// What stands between us and the cluster at the moment. Asks, where something did a moment ago.
    pub(super) fn trouble(&self) -> Option<Error> {
        self.troubles.error(self.options.servers())?;
        if self.client.fetch_metadata(Some("thalweg"), KNOCK).is_ok() {
            self.troubles.answered();
        }
        self.hear();
        self.troubles.error(self.options.servers())
    }

    /// The error of a question that failed.
    pub(super) fn failed(&self, action: &'static str, on: &str, error: &KafkaError) -> Error {
        self.hear();
        let code = error.rdkafka_error_code();
        self.troubles.note(code, &error.to_string());
        let trouble = self.troubles.error(self.options.servers());
        match (code, trouble) {
            (Some(code), Some(trouble)) if is_of_the_connection(code) => trouble,
            _ => self.refused(action, on, code.map_or_else(|| error.to_string(), |code| code.to_string())),
        }
    }

    /// The error of what the cluster does not do.
    pub(super) fn refused(&self, action: &'static str, on: &str, cause: String) -> Error {
        Error::Kafka { action, on: on.to_owned(), servers: self.options.servers().to_owned(), cause }
    }

    /// There is no such topic.
    pub(super) fn unknown_topic(&self, topic: &str) -> Error {
        Error::UnknownTopic {
            topic: topic.to_owned(),
            log: format!("the Kafka cluster at {}", self.options.servers()),
        }
    }

    fn describe(&self, names: &[&str]) -> Result<Vec<Described>, Error> {
        let described = describe(&self.client, names, TIMEOUT).map_err(|(code, reason)| {
            self.hear();
            self.troubles.note(Some(code), &reason);
            match self.troubles.error(self.options.servers()) {
                Some(trouble) if is_of_the_connection(code) => trouble,
                _ => self.refused("ask for topic", &names.join(", "), reason),
            }
        })?;
        self.troubles.answered();
        Ok(described)
    }

    fn described(
        &self,
        name: &str,
        described: Result<TopicInfo, (RDKafkaErrorCode, String)>,
    ) -> Result<Option<TopicInfo>, Error> {
        match described {
            Ok(info) => Ok(Some(info)),
            Err((RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic, _)) => Ok(None),
            Err((_, reason)) => Err(self.refused("ask for topic", name, reason)),
        }
    }

    /// Lets the client say what happened to it, which goes into `troubles`.
    fn hear(&self) {
        // That nothing is returned may only mean that it was a line of the client's log.
        for _ in 0..EVENTS {
            let _ = self.client.poll(Duration::ZERO);
        }
    }
}

/// A client of the cluster.
///
/// # Errors
/// Properties that do not go together.
pub(super) fn create<C: FromClientConfigAndContext<Context>>(
    config: &rdkafka::ClientConfig,
    troubles: &Arc<Troubles>,
) -> Result<C, Error> {
    C::from_config_and_context(config, Context::new(troubles)).map_err(|error| refused_property(&error))
}

fn refused_property(error: &KafkaError) -> Error {
    match error {
        KafkaError::ClientConfig(_, why, property, _) => {
            Error::KafkaProperty { property: property.clone(), why: why.clone() }
        }
        error => Error::KafkaProperty { property: "log.kafka".to_owned(), why: error.to_string() },
    }
}

fn is_of_the_connection(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::BrokerTransportFailure
            | RDKafkaErrorCode::AllBrokersDown
            | RDKafkaErrorCode::OperationTimedOut
            | RDKafkaErrorCode::RequestTimedOut
            | RDKafkaErrorCode::MessageTimedOut
            | RDKafkaErrorCode::Resolve
            | RDKafkaErrorCode::SSL
            | RDKafkaErrorCode::Authentication
    )
}
