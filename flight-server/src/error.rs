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

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        Self::new(error.kind.code(), error.message)
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
        let kind = match &error {
            Cause::MissingColumn { .. }
            | Cause::DuplicateColumn { .. }
            | Cause::MixedSpine { .. }
            | Cause::ColumnType { .. }
            | Cause::NullInSpine { .. }
            | Cause::Key { .. }
            | Cause::NameClash { .. } => Kind::InvalidArgument,
            Cause::Layout(thalweg_definitions::LayoutError::NameClash(_)) => Kind::InvalidArgument,
            Cause::Layout(_) | Cause::UnknownFeature(_) | Cause::UnknownTopic { .. } => Kind::NotFound,
            Cause::OverBudget { .. } | Cause::TooManyRows { .. } | Cause::Sweep(_) => Kind::ResourceExhausted,
            Cause::PinnedTopicGone { .. }
            | Cause::PinnedTopicReplaced { .. }
            | Cause::PinBeyondEnd { .. }
            | Cause::PinExpired { .. } => Kind::OutOfRange,
            Cause::Cancelled => Kind::Cancelled,
            Cause::Log(_) | Cause::Decode { .. } | Cause::Arrow(_) => Kind::Internal,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<thalweg_log::Error> for Error {
    fn from(error: thalweg_log::Error) -> Self {
        use thalweg_log::Error as Cause;
        let kind = match &error {
            Cause::TopicName { .. } | Cause::PartitionCount { .. } | Cause::UnknownPartition { .. } => {
                Kind::InvalidArgument
            }
            Cause::UnknownTopic { .. } => Kind::NotFound,
            Cause::TopicExists { .. } | Cause::Locked { .. } => Kind::FailedPrecondition,
            Cause::OffsetOutOfRange { .. } => Kind::OutOfRange,
            Cause::RecordTooLarge { .. } => Kind::ResourceExhausted,
            Cause::Poisoned { .. } => Kind::Unavailable,
            _ => Kind::Internal,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<thalweg_store::Error> for Error {
    fn from(error: thalweg_store::Error) -> Self {
        use thalweg_store::Error as Cause;
        let kind = match &error {
            Cause::OutOfRange { .. } => Kind::OutOfRange,
            Cause::Rebuilding { .. } | Cause::Locked { .. } => Kind::FailedPrecondition,
            Cause::UnknownView { .. } => Kind::NotFound,
            Cause::Broken { .. } => Kind::Unavailable,
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
