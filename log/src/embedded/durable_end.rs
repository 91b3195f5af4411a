//! How far a partition is known to be durable, kept beside its segments.
//!
//! A crash leaves bytes behind the last acknowledged batch, and those may be cut; acknowledged bytes must
//! never be. The segment alone cannot tell them apart: a damaged last batch looks the same either way. So
//! after each group of batches is durable, and before it is acknowledged, its end is noted here. The note
//! itself is not forced to disk each time. After a kill of the process it is exact, since the system keeps
//! what was written; after a crash of the machine it may be older, which is always safe: it then protects
//! less, and what lies behind it is judged by its form.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::disk::refused;
use crate::error::Error;

/// The file's name.
const FILE: &str = "durable-end";

/// A point in a partition before which everything was durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DurableEnd {
    /// The offset after the last durable record.
    pub(super) next_offset: i64,
    /// The segment that holds the point, by its base offset.
    pub(super) segment: i64,
    /// The byte in that segment.
    pub(super) position: u64,
}

impl DurableEnd {
    /// One line of always the same length, so that it is overwritten in place within one disk sector.
    fn to_line(self) -> String {
        let body = format!("{:020} {:020} {:020}", self.next_offset, self.segment, self.position);
        format!("{body} {:08x}\n", crc32c::crc32c(body.as_bytes()))
    }

    fn of_line(line: &str) -> Option<Self> {
        let (body, crc) = line.strip_suffix('\n')?.rsplit_once(' ')?;
        if u32::from_str_radix(crc, 16).ok()? != crc32c::crc32c(body.as_bytes()) {
            return None;
        }
        let mut numbers = body.split(' ');
        let end = Self {
            next_offset: numbers.next()?.parse().ok()?,
            segment: numbers.next()?.parse().ok()?,
            position: numbers.next()?.parse().ok()?,
        };
        numbers.next().is_none().then_some(end)
    }

    /// What the note in the folder `dir` says; `None` if there is none, or a crash of the machine garbled it.
    pub(super) fn read(dir: &Path) -> Result<Option<Self>, Error> {
        let path = path_in(dir);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(refused("read", &path)(error)),
        };
        let end = std::str::from_utf8(&bytes).ok().and_then(Self::of_line);
        if end.is_none() {
            tracing::warn!(path = %path.display(), "the note of what is durable cannot be read; going by the segments alone");
        }
        Ok(end)
    }
}

/// Where the note is in a partition's folder.
pub(super) fn path_in(dir: &Path) -> PathBuf {
    dir.join(FILE)
}

/// The open note of a partition.
#[derive(Debug)]
pub(super) struct DurableEndFile {
    path: PathBuf,
    file: File,
}

impl DurableEndFile {
    /// Opens the note in the folder `dir`, creating it if there is none.
    pub(super) fn open(dir: &Path) -> Result<Self, Error> {
        let path = path_in(dir);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(refused("open", &path))?;
        Ok(Self { path, file })
    }

    /// Notes `end`. It survives the process from then on.
    pub(super) fn write(&self, end: DurableEnd) -> Result<(), Error> {
        self.file.write_all_at(end.to_line().as_bytes(), 0).map_err(refused("write", &self.path))
    }

    /// Makes the note survive the machine, too.
    pub(super) fn sync(&self) -> Result<(), Error> {
        self.file.sync_all().map_err(refused("make durable", &self.path))
    }
}

impl Drop for DurableEndFile {
    /// A log that is closed in order leaves an exact note. That it fails changes nothing: an older note is
    /// safe.
    fn drop(&mut self) {
        if let Err(error) = self.sync() {
            tracing::warn!(%error, "an older note of what is durable stays");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: DurableEnd = DurableEnd { next_offset: 12, segment: 7, position: 345 };

    #[test]
    fn a_note_survives_its_file_and_is_overwritten_in_place() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        assert_eq!(DurableEnd::read(dir.path()).expect("no note"), None);
        let file = DurableEndFile::open(dir.path()).expect("a note");
        file.write(DurableEnd { next_offset: i64::MAX, segment: i64::MAX, position: u64::MAX })
            .expect("written");
        file.write(END).expect("written");
        assert_eq!(DurableEnd::read(dir.path()).expect("a note"), Some(END));
    }

    #[test]
    fn a_garbled_note_is_none() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let line = END.to_line();
        for position in 0..line.len() {
            let mut bytes = line.clone().into_bytes();
            bytes[position] ^= 1;
            std::fs::write(path_in(dir.path()), &bytes).expect("written");
            assert_eq!(DurableEnd::read(dir.path()).expect("a file"), None, "byte {position}");
            std::fs::write(path_in(dir.path()), &line[..position]).expect("written");
            assert_eq!(DurableEnd::read(dir.path()).expect("a file"), None, "cut at {position}");
        }
    }
}
