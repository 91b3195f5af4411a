//! What librdkafka calls back with.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::ProducerContext;

use super::trouble::Troubles;

/// Passes on what a client has to say.
pub(super) struct Context {
    troubles: Arc<Troubles>,
}

impl Context {
    pub(super) fn new(troubles: &Arc<Troubles>) -> Self {
        Self { troubles: Arc::clone(troubles) }
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        // What matters of it comes as an error too, and is told where it matters.
        match level {
            RDKafkaLogLevel::Debug => tracing::trace!(target: "librdkafka", facility, message),
            _ => tracing::debug!(target: "librdkafka", facility, message),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(target: "librdkafka", %error, reason);
        self.troubles.note(error.rdkafka_error_code(), reason);
    }
}

impl ConsumerContext for Context {}

impl ProducerContext for Context {
    type DeliveryOpaque = Arc<Delivery>;

    fn delivery(&self, result: &DeliveryResult<'_>, delivery: Arc<Delivery>) {
        match result {
            Ok(message) => {
                self.troubles.answered();
                delivery.arrived(Ok(message.offset()));
            }
            Err((error, _)) => delivery.arrived(Err(error.clone())),
        }
    }
}

/// Records on their way to one partition.
#[derive(Debug, Default)]
pub(super) struct Delivery {
    state: Mutex<DeliveryState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct DeliveryState {
    arrived: usize,
    first_offset: Option<i64>,
    failure: Option<KafkaError>,
}

impl Delivery {
    /// Waits until `count` records have arrived or failed, and gives the least of their offsets.
    pub(super) fn wait(&self, count: usize) -> Result<Option<i64>, KafkaError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while state.arrived < count {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        match &state.failure {
            Some(error) => Err(error.clone()),
            None => Ok(state.first_offset),
        }
    }

    fn arrived(&self, result: Result<i64, KafkaError>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.arrived += 1;
        match result {
            Ok(offset) => {
                state.first_offset = Some(state.first_offset.map_or(offset, |first| first.min(offset)));
            }
            Err(error) => state.failure = state.failure.take().or(Some(error)),
        }
        drop(state);
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::error::RDKafkaErrorCode;

    use super::*;

    #[test]
    fn a_delivery_has_the_least_offset_or_the_first_failure() {
        let delivery = Delivery::default();
        assert_eq!(delivery.wait(0), Ok(None));
        [7, 5, 6].into_iter().for_each(|offset| delivery.arrived(Ok(offset)));
        assert_eq!(delivery.wait(3), Ok(Some(5)));
        for code in [RDKafkaErrorCode::MessageTimedOut, RDKafkaErrorCode::PurgeQueue] {
            delivery.arrived(Err(KafkaError::MessageProduction(code)));
        }
        let failure = KafkaError::MessageProduction(RDKafkaErrorCode::MessageTimedOut);
        assert_eq!(delivery.wait(5), Err(failure));
    }
}
