//! Snappy as Kafka's clients write it: Java's frames blocks as the library snappy-java does ("xerial"),
//! librdkafka writes one raw block.

use snap::raw::{Decoder, decompress_len};

/// First bytes of snappy-java's framing; version and oldest compatible version, four bytes each, follow.
const XERIAL: &[u8; 8] = b"\x82SNAPPY\0";
const XERIAL_HEADER: usize = 16;

/// Why a payload could not be decompressed.
pub(super) enum Refused {
    /// It is damaged.
    Damaged(String),
    /// It would have more bytes than allowed.
    TooLarge,
}

/// Decompresses `input`, in either framing, onto the end of the empty `out`, to at most `limit` bytes.
pub(super) fn decompress(input: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), Refused> {
    if !input.starts_with(XERIAL) {
        return block(input, limit, out);
    }
    let mut rest = input;
    while !rest.is_empty() {
        // Streams may be concatenated, each with its header.
        if rest.starts_with(XERIAL) {
            rest = rest.get(XERIAL_HEADER..).ok_or_else(|| damaged("the framing's header is cut short"))?;
            continue;
        }
        let (length, behind) =
            rest.split_first_chunk::<4>().ok_or_else(|| damaged("a block's length is cut short"))?;
        let length = u32::from_be_bytes(*length) as usize;
        let (compressed, behind) = behind
            .split_at_checked(length)
            .ok_or_else(|| damaged("a block claims more bytes than there are"))?;
        block(compressed, limit, out)?;
        rest = behind;
    }
    Ok(())
}

fn block(input: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), Refused> {
    let claimed = decompress_len(input).map_err(|error| damaged(&error.to_string()))?;
    // The densest element is a copy of 64 bytes in 3, so a claim of more is not worth reserving memory for.
    if claimed / 22 > input.len() {
        return Err(damaged("a block claims to decompress to more than it can hold"));
    }
    let start = out.len();
    if claimed > limit - start {
        return Err(Refused::TooLarge);
    }
    out.resize(start + claimed, 0);
    Decoder::new().decompress(input, &mut out[start..]).map_err(|error| damaged(&error.to_string()))?;
    Ok(())
}

fn damaged(reason: &str) -> Refused {
    Refused::Damaged(reason.to_owned())
}
