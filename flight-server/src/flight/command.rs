//! What a Flight descriptor or ticket asks for, as JSON.

use serde::{Deserialize, Serialize};
use thalweg_backfill::{AsOf, Boundary, DEFAULT_TIMESTAMP_COLUMN, Features, Pin};

use super::history::HistoryCommand;
use super::pin::PinRef;
use super::shards::{Order, Shard};
use super::snapshot::SnapshotCommand;
use super::spine::SpineRef;
use crate::Error;
use crate::produce::ProduceOptions;

/// A command: `{"type": …}` and its settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Command {
    /// Features for every row of a spine.
    TrainingSet(TrainingSetCommand),
    /// Features of every entity at one instant.
    Snapshot(SnapshotCommand),
    /// For keys the intervals in which features stay the same.
    FeatureHistory(HistoryCommand),
    /// Decoded events of a topic.
    Events(EventsCommand),
    /// Rows to append to a topic.
    Produce(ProduceCommand),
}

/// Asks for a training set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainingSetCommand {
    /// A feature service; or `features`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feature_service: Option<String>,
    /// References, `view:column` or `view:*`; or `feature_service`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub features: Vec<String>,
    /// Where the rows are; not needed to upload them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spine: Option<SpineRef>,
    /// The spine's time column; `event_timestamp` if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp_column: Option<String>,
    /// Which events a row sees.
    pub as_of: AsOf,
    /// Whether events at a row's very instant take part.
    pub boundary: Boundary,
    /// The log prefix to rest on; the end of the log now, if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pin: Option<PinRef>,
    /// Whether status columns follow the features.
    pub statuses: bool,
    /// Whether `GetFlightInfo` counts the rows that tell what nobody could know. The rows stay the same.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub leakage: bool,
    /// Whether columns are named `view__column`; yes, if not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_feature_names: Option<bool>,
    /// How many streams the answer comes in; one, if not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shards: Option<usize>,
    /// In which order rows come.
    pub order: Order,
    /// In tickets: which of the streams.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// In tickets: hash of the spine's rows, under which they are kept ready where they can be made again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spine_hash: Option<String>,
    /// In tickets: the commit the stream must be of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// Asks for events.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventsCommand {
    /// The topic.
    pub topic: String,
    /// Leaves out records stamped earlier, microseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_us: Option<i64>,
    /// Leaves out records stamped then or later, microseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_us: Option<i64>,
    /// Begins at these offsets, by partition; at the start of a partition for which there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub offsets: Vec<i64>,
    /// Goes on with what comes after the end of the log, for ever.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub follow: bool,
    /// Asks for the records that could not be used, each with the reason, in place of the events.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dead_letters: bool,
    /// The log prefix to read; the end of the log now, if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pin: Option<Pin>,
}

/// Announces rows to append.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProduceCommand {
    /// The topic.
    pub topic: String,
    /// See [`ProduceOptions::key`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub key: Vec<String>,
    /// See [`ProduceOptions::timestamp`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
    /// See [`ProduceOptions::partition`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<i32>,
    /// See [`ProduceOptions::partitions`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partitions: Option<i32>,
}

impl ProduceCommand {
    /// Announces rows for `topic`.
    pub fn new(topic: String, options: ProduceOptions) -> Self {
        let ProduceOptions { key, timestamp, partition, partitions } = options;
        Self { topic, key, timestamp, partition, partitions }
    }

    /// How the rows become records.
    pub fn options(&self) -> ProduceOptions {
        let Self { key, timestamp, partition, partitions, .. } = self.clone();
        ProduceOptions { key, timestamp, partition, partitions }
    }
}

impl Command {
    /// Reads a descriptor's command or a ticket.
    ///
    /// # Errors
    /// INVALID_ARGUMENT with what is wrong and where.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice(bytes).map_err(|cause| {
            Error::invalid(format!(
                "the Flight command is not understood: {cause}; it must be JSON such as {{\"type\": \"training_set\", \"feature_service\": …}}"
            ))
        })
    }

    /// The command as JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("commands have only plain fields and string keys")
    }
}

impl TrainingSetCommand {
    /// The features asked for.
    ///
    /// # Errors
    /// INVALID_ARGUMENT unless exactly one of `feature_service` and `features` is given.
    pub fn features(&self) -> Result<Features, Error> {
        match (&self.feature_service, self.features.is_empty()) {
            (Some(service), true) => Ok(Features::Service(service.clone())),
            (None, false) => Ok(Features::List(self.features.clone())),
            (None, true) => Err(Error::invalid("a training set needs `feature_service` or `features`")),
            (Some(_), false) => {
                Err(Error::invalid("a training set takes `feature_service` or `features`, not both"))
            }
        }
    }

    /// The spine's time column.
    pub fn timestamp_column(&self) -> String {
        self.timestamp_column.clone().unwrap_or_else(|| DEFAULT_TIMESTAMP_COLUMN.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_and_written() {
        let text =
            r#"{"type":"training_set","feature_service":"m","spine":{"upload":"ab"},"boundary":"exclusive"}"#;
        let command = Command::parse(text.as_bytes()).expect("a command");
        let Command::TrainingSet(set) = &command else { panic!("another command: {command:?}") };
        assert_eq!(set.boundary, Boundary::Exclusive);
        assert_eq!(Command::parse(command.to_json().as_bytes()).expect("its own JSON"), command);
    }

    #[test]
    fn what_is_no_command_is_refused_in_words() {
        for (text, wanted) in [
            ("", "EOF"),
            (r#"{"type":"snapshots"}"#, "unknown variant `snapshots`"),
            (r#"{"type":"training_set","statusses":true}"#, "unknown field `statusses`"),
            (r#"{"type":"training_set","as_of":"then"}"#, "unknown variant `then`"),
            (r#"{"type":"produce","topic":"t","keys":["a"]}"#, "unknown field `keys`"),
        ] {
            let message = Command::parse(text.as_bytes()).expect_err("no command").to_string();
            assert!(message.contains(wanted), "{message}");
        }
    }
}
