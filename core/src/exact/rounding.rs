//! The one place where a result becomes a double.

/// The bits every NaN result has.
pub(super) const CANONICAL_NAN: f64 = f64::from_bits(0x7ff8_0000_0000_0000);

/// Bits below the 53 of a normal double's mantissa when its first bit is bit 63.
pub(super) const SPARE_BITS: u32 = 64 - f64::MANTISSA_DIGITS;

/// Least power of two of the first bit of a normal double.
const LEAST_NORMAL: i64 = f64::MIN_EXP as i64 - 1;

/// Whether `top`·2^`exponent`, bit 63 of `top` being set, has all 53 bits of a normal double.
pub(super) fn is_normal(exponent: i64) -> bool {
    exponent + 63 >= LEAST_NORMAL
}

/// The double nearest to ±(`top` + ε)·2^`exponent`, ties to even, where 0 < ε < 1 if `sticky` and else ε = 0.
///
/// Bit 63 of `top` must be set. Past the largest double this is an infinity; below the least normal one
/// the fewer bits of a subnormal are kept, so there is still only one rounding.
pub(super) fn nearest(negative: bool, top: u64, exponent: i64, sticky: bool) -> f64 {
    debug_assert!(top >> 63 == 1, "the first bit is at the top");
    let first = exponent.saturating_add(63);
    let magnitude = if first >= i64::from(f64::MAX_EXP) {
        f64::INFINITY.to_bits()
    } else {
        let lost_to_subnormal = LEAST_NORMAL.saturating_sub(first).max(0);
        // Past 65 nothing is left but something far below half of the least subnormal.
        let dropped = (i64::from(SPARE_BITS) + lost_to_subnormal).min(65) as u32;
        let wide = u128::from(top) << 64 >> dropped;
        let (kept, rest) = ((wide >> 64) as u64, wide as u64);
        // Of what was shifted out of `rest` only bit 0 of `top` can be lost, at 65 where it decides nothing.
        let half = 1 << 63;
        let up = rest > half || rest == half && (sticky || kept & 1 == 1);
        // The mantissa's first bit adds the one that is taken from the exponent field here, and a carry
        // out of the mantissa makes the next exponent, up to infinity.
        let exponent_field = if lost_to_subnormal > 0 { 0 } else { (first - LEAST_NORMAL) as u64 };
        (exponent_field << (f64::MANTISSA_DIGITS - 1)) + kept + u64::from(up)
    };
    f64::from_bits(magnitude | u64::from(negative) << 63)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_nearest, power_of_two};
    use super::*;
    use num_bigint::BigInt;
    use num_rational::BigRational;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_nearest_double_is_found_at_every_exponent(
            high in any::<u64>(),
            low in prop_oneof![Just(0_u64), Just(0x400), Just(0x3ff), Just(0xc00), 0_u64..0x1000],
            exponent in prop_oneof![-1140_i64..-1070, -1200_i64..1000, 950_i64..970],
            negative: bool,
            sticky: bool,
        ) {
            let top = high & !0xfff | low | 1 << 63;
            // Something less than one, so small that it matters only where nothing else does.
            let more = if sticky { power_of_two(-200) } else { BigRational::from(BigInt::ZERO) };
            let exact = (BigRational::from(BigInt::from(top)) + more) * power_of_two(exponent as i32);
            let exact = if negative { -exact } else { exact };
            assert_nearest(nearest(negative, top, exponent, sticky), &exact);
        }
    }

    #[test]
    fn far_outside_there_is_no_surprise() {
        for sticky in [false, true] {
            assert_eq!(nearest(false, u64::MAX, i64::MAX, sticky), f64::INFINITY);
            assert_eq!(nearest(true, u64::MAX, 5000, sticky), f64::NEG_INFINITY);
            assert_eq!(nearest(false, u64::MAX, i64::MIN, sticky).to_bits(), 0);
        }
        assert!(is_normal(-1085) && !is_normal(-1086));
        assert_eq!(nearest(false, 1 << 63, -1085, false), f64::MIN_POSITIVE);
    }
}
