//! Mean, variance and standard deviation, each the correctly rounded value of an exact one.

use super::digits::Digits;
use super::leading::Leading;
use super::natural::{Magnitude, Natural};
use super::rounding::{self, CANONICAL_NAN, SPARE_BITS};
use super::{ExactSquares, ExactSum};

/// The variance of `n` values with this sum and this sum of squares: (n·Σx² − (Σx)²) / (n·(n − `ddof`)),
/// correctly rounded.
///
/// `ddof` is 0 for the variance of a population and 1 for that of a sample. `None` if `n` is not more than
/// `ddof`, whatever the values; NaN if one of them is NaN or infinite, or if no `n` values have these sums.
pub fn variance(n: u64, sum: &ExactSum, squares: &ExactSquares, ddof: u64) -> Option<f64> {
    let degrees = n.checked_sub(ddof).filter(|degrees| *degrees > 0)?;
    Some(Variance::of(n, degrees, sum, squares).map_or(CANONICAL_NAN, |variance| variance.rounded()))
}

/// The standard deviation of `n` values: the correctly rounded root of the exact [`variance`], not of the
/// rounded one.
///
/// `None` and NaN are as for the variance.
pub fn stddev(n: u64, sum: &ExactSum, squares: &ExactSquares, ddof: u64) -> Option<f64> {
    let degrees = n.checked_sub(ddof).filter(|degrees| *degrees > 0)?;
    let variance = Variance::of(n, degrees, sum, squares);
    Some(variance.map_or(CANONICAL_NAN, |v| v.fast_root().unwrap_or_else(|| v.root())))
}

/// The double nearest to `digits`.
pub(super) fn rounded(digits: &Digits) -> f64 {
    Magnitude::of(digits).map_or(0.0, |sum| nearest(sum.is_negative(), sum.leading(), sum.index))
}

/// The double nearest to `digits`/`n`; `n` is not zero.
pub(super) fn mean(digits: &Digits, n: u64) -> f64 {
    quotient(digits, n, 0)
}

/// The double nearest to `digits`·2^`power`/`divisor`; the divisor is not zero.
pub(super) fn quotient(digits: &Digits, divisor: u64, power: i64) -> f64 {
    let rounded = |sum: Magnitude<'_>| {
        // 128 bits divided by at most 64 leave more than the 54 that rounding needs.
        let mut quotient = sum.leading::<2>().divided(divisor).shortened()?;
        quotient.exponent += power;
        Some(nearest(sum.is_negative(), quotient, sum.index))
    };
    Magnitude::of(digits).and_then(rounded).unwrap_or(0.0)
}

/// The double nearest to ±`leading`·2^(64·`index`).
fn nearest(negative: bool, leading: Leading<1>, index: i32) -> f64 {
    let Leading { limbs: [top], exponent, sticky } = leading;
    rounding::nearest(negative, top, exponent + 64 * i64::from(index), sticky)
}

/// An exact variance: `numerator`·2^(64·`index`) / (`n`·`degrees`).
struct Variance {
    numerator: Natural,
    index: i32,
    n: u64,
    degrees: u64,
}

impl Variance {
    /// `None` if it is no number.
    fn of(n: u64, degrees: u64, sum: &ExactSum, squares: &ExactSquares) -> Option<Self> {
        if !sum.is_finite() || !squares.is_finite() {
            return None;
        }
        let sum = Magnitude::of(sum.digits());
        let Some(squares) = Magnitude::of(squares.digits()) else {
            // No square at all: all values are zero.
            return sum.is_none().then(|| Self { numerator: Natural::zero(0), index: 0, n, degrees });
        };
        let index = sum.map_or(squares.index, |sum| squares.index.min(2 * sum.index));
        let squares_at = (squares.index - index) as usize;
        let square_at = sum.map_or(0, |sum| (2 * sum.index - index) as usize);
        let square_end = sum.map_or(0, |sum| square_at + 2 * sum.len());
        let mut numerator = Natural::zero(square_end.max(squares_at + squares.len() + 1));
        numerator.put_product(squares_at, &squares, n);
        let enough = sum.is_none_or(|sum| numerator.subtract_square(square_at, &sum));
        (enough && !squares.is_negative()).then_some(Self { numerator, index, n, degrees })
    }

    /// The double nearest to the variance.
    fn rounded(&self) -> f64 {
        let quotient = match self.n.checked_mul(self.degrees) {
            // 128 bits divided by at most 64 leave more than the 54 that rounding needs.
            Some(divisor) => self.numerator.leading::<2>().and_then(|n| n.divided(divisor).shortened()),
            None => self.quotient().and_then(|quotient| quotient.shortened()),
        };
        quotient.map_or(0.0, |quotient| nearest(false, quotient, self.index))
    }

    /// At least the first 128 bits of the variance, as a multiple of 2^(64·`index`); `None` for zero.
    fn quotient(&self) -> Option<Leading<4>> {
        // 256 bits divided twice by at most 64.
        self.numerator.leading::<4>().map(|leading| leading.divided(self.n).divided(self.degrees))
    }

    /// The double nearest to the root of the variance.
    fn root(&self) -> f64 {
        let radicand = self.quotient().and_then(|quotient| quotient.shortened());
        radicand.map_or(0.0, |radicand| Root::of(radicand, self.index).rounded())
    }

    /// The same from fewer bits, where these are enough to decide it (Ziv's strategy).
    fn fast_root(&self) -> Option<f64> {
        let divisor = self.n.checked_mul(self.degrees)?;
        let Some(leading) = self.numerator.leading::<2>() else { return Some(0.0) };
        let radicand = leading.divided(divisor).shortened()?;
        let root = Root::of(radicand, self.index);
        // The quotient has at least 64 bits, so with 128 the radicand y would be less than y + 2^64, and the
        // root less than √y + 2^64/(2·√y) ≤ √y + 1, since y ≥ 2^126. Rounded down to 64 bits √y is
        // `root.top`, so the true root is in [top, top + 2), strictly above `top` if the radicand is sticky.
        // Only one pattern of the bits that rounding drops has numbers on both sides of one half in that
        // interval.
        let half = 1 << (SPARE_BITS - 1);
        let dropped = root.top & (2 * half - 1);
        let decided = !radicand.sticky || rounding::is_normal(root.exponent) && dropped != half - 1;
        decided.then(|| root.rounded())
    }
}

/// A square root: `top`·2^`exponent`, bit 63 of `top` being set, and something more if `sticky`.
struct Root {
    top: u64,
    exponent: i64,
    sticky: bool,
}

impl Root {
    /// The root of `radicand`, a multiple of 2^(64·`index`).
    fn of(radicand: Leading<2>, index: i32) -> Self {
        let [low, high] = radicand.limbs;
        let bits = u128::from(high) << 64 | u128::from(low);
        let exponent = radicand.exponent + 64 * i64::from(index);
        let odd = exponent.rem_euclid(2);
        let even = bits >> odd;
        let top = even.isqrt();
        Self {
            top: top as u64,
            exponent: (exponent + odd) / 2,
            sticky: radicand.sticky || even << odd != bits || top * top != even,
        }
    }

    fn rounded(&self) -> f64 {
        rounding::nearest(false, self.top, self.exponent, self.sticky)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{
        assert_nearest, assert_nearest_root, finite_sets, rational_squares, rational_sum,
    };
    use super::*;
    use num_bigint::BigInt;
    use num_rational::BigRational;
    use proptest::prelude::*;

    fn sums_of(values: &[f64]) -> (ExactSum, ExactSquares) {
        let (mut sum, mut squares) = (ExactSum::new(), ExactSquares::new());
        values.iter().for_each(|x| {
            sum.add(*x);
            squares.add(*x);
        });
        (sum, squares)
    }

    fn exact_variance(n: u64, sum: &BigRational, squares: &BigRational, ddof: u64) -> BigRational {
        let big_n = BigRational::from(BigInt::from(n));
        let degrees = BigRational::from(BigInt::from(n - ddof));
        (squares * &big_n - sum * sum) / (big_n * degrees)
    }

    /// Both roads to the root, which must agree where the fast one arrives.
    fn both_roots(n: u64, ddof: u64, sum: &ExactSum, squares: &ExactSquares) -> f64 {
        let variance = Variance::of(n, n - ddof, sum, squares).expect("finite values");
        let exact = variance.root();
        assert_eq!(variance.fast_root().unwrap_or(exact).to_bits(), exact.to_bits());
        exact
    }

    fn assert_correctly_rounded(
        n: u64,
        (sum, squares): &(ExactSum, ExactSquares),
        (exact_sum, exact_squares): (&BigRational, &BigRational),
    ) {
        for ddof in [0, 1].into_iter().filter(|ddof| n > *ddof) {
            let exact = exact_variance(n, exact_sum, exact_squares, ddof);
            assert_nearest(variance(n, sum, squares, ddof).expect("more values than ddof"), &exact);
            let root = stddev(n, sum, squares, ddof).expect("more values than ddof");
            assert_nearest_root(root, &exact);
            assert_eq!(root.to_bits(), both_roots(n, ddof, sum, squares).to_bits());
        }
    }

    #[test]
    fn small_cases_are_what_one_expects() {
        let (sum, squares) = sums_of(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]);
        assert_eq!(variance(8, &sum, &squares, 0), Some(4.0));
        assert_eq!(stddev(8, &sum, &squares, 0), Some(2.0));
        assert_eq!(variance(8, &sum, &squares, 1), Some(32.0 / 7.0));
        let (sum, squares) = sums_of(&[0.1; 7]);
        assert_eq!(variance(7, &sum, &squares, 1).map(f64::to_bits), Some(0));
        assert_eq!(stddev(7, &sum, &squares, 1).map(f64::to_bits), Some(0));
    }

    #[test]
    fn too_few_values_have_no_variance_whatever_they_are() {
        for values in [&[][..], &[1.0], &[f64::NAN]] {
            let (sum, squares) = sums_of(values);
            let n = values.len() as u64;
            assert_eq!(variance(n, &sum, &squares, 1), None);
            assert_eq!(stddev(n, &sum, &squares, 1), None);
        }
        assert_eq!(variance(0, &ExactSum::new(), &ExactSquares::new(), 0), None);
        let (sum, squares) = sums_of(&[3.0]);
        assert_eq!(variance(1, &sum, &squares, 0), Some(0.0));
    }

    #[test]
    fn what_is_not_finite_has_the_canonical_nan_as_variance() {
        for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let (sum, squares) = sums_of(&[1.0, odd]);
            let bits = Some(0x7ff8_0000_0000_0000);
            assert_eq!(variance(2, &sum, &squares, 1).map(f64::to_bits), bits);
            assert_eq!(stddev(2, &sum, &squares, 0).map(f64::to_bits), bits);
        }
    }

    #[test]
    fn sums_that_no_values_have_give_nan() {
        let (sum, _) = sums_of(&[10.0, 10.0]);
        let (_, squares) = sums_of(&[1.0]);
        assert!(variance(2, &sum, &squares, 0).is_some_and(f64::is_nan));
        let mut negative = ExactSquares::new();
        negative.subtract(1.0);
        assert!(stddev(2, &ExactSum::new(), &negative, 0).is_some_and(f64::is_nan));
    }

    #[test]
    fn only_results_overflow_and_underflow() {
        let (sum, squares) = sums_of(&[f64::MAX, f64::MIN]);
        assert_eq!(variance(2, &sum, &squares, 0), Some(f64::INFINITY));
        assert_eq!(stddev(2, &sum, &squares, 0), Some(f64::MAX));
        assert_eq!(stddev(2, &sum, &squares, 1), Some(f64::INFINITY));
        let (sum, squares) = sums_of(&[5e-324, -5e-324]);
        assert_eq!(variance(2, &sum, &squares, 0), Some(0.0));
        assert_eq!(stddev(2, &sum, &squares, 0), Some(5e-324));
    }

    #[test]
    fn huge_counts_are_divided_by_exactly() {
        let values = [1e-3, 2.5, -7.25e8, 3.0];
        let (exact_sum, exact_squares) = (rational_sum(&values), rational_squares(&values));
        for n in [u64::MAX, 1 << 63, (1 << 32) + 1, 1 << 32, u64::from(u32::MAX), 1 << 53] {
            assert_correctly_rounded(n, &sums_of(&values), (&exact_sum, &exact_squares));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(600))]

        #[test]
        fn variance_and_deviation_are_correctly_rounded(values in finite_sets(), more in 0_u64..3) {
            // More values than those given means that the rest are zeros.
            let n = values.len() as u64 + more;
            let exact = (&rational_sum(&values), &rational_squares(&values));
            assert_correctly_rounded(n, &sums_of(&values), exact);
        }

        #[test]
        fn integers_and_doubles_have_one_variance(integers in proptest::collection::vec(-1_i64 << 53..1 << 53, 2..9)) {
            let (mut sum, mut squares) = (ExactSum::new(), ExactSquares::new());
            for n in &integers {
                sum.add_integer(*n);
                squares.add_integer(*n);
            }
            let doubles: Vec<f64> = integers.iter().map(|n| *n as f64).collect();
            prop_assert_eq!(&(sum.clone(), squares.clone()), &sums_of(&doubles));
            let exact = (&rational_sum(&doubles), &rational_squares(&doubles));
            assert_correctly_rounded(integers.len() as u64, &(sum, squares), exact);
        }
    }

    #[test]
    fn the_fast_root_is_the_exact_one() {
        // Weyl's sequence of the golden ratio: mantissas spread evenly, exponents near zero.
        let mut bits = 0_u64;
        let mut next = || {
            bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
            f64::from_bits(bits & 0xbfff_ffff_ffff_ffff | 0x3fc0_0000_0000_0000)
        };
        let mut undecided = 0;
        for _ in 0..20_000 {
            let (sum, squares) = sums_of(&[next(), next(), next()]);
            // The largest count whose divisor has 64 bits leaves the quotient the fewest.
            for n in [3, 1_000_003, 1 << 32] {
                both_roots(n, 1, &sum, &squares);
                let variance = Variance::of(n, n - 1, &sum, &squares).expect("finite values");
                undecided += u32::from(variance.fast_root().is_none());
            }
        }
        assert!((1..200).contains(&undecided), "the fast road left {undecided} of 60,000 to the exact one");
    }
}
