//! Producers that write what Thalweg's own does not: transactions.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

const TIMEOUT: Duration = Duration::from_secs(20);

/// A producer of transactions. All of its methods panic where the broker refuses.
pub struct TransactionalProducer(BaseProducer);

/// Where the records of a transaction went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// They may be read.
    Committed,
    /// They are in the log, and nobody who reads what is committed sees them.
    Aborted,
}

impl TransactionalProducer {
    /// The producer called `id`; an earlier one of this name is fenced off and its open transaction aborted.
    pub fn new(client: &ClientConfig, id: &str) -> Self {
        let producer: BaseProducer =
            client.clone().set("transactional.id", id).create().expect("a producer of transactions");
        producer.init_transactions(TIMEOUT).expect("an id for transactions");
        Self(producer)
    }

    /// Opens a transaction.
    pub fn begin(&self) {
        self.0.begin_transaction().expect("no transaction is open");
    }

    /// Writes a record in the open transaction and waits until it is in the log.
    pub fn send(&self, topic: &str, partition: i32, key: &str, value: &str) {
        let record = BaseRecord::to(topic).partition(partition).key(key).payload(value);
        self.0.send(record).map_err(|(error, _)| error).expect("room for a record");
        self.0.flush(TIMEOUT).expect("a record that is written");
    }

    /// Ends the open transaction.
    pub fn end(&self, how: Sent) {
        match how {
            Sent::Committed => self.0.commit_transaction(TIMEOUT),
            Sent::Aborted => self.0.abort_transaction(TIMEOUT),
        }
        .expect("a transaction that ends");
    }
}
