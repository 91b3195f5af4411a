//! What can be set when a log is opened.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::disk::refused;
use crate::batch::Compression;
use crate::error::Error;
use crate::topic::TopicId;

/// How an embedded log writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmbeddedOptions {
    /// A segment is closed before it grows beyond this many bytes, unless one batch alone is larger.
    pub segment_bytes: u64,
    /// How batches are compressed.
    pub compression: Compression,
    /// Where the ids of new topics come from.
    pub topic_ids: TopicIds,
}

impl Default for EmbeddedOptions {
    /// Segments of 256 MiB, zstd, random ids.
    fn default() -> Self {
        Self { segment_bytes: 256 << 20, compression: Compression::Zstd, topic_ids: TopicIds::Random }
    }
}

/// Where the ids of new topics come from. They influence no value, only the identity of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopicIds {
    /// The system's random numbers: no two topics anywhere have the same id.
    Random,
    /// The seed and the topic's name, so that a test that runs again gets the same ids.
    Seeded(u64),
}

impl TopicIds {
    /// The id for a new topic.
    pub(super) fn next(self, topic: &str) -> Result<TopicId, Error> {
        let mut bytes = [0; 16];
        match self {
            Self::Random => {
                let path = Path::new("/dev/urandom");
                File::open(path)
                    .and_then(|mut source| source.read_exact(&mut bytes))
                    .map_err(refused("take random bytes from", path))?;
            }
            Self::Seeded(seed) => {
                // FNV-1a over the name, spread by splitmix64.
                let mut hash = seed ^ 0xcbf2_9ce4_8422_2325;
                for byte in topic.bytes() {
                    hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
                }
                for half in bytes.chunks_exact_mut(8) {
                    hash = hash.wrapping_add(0x9e37_79b9_7f4a_7c15);
                    let mut mixed = (hash ^ hash >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
                    half.copy_from_slice(&(mixed ^ mixed >> 31).to_be_bytes());
                }
            }
        }
        Ok(TopicId::from_random(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeded_ids_repeat_and_random_ones_do_not() {
        let id = |ids: TopicIds, topic| ids.next(topic).expect("an id");
        assert_eq!(id(TopicIds::Seeded(1), "a"), id(TopicIds::Seeded(1), "a"));
        assert_ne!(id(TopicIds::Seeded(1), "a"), id(TopicIds::Seeded(2), "a"));
        assert_ne!(id(TopicIds::Seeded(1), "a"), id(TopicIds::Seeded(1), "b"));
        assert_ne!(id(TopicIds::Random, "a"), id(TopicIds::Random, "a"));
    }
}
