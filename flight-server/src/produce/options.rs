//! How rows become records.

use serde::{Deserialize, Serialize};

/// What a producer wants beyond the rows themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProduceOptions {
    /// Fields the record's key is made of: one field's text, or a JSON array of several fields' texts; in a table's
    /// records a JSON object of several fields, from which a delete reads whom it is about.
    /// Records without a key are spread over the partitions in turn.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub key: Vec<String>,
    /// The field that becomes the record's timestamp; the clock's now, if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
    /// Puts every record into this partition, whatever its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<i32>,
    /// Creates the topic with this many partitions if it does not exist; 1, if none is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partitions: Option<i32>,
}
