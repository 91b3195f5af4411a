//! One writer: a lock on the log's folder for as long as it is open.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::Path;

use super::disk::refused;
use crate::error::Error;

/// Holds the lock; the system takes it back when this is dropped or the process ends, however it ends.
#[derive(Debug)]
pub(super) struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// Locks the folder `dir`, or says who has it.
    pub(super) fn acquire(dir: &Path) -> Result<Self, Error> {
        let path = dir.join(".lock");
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(refused("open the lock file", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = match std::fs::read_to_string(&path) {
                    Ok(text) if !text.trim().is_empty() => text.trim().to_owned(),
                    _ => "another process".to_owned(),
                };
                return Err(Error::Locked { dir: dir.to_owned(), holder });
            }
            Err(TryLockError::Error(error)) => return Err(refused("lock", &path)(error)),
        }
        // Only a help to whoever is refused, hence neither durable nor a reason to fail.
        let text = format!("process {}\n", std::process::id());
        if let Err(error) = file.set_len(0).and_then(|()| file.write_all(text.as_bytes())) {
            tracing::debug!(path = %path.display(), %error, "the lock file does not name its holder");
        }
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_told_who_is_first() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let first = DirectoryLock::acquire(dir.path()).expect("a free lock");
        let refused = DirectoryLock::acquire(dir.path()).expect_err("a held lock").to_string();
        assert!(refused.contains(&dir.path().display().to_string()), "{refused}");
        assert!(refused.contains(&format!("process {}", std::process::id())), "{refused}");
        assert!(refused.contains("stop it first"), "{refused}");
        drop(first);
        DirectoryLock::acquire(dir.path()).expect("a lock that was given back");
    }
}
