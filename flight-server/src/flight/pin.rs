//! How a request names the log prefix it rests on.

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;
use thalweg_backfill::Pin;

use crate::Error;
use crate::manifests::Manifests;

/// A log prefix, or a training set that rests on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum PinRef {
    /// Commit id of a training set that was described here.
    Commit(String),
    /// The prefix itself.
    Prefix(Pin),
}

impl PinRef {
    /// The prefix.
    ///
    /// # Errors
    /// A commit of which `manifests` know nothing.
    pub(crate) fn resolve(&self, manifests: &Manifests) -> Result<Pin, Error> {
        match self {
            Self::Prefix(pin) => Ok(pin.clone()),
            Self::Commit(id) => Ok(manifests.get(id)?.pin),
        }
    }
}

// Not derived: of an untagged enum no error says what is wrong.
impl<'de> Deserialize<'de> for PinRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(id) => Ok(Self::Commit(id)),
            prefix => serde_json::from_value(prefix)
                .map(Self::Prefix)
                .map_err(|cause| de::Error::custom(format!("`pin`: {cause}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_a_commit_or_a_prefix() {
        for text in [r#""ab12""#, r#"{"sales":{"topic_id":null,"next_offsets":[]}}"#] {
            let pin: PinRef = serde_json::from_str(text).expect("a pin");
            assert_eq!(serde_json::to_string(&pin).expect("plain fields"), text);
        }
        let wrong = serde_json::from_str::<PinRef>(r#"{"sales":{"topic_id":null}}"#).expect_err("no pin");
        assert!(wrong.to_string().contains("`pin`: missing field `next_offsets`"), "{wrong}");
    }
}
