//! Stretches of numbers that are all within 1 % of their middle.

/// How many bits of a number's mantissa tell its bucket: 64 buckets for each power of two, each 1/64 of it wide.
const BITS: u32 = 6;
/// Buckets of one power of two.
const PARTS: i64 = 1 << BITS;
/// The power of two of the least positive double.
const LEAST_POWER: i64 = -1074;
/// The power of two of the greatest doubles.
const GREATEST_POWER: i64 = 1023;
/// The number of the bucket of infinity; that of NaN follows.
const INFINITE: i64 = (GREATEST_POWER - LEAST_POWER + 1) * PARTS + 1;

/// A bucket. Buckets are ordered as their numbers are: negative ones, zero, positive ones, infinity, NaN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Bucket(i32);

impl Bucket {
    /// The bucket of `number`.
    pub(super) fn of(number: f64) -> Self {
        let magnitude = match number.abs() {
            nan if nan.is_nan() => return Self((INFINITE + 1) as i32),
            0.0 => 0,
            f64::INFINITY => INFINITE,
            finite => finite_number(finite.to_bits()),
        };
        Self(if number < 0.0 { -magnitude as i32 } else { magnitude as i32 })
    }

    /// The bucket of this number, if there is one.
    pub(super) fn numbered(number: i64) -> Option<Self> {
        (-INFINITE..=INFINITE + 1).contains(&number).then_some(Self(number as i32))
    }

    /// The bucket's number: 0 is zero, and buckets count from there both ways.
    pub(super) const fn number(self) -> i64 {
        self.0 as i64
    }

    /// The middle of the bucket; where it is one `of_integers`, the integer there that is nearest to zero from the
    /// middle: of a bucket that is no wider than one, its only integer.
    pub(super) fn value(self, of_integers: bool) -> f64 {
        let magnitude = match self.number().abs() {
            0 => 0.0,
            INFINITE => f64::INFINITY,
            number if number > INFINITE => f64::NAN,
            number => middle(number),
        };
        let magnitude = if of_integers { magnitude.floor() } else { magnitude };
        if self.0 < 0 { -magnitude } else { magnitude }
    }
}

/// The number of the bucket of a positive finite double of these bits.
fn finite_number(bits: u64) -> i64 {
    let (power, mantissa) = match bits >> 52 {
        // A subnormal is brought to the form of all others: its first bit in front.
        0 => {
            let shift = bits.leading_zeros() - 11;
            (LEAST_POWER + 52 - i64::from(shift), bits << shift)
        }
        field => (field as i64 - 1023, bits),
    };
    let part = (mantissa >> (52 - BITS)) as i64 & (PARTS - 1);
    (power - LEAST_POWER) * PARTS + part + 1
}

/// The middle of the bucket of positive numbers with this number.
fn middle(number: i64) -> f64 {
    let power = (number - 1) / PARTS + LEAST_POWER;
    let part = (number - 1) % PARTS;
    // The bucket is (PARTS + part) / PARTS · 2^power and 2^power / PARTS wide.
    let doubled = (2 * (PARTS + part) + 1) as f64;
    times_power_of_two(doubled, power - i64::from(BITS) - 1)
}

/// `number` · 2^`power`, rounded once; the power is not above that of doubles.
fn times_power_of_two(number: f64, power: i64) -> f64 {
    let factor = |power: i64| f64::from_bits(((power + 1023) as u64) << 52);
    // Powers below those of normal doubles take two steps, of which the first is exact.
    let first = power.max(-900);
    number * factor(first) * factor((power - first).max(-1022))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_special_has_a_bucket_of_its_own() {
        for x in [0.0, f64::INFINITY, f64::NEG_INFINITY, 5e-324, -5e-324] {
            assert_eq!(Bucket::of(x).value(false), x);
        }
        assert_eq!(Bucket::of(-0.0), Bucket::of(0.0));
        assert!(Bucket::of(-f64::NAN).value(true).is_nan());
        assert!(Bucket::of(f64::MAX) < Bucket::of(f64::INFINITY));
        assert!(Bucket::of(f64::INFINITY) < Bucket::of(f64::NAN));
        assert!(Bucket::of(f64::MIN) > Bucket::of(f64::NEG_INFINITY));
    }

    #[test]
    fn small_integers_are_given_as_they_are() {
        for n in -127..=127 {
            assert_eq!(Bucket::of(f64::from(n)).value(true), f64::from(n));
        }
    }

    proptest! {
        /// The bound that is promised.
        #[test]
        fn a_bucket_is_within_one_percent_of_all_its_numbers(bits: u64, other: u64, n: i64) {
            let (x, y) = (f64::from_bits(bits), f64::from_bits(other));
            prop_assume!(x.is_finite() && y.is_finite());
            let bucket = Bucket::of(x);
            prop_assert!((bucket.value(false) - x).abs() <= 0.01 * x.abs(), "{x} → {}", bucket.value(false));
            prop_assert_eq!(Bucket::of(bucket.value(false)), bucket);
            prop_assert_eq!(Bucket::numbered(bucket.number()), Some(bucket));
            if x < y {
                prop_assert!(bucket <= Bucket::of(y));
            }
            let n = n as f64;
            prop_assert!((Bucket::of(n).value(true) - n).abs() <= 0.01 * n.abs());
        }
    }
}
