//! Where the rows of a training set come from.

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use serde::{Deserialize, Serialize};
use thalweg_backfill::{
    Cancellation, EntitiesRequest, EventRange, EventRowsRequest, Held, Memory, Pin, entities, event_rows,
};
use thalweg_core::Instant;
use thalweg_definitions::{Layout, Repository, Source};

use super::command::TrainingSetCommand;
use super::sent::bytes_of_rows;
use super::spool::Spool;
use crate::node::Node;
use crate::object::Location;
use crate::spine_file::{read_spine, spine_of};
use crate::{Error, Kind};

/// Where a spine is, or how it is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub enum SpineRef {
    /// Hash of a spine uploaded by DoPut, as its answer names it.
    Upload(String),
    /// Path of a file that the server can read, its `file://` URL, or the URL of an object.
    File(String),
    /// The events of a source.
    Events(EventsSpine),
    /// One row for each entity that the features asked for know at an instant.
    Entities {
        /// The instant, microseconds since the epoch.
        at_us: i64,
    },
}

/// Which events of a source are rows, and what of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventsSpine {
    /// Name of the source.
    pub source: String,
    /// The fields that become columns; all, if none is named.
    pub columns: Vec<String>,
    /// Leaves out events that happened earlier, microseconds since the epoch.
    pub from_us: Option<i64>,
    /// Leaves out events that happened then or later, microseconds since the epoch.
    pub to_us: Option<i64>,
    /// Leaves out events without a join key or an instant, which no row can be without.
    pub skip_incomplete: bool,
}

/// A [`SpineRef`] as JSON has it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Written {
    #[serde(skip_serializing_if = "Option::is_none")]
    upload: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entities_at_us: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    columns: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_us: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_us: Option<i64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    skip_incomplete: bool,
}

impl TryFrom<Written> for SpineRef {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let Written { upload, file, entities_at_us, source, columns, from_us, to_us, skip_incomplete } =
            written;
        let says_which = !columns.is_empty() || from_us.is_some() || to_us.is_some() || skip_incomplete;
        match (upload, file, entities_at_us, source) {
            (None, None, None, Some(source)) => {
                Ok(Self::Events(EventsSpine { source, columns, from_us, to_us, skip_incomplete }))
            }
            _ if says_which => Err(
                "`columns`, `from_us`, `to_us` and `skip_incomplete` say which events of a `source` are rows",
            ),
            (Some(upload), None, None, None) => Ok(Self::Upload(upload)),
            (None, Some(file), None, None) => Ok(Self::File(file)),
            (None, None, Some(at_us), None) => Ok(Self::Entities { at_us }),
            _ => Err("a spine is one of `upload`, `file`, `source` and `entities_at_us`"),
        }
    }
}

impl From<SpineRef> for Written {
    fn from(spine: SpineRef) -> Self {
        match spine {
            SpineRef::Upload(upload) => Self { upload: Some(upload), ..Self::default() },
            SpineRef::File(file) => Self { file: Some(file), ..Self::default() },
            SpineRef::Entities { at_us } => Self { entities_at_us: Some(at_us), ..Self::default() },
            SpineRef::Events(EventsSpine { source, columns, from_us, to_us, skip_incomplete }) => {
                Self { source: Some(source), columns, from_us, to_us, skip_incomplete, ..Self::default() }
            }
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

impl Rows {
    /// Takes the memory that the rows are in.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED where all requests together hold too much.
    pub(super) fn hold(&self, memory: &Arc<Memory>) -> Result<Held, Error> {
        Ok(memory.hold(self.batches.iter().map(bytes_of_rows).sum())?)
    }
}

impl SpineRef {
    /// Whether the rows have to be made, which takes as long as it takes, and are not just there.
    pub(super) fn is_made(&self) -> bool {
        !matches!(self, Self::Upload(_))
    }

    /// All events of `source`.
    pub fn events_of(source: String) -> Self {
        Self::Events(EventsSpine { source, ..EventsSpine::default() })
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
    /// Features that are not defined; a commit that is not known; a log that cannot be asked.
    pub(super) fn pin(&self, command: &TrainingSetCommand) -> Result<Pin, Error> {
        if let Some(pin) = &command.pin {
            return pin.resolve(self.node.manifests());
        }
        let mut topics = command.features()?.topics(&self.repository)?;
        if let Some(SpineRef::Events(events)) = &command.spine {
            topics.insert(self.source(events)?.topic.clone());
        }
        Ok(Pin::now(self.node.log(), topics.iter().map(String::as_str))?)
    }

    /// The rows that `command` is about, which rests on `pin`. Where they have been made before and are kept, they are
    /// not made again.
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
                let budget = self.node.memory().budget();
                let rows = entities(&self.repository, self.node.log(), &request, &budget, self.cancellation)?;
                (rows.schema(), vec![rows])
            }
            (None, SpineRef::File(file)) => return self.file(file),
            (None, SpineRef::Events(events)) => self.events(command, events, pin)?,
        };
        Ok(Rows { schema, batches })
    }

    fn source(&self, events: &EventsSpine) -> Result<&Source, Error> {
        let known = || self.repository.sources.iter().map(|source| source.name.clone()).collect::<Vec<_>>();
        self.repository.source(&events.source).ok_or_else(|| {
            Error::new(
                Kind::NotFound,
                format!(
                    "there is no source `{}` to take rows from; there are: {}",
                    events.source,
                    known().join(", ")
                ),
            )
        })
    }

    fn events(
        &self,
        command: &TrainingSetCommand,
        events: &EventsSpine,
        pin: &Pin,
    ) -> Result<(SchemaRef, Vec<RecordBatch>), Error> {
        let timestamp_column = command.timestamp_column();
        let mut needed = Vec::new();
        if events.skip_incomplete {
            let features = command.features()?.resolve(&self.repository)?;
            let layout =
                Layout::new(&self.repository, &features, true).map_err(thalweg_backfill::Error::from)?;
            needed
                .extend(layout.folds.iter().flat_map(|fold| &fold.key_columns).map(|(name, _)| name.clone()));
            needed.push(timestamp_column.clone());
        }
        let micros = |at: Option<i64>| at.map(Instant::from_micros);
        let request = EventRowsRequest {
            source: self.source(events)?,
            columns: &events.columns,
            timestamp_column: &timestamp_column,
            range: EventRange { from: micros(events.from_us), to: micros(events.to_us) },
            needed: &needed,
            pin,
        };
        let budget = self.node.memory().budget();
        Ok(event_rows(self.node.log(), &request, &budget, self.cancellation)?)
    }

    /// The rows of a file in one of the folders that the settings allow.
    fn file(&self, named: &str) -> Result<Rows, Error> {
        let path = named.strip_prefix("file://").unwrap_or(named);
        if path.contains("://") {
            return self.object(named);
        }
        let config = self.node.config();
        let refused = |why: &str| {
            Error::new(
                Kind::FailedPrecondition,
                format!(
                    "spine file `{named}` may not be read: {why}; upload it by DoPut, or change `{FOLDERS_KEY}`"
                ),
            )
        };
        let folders: Vec<_> = config.spines.folders.split(':').filter(|folder| !folder.is_empty()).collect();
        if folders.is_empty() {
            return Err(refused("the setting allows no folders"));
        }
        // One answer for what is not there and what may not be seen: a path tells nothing about other folders.
        let outside =
            || refused(&format!("it is in none of the folders {}, or not there", folders.join(", ")));
        let path = Path::new(path).canonicalize().map_err(|_| outside())?;
        let allowed = folders.iter().filter_map(|folder| Path::new(folder).canonicalize().ok());
        if !allowed.into_iter().any(|folder| path.starts_with(folder)) {
            return Err(outside());
        }
        read_spine(&path, config.limits.spine_bytes)
    }

    /// The rows of an object under one of the prefixes that the settings allow.
    fn object(&self, named: &str) -> Result<Rows, Error> {
        let location = Location::parse(named)
            .map_err(|cause| Error::invalid(format!("spine `{named}` cannot be read: {cause}")))?;
        let config = self.node.config();
        let allowed = config.spines.locations().map_err(Error::internal)?;
        if !allowed.iter().any(|prefix| location.is_within(prefix)) {
            let why = match allowed.is_empty() {
                true => "the setting allows none".to_owned(),
                false => format!("it begins with none of {}", config.spines.urls),
            };
            return Err(Error::new(
                Kind::FailedPrecondition,
                format!("spine `{named}` may not be read: {why}; upload it by DoPut, or change `{URLS_KEY}`"),
            ));
        }
        let limit = config.limits.spine_bytes;
        spine_of(named, location.read(limit, self.cancellation)?, limit)
    }
}

/// The configuration keys of the folders and the URLs, as errors name them.
const FOLDERS_KEY: &str = "spines.folders";
const URLS_KEY: &str = "spines.urls";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spine_is_said_in_one_way() {
        for text in [
            r#"{"upload":"ab"}"#,
            r#"{"file":"a.csv"}"#,
            r#"{"entities_at_us":-5}"#,
            r#"{"source":"s"}"#,
            r#"{"source":"s","columns":["a"],"from_us":1,"to_us":2,"skip_incomplete":true}"#,
        ] {
            let spine: SpineRef = serde_json::from_str(text).expect("a spine");
            assert_eq!(serde_json::to_string(&spine).expect("plain fields"), text);
        }
        for (text, wanted) in [
            (r#"{"upload":"ab","entities_at_us":5}"#, "a spine is one of"),
            ("{}", "a spine is one of"),
            (r#"{"upload":"ab","from_us":5}"#, "say which events of a `source`"),
            (r#"{"uploaded":"ab"}"#, "unknown field `uploaded`"),
        ] {
            let message = serde_json::from_str::<SpineRef>(text).expect_err("no spine").to_string();
            assert!(message.contains(wanted), "{message}");
        }
    }
}
