//! The exact sum of the squares of doubles and integers.

use super::digits::Digits;
use super::encoding::{self, DecodeError, Span};
use super::non_finite::{Kind, NonFinite};
use super::parts;
use super::statistics;

/// Where the digits of a sum of fewer than 2^64 squares of doubles can lie, in bytes from 2^0.
const SPAN: Span = Span { lowest_byte: -269, end_byte: 265 };

/// The exact sum of the squares of any number of doubles and integers.
///
/// A square is the square of the integer mantissa at twice the exponent, so nothing is rounded, and nothing
/// overflows or underflows before the result does. NaN and infinities are counted as in
/// [`ExactSum`](super::ExactSum); the square of either infinity is +∞.
///
/// Two of these are equal when they hold the same value, however they came to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExactSquares {
    digits: Digits,
    non_finite: NonFinite,
}

impl ExactSquares {
    /// The sum of nothing.
    pub fn new() -> Self {
        Self { digits: Digits::new(), non_finite: NonFinite::new() }
    }

    /// Adds the square of a double.
    #[inline]
    pub fn add(&mut self, value: f64) {
        self.accumulate(value.to_bits(), 1);
    }

    /// Takes away the square of a double that was or will be added.
    #[inline]
    pub fn subtract(&mut self, value: f64) {
        self.accumulate(value.to_bits(), -1);
    }

    /// Adds the square of an integer, exactly.
    #[inline]
    pub fn add_integer(&mut self, value: i64) {
        self.place_integer(value, 0);
    }

    /// Takes away the square of an integer that was or will be added.
    #[inline]
    pub fn subtract_integer(&mut self, value: i64) {
        self.place_integer(value, u64::MAX);
    }

    /// Adds everything that `other` holds.
    pub fn merge(&mut self, other: &Self) {
        self.digits.merge(&other.digits);
        self.non_finite.merge(&other.non_finite);
    }

    /// The double nearest to the exact sum of the squares, ties to even; +∞ where that is past the largest
    /// double or an infinity is among the values, the canonical NaN if a NaN is.
    pub fn round(&self) -> f64 {
        self.non_finite.value().unwrap_or_else(|| statistics::rounded(&self.digits))
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

    #[inline]
    fn accumulate(&mut self, bits: u64, count: i64) {
        match parts::of_normal(bits) {
            Some((mantissa, power)) => self.place(mantissa, power, (count >> 63) as u64),
            None => self.accumulate_unusual(bits, count),
        }
    }

    /// Adds (`mantissa`·2^`power`)², or takes it away where `above` is all ones rather than zero.
    #[inline]
    fn place(&mut self, mantissa: u64, power: i32, above: u64) {
        let square = u128::from(mantissa) * u128::from(mantissa);
        let shift = ((2 * power) & 63) as u32;
        let low = (square as u64) << shift;
        // Two shifts, since one by 64 − 0 would be too far.
        let high = (square >> 1) >> (63 - shift);
        let parts = [low ^ above, high as u64 ^ above, (high >> 64) as u64 ^ above];
        self.digits.add((2 * power) >> 6, parts, above, above != 0);
    }

    #[inline]
    fn place_integer(&mut self, value: i64, above: u64) {
        let magnitude = u128::from(value.unsigned_abs());
        let square = magnitude * magnitude;
        let parts = [square as u64 ^ above, (square >> 64) as u64 ^ above];
        self.digits.add(0, parts, above, above != 0);
    }

    /// Zeros, subnormal numbers, infinities and NaN.
    #[cold]
    fn accumulate_unusual(&mut self, bits: u64, count: i64) {
        let value = f64::from_bits(bits).abs();
        if let Some(kind) = Kind::of(value) {
            self.non_finite.count(kind, count);
        } else if value != 0.0 {
            let (mantissa, power) = parts::of_subnormal(bits);
            self.place(mantissa, power, (count >> 63) as u64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{any_double, assert_nearest, finite_sets, rational_squares};
    use super::*;
    use num_bigint::BigInt;
    use num_rational::BigRational;
    use proptest::prelude::*;

    fn squares_of(values: &[f64]) -> ExactSquares {
        let mut squares = ExactSquares::new();
        values.iter().for_each(|x| squares.add(*x));
        squares
    }

    #[test]
    fn a_narrow_sum_is_small() {
        assert!(size_of::<ExactSquares>() <= 64);
        assert_eq!(squares_of(&[0.1, 1e5, -12.5, 0.0]).heap_bytes(), 0);
    }

    #[test]
    fn squares_that_no_double_holds_are_held() {
        let mut squares = squares_of(&[f64::MAX, 5e-324, 3.0]);
        assert_eq!(squares.round(), f64::INFINITY);
        squares.subtract(f64::MAX);
        assert_eq!(squares.round(), 9.0);
        squares.subtract(-3.0);
        assert_eq!(squares.round(), 0.0);
        assert_ne!(squares, ExactSquares::new());
        squares.subtract(5e-324);
        assert_eq!(squares, ExactSquares::new());
    }

    #[test]
    fn infinities_of_both_signs_have_one_square() {
        assert_eq!(squares_of(&[f64::INFINITY, f64::NEG_INFINITY]).round(), f64::INFINITY);
        assert_eq!(squares_of(&[f64::INFINITY, -f64::NAN]).round().to_bits(), 0x7ff8_0000_0000_0000);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn sums_of_squares_are_correctly_rounded(values in finite_sets()) {
            assert_nearest(squares_of(&values).round(), &rational_squares(&values));
        }

        #[test]
        fn order_and_grouping_are_nothing(
            values in proptest::collection::vec(any_double(), 0..16),
            cut in any::<proptest::sample::Index>(),
        ) {
            let mut reversed = values.clone();
            reversed.reverse();
            prop_assert_eq!(&squares_of(&reversed), &squares_of(&values));
            let (one, other) = values.split_at(cut.index(values.len() + 1));
            let mut merged = squares_of(other);
            merged.merge(&squares_of(one));
            prop_assert_eq!(&merged, &squares_of(&values));
        }

        #[test]
        fn what_is_subtracted_leaves_nothing(
            kept in proptest::collection::vec(any_double(), 0..6),
            passing in proptest::collection::vec((any_double(), any::<bool>()), 0..10),
        ) {
            let mut squares = ExactSquares::new();
            for (x, subtract_first) in &passing {
                if *subtract_first { squares.subtract(*x) } else { squares.add(*x) }
            }
            kept.iter().for_each(|x| squares.add(*x));
            for (x, subtracted) in &passing {
                if *subtracted { squares.add(-*x) } else { squares.subtract(-*x) }
            }
            prop_assert_eq!(&squares, &squares_of(&kept));
        }

        #[test]
        fn integers_are_squared_exactly(integers in proptest::collection::vec(any::<i64>(), 0..9)) {
            let mut squares = ExactSquares::new();
            [i64::MIN, i64::MAX].iter().chain(&integers).for_each(|n| squares.add_integer(*n));
            [i64::MIN, i64::MAX].iter().for_each(|n| squares.subtract_integer(*n));
            let exact: BigInt = integers.iter().map(|n| BigInt::from(*n) * BigInt::from(*n)).sum();
            assert_nearest(squares.round(), &BigRational::from(exact));
            integers.iter().for_each(|n| squares.subtract_integer(*n));
            prop_assert_eq!(squares, ExactSquares::new());
        }
    }
}
