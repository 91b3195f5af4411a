//! What Arrow messages claim, looked through before they are decoded: a claim costs nothing until the message is seen to
//! hold it.

use arrow::ipc::{CompressionType, root_as_message};

use super::lz4;

/// Why a message is not decoded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// It says something that cannot be, which is told.
    Spoilt(String),
    /// It claims more than the limit: this.
    TooMuch(String),
}

/// The bytes that keeping the message takes which consists of `header` and `body`.
///
/// # Errors
/// Buffers that the message does not hold; more rows or unpacked bytes than `limit`.
pub(crate) fn bytes_of(header: &[u8], body: &[u8], limit: usize) -> Result<usize, Unfit> {
    // A header takes several times its size once it is columns.
    let kept = header.len().saturating_mul(4).saturating_add(body.len());
    // What is no message at all the decoder refuses in its own words.
    let Ok(message) = root_as_message(header) else { return Ok(kept) };
    let dictionary = || message.header_as_dictionary_batch().and_then(|dictionary| dictionary.data());
    let Some(batch) = message.header_as_record_batch().or_else(dictionary) else { return Ok(kept) };

    let lengths = batch.nodes().into_iter().flatten().map(|node| node.length());
    for rows in lengths.chain([batch.length()]) {
        match usize::try_from(rows) {
            Err(_) => return Err(Unfit::Spoilt(format!("a column claims {rows} rows"))),
            Ok(rows) if rows > limit => return Err(Unfit::TooMuch(format!("{rows} rows"))),
            Ok(_) => {}
        }
    }
    let codec = batch.compression().map(|compression| compression.codec());
    let mut unpacked = 0_u64;
    for buffer in batch.buffers().into_iter().flatten() {
        let (offset, length) = (buffer.offset(), buffer.length());
        let range = usize::try_from(offset).ok().zip(usize::try_from(length).ok());
        let bytes = range
            .and_then(|(offset, length)| body.get(offset..offset.checked_add(length)?))
            .ok_or_else(|| {
                let there = body.len();
                Unfit::Spoilt(format!(
                    "{length} bytes at {offset} belong to a column, but the message holds {there}"
                ))
            })?;
        if let (Some(codec), Some((claimed, packed))) = (codec, bytes.split_first_chunk::<8>()) {
            // A negative number says that the rest is as it is.
            let claimed = u64::try_from(i64::from_le_bytes(*claimed)).unwrap_or(0);
            if codec == CompressionType::LZ4_FRAME && claimed > 0 && !lz4::holds_at_most(packed, claimed) {
                return Err(Unfit::Spoilt(format!(
                    "a column packed with LZ4 claims {claimed} bytes, and is no frame of as many"
                )));
            }
            unpacked = unpacked.saturating_add(claimed);
        }
    }
    match usize::try_from(unpacked) {
        Ok(unpacked) if unpacked <= limit => Ok(kept.saturating_add(unpacked)),
        _ => Err(Unfit::TooMuch(format!("{unpacked} bytes once unpacked"))),
    }
}
