//! Snapshots: features of every entity at one instant, as a training set whose spine are these entities.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::Map;

use super::command::TrainingSetCommand;
use super::extended;
use super::spine::SpineRef;
use crate::Error;
use crate::node::Node;

/// Asks for a snapshot: the settings of a training set but for its spine, and an instant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SnapshotCommand {
    /// The instant, microseconds since the epoch; what the server's clock says, if none.
    pub at_us: Option<i64>,
    /// Everything else.
    pub set: TrainingSetCommand,
}

/// What a snapshot has and a training set has not.
#[derive(Serialize, Deserialize)]
struct Own {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at_us: Option<i64>,
}

impl SnapshotCommand {
    /// The training set that this is; where no instant is named, at what the clock of `node` says.
    ///
    /// # Errors
    /// Features that are not defined; a clock that says nothing.
    pub fn training_set(self, node: &Node) -> Result<TrainingSetCommand, Error> {
        let at_us = match self.at_us {
            Some(at_us) => at_us,
            None => node.now(&self.set.features()?)?.as_micros(),
        };
        Ok(TrainingSetCommand { spine: Some(SpineRef::Entities { at_us }), ..self.set })
    }
}

impl<'de> Deserialize<'de> for SnapshotCommand {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let settings = Map::deserialize(deserializer)?;
        if settings.contains_key("spine") {
            return Err(de::Error::custom(
                "a snapshot takes no `spine`: its rows are the entities of the log",
            ));
        }
        let (Own { at_us }, set) = extended::read(settings, &["at_us"]).map_err(de::Error::custom)?;
        Ok(Self { at_us, set })
    }
}

impl Serialize for SnapshotCommand {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let own = Own { at_us: self.at_us };
        extended::write(&own, &self.set).map_err(ser::Error::custom)?.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use crate::flight::Command;

    #[test]
    fn snapshots_are_read_and_written_and_misspelt_settings_refused() {
        let text = r#"{"type":"snapshot","feature_service":"m","at_us":-5,"statuses":true}"#;
        let command = Command::parse(text.as_bytes()).expect("a command");
        let Command::Snapshot(snapshot) = &command else { panic!("another command: {command:?}") };
        assert_eq!((snapshot.at_us, snapshot.set.statuses), (Some(-5), true));
        assert_eq!(Command::parse(command.to_json().as_bytes()).expect("its own JSON"), command);
        for (text, wanted) in [
            (r#"{"type":"snapshot","at":5}"#, "unknown field `at`"),
            (r#"{"type":"snapshot","at_us":"noon"}"#, "invalid type: string \"noon\", expected i64"),
            (r#"{"type":"snapshot","spine":{"upload":"ab"}}"#, "a snapshot takes no `spine`"),
        ] {
            let message = Command::parse(text.as_bytes()).expect_err("no command").to_string();
            assert!(message.contains(wanted), "{message}");
        }
    }
}
