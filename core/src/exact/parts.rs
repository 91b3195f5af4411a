//! What the bits of a finite double say.

/// Bits of the mantissa that a double stores.
const FRACTION_BITS: u32 = f64::MANTISSA_DIGITS - 1;
/// Largest exponent field of a finite double.
const LARGEST_FIELD: u32 = 0x7fe;
/// Power of two that the last bit of a double with exponent field one counts, less that one.
const POWER_OF_FIELD_ZERO: i32 = f64::MIN_EXP - f64::MANTISSA_DIGITS as i32 - 1;

/// The mantissa and power of a normal double ±mantissa·2^power; `None` of any other.
#[inline]
pub(super) fn of_normal(bits: u64) -> Option<(u64, i32)> {
    let field = (bits >> FRACTION_BITS) as u32 & (LARGEST_FIELD + 1);
    // Field zero wraps to the top.
    if field.wrapping_sub(1) >= LARGEST_FIELD {
        return None;
    }
    let mantissa = bits & ((1 << FRACTION_BITS) - 1) | 1 << FRACTION_BITS;
    Some((mantissa, field as i32 + POWER_OF_FIELD_ZERO))
}

/// The mantissa and power of a subnormal double or zero.
pub(super) fn of_subnormal(bits: u64) -> (u64, i32) {
    (bits & ((1 << FRACTION_BITS) - 1), 1 + POWER_OF_FIELD_ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_make_the_double_again() {
        for x in [1.0, -0.1, 3e300, f64::MAX, f64::MIN_POSITIVE, -f64::EPSILON] {
            let (mantissa, power) = of_normal(x.to_bits()).expect("a normal double");
            assert_eq!(mantissa >> FRACTION_BITS, 1);
            let half = 2_f64.powi(power / 2);
            assert_eq!(mantissa as f64 * half * 2_f64.powi(power - power / 2), x.abs());
        }
        for x in
            [0.0, -0.0, 5e-324, f64::MIN_POSITIVE.next_down(), f64::INFINITY, f64::NEG_INFINITY, f64::NAN]
        {
            assert_eq!(of_normal(x.to_bits()), None);
        }
        assert_eq!(of_subnormal((-5e-324_f64).to_bits()), (1, -1074));
        assert_eq!(of_subnormal(0), (0, -1074));
    }
}
