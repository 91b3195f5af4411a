//! A binary fixed-point number of any width, exact under addition.

use smallvec::SmallVec;

/// Limbs held without an allocation.
const INLINE_LIMBS: usize = 4;

/// An exact multiple of a power of two: a two's complement number of 64-bit limbs, least first, of which
/// limb `i` counts multiples of 2^(64·(`lowest` + i)).
///
/// The limbs are a window over the binary digits of a number without ends: below it are zeros, above it
/// copies of the sign. It starts empty, as zero, and widens when a value forces it. Digits are always fully
/// carried, so there is one sequence of digits for each value; only the window's ends may differ.
#[derive(Clone, Debug, Default)]
pub(super) struct Digits {
    limbs: SmallVec<[u64; INLINE_LIMBS]>,
    lowest: i32,
}

impl Digits {
    pub(super) fn new() -> Self {
        Self { limbs: SmallVec::new(), lowest: 0 }
    }

    /// The number of which limb `lowest` + i is `limbs[i]` and the sign is that of the last one.
    pub(super) fn from_limbs(lowest: i32, limbs: impl IntoIterator<Item = u64>) -> Self {
        Self { limbs: limbs.into_iter().collect(), lowest }
    }

    /// Adds the two's complement number with `parts` at limb `index` and up, `above` in every limb over them,
    /// and one unit of the first part if `carry` is set.
    ///
    /// `above` is zero or all ones and agrees with the first bit of the last part.
    #[inline]
    pub(super) fn add<const PARTS: usize>(
        &mut self,
        index: i32,
        parts: [u64; PARTS],
        above: u64,
        carry: bool,
    ) {
        // An index below the window wraps to one far above it.
        let at = index.wrapping_sub(self.lowest) as u32 as usize;
        if at + PARTS > self.limbs.len() {
            self.widen(index, PARTS);
            let at = index.wrapping_sub(self.lowest) as u32 as usize;
            return self.add_within(at, &parts, above, carry);
        }
        self.add_within(at, &parts, above, carry);
    }

    /// Multiplies by 2^(64·`limbs`).
    pub(super) fn scale(&mut self, limbs: i32) {
        self.lowest += limbs;
    }

    /// Adds `other`.
    pub(super) fn merge(&mut self, other: &Self) {
        let (lowest, limbs) = other.significant();
        let Some(&last) = limbs.last() else { return };
        self.widen(lowest, limbs.len());
        let at = (lowest - self.lowest) as usize;
        self.add_within(at, limbs, sign_of(last), false);
    }

    /// The limbs that matter, and the index of the first of them: none for zero, else the first is not zero
    /// and the last is needed to tell the sign.
    pub(super) fn significant(&self) -> (i32, &[u64]) {
        let mut limbs = &self.limbs[..];
        while let [rest @ .., below, last] = limbs
            && *last == sign_of(*below)
        {
            limbs = &limbs[..rest.len() + 1];
        }
        let zeros = limbs.iter().take_while(|limb| **limb == 0).count();
        if zeros == limbs.len() { (0, &[]) } else { (self.lowest + zeros as i32, &limbs[zeros..]) }
    }

    /// The number, if it is an integer of at most 128 bits.
    pub(super) fn to_integer(&self) -> Option<i128> {
        let (lowest, limbs) = self.significant();
        match (lowest, limbs) {
            (_, []) => Some(0),
            (0, [low]) => Some(i128::from(*low as i64)),
            (0, [low, high]) => Some(i128::from(*high as i64) << 64 | i128::from(*low)),
            (1, [high]) => Some(i128::from(*high as i64) << 64),
            _ => None,
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        if self.limbs.spilled() { self.limbs.capacity() * size_of::<u64>() } else { 0 }
    }

    /// Adds `parts` at limb `at` of the window, which must have room for them; see [`add`](Self::add).
    #[inline]
    fn add_within(&mut self, at: usize, parts: &[u64], above: u64, mut carry: bool) {
        let limbs = &mut self.limbs[at..];
        let before = limbs[limbs.len() - 1];
        // Indices rather than iterators: this is the one place where a lightly optimised build would notice.
        let mut i = 0;
        while i < parts.len() {
            (limbs[i], carry) = limbs[i].carrying_add(parts[i], carry);
            i += 1;
        }
        while i < limbs.len() && above.wrapping_add(u64::from(carry)) != 0 {
            (limbs[i], carry) = limbs[i].carrying_add(above, carry);
            i += 1;
        }
        let after = limbs[limbs.len() - 1];
        // Two numbers of one sign gave the other sign: the window's last limb has overflowed.
        if ((before ^ after) & !(before ^ above)) >> 63 == 1 {
            self.limbs.push(sign_of(before));
        }
    }

    /// Makes the window hold the `count` limbs from `index` on.
    #[cold]
    fn widen(&mut self, index: i32, count: usize) {
        let end = index + count as i32;
        if self.limbs.is_empty() {
            self.lowest = index;
        }
        let joined = self.lowest.min(index)..(self.lowest + self.limbs.len() as i32).max(end);
        if joined.len() > INLINE_LIMBS {
            self.trim();
        }
        if self.limbs.is_empty() {
            self.lowest = index;
        }
        if index < self.lowest {
            let missing = (self.lowest - index) as usize;
            self.limbs.insert_many(0, std::iter::repeat_n(0, missing));
            self.lowest = index;
        }
        let sign = self.limbs.last().map_or(0, |last| sign_of(*last));
        let missing = (end - self.lowest) as usize;
        if missing > self.limbs.len() {
            self.limbs.resize(missing, sign);
        }
    }

    /// Gives up limbs at both ends that hold no digits.
    fn trim(&mut self) {
        let (lowest, limbs) = self.significant();
        let (skipped, kept) = ((lowest - self.lowest).max(0) as usize, limbs.len());
        if kept == 0 {
            self.limbs.clear();
            return;
        }
        self.limbs.truncate(skipped + kept);
        self.limbs.drain(..skipped);
        self.lowest = lowest;
    }
}

impl PartialEq for Digits {
    fn eq(&self, other: &Self) -> bool {
        self.significant() == other.significant()
    }
}

impl Eq for Digits {}

/// All ones if the last limb of a number is `limb` and the number is negative, else zero.
pub(super) fn sign_of(limb: u64) -> u64 {
    ((limb as i64) >> 63) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_widens_both_ways_and_on_overflow() {
        let mut digits = Digits::new();
        digits.add(0, [u64::MAX >> 1], 0, false);
        digits.add(0, [1], 0, false);
        assert_eq!(digits.significant(), (0, &[1 << 63, 0][..]));
        digits.add(-2, [5, 0], 0, false);
        digits.add(3, [u64::MAX], u64::MAX, false);
        assert_eq!(digits.significant(), (-2, &[5, 0, 1 << 63, 0, 0, u64::MAX][..]));
        assert!(digits.heap_bytes() > 0);
    }

    #[test]
    fn a_window_that_moves_does_not_allocate() {
        let mut digits = Digits::new();
        for index in -30..30 {
            digits.add(index, [1, 0], 0, false);
            digits.add(index, [!1, !0], u64::MAX, true);
        }
        assert_eq!(digits, Digits::new());
        assert_eq!(digits.heap_bytes(), 0);
    }

    #[test]
    fn negative_numbers_borrow_through_the_window() {
        let mut digits = Digits::new();
        digits.add(5, [1], 0, false);
        digits.add(0, [u64::MAX], u64::MAX, false);
        assert_eq!(digits.significant(), (0, &[u64::MAX, u64::MAX, u64::MAX, u64::MAX, u64::MAX, 0][..]));
        let mut same = Digits::new();
        same.add(0, [u64::MAX], u64::MAX, false);
        same.merge(&Digits::from_limbs(2, [0, 0, 0, 1, 0, 0]));
        assert_eq!(digits, same);
    }
}
