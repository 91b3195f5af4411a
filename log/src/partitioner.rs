//! Kafka's default partitioner for keyed records.

/// The partition, of `partitions` (at least 1), that Kafka's producers choose for `key`: a 32-bit MurmurHash2
/// of the key (Austin Appleby's, with Kafka's seed) without its sign, modulo the number of partitions.
///
/// # Panics
///
/// If `partitions` is not positive: a topic has at least one partition.
pub fn partition_for(key: &[u8], partitions: i32) -> i32 {
    assert!(partitions > 0, "a topic has at least one partition");
    (murmur2(key) & 0x7fff_ffff) % partitions
}

fn murmur2(data: &[u8]) -> i32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    // Kafka's lengths are 32-bit, and so is this.
    let mut hash = SEED ^ data.len() as u32;
    let (words, rest) = data.as_chunks::<4>();
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    if !rest.is_empty() {
        for (i, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * i);
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    (hash ^ hash >> 15) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_kafkas() {
        // The values that Kafka's own tests expect.
        for (key, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(key.as_bytes()), hash, "{key}");
        }
    }

    #[test]
    fn every_key_has_a_partition() {
        assert_eq!(partition_for(b"anything", 1), 0);
        // A negative hash: the sign is dropped, not the value negated.
        assert_eq!(partition_for(b"21", 7), (-973_932_308 & 0x7fff_ffff) % 7);
        assert_eq!(partition_for(b"", 4), (murmur2(b"") & 0x7fff_ffff) % 4);
    }
}
