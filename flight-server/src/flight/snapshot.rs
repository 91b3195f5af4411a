//! Snapshots: features of every entity at one instant, as a training set whose spine are these entities.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::command::TrainingSetCommand;
use super::spine::SpineRef;
use crate::Error;
use crate::node::Node;

/// The setting that a snapshot has and a training set has not.
const AT: &str = "at_us";

/// Asks for a snapshot: the settings of a training set but for its spine, and an instant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SnapshotCommand {
    /// The instant, microseconds since the epoch; what the server's clock says, if none.
    pub at_us: Option<i64>,
    /// Everything else.
    pub set: TrainingSetCommand,
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

// Not derived: a flattened struct takes any setting, misspelt ones too.
impl<'de> Deserialize<'de> for SnapshotCommand {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut settings = Map::deserialize(deserializer)?;
        let at_us = settings.remove(AT).unwrap_or(Value::Null);
        let at_us = Option::deserialize(at_us)
            .map_err(|cause| serde::de::Error::custom(format!("`{AT}`: {cause}")))?;
        if settings.contains_key("spine") {
            return Err(serde::de::Error::custom(
                "a snapshot takes no `spine`: its rows are the entities of the log",
            ));
        }
        let set =
            TrainingSetCommand::deserialize(Value::Object(settings)).map_err(serde::de::Error::custom)?;
        Ok(Self { at_us, set })
    }
}

impl Serialize for SnapshotCommand {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut settings = serde_json::to_value(&self.set).map_err(serde::ser::Error::custom)?;
        if let (Some(settings), Some(at_us)) = (settings.as_object_mut(), self.at_us) {
            settings.insert(AT.to_owned(), at_us.into());
        }
        settings.serialize(serializer)
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
            (r#"{"type":"snapshot","at_us":"noon"}"#, "`at_us`: invalid type: string"),
            (r#"{"type":"snapshot","spine":{"upload":"ab"}}"#, "a snapshot takes no `spine`"),
        ] {
            let message = Command::parse(text.as_bytes()).expect_err("no command").to_string();
            assert!(message.contains(wanted), "{message}");
        }
    }
}
