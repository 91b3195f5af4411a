//! What a training set is a function of, and the name of that.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::history::Stretch;
use crate::{AsOf, Boundary, Pin};

/// Raised whenever the same definitions over the same log may give other bits: an upgrade of the
/// expression engine, a rounding put right, another layout of batches.
pub const ENGINE_VERSION: u32 = 1;

/// Everything a training set is a function of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`ENGINE_VERSION`] of the program that made it.
    pub engine_version: u32,
    /// The feature columns in the order of the answer, each with the version of its view; that of an
    /// on-demand feature covers its inputs.
    pub features: Vec<ManifestFeature>,
    /// blake3 of the spine's schema and data, in hexadecimal.
    pub spine_hash: String,
    /// Rows of the spine.
    pub spine_rows: u64,
    /// The spine's time column.
    pub timestamp_column: String,
    /// Which events a row sees.
    pub as_of: AsOf,
    /// Whether events at a row's very instant take part.
    pub boundary: Boundary,
    /// Where rows see what was served: for each topic a hash of what was applied of it at their instants.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub served: BTreeMap<String, String>,
    /// The log prefix the values rest on.
    pub pin: Pin,
    /// Whether a status column follows the features.
    pub statuses: bool,
    /// Of a history, the stretch of time; its spine are keys at the last instant of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<Stretch>,
}

/// One feature column of a training set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestFeature {
    /// Name of the column in the answer.
    pub name: String,
    /// `view:column`.
    pub feature: String,
    /// Version of the view's definition, in full.
    pub version: String,
    /// Spine columns its entity key is read from, in the order of the entity's join keys; for an on-demand
    /// feature those of its inputs, each once.
    pub key_columns: Vec<String>,
}

/// The name of a training set and what it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Hash of the manifest: 64 hexadecimal digits. Equal ids mean byte-identical answers.
    pub id: String,
    /// What was hashed.
    pub manifest: Manifest,
}

impl Commit {
    /// Names `manifest`.
    pub(crate) fn new(manifest: Manifest) -> Self {
        let text = serde_json::to_vec(&manifest).expect("a manifest has only string keys and plain values");
        Self { id: blake3::hash(&text).to_hex().to_string(), manifest }
    }
}
