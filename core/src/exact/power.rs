//! Powers of two with fractions for exponents, as the nearest doubles.

/// The double nearest to 2^(`numerator`/`denominator`), as a multiple of 2^−52: from 2^52 to 2^53, both of which
/// occur. The numerator must be less than the denominator.
///
/// The power is computed to ever more digits until they settle how it is rounded (Ziv's strategy); as it is
/// irrational, they do. Two limbs nearly always do.
pub(crate) fn nearest_power_of_two(numerator: u64, denominator: u64) -> u64 {
    if numerator == 0 {
        return 1 << 52;
    }
    let rounded = settled::<2>(numerator, denominator, &FACTORIALS_2);
    let rounded = rounded.or_else(|| settled::<3>(numerator, denominator, &FACTORIALS_3));
    rounded.unwrap_or_else(|| Fraction::<4>::power(numerator, denominator, &FACTORIALS_4).rounded())
}

/// The rounded power, where as many limbs as these settle it.
fn settled<const LIMBS: usize>(
    numerator: u64,
    denominator: u64,
    factorials: &[Fraction<LIMBS>; TERMS],
) -> Option<u64> {
    let least = Fraction::power(numerator, denominator, factorials);
    let greatest = least.plus(Fraction::least().times_limb(LARGEST_ERROR));
    let (a, b) = (least.rounded(), greatest.rounded());
    (a == b).then_some(a)
}

/// By how many units of the last bit a computed power is less than the true one, at most. Nothing is ever rounded
/// up. The quotient and its product with the logarithm lack less than 3 units together, which the power, whose
/// slope is less than 2, makes 6 of; every step of the series lacks less than 1 from its product and 2 from its
/// coefficient, and passes on less than 0.7 of what the step before lacked: less than 10 in all; the last product
/// lacks less than 1.
const LARGEST_ERROR: u64 = 32;

/// Terms of the series for as many digits as there are at most: 0.7^60 / 60! < 2^−256.
const TERMS: usize = 60;

const FACTORIALS_2: [Fraction<2>; TERMS] = Fraction::factorials();
const FACTORIALS_3: [Fraction<3>; TERMS] = Fraction::factorials();
const FACTORIALS_4: [Fraction<4>; TERMS] = Fraction::factorials();

/// The natural logarithm of 2: its first 256 bits, least limb first.
const LN_2: [u64; 4] =
    [0x8a0d_175b_8baa_fa2b, 0x40f3_4326_7298_b62d, 0xc9e3_b398_03f2_f6af, 0xb172_17f7_d1cf_79ab];

/// A number from 0 to less than 1, in limbs of 64 bits, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fraction<const LIMBS: usize>([u64; LIMBS]);

impl<const LIMBS: usize> Fraction<LIMBS> {
    /// The least number that is not zero.
    const fn least() -> Self {
        let mut limbs = [0; LIMBS];
        limbs[0] = 1;
        Self(limbs)
    }

    /// 1/2!, 1/3!, …, rounded down.
    const fn factorials() -> [Self; TERMS] {
        let mut factorials = [Self([0; LIMBS]); TERMS];
        // One half, and from there on each by the one before.
        factorials[0].0[LIMBS - 1] = 1 << 63;
        let mut n = 1;
        while n < TERMS {
            factorials[n] = factorials[n - 1].over(n as u64 + 2);
            n += 1;
        }
        factorials
    }

    /// This over `divisor`, rounded down.
    const fn over(mut self, divisor: u64) -> Self {
        let mut remainder = 0;
        let mut limb = LIMBS;
        while limb > 0 {
            limb -= 1;
            let dividend = (remainder as u128) << 64 | self.0[limb] as u128;
            self.0[limb] = (dividend / divisor as u128) as u64;
            remainder = (dividend % divisor as u128) as u64;
        }
        self
    }

    /// `numerator` / `denominator`, rounded down; the first is less than the second.
    fn ratio(numerator: u64, denominator: u64) -> Self {
        let mut ratio = Self([0; LIMBS]);
        let mut remainder = numerator;
        for limb in ratio.0.iter_mut().rev() {
            let dividend = u128::from(remainder) << 64;
            *limb = (dividend / u128::from(denominator)) as u64;
            remainder = (dividend % u128::from(denominator)) as u64;
        }
        ratio
    }

    /// 2^(`numerator`/`denominator`) − 1, less by a few units of the last bit.
    fn power(numerator: u64, denominator: u64, factorials: &[Self; TERMS]) -> Self {
        let mut ln_2 = [0; LIMBS];
        ln_2.copy_from_slice(&LN_2[4 - LIMBS..]);
        let x = Self::ratio(numerator, denominator).times(Self(ln_2));
        // e^x − 1 = x + x·(x/2! + x²/3! + …), the series from its end.
        let needed = factorials.iter().rev().skip_while(|factorial| factorial.0 == [0; LIMBS]);
        let series = needed.fold(Self([0; LIMBS]), |sum, factorial| sum.plus(*factorial).times(x));
        x.plus(x.times(series))
    }

    fn plus(mut self, other: Self) -> Self {
        let mut carry = false;
        for (limb, other) in self.0.iter_mut().zip(other.0) {
            (*limb, carry) = limb.carrying_add(other, carry);
        }
        self
    }

    fn times_limb(mut self, factor: u64) -> Self {
        let mut carry = 0;
        for limb in &mut self.0 {
            (*limb, carry) = limb.carrying_mul(factor, carry);
        }
        self
    }

    /// The product, rounded down.
    fn times(self, other: Self) -> Self {
        let (mut low, mut high) = ([0; LIMBS], [0; LIMBS]);
        for i in 0..LIMBS {
            let mut carry = 0;
            for j in 0..LIMBS {
                let place = if i + j < LIMBS { &mut low[i + j] } else { &mut high[i + j - LIMBS] };
                (*place, carry) = self.0[i].carrying_mul_add(other.0[j], carry, *place);
            }
            high[i] = carry;
        }
        Self(high)
    }

    /// One and this, to the nearest multiple of 2^−52.
    fn rounded(self) -> u64 {
        let last = self.0[LIMBS - 1];
        (1 << 52) + (last >> 12) + (last >> 11 & 1)
    }
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;
    use proptest::prelude::*;

    use super::*;

    /// Whether `mantissa` · 2^−52 is nearest to 2^(n/d): its neighbours' middles to the power of d lie around 2^n.
    fn is_nearest(mantissa: u64, n: u32, d: u32) -> bool {
        let power = |twice: u64| BigUint::from(twice).pow(d);
        let two = BigUint::from(1_u8) << (u64::from(n) + 53 * u64::from(d));
        power(2 * mantissa - 1) < two && two < power(2 * mantissa + 1)
    }

    #[test]
    fn roots_of_two_are_rounded_right() {
        assert_eq!(nearest_power_of_two(0, 7), 1 << 52);
        assert_eq!(
            nearest_power_of_two(1, 2),
            std::f64::consts::SQRT_2.to_bits() & ((1 << 52) - 1) | 1 << 52
        );
        for d in 2..120 {
            for n in 1..d {
                assert!(is_nearest(nearest_power_of_two(n.into(), d.into()), n, d), "2^({n}/{d})");
            }
        }
    }

    #[test]
    fn powers_next_to_one_and_two_are_rounded_right() {
        assert_eq!(nearest_power_of_two(1, u64::MAX), 1 << 52);
        assert_eq!(nearest_power_of_two(u64::MAX - 1, u64::MAX), 1 << 53);
        let day = 86_400_000_000;
        assert_eq!(nearest_power_of_two(day / 2, day), nearest_power_of_two(1, 2));
    }

    proptest! {
        /// With more limbs than settle it, nothing is rounded otherwise.
        #[test]
        fn more_digits_change_nothing(a: u64, b: u64) {
            prop_assume!(a != b && a.min(b) > 0);
            let (n, d) = (a.min(b), a.max(b));
            let exact = Fraction::<4>::power(n, d, &FACTORIALS_4).rounded();
            prop_assert_eq!(nearest_power_of_two(n, d), exact);
            prop_assert!(settled::<2>(n, d, &FACTORIALS_2).is_none_or(|rounded| rounded == exact));
        }

        #[test]
        fn products_are_those_of_big_integers(a: [u64; 3], b: [u64; 3]) {
            let big = |limbs: &[u64]| limbs.iter().rev().fold(BigUint::ZERO, |n, limb| (n << 64_u32) + *limb);
            let product = Fraction(a).times(Fraction(b));
            prop_assert_eq!(big(&product.0), (big(&a) * big(&b)) >> 192_u32);
        }
    }
}
