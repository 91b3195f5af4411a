//! Batches out of a byte slice, without copying.

use super::codec::{Codec, DECOMPRESSED_BATCH_BYTES};
use super::fault::BatchFault;
use super::header::{BatchHeader, CRC_START, HEADER_BYTES};
use super::record::Records;
use crate::error::Error;

/// What the record of a control batch says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ControlKind {
    /// The producer's open transaction is aborted.
    Abort,
    /// The producer's open transaction is committed.
    Commit,
    /// Something that is no concern of a reader of data.
    Other(i16),
}

/// Reads the batches in `bytes`, one behind the other: a segment or a part of one, or a fetched response.
///
/// Nothing a header claims is believed before it is held against the bytes there are. After an error the
/// iterator ends, as what follows a damaged length cannot be found.
#[derive(Debug, Clone)]
pub struct BatchReader<'a> {
    bytes: &'a [u8],
    position: usize,
    check: bool,
}

impl<'a> BatchReader<'a> {
    /// Reads `bytes` and checks every batch's checksum.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0, check: true }
    }

    /// Reads `bytes` whose checksums were checked already, as [`crate::EmbeddedLog::read`] does.
    pub fn of_checked(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0, check: false }
    }

    /// Where the next batch begins in the bytes.
    pub fn position(&self) -> usize {
        self.position
    }

    fn take(&mut self) -> Result<Batch<'a>, BatchFault> {
        let rest = &self.bytes[self.position..];
        let header = BatchHeader::parse(rest)?;
        let bytes = rest
            .get(..header.total_bytes())
            .ok_or(BatchFault::Short { have: rest.len() as u64, need: header.total_bytes() as u64 })?;
        if self.check {
            let computed = crc32c::crc32c(&bytes[CRC_START..]);
            if computed != header.crc {
                return Err(BatchFault::Checksum { stored: header.crc, computed });
            }
        }
        Ok(Batch { header, position: self.position, bytes })
    }
}

impl<'a> Iterator for BatchReader<'a> {
    type Item = Result<Batch<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.position == self.bytes.len() {
            return None;
        }
        match self.take() {
            Ok(batch) => {
                self.position += batch.bytes.len();
                Some(Ok(batch))
            }
            Err(fault) => {
                let position = self.position;
                let base_offset =
                    self.bytes[position..].first_chunk().map(|bytes| i64::from_be_bytes(*bytes));
                self.position = self.bytes.len();
                Some(Err(Error::Batch { position, base_offset, fault }))
            }
        }
    }
}

/// One batch: its header, and its records still as they are stored.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    header: BatchHeader,
    position: usize,
    bytes: &'a [u8],
}

impl<'a> Batch<'a> {
    /// What is known without decompressing.
    pub fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// The whole batch as it is stored.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The records; none of a control batch, whose record is no data. Compressed ones are decompressed into
    /// `scratch`, which is best used again for the next batch, up to [`DECOMPRESSED_BATCH_BYTES`].
    ///
    /// # Errors
    ///
    /// If the codec is unknown, the records do not decompress within the limit, or there cannot be as many
    /// as are claimed.
    pub fn records<'s>(&self, scratch: &'s mut Vec<u8>) -> Result<Records<'s>, Error>
    where
        'a: 's,
    {
        self.records_within(DECOMPRESSED_BATCH_BYTES, scratch)
    }

    /// As [`Batch::records`], with the limit `decompressed_batch_bytes` set by the caller.
    ///
    /// # Errors
    ///
    /// As [`Batch::records`].
    pub fn records_within<'s>(&self, limit: usize, scratch: &'s mut Vec<u8>) -> Result<Records<'s>, Error>
    where
        'a: 's,
    {
        if self.header.is_control() {
            return Ok(Records::none(self.header, self.position));
        }
        self.all_records(limit, scratch).map_err(|fault| self.error(fault))
    }

    /// What a control batch says; `None` of a batch of data.
    ///
    /// # Errors
    ///
    /// If the control record is damaged.
    pub fn control(&self) -> Result<Option<ControlKind>, Error> {
        if !self.header.is_control() {
            return Ok(None);
        }
        let mut scratch = Vec::new();
        let mut records =
            self.all_records(DECOMPRESSED_BATCH_BYTES, &mut scratch).map_err(|fault| self.error(fault))?;
        let key = match records.next().transpose()? {
            Some(record) => record.key.and_then(|key| key.first_chunk::<4>().copied()),
            None => None,
        };
        // Two bytes of version, which add to the value only, then two of type.
        let [_, _, high, low] = key
            .ok_or_else(|| self.error(BatchFault::Record { index: 0, what: "a control record has a key" }))?;
        Ok(Some(match i16::from_be_bytes([high, low]) {
            0 => ControlKind::Abort,
            1 => ControlKind::Commit,
            other => ControlKind::Other(other),
        }))
    }

    fn all_records<'s>(&self, limit: usize, scratch: &'s mut Vec<u8>) -> Result<Records<'s>, BatchFault>
    where
        'a: 's,
    {
        let stored = &self.bytes[HEADER_BYTES..];
        let bytes = match self.header.codec()? {
            Codec::None => stored,
            // Some producers leave the codec's bit in a batch that compaction has emptied.
            _ if stored.is_empty() => stored,
            codec => {
                codec.decompress(stored, limit, scratch)?;
                scratch
            }
        };
        Records::new(self.header, self.position, bytes)
    }

    fn error(&self, fault: BatchFault) -> Error {
        Error::Batch { position: self.position, base_offset: Some(self.header.base_offset), fault }
    }
}
