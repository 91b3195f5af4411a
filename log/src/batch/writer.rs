//! Records into batches.

use super::codec::zstd_compress;
use super::header::{BatchHeader, CRC_START, HEADER_BYTES, LENGTH_END};
use super::varint;
use crate::error::Error;

/// The limit `record_bytes`: what one record may have, in bytes. A batch that holds nothing else stays far
/// below what readers decompress.
pub const RECORD_BYTES: usize = 32 << 20;

/// Where a batch is closed: bytes of records before compression (one larger record is a batch of its own).
const BATCH_BYTES: usize = 1 << 20;
/// Where a batch is closed: number of records.
const BATCH_RECORDS: usize = 10_000;
/// Less than this is not worth compressing.
const LEAST_COMPRESSED_BYTES: usize = 256;
/// zstd's fastest level: a log is written once and read often, and reading is as fast at any level.
const ZSTD_LEVEL: i32 = 1;
/// The codec zstd in a batch's attributes.
const ZSTD: i16 = 4;

/// A record to append. The log gives it its offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewRecord<'a> {
    /// The key, if it has one.
    pub key: Option<&'a [u8]>,
    /// The value; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    /// Milliseconds since the epoch; −1 is none.
    pub timestamp_ms: i64,
    /// Headers, keys and values, in order.
    pub headers: &'a [(&'a [u8], Option<&'a [u8]>)],
}

/// How batches are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// As they are.
    None,
    /// With Zstandard, wherever that makes a batch smaller.
    #[default]
    Zstd,
}

/// A batch that waits for its offset.
#[derive(Debug)]
pub(crate) struct EncodedBatch {
    /// All of it, with base offset 0.
    bytes: Vec<u8>,
    /// Its number of records.
    pub(crate) records: i64,
}

impl EncodedBatch {
    /// The batch's bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Gives the batch its place. The checksum does not cover the offset, so nothing else changes.
    pub(crate) fn set_base_offset(&mut self, offset: i64) {
        self.bytes[..8].copy_from_slice(&offset.to_be_bytes());
    }
}

/// Appends to `out` the batches of `records`, the first record at `base_offset`: of at most 1 MiB before
/// compression and 10,000 records each.
///
/// # Errors
///
/// If a record is larger than [`RECORD_BYTES`]; nothing is appended then.
pub fn encode_batches(
    base_offset: i64,
    records: &[NewRecord<'_>],
    compression: Compression,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let mut offset = base_offset;
    for mut batch in encode(records, compression)? {
        batch.set_base_offset(offset);
        offset += batch.records;
        out.extend_from_slice(&batch.bytes);
    }
    Ok(())
}

/// The batches of `records`, which have no offsets yet.
pub(crate) fn encode(
    records: &[NewRecord<'_>],
    compression: Compression,
) -> Result<Vec<EncodedBatch>, Error> {
    let mut batches = Vec::new();
    let mut open = OpenBatch::default();
    for record in records {
        let body_bytes = upper_bound(record);
        if body_bytes > RECORD_BYTES {
            return Err(Error::RecordTooLarge { bytes: body_bytes, limit: RECORD_BYTES });
        }
        if open.count > 0 && (open.bytes.len() + body_bytes > BATCH_BYTES || open.count == BATCH_RECORDS) {
            batches.push(std::mem::take(&mut open).close(compression));
        }
        open.add(record);
    }
    if open.count > 0 {
        batches.push(open.close(compression));
    }
    Ok(batches)
}

/// A little more than the bytes a record takes.
fn upper_bound(record: &NewRecord<'_>) -> usize {
    let part = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len).saturating_add(5);
    let headers = record.headers.iter().map(|(key, value)| part(Some(*key)).saturating_add(part(*value)));
    headers
        .fold(part(record.key).saturating_add(part(record.value)), usize::saturating_add)
        .saturating_add(26)
}

/// The records of a batch that takes more of them.
#[derive(Default)]
struct OpenBatch {
    bytes: Vec<u8>,
    count: usize,
    base_timestamp_ms: i64,
    max_timestamp_ms: i64,
}

impl OpenBatch {
    fn add(&mut self, record: &NewRecord<'_>) {
        if self.count == 0 {
            // The header is filled in when the batch is closed.
            self.bytes.resize(HEADER_BYTES, 0);
            self.base_timestamp_ms = record.timestamp_ms;
            self.max_timestamp_ms = record.timestamp_ms;
        }
        self.max_timestamp_ms = self.max_timestamp_ms.max(record.timestamp_ms);
        let timestamp_delta = record.timestamp_ms.wrapping_sub(self.base_timestamp_ms);
        let offset_delta = self.count as i64;

        let bytes_size = |bytes: Option<&[u8]>| match bytes {
            Some(bytes) => varint::size(bytes.len() as i64) + bytes.len(),
            None => varint::size(-1),
        };
        let length = 1
            + varint::size(timestamp_delta)
            + varint::size(offset_delta)
            + bytes_size(record.key)
            + bytes_size(record.value)
            + varint::size(record.headers.len() as i64)
            + record
                .headers
                .iter()
                .map(|(key, value)| bytes_size(Some(key)) + bytes_size(*value))
                .sum::<usize>();

        let out = &mut self.bytes;
        varint::put(out, length as i64);
        out.push(0);
        varint::put(out, timestamp_delta);
        varint::put(out, offset_delta);
        put_bytes(out, record.key);
        put_bytes(out, record.value);
        varint::put(out, record.headers.len() as i64);
        for (key, value) in record.headers {
            put_bytes(out, Some(key));
            put_bytes(out, *value);
        }
        self.count += 1;
    }

    fn close(self, compression: Compression) -> EncodedBatch {
        let Self { mut bytes, count, base_timestamp_ms, max_timestamp_ms } = self;
        let mut attributes = 0;
        let records = &bytes[HEADER_BYTES..];
        if compression == Compression::Zstd
            && records.len() >= LEAST_COMPRESSED_BYTES
            && let Ok(compressed) = zstd_compress(records, ZSTD_LEVEL)
            && compressed.len() < records.len()
        {
            attributes = ZSTD;
            bytes.truncate(HEADER_BYTES);
            bytes.extend_from_slice(&compressed);
        }
        let mut header = BatchHeader {
            base_offset: 0,
            // Within 32 bits: a batch has at most 1 MiB, or one record of at most `RECORD_BYTES`.
            length: (bytes.len() - LENGTH_END) as i32,
            leader_epoch: 0,
            crc: 0,
            attributes,
            last_offset_delta: count as i32 - 1,
            base_timestamp_ms,
            max_timestamp_ms,
            producer_id: -1,
            producer_epoch: -1,
            base_sequence: -1,
            count: count as i32,
        };
        bytes[..HEADER_BYTES].copy_from_slice(&header.to_bytes());
        header.crc = crc32c::crc32c(&bytes[CRC_START..]);
        bytes[..HEADER_BYTES].copy_from_slice(&header.to_bytes());
        EncodedBatch { bytes, records: count as i64 }
    }
}

fn put_bytes(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        Some(bytes) => {
            varint::put(out, bytes.len() as i64);
            out.extend_from_slice(bytes);
        }
        None => varint::put(out, -1),
    }
}
