//! What stands between us and the cluster at the moment.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::error::RDKafkaErrorCode;

use crate::error::Error;

/// What kind of trouble there is; a later kind says more than an earlier one, and is not replaced by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Nobody answers.
    Away,
    /// The two sides cannot agree on a secure connection.
    Certificate,
    /// The cluster does not take the credentials.
    Credentials,
}

/// The trouble that the clients of a log have met since one of them last got an answer.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    current: Mutex<Option<(Kind, String)>>,
}

impl Troubles {
    /// Notes what a client says, if that is a trouble of the connection.
    pub(super) fn note(&self, code: Option<RDKafkaErrorCode>, reason: &str) {
        let Some(kind) = code.and_then(kind_of) else { return };
        let mut current = self.current();
        if current.as_ref().is_none_or(|(known, _)| *known <= kind) {
            *current = Some((kind, reason.to_owned()));
        }
    }

    /// A client got an answer.
    pub(super) fn answered(&self) {
        *self.current() = None;
    }

    /// The trouble there is with the cluster at `servers`.
    pub(super) fn error(&self, servers: &str) -> Option<Error> {
        let current = self.current();
        let (kind, cause) = current.as_ref()?;
        let (servers, cause) = (servers.to_owned(), cause.clone());
        Some(match kind {
            Kind::Away => Error::KafkaAway { servers, cause },
            Kind::Certificate => Error::KafkaCertificate { servers, cause },
            Kind::Credentials => Error::KafkaCredentials { servers, cause },
        })
    }

    fn current(&self) -> MutexGuard<'_, Option<(Kind, String)>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What kind of trouble of the connection an error is, if it is one.
fn kind_of(code: RDKafkaErrorCode) -> Option<Kind> {
    match code {
        RDKafkaErrorCode::Authentication
        | RDKafkaErrorCode::SaslAuthenticationFailed
        | RDKafkaErrorCode::UnsupportedSASLMechanism
        | RDKafkaErrorCode::IllegalSASLState => Some(Kind::Credentials),
        RDKafkaErrorCode::SSL => Some(Kind::Certificate),
        RDKafkaErrorCode::BrokerTransportFailure
        | RDKafkaErrorCode::AllBrokersDown
        | RDKafkaErrorCode::Resolve
        | RDKafkaErrorCode::OperationTimedOut
        | RDKafkaErrorCode::RequestTimedOut => Some(Kind::Away),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_more_is_not_replaced_by_what_says_less() {
        let troubles = Troubles::default();
        assert!(troubles.error("k").is_none());
        troubles.note(Some(RDKafkaErrorCode::BrokerTransportFailure), "connection refused");
        troubles.note(Some(RDKafkaErrorCode::Authentication), "wrong password");
        troubles.note(Some(RDKafkaErrorCode::AllBrokersDown), "1/1 brokers are down");
        troubles.note(Some(RDKafkaErrorCode::UnknownTopic), "no trouble of the connection");
        assert!(matches!(
            troubles.error("k"),
            Some(Error::KafkaCredentials { cause, .. }) if cause == "wrong password"
        ));
        troubles.answered();
        assert!(troubles.error("k").is_none());
    }
}
