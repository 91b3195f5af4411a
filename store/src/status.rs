//! What a view holds.

use std::collections::BTreeMap;

use thalweg_core::Instant;

use crate::slots::Version;

/// One view, what it holds and how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewStatus {
    /// Name of the view.
    pub name: String,
    /// Hash of what it means.
    pub version: Version,
    /// Name of its source.
    pub source: String,
    /// Entity keys with a state.
    pub keys: u64,
    /// Bytes of decoded states in memory, about.
    pub bytes_in_memory: u64,
    /// Bytes of files, about; what was not written out yet does not count.
    pub bytes_on_disk: u64,
    /// Next offsets, by partition.
    pub applied: BTreeMap<i32, i64>,
    /// Whether it still has to read what its neighbours have.
    pub rebuilding: bool,
    /// The earliest instant it answers; none if it answers all.
    pub horizon: Option<Instant>,
}
