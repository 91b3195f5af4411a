//! A log in a Kafka cluster, by way of librdkafka.
//!
//! [`KafkaLog`](log::KafkaLog) asks and appends (`asking`, `appending`); [`reader`] reads. What librdkafka's Rust
//! interface does not give, `native` takes from its C interface: it alone has unsafe code.

mod appending;
mod asking;
mod committing;
mod context;
mod log;
mod native;
mod options;
mod reader;
mod trouble;

pub use log::KafkaLog;
pub use options::KafkaOptions;
