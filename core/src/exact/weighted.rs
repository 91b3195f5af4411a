//! The exact sum of doubles and integers, each times a weight.

use smallvec::SmallVec;

use super::digits::{Digits, sign_of};
use super::encoding::{self, DecodeError, Span};
use super::non_finite::{Kind, NonFinite};
use super::parts;
use super::statistics;

/// Where the digits of a sum of fewer than 2^64 doubles times weights up to 2 can lie, in bytes from 2^0.
const SPAN: Span = Span { lowest_byte: -141, end_byte: 138 };

/// The exact sum of values, each times a double from 1 to 2 and a power of two.
///
/// A weight is given as a multiple of 2^−52, at most 2^53, and the exponent of a power of two beside it. NaN and
/// infinities are counted as in [`ExactSum`](super::ExactSum), whatever their weight.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WeightedSum {
    digits: Digits,
    non_finite: NonFinite,
}

impl WeightedSum {
    /// Adds `value` · `weight` · 2^`power`, or takes it away.
    pub(crate) fn add(&mut self, value: f64, weight: u64, power: i32, takes_away: bool) {
        let bits = value.to_bits();
        let negative = (bits >> 63 == 1) != takes_away;
        let (mantissa, exponent) = match (Kind::of(value), parts::of_normal(bits)) {
            (Some(kind), _) => return self.non_finite.count(kind, if takes_away { -1 } else { 1 }),
            (None, Some(normal)) => normal,
            (None, None) => parts::of_subnormal(bits),
        };
        if mantissa != 0 {
            self.place(mantissa, exponent + power, weight, negative);
        }
    }

    /// Adds `value` · `weight` · 2^`power`, or takes it away.
    pub(crate) fn add_integer(&mut self, value: i64, weight: u64, power: i32, takes_away: bool) {
        if value != 0 {
            self.place(value.unsigned_abs(), power, weight, (value < 0) != takes_away);
        }
    }

    /// Adds everything that `other` holds.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.digits.merge(&other.digits);
        self.non_finite.merge(&other.non_finite);
    }

    /// Adds 2^`power` of everything that `other` holds.
    pub(crate) fn merge_shifted(&mut self, other: &Self, power: i32) {
        self.digits.merge(&shifted(&other.digits, power));
        self.non_finite.merge(&other.non_finite);
    }

    /// Moves everything by `limbs` · 64 powers of two.
    pub(crate) fn scale(&mut self, limbs: i32) {
        self.digits.scale(limbs);
    }

    /// This times 2^`power` over `divisor`, a multiple of 2^−52 that is not zero, correctly rounded.
    pub(crate) fn over(&self, divisor: u64, power: i64) -> f64 {
        let finite = || statistics::quotient(&self.digits, divisor, power.saturating_add(52));
        self.non_finite.value().unwrap_or_else(finite)
    }

    /// Bytes held outside the value itself.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.digits.heap_bytes() + self.non_finite.heap_bytes()
    }

    /// Appends the sum as bytes, in the form of [`encoding`]; its powers are all zero.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        encoding::encode(&self.digits, &self.non_finite, out);
    }

    /// Reads what [`encode`](Self::encode) wrote, and moves past it.
    pub(crate) fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        let (digits, non_finite) = encoding::decode(bytes, SPAN)?;
        Ok(Self { digits, non_finite })
    }

    /// Adds ±`mantissa` · `weight` · 2^(`power` − 52).
    fn place(&mut self, mantissa: u64, power: i32, weight: u64, negative: bool) {
        let above = if negative { u64::MAX } else { 0 };
        let product = u128::from(mantissa) * u128::from(weight);
        let power = power - 52;
        let shift = (power & 63) as u32;
        let low = (product as u64) << shift;
        // Two shifts, since one by 64 − 0 would be too far.
        let high = (product >> 1) >> (63 - shift);
        let parts = [low ^ above, high as u64 ^ above, (high >> 64) as u64 ^ above];
        self.digits.add(power >> 6, parts, above, negative);
    }
}

/// `digits` times 2^`power`.
fn shifted(digits: &Digits, power: i32) -> Digits {
    let (lowest, limbs) = digits.significant();
    let (whole, shift) = (power >> 6, (power & 63) as u32);
    let Some(last) = limbs.last() else { return Digits::new() };
    let mut below = 0;
    let shift_in = |limb: u64| {
        // Two shifts, since one by 64 − 0 would be too far.
        let moved = limb << shift | below >> 1 >> (63 - shift);
        below = limb;
        moved
    };
    let moved: SmallVec<[u64; 8]> = limbs.iter().copied().chain([sign_of(*last)]).map(shift_in).collect();
    Digits::from_limbs(lowest + whole, moved)
}

#[cfg(test)]
mod tests {
    use num_bigint::BigInt;
    use num_rational::BigRational;
    use proptest::prelude::*;

    use super::super::testing::{any_double, assert_nearest, finite, power_of_two, rational};
    use super::*;

    fn weights() -> impl Strategy<Value = u64> {
        prop_oneof![1_u64 << 52..=1 << 53, Just(1 << 52), Just(1 << 53)]
    }

    fn exact(value: f64, weight: u64, power: i32) -> BigRational {
        rational(value) * BigRational::from(BigInt::from(weight)) * power_of_two(power - 52)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn weighted_sums_are_correctly_rounded(
            values in prop::collection::vec((finite(), weights(), -200..3_i32), 0..9),
            integers in prop::collection::vec((any::<i64>(), weights()), 0..4),
            divisor in weights(),
            power in -60_i64..60,
        ) {
            let mut sum = WeightedSum::default();
            let mut expected = BigRational::from(BigInt::ZERO);
            for (value, weight, power) in &values {
                sum.add(*value, *weight, *power, false);
                expected += exact(*value, *weight, *power);
            }
            for (value, weight) in &integers {
                sum.add_integer(*value, *weight, 0, false);
                expected += BigRational::from(BigInt::from(*value)) * exact(1.0, *weight, 0);
            }
            let expected = expected * power_of_two(power as i32) / exact(1.0, divisor, 0);
            assert_nearest(sum.over(divisor, power), &expected);
        }

        #[test]
        fn shifts_and_differences_are_exact(
            values in prop::collection::vec((any_double(), weights(), -200..3_i32), 0..9),
            power in -2_300..70_i32,
            limbs in -9..9_i32,
        ) {
            let mut sum = WeightedSum::default();
            let mut moved = WeightedSum::default();
            for (value, weight, own) in &values {
                sum.add(*value, *weight, *own, false);
                moved.add(*value, *weight, own + power + 64 * limbs, false);
            }
            let mut merged = WeightedSum::default();
            merged.merge_shifted(&sum, power);
            merged.scale(limbs);
            prop_assert_eq!(&merged, &moved);
            for (value, weight, own) in &values {
                sum.add(*value, *weight, *own, true);
            }
            prop_assert_eq!(sum, WeightedSum::default());
        }

        #[test]
        fn bytes_are_read_as_they_were_written(
            values in prop::collection::vec((any_double(), weights()), 0..9),
            integers in prop::collection::vec((any::<i64>(), weights()), 0..4),
        ) {
            let mut sum = WeightedSum::default();
            values.iter().for_each(|(value, weight)| sum.add(*value, *weight, 0, false));
            integers.iter().for_each(|(value, weight)| sum.add_integer(*value, *weight, 0, false));
            let mut bytes = Vec::new();
            sum.encode(&mut bytes);
            let mut rest = bytes.as_slice();
            prop_assert_eq!(WeightedSum::decode(&mut rest), Ok(sum));
            prop_assert!(rest.is_empty());
        }
    }
}
