//! What can go wrong with a log.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::batch::BatchFault;
use crate::format::FormatError;
use crate::registry::RegistryError;
use crate::topic::TopicPartition;

/// Why something could not be done with a log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Bytes that should be record batches are not.
    #[error("the record batch{} at byte {position} cannot be read: {fault}", of_offset(*base_offset))]
    Batch {
        /// Where the batch begins in the bytes that were read.
        position: usize,
        /// The offset it says it begins at, if that much of it is there.
        base_offset: Option<i64>,
        /// What is wrong.
        fault: BatchFault,
    },
    /// A segment of the log is damaged where no crash can have damaged it.
    #[error(
        "the log is damaged: in {path}, the record batch at byte {position} cannot be read: {fault}. \
         This is no torn write of a crash, so nothing was cut off. Restore this file from a copy, \
         or, to give up what it holds from there on, move it and the segments after it away"
    )]
    Damaged {
        /// The segment.
        path: PathBuf,
        /// Where the batch begins in it.
        position: u64,
        /// What is wrong.
        fault: BatchFault,
    },
    /// Records that were acknowledged are not there any more.
    #[error(
        "acknowledged records are missing: {path} was durable up to byte {acknowledged}, but ends at byte \
         {found}. Restore it from a copy; if this log is a copy taken while it was being written, delete \
         {marker} to go on with what is there"
    )]
    Lost {
        /// The segment.
        path: PathBuf,
        /// Bytes that were durable.
        acknowledged: u64,
        /// Bytes there are.
        found: u64,
        /// The file that says what was durable.
        marker: PathBuf,
    },
    /// The files in the log's folder do not fit together.
    #[error("{path} is not as this log left it: {reason}")]
    Layout {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// Another process has the log open.
    #[error(
        "the log in {dir} is in use by {holder}: an embedded log has one writer. Send the request to that \
         process, or stop it first"
    )]
    Locked {
        /// The log's folder.
        dir: PathBuf,
        /// Who has it, as far as is known.
        holder: String,
    },
    /// The operating system refused.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// An earlier write failed, so nothing more is appended to the partition.
    #[error(
        "{partition} takes no more records, since writing it failed: {cause}. What was acknowledged is \
         safe and can be read. See to the disk, then open the log again"
    )]
    Poisoned {
        /// The partition.
        partition: TopicPartition,
        /// The first failure.
        cause: String,
    },
    /// A name that no topic can have.
    #[error("{name:?} cannot be a topic name: {why}")]
    TopicName {
        /// The name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A number of partitions that no topic can have.
    #[error("topic {topic} cannot have {partitions} partitions: 1 to {limit} (limit `partitions_per_topic`)")]
    PartitionCount {
        /// The topic.
        topic: String,
        /// What was asked for.
        partitions: i32,
        /// The greatest number.
        limit: i32,
    },
    /// The topic is there already.
    #[error("topic {topic} exists already; choose another name, or append to it")]
    TopicExists {
        /// The topic.
        topic: String,
    },
    /// There is no such topic.
    #[error("there is no topic {topic:?} in {log}; create it first")]
    UnknownTopic {
        /// The topic.
        topic: String,
        /// The log, as people know it.
        log: String,
    },
    /// The topic has no such partition.
    #[error("topic {topic} has no partition {partition}: it has {partitions}, numbered from 0")]
    UnknownPartition {
        /// The topic.
        topic: String,
        /// The partition asked for.
        partition: i32,
        /// How many there are.
        partitions: i32,
    },
    /// The log does not give records that it has.
    #[error("{partition} gives nothing from offset {offset} on, though there is more, for {} s", waited.as_secs())]
    Stalled {
        /// The partition.
        partition: TopicPartition,
        /// The offset that should be read.
        offset: i64,
        /// For how long nothing came.
        waited: Duration,
    },
    /// The offset is not in the log.
    #[error("{partition} holds offsets from {start} to before {next}; offset {offset} is not among them")]
    OffsetOutOfRange {
        /// The partition.
        partition: TopicPartition,
        /// The offset asked for.
        offset: i64,
        /// The first offset there is.
        start: i64,
        /// The offset after the last.
        next: i64,
    },
    /// A record names a schema that must be asked for, and nobody gives it. As soon as somebody does it can be read.
    #[error("{partition} cannot be read on from offset {offset} now: {cause}")]
    Registry {
        /// The partition.
        partition: TopicPartition,
        /// The record's offset.
        offset: i64,
        /// What the registry says, or that it says nothing.
        cause: RegistryError,
    },
    /// Records of a topic cannot be decoded as they are described.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// A Kafka cluster does not answer.
    #[error(
        "the Kafka cluster at {servers} does not answer: {cause}. See that it runs and can be reached from here; \
         what waits for it goes on when it is back"
    )]
    KafkaAway {
        /// Its addresses.
        servers: String,
        /// What the client says.
        cause: String,
    },
    /// A Kafka cluster refuses the credentials.
    #[error(
        "the Kafka cluster at {servers} refuses the credentials: {cause}. See to `sasl.mechanism`, \
         `sasl.username` and `sasl.password` under `log.kafka`"
    )]
    KafkaCredentials {
        /// Its addresses.
        servers: String,
        /// What the client says.
        cause: String,
    },
    /// There is no secure connection to a Kafka cluster.
    #[error(
        "there is no secure connection to the Kafka cluster at {servers}: {cause}. See to `security.protocol` and \
         `ssl.ca.location` under `log.kafka`"
    )]
    KafkaCertificate {
        /// Its addresses.
        servers: String,
        /// What the client says.
        cause: String,
    },
    /// A Kafka cluster does not do what it is asked for.
    #[error("the Kafka cluster at {servers} does not {action} {on}: {cause}")]
    Kafka {
        /// What was asked for.
        action: &'static str,
        /// On what.
        on: String,
        /// The cluster's addresses.
        servers: String,
        /// What it says.
        cause: String,
    },
    /// A property of Kafka's client that cannot be used.
    #[error("Kafka property `{property}`: {why}")]
    KafkaProperty {
        /// Its name.
        property: String,
        /// What is wrong; without its value where that may be secret.
        why: String,
    },
    /// A timestamp that Kafka's client does not write.
    #[error(
        "a record with timestamp 0 (1970-01-01T00:00:00Z) cannot be written to Kafka: its client takes 0 for the \
         time of day"
    )]
    KafkaTimestamp,
    /// A record to append is too large for Kafka.
    #[error(
        "a record of {bytes} bytes is too large for the Kafka cluster or for `message.max.bytes` ({limit}) under \
         `log.kafka`"
    )]
    KafkaRecordTooLarge {
        /// Its bytes; 0 where the cluster refused it among others.
        bytes: usize,
        /// The most that are sent.
        limit: usize,
    },
    /// A record to append is too large.
    #[error(
        "a record of {bytes} bytes is too large: at most {limit} bytes (limit `record_bytes`, default {limit})"
    )]
    RecordTooLarge {
        /// Its bytes.
        bytes: usize,
        /// The most there may be.
        limit: usize,
    },
}

impl Error {
    /// Whether the log is only out of reach: what failed may be tried again, and will do when it is back.
    pub fn is_out_of_reach(&self) -> bool {
        matches!(
            self,
            Self::KafkaAway { .. }
                | Self::KafkaCredentials { .. }
                | Self::KafkaCertificate { .. }
                | Self::Stalled { .. }
        )
    }

    /// Whether a record is larger than the log takes.
    pub fn is_too_large(&self) -> bool {
        matches!(self, Self::RecordTooLarge { .. } | Self::KafkaRecordTooLarge { .. })
    }
}

fn of_offset(base_offset: Option<i64>) -> String {
    base_offset.map_or_else(String::new, |offset| format!(" of offset {offset}"))
}
