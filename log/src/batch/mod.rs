//! Kafka record batches, format 2 ("magic 2", Kafka 0.11 and later).
//!
//! Layout: Kafka's documentation, "Record Batch". A segment, a fetch response and a produce request are
//! nothing but these batches, one behind the other.

#[cfg(test)]
mod assemble;
#[cfg(test)]
mod broker_fixtures;
mod codec;
mod fault;
mod header;
mod reader;
mod record;
#[cfg(test)]
mod round_trip;
mod snappy;
mod varint;
mod writer;

pub use codec::{Codec, DECOMPRESSED_BATCH_BYTES};
pub use fault::BatchFault;
pub use header::{BatchHeader, HEADER_BYTES, TimestampType};
pub use reader::{Batch, BatchReader, ControlKind};
pub use record::{Headers, Record, Records};
pub use writer::{Compression, NewRecord, RECORD_BYTES, encode_batches};

pub(crate) use header::CRC_START;
pub(crate) use writer::{EncodedBatch, encode};
