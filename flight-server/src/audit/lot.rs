//! Chance that its seed repeats.

/// A sequence of numbers that look random: SplitMix64 (Steele, Lea and Flood, Fast splittable pseudorandom
/// number generators, 2014).
pub(super) struct Lot(u64);

impl Lot {
    /// The sequence of `seed`.
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub(super) const fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is not 0: each about as likely as any other.
    pub(super) const fn below(&mut self, bound: u64) -> u64 {
        ((self.draw() as u128 * bound as u128) >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_sequence() {
        // The first numbers of seed 0 as the authors' own program prints them.
        let mut lot = Lot::new(0);
        assert_eq!([lot.draw(), lot.draw()], [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4]);
        let mut lot = Lot::new(3);
        let mut times = [0; 5];
        (0..5_000).for_each(|_| times[lot.below(5) as usize] += 1);
        assert!(times.iter().all(|times| (850..1_150).contains(times)), "{times:?}");
    }
}
