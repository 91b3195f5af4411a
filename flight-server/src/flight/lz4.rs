//! How much an LZ4 frame unpacks to, seen without unpacking it.
//!
//! The decoder that Arrow uses takes what a frame gives, however much that is. A frame is a run of blocks, each of which
//! gives no more than the frame's header says (<https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md>).

const MAGIC: u32 = 0x184D_2204;

/// Bits of the header's first byte.
const BLOCK_CHECKSUM: u8 = 0x10;
const CONTENT_SIZE: u8 = 0x08;
const CONTENT_CHECKSUM: u8 = 0x04;
const DICTIONARY: u8 = 0x01;

/// The bit of a block's length that says that it is not packed.
const AS_IT_IS: u32 = 1 << 31;

/// Whether `packed` is one whole frame that gives no more than `bytes`, or no more than a block beyond them: writers
/// fill every block but the last.
pub(super) fn holds_at_most(packed: &[u8], bytes: u64) -> bool {
    blocks(packed).is_some_and(|(blocks, size)| blocks.saturating_sub(1).saturating_mul(size) < bytes)
}

/// How many blocks the frame has, and what one of them gives at most.
fn blocks(mut rest: &[u8]) -> Option<(u64, u64)> {
    if number(&mut rest)? != MAGIC {
        return None;
    }
    let head = take(&mut rest, 2)?;
    let (flags, size) = (head[0], head[1] >> 4 & 7);
    if flags >> 6 != 1 || size < 4 {
        return None;
    }
    // 4 is 64 KiB, and each further one four times as much.
    let size = 1_u64 << (8 + 2 * size);
    let content_size = if flags & CONTENT_SIZE != 0 { 8 } else { 0 };
    let dictionary = if flags & DICTIONARY != 0 { 4 } else { 0 };
    take(&mut rest, content_size + dictionary + 1)?;
    let mut blocks = 0;
    loop {
        let length = number(&mut rest)?;
        if length == 0 {
            break;
        }
        let checksum = if flags & BLOCK_CHECKSUM != 0 { 4 } else { 0 };
        take(&mut rest, (length & !AS_IT_IS) as usize + checksum)?;
        blocks += 1;
    }
    take(&mut rest, if flags & CONTENT_CHECKSUM != 0 { 4 } else { 0 })?;
    // A frame behind it would give more.
    rest.is_empty().then_some((blocks, size))
}

fn number(rest: &mut &[u8]) -> Option<u32> {
    take(rest, 4)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

fn take<'a>(rest: &mut &'a [u8], bytes: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(bytes)?;
    *rest = left;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame of blocks of at most 64 KiB, of these lengths, none of them packed.
    fn frame(flags: u8, lengths: &[usize]) -> Vec<u8> {
        let mut frame = [&MAGIC.to_le_bytes()[..], &[0x40 | flags, 0x40]].concat();
        let content_size = if flags & CONTENT_SIZE != 0 { 8 } else { 0 };
        frame.resize(frame.len() + content_size + 1, 0);
        for length in lengths {
            frame.extend((*length as u32 | AS_IT_IS).to_le_bytes());
            frame.resize(frame.len() + length + if flags & BLOCK_CHECKSUM != 0 { 4 } else { 0 }, 0);
        }
        frame.extend([0; 4]);
        frame.resize(frame.len() + if flags & CONTENT_CHECKSUM != 0 { 4 } else { 0 }, 0);
        frame
    }

    #[test]
    fn blocks_are_counted_whatever_else_a_frame_has() {
        for flags in [0, BLOCK_CHECKSUM, CONTENT_SIZE | CONTENT_CHECKSUM, BLOCK_CHECKSUM | CONTENT_CHECKSUM] {
            let frame = frame(flags, &[65_536, 65_536, 9]);
            assert_eq!(blocks(&frame), Some((3, 65_536)), "{flags}");
            assert!(holds_at_most(&frame, 131_081) && !holds_at_most(&frame, 131_072));
            assert_eq!(blocks(&frame[..frame.len() - 1]), None, "cut");
            assert_eq!(blocks(&[&frame[..], &frame[..]].concat()), None, "two");
        }
        assert!(!holds_at_most(b"nothing of the kind", 1 << 40));
        let many = frame(0, &[1; 1_000]);
        assert!(!holds_at_most(&many, 1_000), "blocks that may give more than is claimed");
    }
}
