//! What a training set's file says of where it comes from, and how to get back to it.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::Value;
use thalweg_backfill::{Manifest, Pin};

use super::parquet_file::ParquetFile;
use crate::Error;
use crate::flight::PinRef;
use crate::manifests::is_commit_id;

/// Keys of a Parquet file's metadata.
const COMMIT: &str = "thalweg.commit";
const MANIFEST: &str = "thalweg.manifest";

/// How a Parquet file begins.
const PARQUET_MAGIC: &[u8] = b"PAR1";

/// Writes `about`, a commit and its manifest, into `file`.
pub(super) fn keep(file: &mut ParquetFile, about: &Value) {
    file.note(COMMIT, about["commit"].as_str().unwrap_or_default().to_owned());
    file.note(MANIFEST, about["manifest"].to_string());
}

/// The log prefix that a training set rests on: that in the file at `text`, or that of a commit id.
///
/// # Errors
/// INVALID_ARGUMENT where it is neither.
pub(super) fn pin_of(text: &str) -> Result<PinRef, Error> {
    match !Path::new(text).exists() && is_commit_id(text) {
        true => Ok(PinRef::Commit(text.to_owned())),
        false => pin_in(Path::new(text)).map(PinRef::Prefix),
    }
}

/// The log prefix that the training set in the file at `path` rests on: a Parquet file that `training-set`
/// wrote, or its manifest as JSON, by itself or as `training-set --json` prints it.
///
/// # Errors
/// INVALID_ARGUMENT where the file cannot be read or has no manifest.
fn pin_in(path: &Path) -> Result<Pin, Error> {
    let wrong = |cause: &dyn std::fmt::Display| {
        Error::invalid(format!(
            "{} has no manifest to take the pin from: {cause}; name a file that `thalweg training-set` wrote, \
             what its --json printed, or a commit id",
            path.display()
        ))
    };
    let mut bytes = Vec::new();
    let mut file = File::open(path).map_err(|cause| wrong(&cause))?;
    file.by_ref().take(PARQUET_MAGIC.len() as u64).read_to_end(&mut bytes).map_err(|cause| wrong(&cause))?;
    let text = if bytes == PARQUET_MAGIC {
        let reader = SerializedFileReader::new(file).map_err(|cause| wrong(&cause))?;
        let notes = reader.metadata().file_metadata().key_value_metadata().cloned().unwrap_or_default();
        let manifest = notes.into_iter().find(|note| note.key == MANIFEST).and_then(|note| note.value);
        manifest.ok_or_else(|| wrong(&format!("its metadata has no `{MANIFEST}`")))?
    } else {
        file.read_to_end(&mut bytes).map_err(|cause| wrong(&cause))?;
        String::from_utf8(bytes).map_err(|_| wrong(&"it is neither Parquet nor text"))?
    };
    let mut manifest: Value = serde_json::from_str(&text).map_err(|cause| wrong(&cause))?;
    if let Some(within) = manifest.get_mut("manifest") {
        manifest = within.take();
    }
    let manifest: Manifest = serde_json::from_value(manifest).map_err(|cause| wrong(&cause))?;
    Ok(manifest.pin)
}
