//! Natural numbers of any size, as far as the statistics need them.

use super::digits::{Digits, sign_of};
use smallvec::SmallVec;

/// Limbs held without an allocation: enough for the statistics of values that are alike.
const INLINE_LIMBS: usize = 10;

/// A natural number: 64-bit limbs, least first, the last not zero; none for zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Natural(SmallVec<[u64; INLINE_LIMBS]>);

/// The first bits of a natural number: `limbs`·2^`exponent`, least limb first, the last one's bit 63 set, and
/// something less than 2^`exponent` more if `sticky`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leading<const LIMBS: usize> {
    pub(super) limbs: [u64; LIMBS],
    pub(super) exponent: i64,
    pub(super) sticky: bool,
}

impl Natural {
    /// The magnitude of `digits` as a multiple of 2^(64·index), whether `digits` is negative, and that index.
    pub(super) fn magnitude(digits: &Digits) -> (Self, bool, i32) {
        let (lowest, limbs) = digits.significant();
        let sign = limbs.last().map_or(0, |last| sign_of(*last));
        let mut carry = sign != 0;
        let magnitude = limbs.iter().map(|limb| {
            let digit;
            (digit, carry) = (limb ^ sign).carrying_add(0, carry);
            digit
        });
        (Self::from_limbs(magnitude.collect()), sign != 0, lowest)
    }

    fn from_limbs(limbs: SmallVec<[u64; INLINE_LIMBS]>) -> Self {
        let mut natural = Self(limbs);
        while natural.0.last() == Some(&0) {
            natural.0.pop();
        }
        natural
    }

    /// `self`·`factor`.
    pub(super) fn times(mut self, factor: u64) -> Self {
        let mut carry = 0;
        for limb in &mut self.0 {
            (*limb, carry) = limb.carrying_mul(factor, carry);
        }
        self.0.push(carry);
        Self::from_limbs(self.0)
    }

    /// `self`².
    pub(super) fn squared(&self) -> Self {
        let mut product = SmallVec::from_elem(0, 2 * self.0.len());
        for (i, factor) in self.0.iter().enumerate() {
            let mut carry = 0;
            for (limb, other) in product[i..].iter_mut().zip(&self.0) {
                (*limb, carry) = factor.carrying_mul_add(*other, *limb, carry);
            }
            product[i + self.0.len()] = carry;
        }
        Self::from_limbs(product)
    }

    /// `self`·2^(64·`limbs`).
    pub(super) fn shifted_up(mut self, limbs: usize) -> Self {
        if limbs > 0 && !self.0.is_empty() {
            self.0.insert_many(0, std::iter::repeat_n(0, limbs));
        }
        self
    }

    /// `self` − `other`, or `None` where that is negative.
    pub(super) fn minus(mut self, other: &Self) -> Option<Self> {
        if self.0.len() < other.0.len() {
            return None;
        }
        let mut borrow = false;
        let others = other.0.iter().copied().chain(std::iter::repeat(0));
        for (limb, other) in self.0.iter_mut().zip(others) {
            (*limb, borrow) = limb.borrowing_sub(other, borrow);
        }
        (!borrow).then(|| Self::from_limbs(self.0))
    }

    /// The first 64·`LIMBS` bits, or `None` of zero.
    pub(super) fn leading<const LIMBS: usize>(&self) -> Option<Leading<LIMBS>> {
        Leading::of(&self.0)
    }
}

impl<const LIMBS: usize> Leading<LIMBS> {
    /// The first bits of the natural number with these limbs, or `None` of zero.
    fn of(limbs: &[u64]) -> Option<Self> {
        let used = limbs.iter().rposition(|limb| *limb != 0)? + 1;
        let limbs = &limbs[..used];
        let shift = limbs[used - 1].leading_zeros();
        let skipped = used as isize - LIMBS as isize;
        let limb = |i: isize| usize::try_from(i).ok().and_then(|i| limbs.get(i)).copied().unwrap_or(0);
        // Two shifts, since one by 64 − 0 would be too far.
        let shifted = |i: isize| limb(i) << shift | limb(i - 1) >> 1 >> (63 - shift);
        let below = usize::try_from(skipped - 1).unwrap_or(0);
        Some(Self {
            limbs: std::array::from_fn(|i| shifted(skipped + i as isize)),
            exponent: 64 * skipped as i64 - i64::from(shift),
            sticky: limb(skipped - 1) << shift != 0 || limbs[..below].iter().any(|limb| *limb != 0),
        })
    }

    /// The quotient by `divisor`, which is not zero, rounded down to a multiple of 2^`exponent`; `sticky` if
    /// that is not all of it. Its first bit is no longer at the top.
    pub(super) fn divided(mut self, divisor: u64) -> Self {
        let divisor = u128::from(divisor);
        let mut remainder = 0;
        for limb in self.limbs.iter_mut().rev() {
            let dividend = remainder << 64 | u128::from(*limb);
            *limb = (dividend / divisor) as u64;
            remainder = dividend % divisor;
        }
        // What is below the dividend's last bit adds less than one to it, and so cannot reach the next quotient.
        self.sticky |= remainder != 0;
        self
    }

    /// The same number by its first 64·`FEWER` bits, the first one at the top again, or `None` of zero.
    pub(super) fn shortened<const FEWER: usize>(&self) -> Option<Leading<FEWER>> {
        let first = Leading::of(&self.limbs)?;
        Some(Leading {
            exponent: first.exponent + self.exponent,
            sticky: first.sticky || self.sticky,
            ..first
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_bigint::BigUint;
    use proptest::prelude::*;

    fn natural(limbs: &[u64]) -> Natural {
        Natural::from_limbs(SmallVec::from_slice(limbs))
    }

    fn big(limbs: &[u64]) -> BigUint {
        BigUint::from_slice(
            &limbs.iter().flat_map(|limb| [*limb as u32, (limb >> 32) as u32]).collect::<Vec<_>>(),
        )
    }

    fn limbs() -> impl Strategy<Value = Vec<u64>> {
        let limb = prop_oneof![Just(0), Just(1), Just(u64::MAX), Just(1 << 63), any::<u64>()];
        proptest::collection::vec(limb, 0..14)
    }

    proptest! {
        #[test]
        fn arithmetic_is_that_of_big_integers(a in limbs(), b in limbs(), factor: u64, shift in 0_usize..5) {
            prop_assert_eq!(big(&natural(&a).times(factor).0), big(&a) * factor);
            prop_assert_eq!(big(&natural(&a).squared().0), big(&a) * big(&a));
            prop_assert_eq!(big(&natural(&a).shifted_up(shift).0), big(&a) << (64 * shift));
            let difference = natural(&a).minus(&natural(&b)).map(|natural| big(&natural.0));
            prop_assert_eq!(difference, (big(&a) >= big(&b)).then(|| big(&a) - big(&b)));
        }

        #[test]
        fn quotients_are_rounded_down_and_say_what_is_left(a in limbs(), divisor in 1_u64.., other in 1_u64..) {
            let Some(leading) = natural(&a).leading::<4>() else {
                prop_assert_eq!(big(&a), BigUint::ZERO);
                return Ok(());
            };
            let quotient = leading.divided(divisor).divided(other).shortened::<2>().expect("not zero");
            prop_assert_eq!(quotient.limbs[1] >> 63, 1);
            // Both sides as whole numbers: the dividend shifted up until its quotient reaches the last bit.
            let up = 1000;
            let exponent = u64::try_from(quotient.exponent + up).expect("no exponent is below −1000");
            let dividend = big(&a) << up as u64;
            let product = (big(&quotient.limbs) * divisor * other) << exponent;
            let next = ((big(&quotient.limbs) + 1_u32) * divisor * other) << exponent;
            prop_assert_eq!(quotient.sticky, product != dividend);
            prop_assert!(product <= dividend && dividend < next);
        }
    }
}
