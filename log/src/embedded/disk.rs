//! File-system steps that several parts take, with errors that name the path.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::error::Error;

/// Makes the error for an `action` ("write", "open") on `path` that the system refused.
pub(super) fn refused(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Io { action, path: path.to_owned(), source }
}

/// Makes the names in `dir` durable: a file that was created, renamed or removed stays so after a crash of
/// the machine only then.
pub(super) fn sync_dir(dir: &Path) -> Result<(), Error> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(refused("make durable the names in", dir))
}

/// Writes a small file whole and makes its bytes durable (not yet its name).
pub(super) fn write_durably(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    std::fs::write(path, bytes).map_err(refused("write", path))?;
    File::open(path).and_then(|file| file.sync_all()).map_err(refused("make durable", path))
}
