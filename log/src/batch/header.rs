//! The fixed header in front of every batch.

use super::codec::Codec;
use super::fault::BatchFault;

/// Bytes of a batch header, up to its first record.
pub const HEADER_BYTES: usize = 61;
/// Where the part begins that the length counts: behind base offset and length.
pub(super) const LENGTH_END: usize = 12;
/// Where the part begins that the checksum covers: behind base offset, length, leader epoch, magic, checksum.
pub(crate) const CRC_START: usize = 21;

/// Whose clock a batch's timestamps are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampType {
    /// The producer's: each record has its own.
    CreateTime,
    /// The broker's: every record has the batch's greatest timestamp.
    LogAppendTime,
}

/// The header of a batch: all that is known without decompressing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchHeader {
    /// Offset of the batch's first record (of where it was, if it was compacted away).
    pub base_offset: i64,
    /// Bytes behind this field: the batch has 12 more.
    pub length: i32,
    /// Epoch of the leader that appended the batch. Not covered by the checksum.
    pub leader_epoch: i32,
    /// CRC32C of everything behind this field.
    pub crc: u32,
    /// Bits 0–2 codec, 3 log-append time, 4 transactional, 5 control, 6 delete horizon; others mean nothing
    /// yet.
    pub attributes: i16,
    /// The last record's offset less the base offset; kept when that record is compacted away.
    pub last_offset_delta: i32,
    /// What the records' timestamps are counted from, in milliseconds. With a delete horizon: that horizon.
    pub base_timestamp_ms: i64,
    /// The greatest timestamp, in milliseconds; −1 if there is none.
    pub max_timestamp_ms: i64,
    /// Id of the idempotent or transactional producer, or −1.
    pub producer_id: i64,
    /// Epoch of the producer, or −1.
    pub producer_epoch: i16,
    /// Sequence number of the first record for its producer, or −1.
    pub base_sequence: i32,
    /// Number of records.
    pub count: i32,
}

/// The big-endian field of `N` bytes at `at`.
fn field<const N: usize>(header: &[u8; HEADER_BYTES], at: usize) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&header[at..at + N]);
    bytes
}

impl BatchHeader {
    /// Reads the header at the front of `bytes`.
    ///
    /// # Errors
    ///
    /// If there are less than [`HEADER_BYTES`], the format is another one, or length or offsets make no
    /// sense. Whether all of the batch is there, and its checksum, is not looked at.
    pub fn parse(bytes: &[u8]) -> Result<Self, BatchFault> {
        // The magic byte stands at the same place in all formats, so an old format can be named even where
        // the rest is short.
        if let Some(&magic) = bytes.get(16)
            && magic != 2
        {
            return Err(BatchFault::Magic(magic as i8));
        }
        let short = BatchFault::Short { have: bytes.len() as u64, need: HEADER_BYTES as u64 };
        let header = bytes.first_chunk::<HEADER_BYTES>().ok_or(short)?;
        let parsed = Self {
            base_offset: i64::from_be_bytes(field(header, 0)),
            length: i32::from_be_bytes(field(header, 8)),
            leader_epoch: i32::from_be_bytes(field(header, 12)),
            crc: u32::from_be_bytes(field(header, 17)),
            attributes: i16::from_be_bytes(field(header, 21)),
            last_offset_delta: i32::from_be_bytes(field(header, 23)),
            base_timestamp_ms: i64::from_be_bytes(field(header, 27)),
            max_timestamp_ms: i64::from_be_bytes(field(header, 35)),
            producer_id: i64::from_be_bytes(field(header, 43)),
            producer_epoch: i16::from_be_bytes(field(header, 51)),
            base_sequence: i32::from_be_bytes(field(header, 53)),
            count: i32::from_be_bytes(field(header, 57)),
        };
        if parsed.length < (HEADER_BYTES - LENGTH_END) as i32 {
            return Err(BatchFault::Length(parsed.length));
        }
        let (base, delta) = (parsed.base_offset, parsed.last_offset_delta);
        if base < 0 || delta < 0 || base > i64::MAX - i64::from(i32::MAX) - 1 {
            return Err(BatchFault::Offsets { base, delta });
        }
        Ok(parsed)
    }

    /// Bytes of the whole batch, header included.
    pub fn total_bytes(&self) -> usize {
        LENGTH_END + self.length as usize
    }

    /// Offset of the batch's last record (of where it was, if it was compacted away).
    pub fn last_offset(&self) -> i64 {
        self.base_offset + i64::from(self.last_offset_delta)
    }

    /// The offset after this batch, of an empty batch too.
    pub fn next_offset(&self) -> i64 {
        self.last_offset() + 1
    }

    /// How the records are compressed.
    ///
    /// # Errors
    ///
    /// If the codec's number is none of Kafka's.
    pub fn codec(&self) -> Result<Codec, BatchFault> {
        Codec::from_number((self.attributes & 0x07) as u8)
    }

    /// Whose clock the timestamps are.
    pub fn timestamp_type(&self) -> TimestampType {
        if self.attributes & 0x08 == 0 { TimestampType::CreateTime } else { TimestampType::LogAppendTime }
    }

    /// Whether the batch is part of a transaction.
    pub fn is_transactional(&self) -> bool {
        self.attributes & 0x10 != 0
    }

    /// Whether the batch holds a marker of the log's own, and no data.
    pub fn is_control(&self) -> bool {
        self.attributes & 0x20 != 0
    }

    /// The instant, in milliseconds, from which compaction may drop the batch's tombstones, if it was set.
    pub fn delete_horizon_ms(&self) -> Option<i64> {
        (self.attributes & 0x40 != 0).then_some(self.base_timestamp_ms)
    }

    /// Writes the header as it stands.
    pub(super) fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        out[0..8].copy_from_slice(&self.base_offset.to_be_bytes());
        out[8..12].copy_from_slice(&self.length.to_be_bytes());
        out[12..16].copy_from_slice(&self.leader_epoch.to_be_bytes());
        out[16] = 2;
        out[17..21].copy_from_slice(&self.crc.to_be_bytes());
        out[21..23].copy_from_slice(&self.attributes.to_be_bytes());
        out[23..27].copy_from_slice(&self.last_offset_delta.to_be_bytes());
        out[27..35].copy_from_slice(&self.base_timestamp_ms.to_be_bytes());
        out[35..43].copy_from_slice(&self.max_timestamp_ms.to_be_bytes());
        out[43..51].copy_from_slice(&self.producer_id.to_be_bytes());
        out[51..53].copy_from_slice(&self.producer_epoch.to_be_bytes());
        out[53..57].copy_from_slice(&self.base_sequence.to_be_bytes());
        out[57..61].copy_from_slice(&self.count.to_be_bytes());
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> BatchHeader {
        BatchHeader {
            base_offset: 7,
            length: 60,
            leader_epoch: 3,
            crc: 0xdead_beef,
            attributes: 0x5c,
            last_offset_delta: 4,
            base_timestamp_ms: -1,
            max_timestamp_ms: 9,
            producer_id: -1,
            producer_epoch: -1,
            base_sequence: -1,
            count: 5,
        }
    }

    #[test]
    fn a_header_survives_its_bytes() {
        let bytes = header().to_bytes();
        let parsed = BatchHeader::parse(&bytes).expect("a right header");
        assert_eq!(parsed, header());
        assert_eq!(parsed.total_bytes(), 72);
        assert_eq!((parsed.last_offset(), parsed.next_offset()), (11, 12));
        assert_eq!(parsed.codec(), Ok(Codec::Zstd));
        assert_eq!(parsed.timestamp_type(), TimestampType::LogAppendTime);
        assert!(parsed.is_transactional() && !parsed.is_control());
        assert_eq!(parsed.delete_horizon_ms(), Some(-1));
    }

    #[test]
    fn nonsense_is_refused() {
        let fault = |change: fn(&mut BatchHeader)| {
            let mut wrong = header();
            change(&mut wrong);
            BatchHeader::parse(&wrong.to_bytes()).expect_err("a wrong header")
        };
        assert_eq!(fault(|h| h.length = 48), BatchFault::Length(48));
        assert_eq!(fault(|h| h.length = -1), BatchFault::Length(-1));
        assert_eq!(fault(|h| h.last_offset_delta = -1), BatchFault::Offsets { base: 7, delta: -1 });
        assert_eq!(fault(|h| h.base_offset = i64::MAX), BatchFault::Offsets { base: i64::MAX, delta: 4 });
        let mut old = header().to_bytes();
        old[16] = 1;
        assert_eq!(BatchHeader::parse(&old[..20]), Err(BatchFault::Magic(1)));
        assert_eq!(
            BatchHeader::parse(&header().to_bytes()[..60]),
            Err(BatchFault::Short { have: 60, need: 61 })
        );
    }
}
