//! The five codecs of Kafka, read with a limit on what comes out.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, Read};

use flate2::bufread::MultiGzDecoder;
use lz4_flex::frame::FrameDecoder;
use zstd::zstd_safe;

use super::fault::BatchFault;
use super::snappy::{self, Refused};

/// Default of the limit `decompressed_batch_bytes`: what one batch may decompress to, in bytes.
pub const DECOMPRESSED_BATCH_BYTES: usize = 128 << 20;

/// How the records of a batch are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// Not at all.
    None,
    /// gzip, one or more members.
    Gzip,
    /// snappy, raw or in snappy-java's framing.
    Snappy,
    /// LZ4, one or more frames.
    Lz4,
    /// Zstandard, one or more frames.
    Zstd,
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        })
    }
}

impl Codec {
    /// The codec with this number in a batch's attributes.
    pub(super) fn from_number(number: u8) -> Result<Self, BatchFault> {
        Ok(match number {
            0 => Self::None,
            1 => Self::Gzip,
            2 => Self::Snappy,
            3 => Self::Lz4,
            4 => Self::Zstd,
            unknown => return Err(BatchFault::UnknownCodec(unknown)),
        })
    }

    /// Replaces `out` by what `input` decompresses to, at most `limit` bytes. Memory grows with what really
    /// comes out, not with what a frame claims.
    pub(super) fn decompress(self, input: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), BatchFault> {
        out.clear();
        match self {
            Self::None => {
                if input.len() > limit {
                    return Err(BatchFault::TooLarge { limit });
                }
                out.extend_from_slice(input);
                Ok(())
            }
            Self::Gzip => self.drain(MultiGzDecoder::new(input), limit, out),
            Self::Snappy => snappy::decompress(input, limit, out).map_err(|refused| match refused {
                Refused::Damaged(reason) => self.damaged(reason),
                Refused::TooLarge => BatchFault::TooLarge { limit },
            }),
            Self::Lz4 => {
                let mut rest = input;
                while !rest.is_empty() {
                    self.drain(FrameDecoder::new(&mut rest), limit, out)?;
                }
                Ok(())
            }
            Self::Zstd => self.zstd(input, limit, out),
        }
    }

    /// Appends all that `source` gives, as long as `out` stays within `limit`.
    fn drain(self, source: impl Read, limit: usize, out: &mut Vec<u8>) -> Result<(), BatchFault> {
        let room = (limit - out.len()) as u64;
        source.take(room + 1).read_to_end(out).map_err(|error| self.damaged(error.to_string()))?;
        if out.len() > limit { Err(BatchFault::TooLarge { limit }) } else { Ok(()) }
    }

    /// All frames at once into the output, which then serves as the window, so that none is allocated at a
    /// frame's word. Producers leave the size out of their frames: guess, and double while it is too small.
    fn zstd(self, input: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), BatchFault> {
        thread_local! {
            // A context is 150 kB to allocate, more than many batches.
            static CONTEXT: RefCell<zstd_safe::DCtx<'static>> = RefCell::new(zstd_safe::DCtx::create());
        }
        let mut capacity = out.capacity().max(input.len().saturating_mul(4)).clamp(1024, limit.max(1024));
        loop {
            out.clear();
            out.reserve_exact(capacity);
            match CONTEXT.with_borrow_mut(|context| context.decompress(out, input)) {
                Ok(_) if out.len() > limit => return Err(BatchFault::TooLarge { limit }),
                Ok(_) => return Ok(()),
                Err(code) if !is_output_too_small(code) => {
                    out.clear();
                    return Err(self.damaged(zstd_safe::get_error_name(code).to_owned()));
                }
                Err(_) if capacity >= limit => {
                    out.clear();
                    return Err(BatchFault::TooLarge { limit });
                }
                Err(_) => capacity = capacity.saturating_mul(2).min(limit),
            }
        }
    }

    fn damaged(self, reason: String) -> BatchFault {
        BatchFault::Decompress { codec: self, reason }
    }
}

/// Whether zstd ran out of room: its error 70, `dstSize_tooSmall`, as the negative size it returns.
fn is_output_too_small(code: usize) -> bool {
    code.wrapping_neg() == 70
}

/// Compresses with zstd into an empty buffer.
pub(super) fn zstd_compress(input: &[u8], level: i32) -> io::Result<Vec<u8>> {
    thread_local! {
        // As for decompression; the level is given with each call.
        static CONTEXT: RefCell<zstd_safe::CCtx<'static>> = RefCell::new(zstd_safe::CCtx::create());
    }
    let mut out = Vec::with_capacity(zstd_safe::compress_bound(input.len()));
    CONTEXT
        .with_borrow_mut(|context| context.compress(&mut out, input, level))
        .map_err(|code| io::Error::other(zstd_safe::get_error_name(code)))?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn text(bytes: usize) -> Vec<u8> {
        (0..bytes).map(|i| b"the quick brown fox "[i % 20] ^ (i / 997) as u8).collect()
    }

    fn gzip(input: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(input).expect("memory");
        encoder.finish().expect("memory")
    }

    fn lz4(input: &[u8]) -> Vec<u8> {
        let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
        encoder.write_all(input).expect("memory");
        encoder.finish().expect("memory")
    }

    fn zstd_stream(input: &[u8]) -> Vec<u8> {
        // As producers write it: without the size in the frame.
        let mut encoder = zstd::Encoder::new(Vec::new(), 3).expect("memory");
        encoder.write_all(input).expect("memory");
        encoder.finish().expect("memory")
    }

    fn snappy(input: &[u8]) -> Vec<u8> {
        snap::raw::Encoder::new().compress_vec(input).expect("memory")
    }

    fn xerial(input: &[u8]) -> Vec<u8> {
        let mut out = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01".to_vec();
        for block in input.chunks(1000) {
            let compressed = snappy(block);
            out.extend((compressed.len() as u32).to_be_bytes());
            out.extend(compressed);
        }
        out
    }

    type Compress = fn(&[u8]) -> Vec<u8>;
    const CODECS: [(Codec, Compress); 5] = [
        (Codec::Gzip, gzip),
        (Codec::Snappy, snappy),
        (Codec::Snappy, xerial),
        (Codec::Lz4, lz4),
        (Codec::Zstd, zstd_stream),
    ];

    fn decompressed(codec: Codec, input: &[u8], limit: usize) -> Result<Vec<u8>, BatchFault> {
        let mut out = Vec::new();
        codec.decompress(input, limit, &mut out).map(|()| out)
    }

    #[test]
    fn every_codec_is_read() {
        for bytes in [0, 1, 100, 300_000] {
            let input = text(bytes);
            for (codec, compress) in CODECS {
                assert_eq!(
                    decompressed(codec, &compress(&input), 1 << 20),
                    Ok(input.clone()),
                    "{codec} {bytes}"
                );
            }
        }
    }

    #[test]
    fn concatenated_frames_are_read() {
        let (one, two) = (text(5_000), text(70));
        let whole = [&one[..], &two].concat();
        // Not raw snappy: a block has no frame to be followed by another.
        let framed: [(Codec, Compress); 4] =
            [(Codec::Gzip, gzip), (Codec::Snappy, xerial), (Codec::Lz4, lz4), (Codec::Zstd, zstd_stream)];
        for (codec, compress) in framed {
            let input = [compress(&one), compress(&two)].concat();
            assert_eq!(decompressed(codec, &input, 1 << 20), Ok(whole.clone()), "{codec}");
        }
    }

    #[test]
    fn the_limit_is_exact_and_named() {
        let input = text(50_000);
        for (codec, compress) in CODECS {
            let compressed = compress(&input);
            assert_eq!(decompressed(codec, &compressed, 50_000), Ok(input.clone()), "{codec}");
            let fault = decompressed(codec, &compressed, 49_999).expect_err("a limit");
            assert_eq!(fault, BatchFault::TooLarge { limit: 49_999 }, "{codec}");
            assert!(fault.to_string().contains("`limits.decompressed_batch_bytes`"));
        }
        assert!(
            BatchFault::TooLarge { limit: 1 }.to_string().contains(&DECOMPRESSED_BATCH_BYTES.to_string())
        );
    }

    #[test]
    fn a_bomb_takes_no_more_memory_than_the_limit() {
        let zeros = vec![0; 64 << 20];
        for (codec, compress) in CODECS {
            let mut out = Vec::new();
            let fault = codec.decompress(&compress(&zeros), 1 << 20, &mut out).expect_err("a limit");
            assert_eq!(fault, BatchFault::TooLarge { limit: 1 << 20 }, "{codec}");
            assert!(out.capacity() <= 4 << 20, "{codec}: {}", out.capacity());
        }
    }

    #[test]
    fn a_claim_is_not_believed() {
        // Snappy blocks and an LZ4 and a zstd frame that claim gigabytes in a few bytes.
        let huge_block = [0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0];
        let xerial_length = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01\x7f\xff\xff\xff\0\0";
        let zstd_size = [0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1, 0, 0];
        for (codec, input) in
            [(Codec::Snappy, &huge_block[..]), (Codec::Snappy, xerial_length), (Codec::Zstd, &zstd_size)]
        {
            let mut out = Vec::new();
            let fault = codec.decompress(input, 64 << 20, &mut out).expect_err("damage");
            assert!(matches!(fault, BatchFault::Decompress { .. }), "{codec}: {fault}");
            assert!(out.capacity() < 1 << 20, "{codec}: {}", out.capacity());
        }
    }

    #[test]
    fn cut_input_is_never_taken_for_whole() {
        let input = text(3_000);
        for (codec, compress) in CODECS {
            let compressed = compress(&input);
            for cut in 1..compressed.len() {
                if let Ok(out) = decompressed(codec, &compressed[..cut], 1 << 20) {
                    // A cut between blocks; the number of records tells, then.
                    assert!(out.len() < input.len() || out == input, "{codec} cut at {cut}");
                }
            }
        }
    }
}
