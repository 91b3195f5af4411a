//! What can be wrong with a batch.

use super::codec::Codec;

/// What is wrong with the bytes of a batch. The error that carries it says where the batch is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BatchFault {
    /// The bytes end before the batch does.
    #[error("it is cut short: {have} of {need} bytes are there")]
    Short {
        /// Bytes there are.
        have: u64,
        /// Bytes the batch claims, header included.
        need: u64,
    },
    /// The claimed length is less than a header's.
    #[error("it claims a length of {0} bytes, less than its own header")]
    Length(i32),
    /// Another format.
    #[error(
        "it has message format {0} (the magic byte); only format 2, of Kafka 0.11 and later, can be read"
    )]
    Magic(i8),
    /// The checksum does not match.
    #[error("its checksum (CRC32C) is {stored:#010x}, but that of its bytes is {computed:#010x}")]
    Checksum {
        /// The checksum in the header.
        stored: u32,
        /// The checksum of what is there.
        computed: u32,
    },
    /// Its offsets make no sense.
    #[error("it claims the base offset {base} and a last offset {delta} beyond it")]
    Offsets {
        /// The header's base offset.
        base: i64,
        /// The header's last offset delta.
        delta: i32,
    },
    /// It does not follow the batch before it.
    #[error("it begins at offset {found} where offset {expected} was due")]
    OutOfSequence {
        /// Its base offset.
        found: i64,
        /// The offset after the batch before.
        expected: i64,
    },
    /// A compression codec Kafka does not have.
    #[error("it names compression codec {0}; Kafka has 0 (none) to 4 (zstd)")]
    UnknownCodec(u8),
    /// Its records do not decompress.
    #[error("its records cannot be decompressed ({codec}): {reason}")]
    Decompress {
        /// The codec in use.
        codec: Codec,
        /// What the codec said.
        reason: String,
    },
    /// Its records decompress to more than is allowed.
    #[error(
        "its records decompress to more than {limit} bytes, the limit `decompressed_batch_bytes` \
         (default 134217728, configuration key `limits.decompressed_batch_bytes`): raise it if the data is right"
    )]
    TooLarge {
        /// The limit in force, in bytes.
        limit: usize,
    },
    /// More records are claimed than the bytes can hold.
    #[error("it claims {count} records in {bytes} bytes")]
    Count {
        /// The header's record count.
        count: i32,
        /// Bytes of its records, decompressed.
        bytes: usize,
    },
    /// A record makes no sense.
    #[error("its record number {index} is damaged: {what}")]
    Record {
        /// The record's place in the batch, from 0.
        index: i32,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Bytes are left over after the last record.
    #[error("{bytes} bytes follow its last record")]
    Trailing {
        /// How many.
        bytes: usize,
    },
}
