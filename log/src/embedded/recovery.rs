//! Opening a partition: what is there, what a crash left half written, what is damaged.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::disk::refused;
use super::durable_end::{self, DurableEnd, DurableEndFile};
use super::scan::{Stopped, Walk, batch_follows};
use super::segment::Segment;
use crate::batch::{BatchFault, HEADER_BYTES};
use crate::error::Error;
use crate::topic::TopicPartition;

/// The end of a segment that was cut off when the log was opened: batches that a crash left half written,
/// none of which was acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutTail {
    /// The partition.
    pub partition: TopicPartition,
    /// The segment.
    pub path: PathBuf,
    /// Bytes that stayed.
    pub position: u64,
    /// Bytes that were cut off.
    pub bytes: u64,
    /// The offset that comes next.
    pub next_offset: i64,
    /// What was wrong with the batch there.
    pub fault: BatchFault,
}

/// A partition as it was found.
pub(super) struct Recovered {
    /// Its segments, by base offset; at least one.
    pub(super) segments: Vec<Segment>,
    /// The offset after the last record.
    pub(super) next_offset: i64,
    /// The last segment's file, to go on writing.
    pub(super) file: File,
    /// The note of what is durable.
    pub(super) durable_end: DurableEndFile,
    /// What was cut off.
    pub(super) cut: Option<CutTail>,
}

/// Opens the partition in the folder `dir`. Afterwards all there is in it is durable.
///
/// Earlier segments are walked by their headers; the last is read whole and its checksums checked.
pub(super) fn recover(dir: &Path, partition: &TopicPartition) -> Result<Recovered, Error> {
    let segments: Vec<Segment> = base_offsets(dir)?.into_iter().map(|base| Segment::new(dir, base)).collect();
    let noted = DurableEnd::read(dir)?;
    if let Some(end) = noted
        && !segments.iter().any(|segment| segment.base_offset == end.segment)
    {
        let path = Segment::new(dir, end.segment).path;
        return Err(Error::Lost {
            path,
            acknowledged: end.position,
            found: 0,
            marker: durable_end::path_in(dir),
        });
    }
    let Some((last, earlier)) = segments.split_last() else {
        let reason = "it holds no segment (a file of 20 digits and .log); restore one, or remove the folder";
        return Err(Error::Layout { path: dir.to_owned(), reason: reason.to_owned() });
    };

    let mut next_offset = segments[0].base_offset;
    for segment in earlier {
        let file = File::open(&segment.path).map_err(refused("open", &segment.path))?;
        let found = scan(segment, &file, next_offset, false)?;
        check_not_lost(dir, segment, found.file_bytes, noted)?;
        if let Some(fault) = found.fault {
            return Err(segment.damaged(found.position, fault));
        }
        next_offset = found.next_offset;
    }

    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&last.path)
        .map_err(refused("open for writing", &last.path))?;
    let found = scan(last, &file, next_offset, true)?;
    check_not_lost(dir, last, found.file_bytes, noted)?;
    let cut = match found.fault {
        None => None,
        Some(fault) => {
            let tail =
                Tail { file: &file, start: found.position, end: found.file_bytes, due: found.next_offset };
            let acknowledged =
                noted.map(|end| if end.segment == last.base_offset { end.position } else { 0 });
            if !tail.is_torn(&fault, acknowledged).map_err(refused("read", &last.path))? {
                return Err(last.damaged(found.position, fault));
            }
            file.set_len(found.position).map_err(refused("cut the torn end of", &last.path))?;
            let cut = CutTail {
                partition: partition.clone(),
                path: last.path.clone(),
                position: found.position,
                bytes: found.file_bytes - found.position,
                next_offset: found.next_offset,
                fault,
            };
            tracing::warn!(
                %partition, path = %cut.path.display(), position = cut.position, bytes = cut.bytes, fault = %cut.fault,
                "cut off what a crash left half written; nothing of it was acknowledged"
            );
            Some(cut)
        }
    };
    // Whole batches that were not acknowledged stay, and count as durable from here on: so they must be.
    file.sync_all().map_err(refused("make durable", &last.path))?;
    let durable_end = DurableEndFile::open(dir)?;
    durable_end.write(DurableEnd {
        next_offset: found.next_offset,
        segment: last.base_offset,
        position: found.position,
    })?;
    durable_end.sync()?;
    Ok(Recovered { next_offset: found.next_offset, file, durable_end, cut, segments })
}

/// The base offsets of the segments in the folder, ascending.
fn base_offsets(dir: &Path) -> Result<Vec<i64>, Error> {
    let mut bases = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(refused("list", dir))? {
        let entry = entry.map_err(refused("list", dir))?;
        bases.extend(entry.file_name().to_str().and_then(Segment::base_of));
    }
    bases.sort_unstable();
    Ok(bases)
}

/// What a walk over a segment found.
struct Found {
    file_bytes: u64,
    /// Where the good batches end.
    position: u64,
    next_offset: i64,
    fault: Option<BatchFault>,
}

/// Walks all batches of `segment`, the first due at `expected`, and publishes the good ones.
fn scan(segment: &Segment, file: &File, expected: i64, checksums: bool) -> Result<Found, Error> {
    if segment.base_offset != expected {
        let reason =
            format!("it should begin at offset {expected}, where the segment before ends; restore that one");
        return Err(Error::Layout { path: segment.path.clone(), reason });
    }
    let file_bytes = file.metadata().map_err(refused("look at", &segment.path))?.len();
    let mut walk = Walk::new(file, file_bytes, 0, expected);
    let mut batches = Vec::new();
    let fault = loop {
        let step = walk.peek().and_then(|header| {
            if let Some(header) = header.filter(|_| checksums) {
                walk.check(&header)?;
            }
            Ok(header)
        });
        match step {
            Ok(Some(header)) => {
                batches.push((header.base_offset, walk.position));
                walk.step(&header);
            }
            Ok(None) => break None,
            Err(Stopped::Fault(fault)) => break Some(fault),
            Err(Stopped::Io(error)) => return Err(refused("read", &segment.path)(error)),
        }
    };
    segment.publish(batches, walk.position);
    Ok(Found { file_bytes, position: walk.position, next_offset: walk.expected, fault })
}

/// Refuses a segment that ends before what was noted as durable in it.
fn check_not_lost(dir: &Path, segment: &Segment, found: u64, noted: Option<DurableEnd>) -> Result<(), Error> {
    match noted {
        Some(end) if end.segment == segment.base_offset && found < end.position => Err(Error::Lost {
            path: segment.path.clone(),
            acknowledged: end.position,
            found,
            marker: durable_end::path_in(dir),
        }),
        _ => Ok(()),
    }
}

/// The bytes of the last segment behind its last good batch.
struct Tail<'a> {
    file: &'a File,
    start: u64,
    end: u64,
    /// The offset due at the start.
    due: i64,
}

impl Tail<'_> {
    /// Whether the tail is what a crash leaves of batches that were not acknowledged.
    ///
    /// It is not if it begins before the byte up to which everything was `acknowledged`, nor if a whole batch
    /// follows: batches are written in order, each group only after the one before is durable. Where nothing
    /// is known of what was acknowledged, the tail must also have the form of a batch this log writes.
    fn is_torn(&self, fault: &BatchFault, acknowledged: Option<u64>) -> std::io::Result<bool> {
        if acknowledged.is_some_and(|acknowledged| self.start < acknowledged) {
            return Ok(false);
        }
        // A write that was cut short does not change the offset it began with.
        if matches!(fault, BatchFault::OutOfSequence { .. }) {
            return Ok(false);
        }
        if acknowledged.is_none() && !self.has_the_form_of_a_torn_batch(fault)? {
            return Ok(false);
        }
        Ok(!batch_follows(self.file, self.end, self.start, self.due)?)
    }

    fn has_the_form_of_a_torn_batch(&self, fault: &BatchFault) -> std::io::Result<bool> {
        // A file system that lost power may leave the file's new length with none of its bytes.
        if self.is_all_zero()? {
            return Ok(true);
        }
        let mut head = vec![0; (self.end - self.start).min(HEADER_BYTES as u64) as usize];
        self.file.read_exact_at(&mut head, self.start)?;
        match fault {
            BatchFault::Short { .. } | BatchFault::Checksum { .. } => {
                // Header fields that this log always writes alike.
                let due = self.due.to_be_bytes();
                let fixed = [(0, &due[..]), (12, &[0, 0, 0, 0, 2]), (43, &[0xff; 14])];
                let alike = fixed.iter().all(|(at, bytes)| {
                    head.iter().skip(*at).zip(bytes.iter()).all(|(found, written)| found == written)
                });
                let length =
                    head.get(8..12).and_then(|bytes| bytes.first_chunk()).map(|b| i32::from_be_bytes(*b));
                let reaches_the_end =
                    length.is_none_or(|length| length >= 0 && self.start + 12 + length as u64 >= self.end);
                Ok(alike && reaches_the_end)
            }
            _ => Ok(false),
        }
    }

    fn is_all_zero(&self) -> std::io::Result<bool> {
        let mut bytes = vec![0; 64 << 10];
        let mut at = self.start;
        while at < self.end {
            let part = &mut bytes[..(self.end - at).min(64 << 10) as usize];
            self.file.read_exact_at(part, at)?;
            if part.iter().any(|byte| *byte != 0) {
                return Ok(false);
            }
            at += part.len() as u64;
        }
        Ok(true)
    }
}
