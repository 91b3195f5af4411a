//! Writing groups of batches to the last segment of a partition, and rolling over to a new one.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use super::disk::{refused, sync_dir};
use super::durable_end::{DurableEnd, DurableEndFile};
use super::segment::Segment;
use crate::batch::EncodedBatch;
use crate::error::Error;

/// Bytes gathered before they are written.
const GATHERED_BYTES: usize = 4 << 20;
/// Kafka's own index counts offsets from a segment's base in 32 bits, so no segment spans more.
const SEGMENT_OFFSETS: i64 = i32::MAX as i64;

/// The end of a partition that is written to, by one thread at a time.
#[derive(Debug)]
pub(super) struct Writer {
    dir: PathBuf,
    segment_bytes: u64,
    segment: Arc<Segment>,
    file: File,
    /// Bytes of the segment that are written or gathered.
    position: u64,
    next_offset: i64,
    durable_end: DurableEndFile,
    gathered: Vec<u8>,
}

/// What a group added to one segment.
pub(super) struct Written {
    /// The segment.
    pub(super) segment: Arc<Segment>,
    /// Base offsets and positions of its new batches.
    pub(super) batches: Vec<(i64, u64)>,
    /// Its bytes, now durable.
    pub(super) bytes: u64,
}

impl Writer {
    /// Goes on behind `segment`, which is all there is up to `next_offset` and all durable.
    pub(super) fn new(
        dir: PathBuf,
        segment_bytes: u64,
        segment: Arc<Segment>,
        file: File,
        next_offset: i64,
        durable_end: DurableEndFile,
    ) -> Self {
        let position = segment.durable_bytes();
        Self { dir, segment_bytes, segment, file, position, next_offset, durable_end, gathered: Vec::new() }
    }

    /// Writes the batches, which have their offsets, and makes them durable. Returns what each segment got;
    /// those after the first are new.
    ///
    /// # Errors
    ///
    /// If anything could not be written or made durable. The writer must not be used again: what the disk
    /// then holds is not known.
    pub(super) fn write(&mut self, group: &[EncodedBatch]) -> Result<Vec<Written>, Error> {
        let before = self.position;
        let mut written = Vec::new();
        let result = self.write_and_sync(group, &mut written);
        if result.is_err() && written.is_empty() {
            // Nothing of the group was promised. To take it back keeps it from coming to light at the next
            // start, from a system's memory that says it is on disk when it is not. If this fails as well,
            // the next start judges what is there.
            if let Err(error) = self.file.set_len(before) {
                tracing::warn!(path = %self.segment.path.display(), %error, "a failed write could not be taken back");
            }
        }
        result.map(|()| written)
    }

    fn write_and_sync(&mut self, group: &[EncodedBatch], written: &mut Vec<Written>) -> Result<(), Error> {
        let mut batches = Vec::new();
        for batch in group {
            let bytes = batch.bytes();
            let full = self.position + bytes.len() as u64 > self.segment_bytes
                || self.next_offset + batch.records - self.segment.base_offset > SEGMENT_OFFSETS;
            if self.position > 0 && full {
                self.sync()?;
                let segment = Arc::clone(&self.segment);
                written.push(Written {
                    segment,
                    batches: std::mem::take(&mut batches),
                    bytes: self.position,
                });
                self.roll()?;
            }
            batches.push((self.next_offset, self.position));
            self.gathered.extend_from_slice(bytes);
            self.position += bytes.len() as u64;
            self.next_offset += batch.records;
            if self.gathered.len() >= GATHERED_BYTES {
                self.flush()?;
            }
        }
        self.sync()?;
        written.push(Written { segment: Arc::clone(&self.segment), batches, bytes: self.position });
        self.durable_end.write(DurableEnd {
            next_offset: self.next_offset,
            segment: self.segment.base_offset,
            position: self.position,
        })
    }

    /// Hands what is gathered to the system.
    fn flush(&mut self) -> Result<(), Error> {
        let start = self.position - self.gathered.len() as u64;
        self.file.write_all_at(&self.gathered, start).map_err(refused("write", &self.segment.path))?;
        self.gathered.clear();
        // One large group should not hold its memory for good.
        self.gathered.shrink_to(GATHERED_BYTES);
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Error> {
        self.flush()?;
        self.file.sync_data().map_err(refused("make durable", &self.segment.path))
    }

    /// Begins a new segment at the next offset. All of the one before is durable.
    fn roll(&mut self) -> Result<(), Error> {
        let segment = Segment::new(&self.dir, self.next_offset);
        self.file = OpenOptions::new()
            .create_new(true)
            .read(true)
            .write(true)
            .open(&segment.path)
            .map_err(refused("create", &segment.path))?;
        sync_dir(&self.dir)?;
        self.segment = Arc::new(segment);
        self.position = 0;
        Ok(())
    }

    /// Makes every further write fail, as a broken disk would.
    #[cfg(test)]
    pub(super) fn break_file(&mut self) {
        self.file = File::open(&self.segment.path).expect("a segment to read only");
    }
}
