//! Batches for tests: any header, any payload, a right checksum.

use super::header::{BatchHeader, CRC_START, HEADER_BYTES, LENGTH_END};

/// A batch with this header, but for its length and checksum, and this payload.
pub(super) fn assemble(mut header: BatchHeader, payload: &[u8]) -> Vec<u8> {
    header.length = (HEADER_BYTES - LENGTH_END + payload.len()) as i32;
    let mut bytes = header.to_bytes().to_vec();
    bytes.extend_from_slice(payload);
    header.crc = crc32c::crc32c(&bytes[CRC_START..]);
    bytes[..HEADER_BYTES].copy_from_slice(&header.to_bytes());
    bytes
}

/// The header of a batch of `count` records from `base_offset` on.
pub(super) fn header(base_offset: i64, count: i32, attributes: i16) -> BatchHeader {
    BatchHeader {
        base_offset,
        length: 0,
        leader_epoch: 0,
        crc: 0,
        attributes,
        last_offset_delta: (count - 1).max(0),
        base_timestamp_ms: 1_000,
        max_timestamp_ms: 9_000,
        producer_id: -1,
        producer_epoch: -1,
        base_sequence: -1,
        count,
    }
}

/// `count` records without key, value or headers, timestamp deltas and offset deltas 0, 1, 2, …
pub(super) fn bare_records(count: i32) -> Vec<u8> {
    let mut out = Vec::new();
    for delta in 0..count {
        let mut body = vec![0];
        super::varint::put(&mut body, i64::from(delta));
        super::varint::put(&mut body, i64::from(delta));
        body.extend([1, 1, 0]);
        super::varint::put(&mut out, body.len() as i64);
        out.extend(body);
    }
    out
}
