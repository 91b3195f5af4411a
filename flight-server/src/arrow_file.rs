//! Arrow files and streams at rest, looked through before they are decoded.

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamDecoder;
use arrow::ipc::root_as_message;
use bytes::Bytes;

use crate::flight::{Rows, Unfit, bytes_of, caught};

/// How a file begins; a stream does not. What follows in it is a stream, and then a table of contents that nobody needs
/// who reads all of it.
const FILE_MAGIC: &[u8] = b"ARROW1\0\0";

/// What comes before the length of a message.
const CONTINUES: u32 = u32::MAX;

/// The rows of a file or stream, of which nothing is decoded that claims more than `limit` bytes in all.
///
/// # Errors
/// Why it cannot be read.
pub(crate) fn arrow_rows(bytes: &Bytes, limit: usize) -> Result<Rows, Unfit> {
    let stream = match bytes.strip_prefix(FILE_MAGIC) {
        // Some writers leave more room before the stream than they must, in words of eight bytes.
        Some(rest) => {
            let zeros = rest.iter().take_while(|byte| **byte == 0).count();
            bytes.slice(FILE_MAGIC.len() + zeros / 8 * 8..)
        }
        None => bytes.clone(),
    };
    let end = look_through(&stream, limit)?;
    let decoded = caught(|| decode(stream.slice(..end)));
    match decoded.ok_or_else(|| Unfit::Spoilt("its parts contradict each other".to_owned()))? {
        Ok((Some(schema), batches)) => Ok(Rows { schema, batches }),
        Ok((None, _)) => Err(Unfit::Spoilt("it has no schema".to_owned())),
        Err(cause) => Err(Unfit::Spoilt(cause.to_string())),
    }
}

/// Where the messages of `stream` end, with the mark that says so.
fn look_through(stream: &[u8], limit: usize) -> Result<usize, Unfit> {
    let mut rest = stream;
    let mut kept = 0_usize;
    while !rest.is_empty() {
        let mut length = number(&mut rest)?;
        if length == CONTINUES {
            length = number(&mut rest)?;
        }
        if length == 0 {
            break;
        }
        let header = take(&mut rest, u64::from(length))?;
        let message = root_as_message(header).map_err(|cause| Unfit::Spoilt(cause.to_string()))?;
        let claimed = message.bodyLength();
        let body =
            u64::try_from(claimed).map_err(|_| Unfit::Spoilt(format!("{claimed} bytes of a message")))?;
        let body = take(&mut rest, body)?;
        kept = kept.saturating_add(bytes_of(header, body, limit)?);
        if kept > limit {
            return Err(Unfit::TooMuch(format!("{kept} bytes")));
        }
    }
    Ok(stream.len() - rest.len())
}

fn number(rest: &mut &[u8]) -> Result<u32, Unfit> {
    Ok(take(rest, 4)?.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes)))
}

fn take<'a>(rest: &mut &'a [u8], bytes: u64) -> Result<&'a [u8], Unfit> {
    let there = rest.len();
    let taken = usize::try_from(bytes).ok().and_then(|bytes| rest.split_at_checked(bytes));
    let (taken, left) =
        taken.ok_or_else(|| Unfit::Spoilt(format!("{bytes} bytes should follow, and there are {there}")))?;
    *rest = left;
    Ok(taken)
}

fn decode(stream: Bytes) -> Result<(Option<SchemaRef>, Vec<RecordBatch>), ArrowError> {
    let mut decoder = StreamDecoder::new();
    let mut left = Buffer::from(stream);
    let mut batches = Vec::new();
    while !left.is_empty() {
        batches.extend(decoder.decode(&mut left)?);
    }
    decoder.finish()?;
    Ok((decoder.schema(), batches))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array};
    use arrow::ipc::CompressionType;
    use arrow::ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};

    use super::*;

    fn batch() -> RecordBatch {
        let numbers = Arc::new(Int64Array::from_iter_values((0..1_000).map(|n| n / 10))) as ArrayRef;
        RecordBatch::try_from_iter([("a", numbers)]).expect("a column")
    }

    fn file(codec: Option<CompressionType>) -> Vec<u8> {
        let options = IpcWriteOptions::default().try_with_compression(codec).expect("a known codec");
        let schema = batch().schema();
        let mut writer = FileWriter::try_new_with_options(Vec::new(), &schema, options).expect("a writer");
        writer.write(&batch()).and_then(|()| writer.write(&batch())).expect("two batches");
        writer.finish().and_then(|()| writer.into_inner()).expect("a file")
    }

    fn rows(bytes: Vec<u8>, limit: usize) -> Result<Vec<RecordBatch>, Unfit> {
        arrow_rows(&Bytes::from(bytes), limit).map(|rows| rows.batches)
    }

    #[test]
    fn files_and_streams_are_read_packed_or_not() {
        for codec in [None, Some(CompressionType::ZSTD), Some(CompressionType::LZ4_FRAME)] {
            assert_eq!(rows(file(codec), 1 << 20).expect("rows"), [batch(), batch()]);
        }
        let mut writer = StreamWriter::try_new(Vec::new(), &batch().schema()).expect("a writer");
        let none = writer.finish().and_then(|()| writer.into_inner()).expect("a stream");
        assert_eq!(rows(none, 1 << 20).expect("no rows"), []);
    }

    #[test]
    fn claims_are_refused_before_they_cost_memory() {
        for codec in [CompressionType::ZSTD, CompressionType::LZ4_FRAME] {
            let mut packed = file(Some(codec));
            let claim = packed.windows(8).position(|bytes| bytes == 8_000_i64.to_le_bytes());
            let claim = claim.expect("the size of the numbers");
            packed[claim..claim + 8].copy_from_slice(&(1_i64 << 40).to_le_bytes());
            assert!(matches!(rows(packed, 1 << 20), Err(Unfit::TooMuch(_))), "{codec:?}");
        }
        let mut long = file(None);
        let begin = long.iter().position(|byte| *byte == 0xff).expect("what comes before the first length");
        long[begin + 4..begin + 8].copy_from_slice(&(u32::MAX - 1).to_le_bytes());
        assert!(matches!(rows(long, 1 << 20), Err(Unfit::Spoilt(why)) if why.contains("should follow")));
        assert!(matches!(rows(file(None), 10_000), Err(Unfit::TooMuch(_))), "both batches together");
    }

    #[test]
    fn whatever_is_in_a_file_the_reader_lives() {
        crate::flight::report_only_our_panics();
        for codec in [None, Some(CompressionType::LZ4_FRAME)] {
            let sound = file(codec);
            for place in 0..sound.len().min(1_500) {
                let mut spoilt = sound.clone();
                spoilt[place] ^= 0xff;
                // Some bytes tell nothing; then it is read.
                let _ = rows(spoilt, 1 << 20).map(|batches| assert!(batches.len() <= 2));
            }
            for length in [0, 4, 7, 8, 100, sound.len() / 2] {
                assert!(rows(sound[..length].to_vec(), 1 << 20).is_err(), "{length} bytes");
            }
        }
    }
}
