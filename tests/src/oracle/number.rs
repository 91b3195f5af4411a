//! Doubles as whole numbers of the least double, and exact quotients and roots as the nearest doubles.

use std::cmp::Ordering;

use num_bigint::{BigInt, BigUint, Sign};
use num_traits::{ToPrimitive, Zero};
use thalweg_core::Value;

/// Digits of a double's significand.
const DIGITS: u64 = 53;
/// Exponent of the least digit a double can have: every double is a multiple of 2^this.
const LEAST_EXPONENT: i64 = -1074;
/// Exponent of the least digit of the greatest doubles.
const GREATEST_EXPONENT: i64 = 971;

/// How many times 2^-1074 a finite double is.
pub fn quanta_of_double(double: f64) -> BigInt {
    assert!(double.is_finite(), "{double} is no number of anything");
    let bits = double.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    let magnitude = match (bits >> 52) & 0x7ff {
        0 => BigInt::from(fraction),
        biased => BigInt::from(fraction | 1 << 52) << (biased - 1),
    };
    if double.is_sign_negative() { -magnitude } else { magnitude }
}

/// How many times 2^-1074 an integer is.
pub fn quanta_of_integer(integer: i128) -> BigInt {
    BigInt::from(integer) << LEAST_EXPONENT.unsigned_abs()
}

/// The double nearest to `quanta` · 2^-1074 / `divisor`, ties to even. Zero is +0.0, and what is too great is
/// infinite.
pub fn nearest_quotient(quanta: &BigInt, divisor: &BigUint) -> f64 {
    let magnitude = nearest(quanta.magnitude(), divisor, LEAST_EXPONENT, quotient);
    if quanta.sign() == Sign::Minus { -magnitude } else { magnitude }
}

/// The double nearest to `squares` · 2^-2148 / `divisor`, which is not negative.
pub fn nearest_quotient_of_squares(squares: &BigUint, divisor: &BigUint) -> f64 {
    nearest(squares, divisor, 2 * LEAST_EXPONENT, quotient)
}

/// The double nearest to the square root of `squares` · 2^-2148 / `divisor`.
pub fn nearest_root_of_squares(squares: &BigUint, divisor: &BigUint) -> f64 {
    nearest(squares, divisor, 2 * LEAST_EXPONENT, root)
}

/// 2^52 · 2^(`numerator` / `denominator`) as the nearest whole number, by the series of e^x and of ln 2.
pub fn nearest_power(numerator: i128, denominator: i128) -> BigUint {
    let one: BigInt = BigInt::from(1) << 300_u32;
    let ln_2: BigInt = (1..300_u32).map(|n| &one / (BigInt::from(n) << n)).sum();
    let x = ln_2 * numerator / denominator;
    let terms = (1..).scan(one.clone(), |term: &mut BigInt, n: u32| {
        *term = &*term * &x / (&one * n);
        (!term.is_zero()).then(|| term.clone())
    });
    let power = terms.sum::<BigInt>() + &one;
    (((power >> 247u32) + 1u8) >> 1u32).magnitude().clone()
}

/// What of a quotient times a power of two is whole, and how the rest compares with one half.
type Split = fn(&BigUint, &BigUint, i64, i64) -> (BigUint, Ordering);

/// `numerator` / `divisor` · 2^`scale` / 2^`exponent`.
fn quotient(numerator: &BigUint, divisor: &BigUint, scale: i64, exponent: i64) -> (BigUint, Ordering) {
    let (numerator, divisor) = shifted(numerator, divisor, scale - exponent);
    let whole = &numerator / &divisor;
    let rest = numerator - &whole * &divisor;
    (whole, (rest * 2u8).cmp(&divisor))
}

/// The square root of `numerator` / `divisor` · 2^`scale`, / 2^`exponent`.
fn root(numerator: &BigUint, divisor: &BigUint, scale: i64, exponent: i64) -> (BigUint, Ordering) {
    let (numerator, divisor) = shifted(numerator, divisor, scale - 2 * exponent);
    let whole = (&numerator / &divisor).sqrt();
    // The root is past whole + 1/2 just where four times its square is past (2 whole + 1)².
    let twice_middle: BigUint = &whole * 2u8 + 1u8;
    let rest = (numerator * 4u8).cmp(&(&twice_middle * &twice_middle * divisor));
    (whole, rest)
}

fn shifted(numerator: &BigUint, divisor: &BigUint, by: i64) -> (BigUint, BigUint) {
    let bits = by.unsigned_abs();
    if by < 0 { (numerator.clone(), divisor << bits) } else { (numerator << bits, divisor.clone()) }
}

/// Looks for the exponent at which the number has as many digits as a double, and rounds there.
fn nearest(numerator: &BigUint, divisor: &BigUint, scale: i64, split: Split) -> f64 {
    if numerator.is_zero() {
        return 0.0;
    }
    let (mut low, mut high) = (LEAST_EXPONENT, GREATEST_EXPONENT + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let fits = split(numerator, divisor, scale, middle).0.bits() <= DIGITS;
        (low, high) = if fits { (low, middle) } else { (middle + 1, high) };
    }
    let (whole, rest) = split(numerator, divisor, scale, low);
    let up = rest == Ordering::Greater || (rest == Ordering::Equal && whole.bit(0));
    assemble(whole + u8::from(up), low)
}

/// `whole` · 2^`exponent`.
fn assemble(whole: BigUint, exponent: i64) -> f64 {
    if exponent > GREATEST_EXPONENT {
        return f64::INFINITY;
    }
    let whole = whole.to_u64().expect("53 digits, or the next power of two");
    if whole == 1 << DIGITS {
        return assemble((1u64 << (DIGITS - 1)).into(), exponent + 1);
    }
    if whole < 1 << (DIGITS - 1) {
        return f64::from_bits(whole);
    }
    let biased = u64::try_from(exponent - LEAST_EXPONENT + 1).expect("no exponent is less than the least");
    f64::from_bits((biased << 52) | (whole - (1 << 52)))
}

/// An integer's value.
pub fn as_integer(value: &Value) -> Option<i128> {
    match value {
        Value::Int32(n) => Some(i128::from(*n)),
        Value::Int64(n) => Some(i128::from(*n)),
        _ => None,
    }
}

/// A number's value as a double.
pub fn as_double(value: &Value) -> f64 {
    match value {
        Value::Float32(x) => f64::from(*x),
        Value::Float64(x) => *x,
        Value::Int32(n) => f64::from(*n),
        Value::Int64(n) => *n as f64,
        other => panic!("{other:?} is no number"),
    }
}
