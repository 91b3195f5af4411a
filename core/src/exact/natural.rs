//! Natural numbers of any size, as far as the statistics need them.

use super::digits::{Digits, sign_of};
use super::leading::Leading;
use smallvec::{SmallVec, smallvec};

/// Limbs held without an allocation: enough for the statistics of values that are alike.
const INLINE_LIMBS: usize = 8;

/// The magnitude of an exact number that is not zero, as a multiple of 2^(64·`index`): a view of its digits
/// that turns their sign as they are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Magnitude<'a> {
    limbs: &'a [u64],
    /// All ones if the number is negative, else zero.
    sign: u64,
    /// Which power of 2^64 the magnitude counts.
    pub(super) index: i32,
}

impl<'a> Magnitude<'a> {
    /// `None` of zero.
    pub(super) fn of(digits: &'a Digits) -> Option<Self> {
        let (index, limbs) = digits.significant();
        let last = *limbs.last()?;
        let mut magnitude = Self { limbs, sign: sign_of(last), index };
        if magnitude.limb(limbs.len() - 1) == 0 {
            // The last limb held nothing but the sign.
            magnitude.limbs = &limbs[..limbs.len() - 1];
        }
        Some(magnitude)
    }

    pub(super) fn is_negative(&self) -> bool {
        self.sign != 0
    }

    pub(super) fn len(&self) -> usize {
        self.limbs.len()
    }

    /// Limb `i`, least first. The first and the last one are not zero.
    #[inline]
    pub(super) fn limb(&self, i: usize) -> u64 {
        let turned = self.limbs[i] ^ self.sign;
        // The number's first limb is not zero, so the one to add carries no further than into it.
        if i == 0 { turned.wrapping_sub(self.sign) } else { turned }
    }

    /// The first bits.
    #[inline]
    pub(super) fn leading<const LIMBS: usize>(&self) -> Leading<LIMBS> {
        Leading::of(self.len(), |i| self.limb(i))
    }
}

/// A natural number below 2^(64·limbs), made as zero with a given number of limbs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Natural(SmallVec<[u64; INLINE_LIMBS]>);

impl Natural {
    /// Zero, with room for `limbs` limbs.
    pub(super) fn zero(limbs: usize) -> Self {
        Self(smallvec![0; limbs])
    }

    /// Puts `number`·`factor` at limb `at` of zero, one limb more than `number` has.
    pub(super) fn put_product(&mut self, at: usize, number: &Magnitude<'_>, factor: u64) {
        let mut carry = 0;
        let (last, others) = self.0[at..=at + number.len()].split_last_mut().expect("a range of one or more");
        for (i, limb) in others.iter_mut().enumerate() {
            (*limb, carry) = number.limb(i).carrying_mul(factor, carry);
        }
        *last = carry;
    }

    /// Takes `number`²·2^(64·`at`) away; whether there was as much. There must be room for it.
    pub(super) fn subtract_square(&mut self, at: usize, number: &Magnitude<'_>) -> bool {
        let mut enough = true;
        for i in 0..number.len() {
            let factor = number.limb(i);
            let row = &mut self.0[at + i..];
            let (products, above) = row.split_at_mut(number.len());
            let mut carry = 0;
            for (j, limb) in products.iter_mut().enumerate() {
                let (product, high) = factor.carrying_mul(number.limb(j), carry);
                let (difference, borrow) = limb.overflowing_sub(product);
                *limb = difference;
                // `high` is all ones only where `product` is zero, and then nothing is borrowed.
                carry = high + u64::from(borrow);
            }
            for limb in above {
                let borrow;
                (*limb, borrow) = limb.overflowing_sub(carry);
                carry = u64::from(borrow);
            }
            enough &= carry == 0;
        }
        enough
    }

    /// The first 64·`LIMBS` bits, or `None` of zero.
    pub(super) fn leading<const LIMBS: usize>(&self) -> Option<Leading<LIMBS>> {
        let used = self.0.iter().rposition(|limb| *limb != 0)? + 1;
        Some(Leading::of(used, |i| self.0[i]))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{big, limbs};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn products_less_squares_are_those_of_big_integers(
            a in limbs(),
            b in limbs(),
            factor: u64,
            (a_at, b_at) in (0_usize..4, 0_usize..4),
        ) {
            let digits = |limbs: &[u64]| Digits::from_limbs(0, limbs.iter().copied().chain([0]));
            let (a_digits, b_digits) = (digits(&a), digits(&b));
            let mut natural = Natural::zero(40);
            let mut enough = true;
            let (mut product, mut square) = Default::default();
            if let Some(a_magnitude) = Magnitude::of(&a_digits) {
                natural.put_product(a_at + a_magnitude.index as usize, &a_magnitude, factor);
                product = (big(&a) * factor) << (64 * a_at);
            }
            if let Some(b_magnitude) = Magnitude::of(&b_digits) {
                enough = natural.subtract_square(b_at + 2 * b_magnitude.index as usize, &b_magnitude);
                square = (big(&b) * big(&b)) << (64 * b_at);
            }
            prop_assert_eq!(enough, product >= square);
            if enough {
                prop_assert_eq!(big(&natural.0), product - square);
            }
        }

        #[test]
        fn a_magnitude_has_no_sign(a in limbs(), lowest in -5..5) {
            let digits = Digits::from_limbs(lowest, a.iter().copied().chain([0]));
            let mut turned = Digits::new();
            turned.merge(&Digits::from_limbs(lowest, a.iter().map(|limb| !limb).chain([u64::MAX])));
            turned.add(lowest, [1, 0], 0, false);
            let (Some(one), Some(other)) = (Magnitude::of(&digits), Magnitude::of(&turned)) else {
                prop_assert_eq!((digits, turned), (Digits::new(), Digits::new()));
                return Ok(());
            };
            prop_assert!(!one.is_negative() && other.is_negative());
            prop_assert_eq!((one.index, one.len()), (other.index, other.len()));
            prop_assert_eq!(one.leading::<20>(), other.leading::<20>());
            prop_assert!(one.limb(0) != 0 && one.limb(one.len() - 1) != 0);
        }
    }
}
