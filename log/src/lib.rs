//! What a log is: topics, partitions, offsets, record batches, segments; and what a payload in it is.
//!
//! - [`BatchReader`] reads Kafka record batches (format 2) out of a byte slice, without copying and with
//!   every claimed length checked; [`encode_batches`] writes them.
//! - [`Log`] is what a log is to those who use it.
//! - [`EmbeddedLog`] is a log in a directory, laid out as a Kafka broker's log directory: segments of
//!   record batches that Kafka's own tools can read. An append returns when its records are on disk.
//! - [`Registry`] is what knows the schemas that records name by number, [`HttpRegistry`] one that is asked over
//!   HTTP, in Confluent's protocol.
//! - [`KafkaLog`] is a log in a Kafka cluster, by way of librdkafka.
//! - [`partition_for`] is Kafka's default partitioner.
//!
//! This crate is *not* a broker and knows nothing of features: it does not say what events mean, it has no
//! retention or replication, and it never takes the time or a random number for a record.

mod batch;
mod dead_letter_reader;
mod embedded;
mod error;
mod format;
mod kafka;
mod log;
mod partition_reader;
mod partitioner;
mod patient_reader;
mod registry;
mod topic;

pub use batch::{
    Batch, BatchFault, BatchHeader, BatchReader, Codec, Compression, ControlKind, DECOMPRESSED_BATCH_BYTES,
    HEADER_BYTES, Headers, NewRecord, RECORD_BYTES, Record, Records, TimestampType, encode_batches,
};
pub use dead_letter_reader::DeadLetterReader;
pub use embedded::{CutTail, EmbeddedLog, EmbeddedOptions, TopicIds};
pub use error::Error;
pub use format::{
    AvroFraming, AvroSchema, CHANGE_KIND, DeadLetter, DeadLetterRecord, Decoded, Decoder, DecoderSpec, Field,
    FieldPlace, Format, FormatError, IntegerUnit, Patience, Payloads, ProtobufFraming, ProtobufSchema,
    RECORD_HEADERS, RECORD_KEY, RECORD_KEY_FIELDS, RECORD_TIMESTAMP, RecordKeys, dead_letter_topic,
    debezium_fields, encode_rows, protobuf_imports,
};
pub use kafka::{KafkaLog, KafkaOptions};
pub use log::{Log, RecordReader, RecordSink};
pub use partition_reader::PartitionReader;
pub use partitioner::partition_for;
pub use registry::{
    HttpRegistry, RegisteredSchema, Registry, RegistryAccess, RegistryError, SchemaKind, SchemaReference,
    Schemas,
};
pub use topic::{TopicId, TopicInfo, TopicPartition};
