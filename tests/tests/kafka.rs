//! The broker and the registry that other tests rest on.

use std::time::Duration;

use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};
use thalweg_tests::kafka::{Broker, Sent, TransactionalProducer, broker, registry};

/// The values that a reader of committed records finds in partition 0 of `topic`, of which there are `count`.
fn values(broker: &Broker, topic: &str, count: usize) -> Vec<String> {
    let consumer: BaseConsumer = broker
        .client()
        .set("group.id", "nobody")
        .set("isolation.level", "read_committed")
        .create()
        .expect("a consumer");
    let mut assignment = TopicPartitionList::new();
    assignment.add_partition_offset(topic, 0, Offset::Beginning).expect("a partition");
    consumer.assign(&assignment).expect("an assignment");
    let mut values = Vec::new();
    while values.len() < count {
        // A coordinator that begins again may have to end the last transaction first.
        let message = consumer.poll(Duration::from_secs(90)).expect("a message in time");
        let message = message.expect("a message");
        values.push(String::from_utf8_lossy(message.payload().unwrap_or_default()).into_owned());
    }
    values
}

#[test]
fn a_broker_keeps_what_it_was_given_when_it_ends_and_begins_again() {
    let broker = Broker::start(&["message.max.bytes=2000000"]);
    broker.admin().create_topic("kept", 1, &[]);
    let producer = TransactionalProducer::new(&broker.client(), "writer");
    for (value, how) in [("a", Sent::Committed), ("b", Sent::Aborted), ("c", Sent::Committed)] {
        producer.begin();
        producer.send("kept", 0, "key", value);
        producer.end(how);
    }
    drop(producer);
    broker.kill();
    broker.start_again();
    assert_eq!(values(&broker, "kept", 2), ["a", "c"]);
    broker.pause();
    broker.resume();
    broker.stop();
    broker.start_again();
    assert_eq!(values(&broker, "kept", 2), ["a", "c"]);
}

#[test]
fn topics_change_as_they_are_told_to() {
    let broker = broker();
    let admin = broker.admin();
    admin.create_topic("changing", 1, &[("cleanup.policy", "delete")]);
    admin.add_partitions("changing", 3);
    let producer = TransactionalProducer::new(&broker.client(), "changer");
    producer.begin();
    ["a", "b", "c"].into_iter().for_each(|value| producer.send("changing", 0, "key", value));
    producer.end(Sent::Committed);
    admin.delete_records("changing", 0, 2);
    assert_eq!(values(&broker, "changing", 1), ["c"]);
    admin.set_configs("changing", &[("max.message.bytes", "5000000")]);
    admin.delete_topic("changing");
    admin.create_topic("changing", 2, &[]);
}

#[test]
fn a_registry_gives_schemas_ids() {
    let registry = registry();
    let schema = |name: &str| {
        format!(r#"{{"type": "record", "name": "R", "fields": [{{"name": "{name}", "type": "int"}}]}}"#)
    };
    let first = registry.register("one", "AVRO", &schema("a"));
    let second = registry.register("two", "AVRO", &schema("b"));
    assert_ne!(first, second);
    assert_eq!(registry.register("three", "AVRO", &schema("a")), first);
    assert!(registry.url().starts_with("http://127.0.0.1:"));
}
