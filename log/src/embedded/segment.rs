//! One segment of a partition: a file of record batches, and a sparse index of it in memory.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::disk::refused;
use super::scan::{Stopped, Walk};
use crate::batch::{BatchFault, BatchHeader, BatchReader, HEADER_BYTES};
use crate::error::Error;

/// Bytes between two entries of the index: what a read may have to walk over.
const INDEX_INTERVAL: u64 = 32 << 10;

/// A segment; readers share it with the one writer.
#[derive(Debug)]
pub(super) struct Segment {
    /// Offset of its first record, which names the file.
    pub(super) base_offset: i64,
    /// The file.
    pub(super) path: PathBuf,
    /// Bytes of durable batches: readers go no further.
    durable_bytes: AtomicU64,
    index: Mutex<Index>,
}

impl Segment {
    /// The segment of the folder `dir` that begins at `base_offset`, as yet with nothing readable in it.
    pub(super) fn new(dir: &Path, base_offset: i64) -> Self {
        let path = dir.join(format!("{base_offset:020}.log"));
        Self { base_offset, path, durable_bytes: AtomicU64::new(0), index: Mutex::default() }
    }

    /// The base offset in a segment's file name; `None` of other files.
    pub(super) fn base_of(file_name: &str) -> Option<i64> {
        let digits = file_name.strip_suffix(".log")?;
        (digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_digit())).then(|| digits.parse().ok())?
    }

    /// Bytes of durable batches.
    pub(super) fn durable_bytes(&self) -> u64 {
        self.durable_bytes.load(Ordering::Acquire)
    }

    /// Lets readers see the batches `(base offset, position)` and everything up to `durable_bytes`.
    pub(super) fn publish(&self, batches: impl IntoIterator<Item = (i64, u64)>, durable_bytes: u64) {
        let mut index = self.index.lock().expect("nothing panics while it holds the index");
        for (offset, position) in batches {
            index.add(offset, position);
        }
        self.durable_bytes.store(durable_bytes, Ordering::Release);
    }

    /// Replaces `out` by whole batches, from the one that holds offset `from` on: as many as fit `max_bytes`,
    /// at least one, none from beyond this segment. Returns the offset behind them. Checksums are checked.
    pub(super) fn read(&self, from: i64, max_bytes: usize, out: &mut Vec<u8>) -> Result<i64, Error> {
        let end = self.durable_bytes();
        let file = File::open(&self.path).map_err(refused("open", &self.path))?;
        let (start, first) = self.locate(&file, end, from)?;

        let wanted = (end - start).min(max_bytes.max(first.total_bytes()) as u64) as usize;
        out.resize(wanted, 0);
        file.read_exact_at(out, start).map_err(refused("read", &self.path))?;

        let mut batches = BatchReader::new(out);
        let (mut whole, mut next) = (0, first.base_offset);
        while whole < wanted {
            match batches.next() {
                Some(Ok(batch)) => {
                    let found = batch.header().base_offset;
                    if found != next {
                        let fault = BatchFault::OutOfSequence { found, expected: next };
                        return Err(self.damaged(start + whole as u64, fault));
                    }
                    next = batch.header().next_offset();
                    whole += batch.bytes().len();
                }
                // The last one asked for does not fit.
                Some(Err(Error::Batch { fault: BatchFault::Short { .. }, .. }))
                    if whole > 0 && start + (wanted as u64) < end =>
                {
                    break;
                }
                Some(Err(Error::Batch { fault, .. })) => {
                    return Err(self.damaged(start + whole as u64, fault));
                }
                Some(Err(other)) => return Err(other),
                None => break,
            }
        }
        out.truncate(whole);
        Ok(next)
    }

    /// Where the batch that holds `offset` begins, and its header.
    fn locate(&self, file: &File, end: u64, offset: i64) -> Result<(u64, BatchHeader), Error> {
        let (base, position) = {
            let index = self.index.lock().expect("nothing panics while it holds the index");
            index.before(offset).unwrap_or((self.base_offset, 0))
        };
        let reach = INDEX_INTERVAL as usize + HEADER_BYTES;
        let mut walk = Walk::short(file, end, position, base, reach);
        loop {
            match walk.peek() {
                Ok(Some(header)) if header.last_offset() < offset => walk.step(&header),
                Ok(Some(header)) => return Ok((walk.position, header)),
                Ok(None) => {
                    let fault = BatchFault::Short { have: 0, need: HEADER_BYTES as u64 };
                    return Err(self.damaged(walk.position, fault));
                }
                Err(Stopped::Fault(fault)) => return Err(self.damaged(walk.position, fault)),
                Err(Stopped::Io(error)) => return Err(refused("read", &self.path)(error)),
            }
        }
    }

    /// The error for a bad batch at `position`.
    pub(super) fn damaged(&self, position: u64, fault: BatchFault) -> Error {
        Error::Damaged { path: self.path.clone(), position, fault }
    }
}

/// Base offsets and positions of some of the batches, both ascending.
#[derive(Debug, Default)]
struct Index {
    entries: Vec<(i64, u64)>,
}

impl Index {
    fn add(&mut self, offset: i64, position: u64) {
        if self.entries.last().is_none_or(|(_, last)| position >= last + INDEX_INTERVAL) {
            self.entries.push((offset, position));
        }
    }

    /// The last entry at or before `offset`.
    fn before(&self, offset: i64) -> Option<(i64, u64)> {
        let behind = self.entries.partition_point(|(base, _)| *base <= offset);
        self.entries[..behind].last().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_segment_names_have_a_base() {
        assert_eq!(Segment::base_of("00000000000000000042.log"), Some(42));
        assert_eq!(Segment::new(Path::new("t-0"), 42).path, Path::new("t-0/00000000000000000042.log"));
        for name in
            ["42.log", "00000000000000000042.index", "0000000000000000004a.log", "99999999999999999999.log"]
        {
            assert_eq!(Segment::base_of(name), None, "{name}");
        }
    }

    #[test]
    fn the_index_is_sparse() {
        let mut index = Index::default();
        for i in 0..100 {
            index.add(i * 10, i as u64 * 1024);
        }
        assert_eq!(index.entries, [(0, 0), (320, 32 << 10), (640, 64 << 10), (960, 96 << 10)]);
        assert_eq!(index.before(319), Some((0, 0)));
        assert_eq!(index.before(320), Some((320, 32 << 10)));
        assert_eq!(index.before(-1), None);
    }
}
