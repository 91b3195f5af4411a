//! Where the rows of a training set come from.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use serde::{Deserialize, Serialize};
use thalweg_backfill::{Budget, Cancellation, EntitiesRequest, Pin, entities};
use thalweg_core::Instant;
use thalweg_definitions::Repository;

use super::command::TrainingSetCommand;
use super::spool::Spool;
use crate::Error;
use crate::node::Node;

/// Where a spine is, or how it is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub enum SpineRef {
    /// Hash of a spine uploaded by DoPut, as its answer names it.
    Upload(String),
    /// One row for each entity that the features asked for know at an instant.
    Entities {
        /// The instant, microseconds since the epoch.
        at_us: i64,
    },
}

/// A [`SpineRef`] as JSON has it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Written {
    #[serde(skip_serializing_if = "Option::is_none")]
    upload: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entities_at_us: Option<i64>,
}

impl TryFrom<Written> for SpineRef {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        match written {
            Written { upload: Some(upload), entities_at_us: None } => Ok(Self::Upload(upload)),
            Written { upload: None, entities_at_us: Some(at_us) } => Ok(Self::Entities { at_us }),
            _ => Err("a spine is one of `upload` and `entities_at_us`"),
        }
    }
}

impl From<SpineRef> for Written {
    fn from(spine: SpineRef) -> Self {
        match spine {
            SpineRef::Upload(upload) => Self { upload: Some(upload), ..Self::default() },
            SpineRef::Entities { at_us } => Self { entities_at_us: Some(at_us), ..Self::default() },
        }
    }
}

/// The rows of a spine.
pub(crate) struct Rows {
    /// Schema of every batch.
    pub(crate) schema: SchemaRef,
    /// The rows.
    pub(crate) batches: Vec<RecordBatch>,
}

impl SpineRef {
    /// Whether the rows have to be made, which takes as long as it takes, and are not just there.
    pub(super) fn is_made(&self) -> bool {
        !matches!(self, Self::Upload(_))
    }

    /// The topics that the rows rest on, beside those of the features.
    fn topics(&self) -> Vec<String> {
        match self {
            Self::Upload(_) | Self::Entities { .. } => Vec::new(),
        }
    }
}

/// What training sets are made of: the log, definitions, and the spines that are kept.
pub(super) struct Making<'a> {
    pub(super) node: &'a Node,
    pub(super) repository: Arc<Repository>,
    pub(super) spool: &'a Spool,
    pub(super) cancellation: &'a Cancellation,
}

impl Making<'_> {
    /// The log prefix that `command` is to rest on: what it says, or the end of the log now.
    ///
    /// # Errors
    /// Features that are not defined; a log that cannot be asked.
    pub(super) fn pin(&self, command: &TrainingSetCommand) -> Result<Pin, Error> {
        if let Some(pin) = &command.pin {
            return Ok(pin.clone());
        }
        let mut topics = command.features()?.topics(&self.repository)?;
        topics.extend(command.spine.iter().flat_map(SpineRef::topics));
        Ok(Pin::now(self.node.log(), topics.iter().map(String::as_str))?)
    }

    /// The rows that `command`, which has its pin, is about. Where they have been made before and are kept, they
    /// are not made again.
    ///
    /// # Errors
    /// A spine that is not said or not there; whatever keeps it from being made.
    pub(super) fn rows(&self, command: &TrainingSetCommand, pin: &Pin) -> Result<Rows, Error> {
        let spine = command.spine.as_ref().ok_or_else(|| {
            Error::invalid(
                "a training set needs `spine`: upload one by DoPut, then ask with {\"spine\": {\"upload\": …}}",
            )
        })?;
        let kept = command.spine_hash.as_ref().and_then(|hash| self.spool.get(hash).ok());
        let (schema, batches) = match (kept, spine) {
            (Some(kept), _) => kept,
            (None, SpineRef::Upload(hash)) => self.spool.get(hash)?,
            (None, SpineRef::Entities { at_us }) => {
                let request = EntitiesRequest {
                    features: &command.features()?,
                    at: Instant::from_micros(*at_us),
                    as_of: command.as_of,
                    boundary: command.boundary,
                    timestamp_column: &command.timestamp_column(),
                    pin,
                };
                let budget = Budget::new(self.node.history_bytes());
                let rows = entities(&self.repository, self.node.log(), &request, &budget, self.cancellation)?;
                (rows.schema(), vec![rows])
            }
        };
        Ok(Rows { schema, batches })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spine_is_said_in_one_way() {
        for text in [r#"{"upload":"ab"}"#, r#"{"entities_at_us":-5}"#] {
            let spine: SpineRef = serde_json::from_str(text).expect("a spine");
            assert_eq!(serde_json::to_string(&spine).expect("plain fields"), text);
        }
        for (text, wanted) in [
            (r#"{"upload":"ab","entities_at_us":5}"#, "a spine is one of"),
            ("{}", "a spine is one of"),
            (r#"{"uploaded":"ab"}"#, "unknown field `uploaded`"),
        ] {
            let message = serde_json::from_str::<SpineRef>(text).expect_err("no spine").to_string();
            assert!(message.contains(wanted), "{message}");
        }
    }
}
