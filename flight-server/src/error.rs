//! One error at the surface: a kind a caller can act on, and words.

use tonic::{Code, Status};

/// What a caller can do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The request is wrong; change it.
    InvalidArgument,
    /// What was asked for does not exist.
    NotFound,
    /// The instant or offset lies outside what can be answered.
    OutOfRange,
    /// Not in this state; something else has to happen first.
    FailedPrecondition,
    /// Not now; try again.
    Unavailable,
    /// Over a limit that the message names.
    ResourceExhausted,
    /// The time allowed ran out.
    DeadlineExceeded,
    /// The caller went away.
    Cancelled,
    /// Something is broken; the message says what.
    Internal,
}

impl Kind {
    /// The gRPC code of this kind.
    pub const fn code(self) -> Code {
        match self {
            Self::InvalidArgument => Code::InvalidArgument,
            Self::NotFound => Code::NotFound,
            Self::OutOfRange => Code::OutOfRange,
            Self::FailedPrecondition => Code::FailedPrecondition,
            Self::Unavailable => Code::Unavailable,
            Self::ResourceExhausted => Code::ResourceExhausted,
            Self::DeadlineExceeded => Code::DeadlineExceeded,
            Self::Cancelled => Code::Cancelled,
            Self::Internal => Code::Internal,
        }
    }

    /// The kind's name, as gRPC spells its codes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidArgument => "INVALID_ARGUMENT",
            Self::NotFound => "NOT_FOUND",
            Self::OutOfRange => "OUT_OF_RANGE",
            Self::FailedPrecondition => "FAILED_PRECONDITION",
            Self::Unavailable => "UNAVAILABLE",
            Self::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Self::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Self::Cancelled => "CANCELLED",
            Self::Internal => "INTERNAL",
        }
    }

    fn of_code(code: Code) -> Self {
        match code {
            Code::InvalidArgument => Self::InvalidArgument,
            Code::NotFound => Self::NotFound,
            Code::OutOfRange => Self::OutOfRange,
            Code::FailedPrecondition => Self::FailedPrecondition,
            Code::Unavailable => Self::Unavailable,
            Code::ResourceExhausted => Self::ResourceExhausted,
            Code::DeadlineExceeded => Self::DeadlineExceeded,
            Code::Cancelled => Self::Cancelled,
            _ => Self::Internal,
        }
    }
}

/// An error as users see it: `KIND: what failed, on what, why, what to do`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", kind.name())]
pub struct Error {
    /// What a caller can do about it.
    pub kind: Kind,
    /// What failed, on what, why, what to do.
    pub message: String,
}

impl Error {
    /// An error of `kind`.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// A request that must be changed.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Kind::InvalidArgument, message)
    }

    /// Something that is broken.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Kind::Internal, message)
    }
}

/// Bytes of a message that go over the wire: clients take headers of 8 or 16 KiB and drop an answer with
/// more, and a byte that is no ASCII takes three.
const LONGEST_MESSAGE: usize = 4_096;

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let whole = error.message;
        let kept = whole.floor_char_boundary(LONGEST_MESSAGE);
        match whole.len() - kept {
            0 => Self::new(error.kind.code(), whole),
            more => Self::new(error.kind.code(), format!("{} … ({more} more bytes)", &whole[..kept])),
        }
    }
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        Self::new(Kind::of_code(status.code()), status.message())
    }
}

impl From<thalweg_backfill::Error> for Error {
    fn from(error: thalweg_backfill::Error) -> Self {
        use thalweg_backfill::Error as Cause;
        use thalweg_definitions::ReferenceError as Reference;
        let kind = match &error {
            Cause::Log(cause) => kind_of(cause),
            Cause::MissingColumn { .. }
            | Cause::DuplicateColumn { .. }
            | Cause::MixedSpine { .. }
            | Cause::ColumnType { .. }
            | Cause::NullInSpine { .. }
            | Cause::Key { .. }
            | Cause::Input { .. }
            | Cause::NobodySays { .. }
            | Cause::NotPinned { .. }
            | Cause::SeveralEntities { .. }
            | Cause::NoStretch { .. }
            | Cause::NoField { .. }
            | Cause::NoShard { .. }
            | Cause::HistoryAsOf { .. }
            | Cause::Drifts { .. }
            | Cause::NameClash { .. } => Kind::InvalidArgument,
            Cause::Layout(thalweg_definitions::LayoutError::NameClash(_)) => Kind::InvalidArgument,
            Cause::Reference(cause) => match cause {
                Reference::UnknownView { .. } | Reference::UnknownColumn { .. } => Kind::NotFound,
                _ => Kind::InvalidArgument,
            },
            Cause::Layout(_) | Cause::UnknownService { .. } | Cause::UnknownTopic { .. } => Kind::NotFound,
            Cause::OverBudget { .. }
            | Cause::OverMemory { .. }
            | Cause::TooManyRows { .. }
            | Cause::Sweep(_)
            | Cause::Keys(_) => Kind::ResourceExhausted,
            Cause::UnknownAppendTime { .. } | Cause::NothingServes => Kind::FailedPrecondition,
            Cause::NotServed { .. } => Kind::OutOfRange,
            Cause::History { .. } => Kind::Unavailable,
            Cause::PinnedTopicGone { .. }
            | Cause::PinnedTopicReplaced { .. }
            | Cause::PinBeyondEnd { .. }
            | Cause::PinExpired { .. } => Kind::OutOfRange,
            Cause::Cancelled => Kind::Cancelled,
            Cause::Decode { .. } | Cause::Arrow(_) => Kind::Internal,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<thalweg_log::Error> for Error {
    fn from(error: thalweg_log::Error) -> Self {
        Self::new(kind_of(&error), error.to_string())
    }
}

fn kind_of(error: &thalweg_log::Error) -> Kind {
    use thalweg_log::Error as Cause;
    match error {
        Cause::TopicName { .. } | Cause::PartitionCount { .. } | Cause::UnknownPartition { .. } => {
            Kind::InvalidArgument
        }
        Cause::UnknownTopic { .. } => Kind::NotFound,
        Cause::TopicExists { .. } | Cause::Locked { .. } => Kind::FailedPrecondition,
        Cause::OffsetOutOfRange { .. } => Kind::OutOfRange,
        Cause::KafkaTimestamp | Cause::KafkaProperty { .. } => Kind::InvalidArgument,
        error if error.is_too_large() => Kind::ResourceExhausted,
        error if error.is_out_of_reach() => Kind::Unavailable,
        Cause::Poisoned { .. } | Cause::Registry { .. } => Kind::Unavailable,
        _ => Kind::Internal,
    }
}

impl From<thalweg_store::Error> for Error {
    fn from(error: thalweg_store::Error) -> Self {
        use thalweg_store::Error as Cause;
        let kind = match &error {
            Cause::OutOfRange { .. } => Kind::OutOfRange,
            Cause::Rebuilding { .. } | Cause::Locked { .. } => Kind::FailedPrecondition,
            Cause::UnknownView { .. } => Kind::NotFound,
            Cause::Broken { .. } | Cause::HalfApplied { .. } => Kind::Unavailable,
            _ => Kind::Internal,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<thalweg_ingest::Error> for Error {
    fn from(error: thalweg_ingest::Error) -> Self {
        use thalweg_ingest::Error as Cause;
        match error {
            Cause::Store(cause) => cause.into(),
            Cause::Log(cause) => cause.into(),
            Cause::UnknownTopic { .. } => Self::new(Kind::NotFound, error.to_string()),
            Cause::Changing => Self::new(Kind::FailedPrecondition, error.to_string()),
            Cause::Stopped { .. } => Self::new(Kind::Unavailable, error.to_string()),
            _ => Self::internal(error.to_string()),
        }
    }
}

impl From<thalweg_definitions::Mistakes> for Error {
    fn from(mistakes: thalweg_definitions::Mistakes) -> Self {
        Self::invalid(mistakes.to_string())
    }
}

impl From<crate::config::ConfigError> for Error {
    fn from(error: crate::config::ConfigError) -> Self {
        Self::invalid(error.to_string())
    }
}

impl From<arrow::error::ArrowError> for Error {
    fn from(error: arrow::error::ArrowError) -> Self {
        Self::internal(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_is_cut_to_what_clients_take() {
        let short = Status::from(Error::invalid("too much"));
        assert_eq!((short.code(), short.message()), (Code::InvalidArgument, "too much"));
        let long = Status::from(Error::invalid("ü".repeat(1_000_000)));
        assert!(long.message().len() < LONGEST_MESSAGE + 50);
        assert!(long.message().ends_with("ü … (1995904 more bytes)"), "{}", &long.message()[4_080..]);
    }
}
