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
