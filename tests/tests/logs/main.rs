//! One suite of what a log must do, for every log there is; and what only a real broker can do to one.

mod broker;
mod conformance;
mod ingest;
mod kept;

use std::sync::Arc;

use thalweg_log::{EmbeddedLog, EmbeddedOptions, KafkaLog, KafkaOptions};
use thalweg_tests::kafka::Broker;

/// The log in `broker`, with these further properties of its client.
pub(crate) fn kafka_log(broker: &Broker, properties: &[(&str, &str)]) -> Arc<KafkaLog> {
    let mut options = KafkaOptions::default();
    options.properties.insert("bootstrap.servers".to_owned(), broker.bootstrap());
    let owned = |(property, value): &(&str, &str)| ((*property).to_owned(), (*value).to_owned());
    options.properties.extend(properties.iter().map(owned));
    Arc::new(KafkaLog::open(options).expect("fit properties"))
}

#[test]
fn the_embedded_log_conforms() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let log = EmbeddedLog::open(dir.path(), EmbeddedOptions::default()).expect("a new log");
    conformance::run(&log);
}

#[test]
fn the_kafka_log_conforms() {
    let broker = thalweg_tests::kafka::broker();
    conformance::run(&*kafka_log(&broker, &[]));
}
