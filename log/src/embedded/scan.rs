//! Walking a segment's batches on disk, by their headers or with their checksums.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::batch::{BatchFault, BatchHeader, CRC_START, HEADER_BYTES};

/// Bytes read at once.
const WINDOW_BYTES: usize = 256 << 10;

/// A part of a file in memory, moved forward as it is asked for.
#[derive(Debug)]
pub(super) struct Window<'a> {
    file: &'a File,
    /// Where the file ends for this reader.
    end: u64,
    start: u64,
    bytes: Vec<u8>,
    /// Bytes read at once.
    reach: usize,
}

impl<'a> Window<'a> {
    /// A window over the first `end` bytes of `file`, of at most `reach` bytes.
    pub(super) fn new(file: &'a File, end: u64, reach: usize) -> Self {
        Self { file, end, start: 0, bytes: Vec::new(), reach: reach.max(HEADER_BYTES) }
    }

    /// The bytes from `position`: at least `least` (no more than the window reaches), unless the file ends.
    pub(super) fn at(&mut self, position: u64, least: usize) -> io::Result<&[u8]> {
        let inside = position.checked_sub(self.start).map(|skip| skip as usize);
        if let Some(skip) = inside
            && skip.saturating_add(least) <= self.bytes.len()
        {
            return Ok(&self.bytes[skip..]);
        }
        let length = self.end.saturating_sub(position).min(self.reach as u64) as usize;
        self.bytes.resize(length, 0);
        self.start = position;
        if let Err(error) = self.file.read_exact_at(&mut self.bytes, position) {
            // What is in the window now is not known.
            self.bytes.clear();
            return Err(error);
        }
        Ok(&self.bytes)
    }
}

/// Why a walk stopped before the end.
#[derive(Debug)]
pub(super) enum Stopped {
    /// The file could not be read.
    Io(io::Error),
    /// The batch at the walk's position is wrong.
    Fault(BatchFault),
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<BatchFault> for Stopped {
    fn from(fault: BatchFault) -> Self {
        Self::Fault(fault)
    }
}

/// A walk over the batches of one segment, which must follow each other without a gap.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    window: Window<'a>,
    /// Where the next batch begins.
    pub(super) position: u64,
    /// The offset due there.
    pub(super) expected: i64,
}

impl<'a> Walk<'a> {
    /// A walk over the first `end` bytes of `file` from `position`, where the batch of offset `expected` is
    /// due.
    pub(super) fn new(file: &'a File, end: u64, position: u64, expected: i64) -> Self {
        Self { window: Window::new(file, end, WINDOW_BYTES), position, expected }
    }

    /// As [`Walk::new`], for few batches: reads at most `reach` bytes at once.
    pub(super) fn short(file: &'a File, end: u64, position: u64, expected: i64, reach: usize) -> Self {
        Self { window: Window::new(file, end, reach), position, expected }
    }

    /// The header of the batch at the position, all of which is there; `None` at the end.
    pub(super) fn peek(&mut self) -> Result<Option<BatchHeader>, Stopped> {
        let end = self.window.end;
        if self.position >= end {
            return Ok(None);
        }
        let header = BatchHeader::parse(self.window.at(self.position, HEADER_BYTES)?)?;
        let (have, need) = (end - self.position, header.total_bytes() as u64);
        if need > have {
            return Err(BatchFault::Short { have, need }.into());
        }
        if header.base_offset != self.expected {
            return Err(
                BatchFault::OutOfSequence { found: header.base_offset, expected: self.expected }.into()
            );
        }
        Ok(Some(header))
    }

    /// Steps over the batch that [`Walk::peek`] gave.
    pub(super) fn step(&mut self, header: &BatchHeader) {
        self.position += header.total_bytes() as u64;
        self.expected = header.next_offset();
    }

    /// Checks the checksum of the batch that [`Walk::peek`] gave.
    pub(super) fn check(&mut self, header: &BatchHeader) -> Result<(), Stopped> {
        let computed = checksum(&mut self.window, self.position, header)?;
        if computed == header.crc {
            Ok(())
        } else {
            Err(BatchFault::Checksum { stored: header.crc, computed }.into())
        }
    }
}

/// The checksum of the batch with this header at `position`, a window at a time.
fn checksum(window: &mut Window<'_>, position: u64, header: &BatchHeader) -> io::Result<u32> {
    let end = position + header.total_bytes() as u64;
    let mut at = position + CRC_START as u64;
    let mut crc = 0;
    while at < end {
        let bytes = window.at(at, 1)?;
        if bytes.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let part = &bytes[..bytes.len().min((end - at) as usize)];
        crc = crc32c::crc32c_append(crc, part);
        at += part.len() as u64;
    }
    Ok(crc)
}

/// Whether a whole batch with a right checksum begins anywhere from `position` on that could stand behind
/// offset `expected`.
pub(super) fn batch_follows(file: &File, end: u64, position: u64, expected: i64) -> io::Result<bool> {
    let mut window = Window::new(file, end, WINDOW_BYTES);
    let mut candidates = Window::new(file, end, WINDOW_BYTES);
    let mut at = position;
    while end.saturating_sub(at) >= HEADER_BYTES as u64 {
        let bytes = window.at(at, HEADER_BYTES)?;
        let starts = bytes.len() + 1 - HEADER_BYTES;
        for start in 0..starts {
            if let Ok(header) = BatchHeader::parse(&bytes[start..])
                && header.base_offset >= expected
                // No log loses this many offsets between two batches that are both there.
                && header.base_offset - expected < 1 << 40
                && header.total_bytes() as u64 <= end - (at + start as u64)
                && checksum(&mut candidates, at + start as u64, &header)? == header.crc
            {
                return Ok(true);
            }
        }
        at += starts as u64;
    }
    Ok(false)
}
