//! What the tests of exact arithmetic share: an independent judge in rational arithmetic, and values to
//! judge.

use num_bigint::{BigInt, BigUint};
use num_rational::BigRational;
use num_traits::{One, Signed, Zero};
use proptest::prelude::*;
use std::cmp::Ordering;

/// 2^`power`.
pub(super) fn power_of_two(power: i32) -> BigRational {
    let magnitude = BigRational::from(BigInt::one() << power.unsigned_abs());
    if power < 0 { magnitude.recip() } else { magnitude }
}

/// The value of a finite double.
pub(super) fn rational(x: f64) -> BigRational {
    BigRational::from_float(x).expect("a finite double")
}

/// A finite double as a multiple of 2^−1074, which every double is.
fn scaled(x: f64) -> BigInt {
    let scaled = rational(x) * power_of_two(1074);
    assert!(scaled.is_integer(), "{x:e} has no digits below 2^-1074");
    scaled.to_integer()
}

/// The exact sum of finite doubles.
pub(super) fn rational_sum(values: &[f64]) -> BigRational {
    let sum: BigInt = values.iter().map(|x| scaled(*x)).sum();
    BigRational::from(sum) * power_of_two(-1074)
}

/// The exact sum of the squares of finite doubles.
pub(super) fn rational_squares(values: &[f64]) -> BigRational {
    let sum: BigInt = values.iter().map(|x| scaled(*x).pow(2)).sum();
    BigRational::from(sum) * power_of_two(-2148)
}

/// Panics unless `result` is the double nearest to `exact`, ties to even; zero must be +0.0.
pub(super) fn assert_nearest(result: f64, exact: &BigRational) {
    if exact.is_zero() {
        assert_eq!(result.to_bits(), 0, "zero is +0.0, not {result:e}");
        return;
    }
    assert_eq!(result.is_sign_negative(), exact.is_negative(), "the sign of {result:e}");
    assert_bracketed(result.abs(), |x| exact.abs().cmp(x));
}

/// Panics unless `result` is the double nearest to the square root of `exact`.
pub(super) fn assert_nearest_root(result: f64, exact: &BigRational) {
    if exact.is_zero() {
        assert_eq!(result.to_bits(), 0, "the root of zero is +0.0, not {result:e}");
        return;
    }
    assert_bracketed(result, |x| exact.cmp(&(x * x)));
}

/// Panics unless a positive number, compared by `against`, is within half a step of `result`.
fn assert_bracketed(result: f64, against: impl Fn(&BigRational) -> Ordering) {
    assert!(result >= 0.0, "{result:e} is no magnitude");
    // What would be the next double past the largest if there were one.
    let past_the_end = power_of_two(1024);
    let value = |x: f64| if x.is_finite() { rational(x) } else { past_the_end.clone() };
    let even = result.to_bits() & 1 == 0;
    if result > 0.0 {
        let half_way = (value(result.next_down()) + value(result)) / BigInt::from(2);
        let order = against(&half_way);
        assert!(order.is_gt() || order.is_eq() && even, "{result:e} is too large");
    }
    if result.is_finite() {
        let half_way = (value(result.next_up()) + value(result)) / BigInt::from(2);
        let order = against(&half_way);
        assert!(order.is_lt() || order.is_eq() && even, "{result:e} is too small");
    }
}

/// The natural number with these limbs, least first.
pub(super) fn big(limbs: &[u64]) -> BigUint {
    BigUint::from_slice(
        &limbs.iter().flat_map(|limb| [*limb as u32, (limb >> 32) as u32]).collect::<Vec<_>>(),
    )
}

/// Limbs of natural numbers, with many of the kinds that carry.
pub(super) fn limbs() -> impl Strategy<Value = Vec<u64>> {
    let limb = prop_oneof![Just(0), Just(1), Just(u64::MAX), Just(1 << 63), any::<u64>()];
    proptest::collection::vec(limb, 0..14)
}

/// Finite doubles of every kind: any bits, alike, small integers, halves, subnormal, the largest, zeros.
pub(super) fn finite() -> impl Strategy<Value = f64> + Clone {
    let any_bits = any::<u64>().prop_map(|bits| {
        let x = f64::from_bits(bits);
        if x.is_finite() { x } else { f64::from_bits(bits & !(1 << 62)) }
    });
    let signed = |range: std::ops::Range<u64>| {
        (range, any::<bool>()).prop_map(|(bits, negative)| {
            let x = f64::from_bits(bits);
            if negative { -x } else { x }
        })
    };
    prop_oneof![
        2 => any_bits,
        3 => -1000.0..1000.0,
        3 => (-1000_i32..1000).prop_map(f64::from),
        1 => (-1000_i32..1000).prop_map(|n| f64::from(n) / 2.0),
        1 => (any::<i64>()).prop_map(|n| n as f64),
        2 => signed(1..1 << 52),
        1 => signed(f64::MAX.to_bits() - (1 << 53)..f64::MAX.to_bits() + 1),
        1 => (-1074_i32..1024).prop_map(|power| 2_f64.powi(power / 2) * 2_f64.powi(power - power / 2)),
        1 => prop_oneof![Just(0.0), Just(-0.0), Just(f64::MAX), Just(f64::MIN), Just(5e-324)],
    ]
}

/// Sets of finite doubles: unlike each other, within one range as real columns are, or cancelling.
pub(super) fn finite_sets() -> impl Strategy<Value = Vec<f64>> {
    let mixed = || proptest::collection::vec(finite(), 0..12);
    let alike = (finite(), proptest::collection::vec(0_u64..1 << 54, 1..12)).prop_map(|(x, steps)| {
        let near = |step| f64::from_bits(x.to_bits().wrapping_add(step));
        steps.into_iter().map(|step| if near(step).is_finite() { near(step) } else { x }).collect()
    });
    let integers = proptest::collection::vec(-50_i32..50, 1..40);
    let cancelling = (mixed(), proptest::collection::vec(finite(), 0..3)).prop_map(|(values, rest)| {
        let turned = values.iter().rev().map(|x| -x);
        values.iter().copied().chain(rest).chain(turned).collect()
    });
    let constant = (finite(), 1_usize..12).prop_map(|(x, n)| vec![x; n]);
    prop_oneof![
        3 => mixed(),
        3 => alike,
        2 => integers.prop_map(|set| set.into_iter().map(f64::from).collect::<Vec<_>>()),
        2 => cancelling,
        1 => constant,
    ]
}

/// Doubles of every kind, NaN and infinities too.
pub(super) fn any_double() -> impl Strategy<Value = f64> + Clone {
    prop_oneof![
        6 => finite(),
        1 => prop_oneof![Just(f64::NAN), Just(-f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY)],
    ]
}
