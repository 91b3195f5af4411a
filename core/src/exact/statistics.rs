//! Mean, variance and standard deviation, each the correctly rounded value of an exact one.

use super::digits::Digits;
use super::natural::{Leading, Natural};
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
    let (magnitude, negative, index) = Natural::magnitude(digits);
    round_leading(negative, magnitude.leading(), index)
}

/// The double nearest to `digits`/`n`; `n` is not zero.
pub(super) fn mean(digits: &Digits, n: u64) -> f64 {
    let (magnitude, negative, index) = Natural::magnitude(digits);
    // 128 bits divided by at most 64 leave more than the 54 that rounding needs.
    let quotient = magnitude.leading::<2>().and_then(|sum| sum.divided(n).shortened());
    round_leading(negative, quotient, index)
}

/// The double nearest to a number given by its first bits, a multiple of 2^(64·`index`); zero for `None`.
fn round_leading(negative: bool, leading: Option<Leading<1>>, index: i32) -> f64 {
    leading.map_or(0.0, |Leading { limbs: [top], exponent, sticky }| {
        rounding::nearest(negative, top, exponent + 64 * i64::from(index), sticky)
    })
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
        let (sum, _, sum_index) = Natural::magnitude(sum.digits());
        let (squares, negative, squares_index) = Natural::magnitude(squares.digits());
        let index = squares_index.min(2 * sum_index);
        let squares = squares.times(n).shifted_up((squares_index - index) as usize);
        let square = sum.squared().shifted_up((2 * sum_index - index) as usize);
        if negative {
            return None;
        }
        Some(Self { numerator: squares.minus(&square)?, index, n, degrees })
    }

    /// The double nearest to the variance.
    fn rounded(&self) -> f64 {
        let quotient = match self.n.checked_mul(self.degrees) {
            // 128 bits divided by at most 64 leave more than the 54 that rounding needs.
            Some(divisor) => self.numerator.leading::<2>().and_then(|n| n.divided(divisor).shortened()),
            None => self.quotient().and_then(|quotient| quotient.shortened()),
        };
        round_leading(false, quotient, self.index)
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
        // `root.top`, so the true root is in [top, top + 2), strictly above `top` if the radicand is sticky. Only
        // one pattern of the bits that rounding drops has numbers on both sides of one half in that interval.
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
