//! Why a record was not read.

use crate::registry::RegistryError;

/// Why a record was not read.
#[derive(Debug)]
pub(super) enum Unread {
    /// It cannot be, for this reason.
    Dead(String),
    /// It cannot be yet: what it names by a number must be asked for, and nobody answers.
    NotYet(RegistryError),
}

impl From<String> for Unread {
    fn from(reason: String) -> Self {
        Self::Dead(reason)
    }
}

/// The number of the schema that a payload in the Confluent wire format names, and what follows it.
///
/// # Errors
/// Why it is in no such format.
pub(super) fn schema_id(payload: &[u8]) -> Result<(u32, &[u8]), String> {
    match payload.split_first_chunk::<5>() {
        Some(([0, id @ ..], rest)) => Ok((u32::from_be_bytes(*id), rest)),
        None if payload.first() == Some(&0) => Err(format!(
            "cut short: the number of its schema takes 4 bytes after the first one, but {} are left",
            payload.len() - 1
        )),
        _ => Err(format!(
            "not in the Confluent wire format: it begins with the byte {:02x} instead of 00 and the number of a schema",
            payload.first().copied().unwrap_or_default()
        )),
    }
}
