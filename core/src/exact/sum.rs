//! The exact sum of doubles and integers.

use super::digits::Digits;
use super::encoding::{self, DecodeError, Span};
use super::non_finite::{Kind, NonFinite};
use super::parts;
use super::rounding::CANONICAL_NAN;
use super::statistics;

/// Where the digits of a sum of fewer than 2^64 doubles can lie, in bytes from 2^0.
const SPAN: Span = Span { lowest_byte: -135, end_byte: 137 };

/// The exact sum of any number of doubles and integers.
///
/// Finite values are held as one exact number; NaN, +∞ and −∞ as counts, so all of them can be subtracted
/// again, in any order and even before they are added. A value takes part in results as soon as its count
/// differs from zero.
///
/// Two sums are equal when they hold the same value, however they came to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExactSum {
    digits: Digits,
    non_finite: NonFinite,
}

impl ExactSum {
    /// The sum of nothing.
    pub fn new() -> Self {
        Self { digits: Digits::new(), non_finite: NonFinite::new() }
    }

    /// Adds a double.
    #[inline]
    pub fn add(&mut self, value: f64) {
        self.accumulate(value.to_bits(), 1);
    }

    /// Takes away a double that was or will be added.
    #[inline]
    pub fn subtract(&mut self, value: f64) {
        self.accumulate(value.to_bits() ^ (1 << 63), -1);
    }

    /// Adds an integer, exactly.
    #[inline]
    pub fn add_integer(&mut self, value: i64) {
        self.digits.add(0, [value as u64], (value >> 63) as u64, false);
    }

    /// Takes away an integer that was or will be added.
    #[inline]
    pub fn subtract_integer(&mut self, value: i64) {
        self.digits.add(0, [!value as u64], !(value >> 63) as u64, true);
    }

    /// Adds everything that `other` holds.
    pub fn merge(&mut self, other: &Self) {
        self.digits.merge(&other.digits);
        self.non_finite.merge(&other.non_finite);
    }

    /// The double nearest to the exact sum, ties to even; infinite where that is past the largest double.
    ///
    /// A zero sum is +0.0. With infinities of one sign among the values it is that infinity; with infinities
    /// of both signs, or any NaN, the canonical NaN (`0x7ff8_0000_0000_0000`).
    pub fn round(&self) -> f64 {
        self.non_finite.value().unwrap_or_else(|| statistics::rounded(&self.digits))
    }

    /// The correctly rounded mean of `n` values of which this is the sum; the canonical NaN if `n` is zero.
    ///
    /// NaN and infinities are as in [`round`](Self::round). The mean is finite where only the sum is past the
    /// largest double.
    pub fn mean(&self, n: u64) -> f64 {
        if n == 0 {
            return CANONICAL_NAN;
        }
        self.non_finite.value().unwrap_or_else(|| statistics::mean(&self.digits, n))
    }

    /// The exact sum if it is an integer of at most 128 bits, as it is when only integers were added.
    pub fn to_integer(&self) -> Option<i128> {
        self.is_finite().then(|| self.digits.to_integer()).flatten()
    }

    /// Whether neither NaN nor an infinity is among the values.
    pub fn is_finite(&self) -> bool {
        self.non_finite.is_empty()
    }

    /// Bytes this sum holds beside its own size.
    pub fn heap_bytes(&self) -> usize {
        self.digits.heap_bytes() + self.non_finite.heap_bytes()
    }

    /// Appends the sum to `out`: equal sums give equal bytes. The bytes carry no version.
    pub fn encode(&self, out: &mut Vec<u8>) {
        encoding::encode(&self.digits, &self.non_finite, out);
    }

    /// Reads what [`encode`](Self::encode) wrote from the front of `bytes` and moves past it.
    ///
    /// # Errors
    /// If the bytes are cut short, out of range, or not the canonical form of a sum. `bytes` is then left
    /// anywhere.
    pub fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        let (digits, non_finite) = encoding::decode(bytes, SPAN)?;
        Ok(Self { digits, non_finite })
    }

    pub(super) fn digits(&self) -> &Digits {
        &self.digits
    }

    /// Adds the double with these bits; `count` is −1 where its sign has been turned in order to subtract it.
    #[inline]
    fn accumulate(&mut self, bits: u64, count: i64) {
        match parts::of_normal(bits) {
            Some((mantissa, power)) => self.place(mantissa, power, (bits as i64) >> 63),
            None => self.accumulate_unusual(bits, count),
        }
    }

    /// Adds ±`mantissa`·2^`power`, negative where `sign` is −1 rather than 0.
    #[inline]
    fn place(&mut self, mantissa: u64, power: i32, sign: i64) {
        let shifted = u128::from(mantissa) << (power & 63);
        let above = sign as u64;
        let parts = [shifted as u64 ^ above, (shifted >> 64) as u64 ^ above];
        self.digits.add(power >> 6, parts, above, sign < 0);
    }

    /// Zeros, subnormal numbers, infinities and NaN.
    #[cold]
    fn accumulate_unusual(&mut self, bits: u64, count: i64) {
        let value = f64::from_bits(bits);
        if let Some(kind) = Kind::of(value) {
            self.non_finite.count(if count < 0 { kind.turned() } else { kind }, count);
        } else if value != 0.0 {
            let (mantissa, power) = parts::of_subnormal(bits);
            self.place(mantissa, power, (bits as i64) >> 63);
        }
    }
}

impl From<i128> for ExactSum {
    fn from(integer: i128) -> Self {
        let mut sum = Self::new();
        sum.digits.add(0, [integer as u64, (integer >> 64) as u64], (integer >> 127) as u64, false);
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{any_double, assert_nearest, finite, finite_sets, rational_sum};
    use super::*;
    use num_bigint::BigInt;
    use num_rational::BigRational;
    use proptest::prelude::*;

    fn sum_of(values: &[f64]) -> ExactSum {
        let mut sum = ExactSum::new();
        values.iter().for_each(|x| sum.add(*x));
        sum
    }

    /// The sum as floating-point addition has it where a value is not finite, which it gets right.
    fn floating(values: &[f64]) -> f64 {
        values.iter().map(|x| if x.is_finite() { 0.0 } else { *x }).sum()
    }

    #[test]
    fn a_narrow_sum_is_small() {
        assert!(size_of::<ExactSum>() <= 64);
        assert_eq!(sum_of(&[0.1, 1e9, -12.5, 0.0]).heap_bytes(), 0);
    }

    #[test]
    fn what_floating_point_loses_is_kept() {
        assert_eq!(sum_of(&[1e308, 1.0, -1e308]).round(), 1.0);
        assert_eq!(sum_of(&[f64::MAX, f64::MAX, f64::MIN]).round(), f64::MAX);
        assert_eq!(sum_of(&[1.0, 2_f64.powi(-53)]).round(), 1.0);
        assert_eq!(sum_of(&[1.0, 2_f64.powi(-53), 5e-324]).round(), 1.0_f64.next_up());
        assert_eq!(sum_of(&[1.0_f64.next_up(), 2_f64.powi(-53)]).round(), 1.0_f64.next_up().next_up());
        assert_eq!(sum_of(&[0.1; 10]).round(), 1.0);
    }

    #[test]
    fn only_the_result_overflows() {
        let half_step = 2_f64.powi(969);
        assert_eq!(sum_of(&[f64::MAX, half_step]).round(), f64::MAX);
        assert_eq!(sum_of(&[f64::MAX, half_step, half_step]).round(), f64::INFINITY);
        assert_eq!(sum_of(&[f64::MIN, -half_step, -half_step]).round(), f64::NEG_INFINITY);
        assert_eq!(sum_of(&[f64::MAX; 3]).mean(3), f64::MAX);
    }

    #[test]
    fn zero_is_positive_and_nan_is_one() {
        for zeros in [&[][..], &[-0.0], &[-0.0, -0.0], &[3.0, -3.0], &[-5e-324, 5e-324]] {
            assert_eq!(sum_of(zeros).round().to_bits(), 0);
        }
        let odd_nan = f64::from_bits(0xfff0_0000_0000_0001);
        for nans in [&[odd_nan][..], &[f64::INFINITY, f64::NEG_INFINITY], &[f64::INFINITY, f64::NAN]] {
            assert_eq!(sum_of(nans).round().to_bits(), 0x7ff8_0000_0000_0000);
            assert_eq!(sum_of(nans).mean(2).to_bits(), 0x7ff8_0000_0000_0000);
        }
        assert_eq!(sum_of(&[1.0]).mean(0).to_bits(), 0x7ff8_0000_0000_0000);
    }

    #[test]
    fn a_mean_too_small_for_a_double_keeps_its_sign() {
        assert_eq!(sum_of(&[5e-324]).mean(3).to_bits(), 0.0_f64.to_bits());
        assert_eq!(sum_of(&[-5e-324]).mean(3).to_bits(), (-0.0_f64).to_bits());
        assert_eq!(sum_of(&[-5e-324; 2]).mean(3), -5e-324);
    }

    #[test]
    fn integers_are_exact_past_64_bits() {
        let mut sum = ExactSum::new();
        for value in [i64::MAX, i64::MAX, i64::MAX, 1, i64::MIN, -7] {
            sum.add_integer(value);
        }
        let exact = 2 * i128::from(i64::MAX) - 7;
        assert_eq!(sum.to_integer(), Some(exact));
        sum.subtract_integer(i64::MIN);
        assert_eq!(sum.to_integer(), Some(exact + (1 << 63)));
        sum.add(0.5);
        assert_eq!(sum.to_integer(), None);
        sum.subtract(0.5);
        sum.add(f64::NAN);
        assert_eq!(sum.to_integer(), None);
    }

    #[test]
    fn many_adds_carry_on() {
        let mut sum = ExactSum::new();
        for _ in 0..16 {
            sum.add(f64::MAX);
        }
        // Doubling 60 times stands for 2^64 adds.
        for _ in 0..60 {
            sum.merge(&sum.clone());
        }
        assert_eq!(sum.round(), f64::INFINITY);
        assert_eq!(sum.mean(u64::MAX), f64::MAX);
        assert_eq!(sum.mean(1 << 63), f64::INFINITY);
        let mut bytes = Vec::new();
        sum.encode(&mut bytes);
        assert_eq!(ExactSum::decode(&mut &bytes[..]).as_ref(), Ok(&sum));
        (0..8).for_each(|_| sum.subtract(1e300));
        assert_eq!(sum.mean(u64::MAX), f64::MAX);
    }

    #[test]
    fn every_128_bit_integer_fits() {
        for integer in [i128::MIN, -1 << 64, -1, 0, 1, 1 << 63, 1 << 64, i128::MAX] {
            assert_eq!(ExactSum::from(integer).to_integer(), Some(integer));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn sums_and_means_are_correctly_rounded(values in finite_sets(), n in 1_u64..) {
            let exact = rational_sum(&values);
            let sum = sum_of(&values);
            assert_nearest(sum.round(), &exact);
            for n in [1, 2, 3, values.len().max(1) as u64, n] {
                assert_nearest_mean(&sum, &exact, n);
            }
        }

        #[test]
        fn order_and_grouping_are_nothing(
            values in proptest::collection::vec(any_double(), 0..20).prop_shuffle(),
            cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..4),
        ) {
            let forward = sum_of(&values);
            let mut reversed = values.clone();
            reversed.reverse();
            prop_assert_eq!(&sum_of(&reversed), &forward);
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(values.len() + 1)).collect();
            cuts.sort_unstable();
            let mut merged = ExactSum::new();
            let mut from = 0;
            for to in cuts.into_iter().chain([values.len()]) {
                let mut part = sum_of(&values[from..to]);
                part.merge(&merged);
                merged = part;
                from = to;
            }
            prop_assert_eq!(&merged, &forward);
            prop_assert_eq!(merged.round().to_bits(), forward.round().to_bits());
        }

        #[test]
        fn what_is_subtracted_leaves_nothing(
            kept in proptest::collection::vec(any_double(), 0..6),
            passing in proptest::collection::vec((any_double(), any::<bool>()), 0..10),
        ) {
            let mut sum = ExactSum::new();
            for (x, subtract_first) in &passing {
                if *subtract_first { sum.subtract(*x) } else { sum.add(*x) }
            }
            kept.iter().for_each(|x| sum.add(*x));
            for (x, subtracted) in passing.iter().rev() {
                if *subtracted { sum.add(*x) } else { sum.subtract(*x) }
            }
            prop_assert_eq!(&sum, &sum_of(&kept));
            kept.iter().for_each(|x| sum.subtract(*x));
            prop_assert_eq!(&sum, &ExactSum::new());
            prop_assert!(sum.is_finite());
        }

        #[test]
        fn nan_and_infinities_are_as_in_ieee(values in proptest::collection::vec(any_double(), 1..8)) {
            let sum = sum_of(&values);
            prop_assert_eq!(sum.is_finite(), values.iter().all(|x| x.is_finite()));
            if !sum.is_finite() {
                let expected = floating(&values);
                prop_assert_eq!(sum.round().is_nan(), expected.is_nan());
                prop_assert!(expected.is_nan() || sum.round() == expected);
            }
        }

        #[test]
        fn integers_and_doubles_are_one_sum(
            integers in proptest::collection::vec(any::<i64>(), 0..6),
            doubles in proptest::collection::vec(finite(), 0..4),
        ) {
            let mut sum = sum_of(&doubles);
            integers.iter().for_each(|n| sum.add_integer(*n));
            let whole: i128 = integers.iter().map(|n| i128::from(*n)).sum();
            assert_nearest(sum.round(), &(rational_sum(&doubles) + BigRational::from(BigInt::from(whole))));
            doubles.iter().for_each(|x| sum.subtract(*x));
            prop_assert_eq!(sum.to_integer(), Some(whole));
            prop_assert_eq!(&sum, &ExactSum::from(whole));
            integers.iter().for_each(|n| sum.subtract_integer(*n));
            prop_assert_eq!(&sum, &ExactSum::new());
        }
    }

    fn assert_nearest_mean(sum: &ExactSum, exact: &BigRational, n: u64) {
        assert_nearest(sum.mean(n), &(exact / BigInt::from(n)));
    }
}
