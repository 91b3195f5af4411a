//! The exact sum of doubles and integers.

use super::digits::Digits;
use super::encoding::{self, DecodeError, Span};
use super::non_finite::{Kind, NonFinite};
use super::rounding::CANONICAL_NAN;
use super::statistics;

/// Where the digits of a sum of fewer than 2^64 doubles can lie, in bytes from 2^0.
const SPAN: Span = Span { lowest_byte: -135, end_byte: 137 };

/// Bits of a double below its exponent.
const FRACTION_BITS: u32 = f64::MANTISSA_DIGITS - 1;
/// Weight of the last bit of a double with exponent field zero, as a power of two, less one.
const EXPONENT_BIAS: i32 = 1075;

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
        let exponent = (bits >> FRACTION_BITS) as u32 & 0x7ff;
        if exponent.wrapping_sub(1) >= 0x7fe {
            return self.accumulate_unusual(bits, count);
        }
        let mantissa = bits & ((1 << FRACTION_BITS) - 1) | 1 << FRACTION_BITS;
        self.place(mantissa, exponent as i32 - EXPONENT_BIAS, (bits as i64) >> 63);
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
            let mantissa = bits & ((1 << FRACTION_BITS) - 1);
            self.place(mantissa, 1 - EXPONENT_BIAS, (bits as i64) >> 63);
        }
    }
}
