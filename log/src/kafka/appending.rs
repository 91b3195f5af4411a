//! Records into a cluster.

use std::ffi::CString;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{Producer, ThreadedProducer};

use super::asking::{Asker, create};
use super::context::{Context, Delivery};
use super::native::{SendError, send};
use super::options::KafkaOptions;
use super::trouble::Troubles;
use crate::batch::NewRecord;
use crate::error::Error;
use crate::topic::TopicPartition;

/// The pause before a record is offered again where there is no room for it.
const ROOM_PAUSE: Duration = Duration::from_millis(1);

/// How often a client looks at a topic whose partition it does not know yet, with what pauses, and how long a
/// look may take.
const LOOKS: u32 = 20;
const LOOK_PAUSE: Duration = Duration::from_millis(100);
const LOOK_TIMEOUT: Duration = Duration::from_secs(5);

type Client = ThreadedProducer<Context>;

/// What appends: one idempotent producer, made when it is first needed.
pub(super) struct Appender {
    options: KafkaOptions,
    troubles: Arc<Troubles>,
    client: Mutex<Option<Arc<Client>>>,
}

impl Appender {
    pub(super) fn new(options: &KafkaOptions, troubles: &Arc<Troubles>) -> Self {
        Self { options: options.clone(), troubles: Arc::clone(troubles), client: Mutex::default() }
    }

    /// Appends records to partitions of a topic, and gives the first offset of each, once all are acknowledged
    /// by every replica that is in sync. There must be such partitions, and at least one record for each.
    ///
    /// # Errors
    /// If one of them was refused or could not be delivered in time; others may be in the log.
    pub(super) fn append(
        &self,
        asker: &Asker,
        topic: &str,
        records: &[(i32, &[NewRecord<'_>])],
    ) -> Result<Vec<i64>, Error> {
        for record in records.iter().flat_map(|(_, records)| *records) {
            self.check(record)?;
        }
        let client = self.client()?;
        let name = CString::new(topic).map_err(|_| asker.unknown_topic(topic))?;
        let mut sent = Vec::with_capacity(records.len());
        let mut failure = None;
        for (partition, records) in records {
            let delivery = Arc::new(Delivery::default());
            let mut count = 0;
            for record in *records {
                match self.send(&client, &name, *partition, record, &delivery) {
                    Ok(()) => count += 1,
                    Err(error) => {
                        failure = Some((*partition, error));
                        break;
                    }
                }
            }
            sent.push((*partition, count, delivery));
            if failure.is_some() {
                break;
            }
        }
        // What is on its way arrives before anything is said.
        let mut offsets = Vec::with_capacity(sent.len());
        for (partition, count, delivery) in sent {
            match delivery.wait(count) {
                Ok(first) => offsets.push(first.unwrap_or_default()),
                Err(error) => {
                    failure = failure
                        .or(Some((partition, self.undelivered(&client, asker, topic, partition, &error))))
                }
            }
        }
        match failure {
            None => Ok(offsets),
            Some((_, error)) => Err(error),
        }
    }

    /// Refuses what would not come out as it went in.
    fn check(&self, record: &NewRecord<'_>) -> Result<(), Error> {
        // librdkafka takes 0 for "now".
        if record.timestamp_ms == 0 { Err(Error::KafkaTimestamp) } else { Ok(()) }
    }

    fn send(
        &self,
        client: &Client,
        topic: &CString,
        partition: i32,
        record: &NewRecord<'_>,
        delivery: &Arc<Delivery>,
    ) -> Result<(), Error> {
        let name = topic.to_string_lossy();
        let refused = |cause| Error::Kafka {
            action: "append to",
            on: format!("{name}-{partition}"),
            servers: self.options.servers().to_owned(),
            cause,
        };
        let mut looked = 0;
        loop {
            return match send(client, topic, partition, record, delivery) {
                Ok(()) => Ok(()),
                Err(SendError::Full) => {
                    std::thread::sleep(ROOM_PAUSE);
                    continue;
                }
                Err(SendError::TooLarge) => Err(self.too_large(record_bytes(record))),
                Err(SendError::UnknownPartition) if looked < LOOKS => {
                    // There is one, as was asked before: the client has yet to hear of it.
                    looked += 1;
                    let _ = client.client().fetch_metadata(Some(&name), LOOK_TIMEOUT);
                    std::thread::sleep(LOOK_PAUSE);
                    continue;
                }
                Err(SendError::UnknownPartition) => {
                    Err(refused("its client knows no such partition".to_owned()))
                }
                Err(SendError::Other(cause)) => Err(refused(cause)),
            };
        }
    }

    fn undelivered(
        &self,
        client: &Arc<Client>,
        asker: &Asker,
        topic: &str,
        partition: i32,
        error: &KafkaError,
    ) -> Error {
        if client.client().fatal_error().is_some() {
            // An idempotent producer that lost its place is of no more use; the next one begins anew.
            let mut current = self.client.lock().unwrap_or_else(PoisonError::into_inner);
            if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, client)) {
                *current = None;
            }
        }
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::MessageSizeTooLarge) => self.too_large(0),
            _ => asker.failed("append to", &TopicPartition::new(topic, partition).to_string(), error),
        }
    }

    fn too_large(&self, bytes: usize) -> Error {
        Error::KafkaRecordTooLarge { bytes, limit: self.options.record_limit() }
    }

    fn client(&self) -> Result<Arc<Client>, Error> {
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = &*client {
            return Ok(Arc::clone(client));
        }
        let new: Client = create(&self.options.to_append(), &self.troubles)?;
        let new = Arc::new(new);
        *client = Some(Arc::clone(&new));
        Ok(new)
    }
}

fn record_bytes(record: &NewRecord<'_>) -> usize {
    let headers: usize =
        record.headers.iter().map(|(key, value)| key.len() + value.map_or(0, <[u8]>::len)).sum();
    record.key.map_or(0, <[u8]>::len) + record.value.map_or(0, <[u8]>::len) + headers
}
