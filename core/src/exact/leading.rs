//! The first bits of a number that is too long to be rounded whole.

/// The first bits of a natural number: `limbs`·2^`exponent`, least limb first, the last one's bit 63 set, and
/// something less than 2^`exponent` more if `sticky`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leading<const LIMBS: usize> {
    pub(super) limbs: [u64; LIMBS],
    pub(super) exponent: i64,
    pub(super) sticky: bool,
}

impl<const LIMBS: usize> Leading<LIMBS> {
    /// The first bits of the number whose first `used` limbs, least first, are given by `limb` and all others
    /// zero; the last of them is not zero.
    #[inline]
    pub(super) fn of(used: usize, limb: impl Fn(usize) -> u64) -> Self {
        let shift = limb(used - 1).leading_zeros();
        // Indices below zero wrap to where there is nothing.
        let limb_or_zero = |i: usize| if i < used { limb(i) } else { 0 };
        let skipped = used.wrapping_sub(LIMBS);
        let mut limbs = [0; LIMBS];
        for (i, shifted) in limbs.iter_mut().enumerate() {
            let at = skipped.wrapping_add(i);
            // Two shifts, since one by 64 − 0 would be too far.
            *shifted = limb_or_zero(at) << shift | limb_or_zero(at.wrapping_sub(1)) >> 1 >> (63 - shift);
        }
        let sticky = limb_or_zero(skipped.wrapping_sub(1)) << shift != 0
            || (0..used.saturating_sub(LIMBS + 1)).rev().any(|i| limb(i) != 0);
        Self { limbs, exponent: 64 * (used as i64 - LIMBS as i64) - i64::from(shift), sticky }
    }

    /// The quotient by `divisor`, which is not zero, rounded down to a multiple of 2^`exponent`; `sticky` if
    /// that is not all of it. Its first bit is no longer at the top.
    #[inline]
    pub(super) fn divided(mut self, divisor: u64) -> Self {
        let mut remainder = 0;
        for limb in self.limbs.iter_mut().rev() {
            let quotient = if remainder == 0 {
                *limb / divisor
            } else {
                let dividend = u128::from(remainder) << 64 | u128::from(*limb);
                (dividend / u128::from(divisor)) as u64
            };
            remainder = limb.wrapping_sub(quotient.wrapping_mul(divisor));
            *limb = quotient;
        }
        // What is below the dividend's last bit adds less than one to it, and so cannot reach the next
        // quotient.
        self.sticky |= remainder != 0;
        self
    }

    /// The same number by its first 64·`FEWER` bits, the first one at the top again, or `None` of zero.
    #[inline]
    pub(super) fn shortened<const FEWER: usize>(&self) -> Option<Leading<FEWER>> {
        let used = self.limbs.iter().rposition(|limb| *limb != 0)? + 1;
        let mut first = Leading::of(used, |i| self.limbs[i]);
        first.exponent += self.exponent;
        first.sticky |= self.sticky;
        Some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{big, limbs};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn quotients_are_rounded_down_and_say_what_is_left(below in limbs(), last in 1_u64.., divisor in 1_u64.., other in 1_u64..) {
            let a = [below, vec![last]].concat();
            let leading = Leading::<4>::of(a.len(), |i| a[i]);
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
