//! Exact sums as bytes, one form for each value.
//!
//! A number is its two's complement bytes, least first, without zeros before the first nonzero byte and
//! without more sign than the last byte holds:
//!
//! ```text
//! u16   number of digit bytes; bit 15 set if counts follow
//! i16   place of the first digit byte, in bytes from 2^0; only if there are digit bytes
//! ...   the digit bytes
//! 3×i64 counts of NaN, +infinity, -infinity, not all zero; only if bit 15 is set
//! ```
//!
//! All little endian.

use super::digits::{Digits, sign_of};
use super::non_finite::{Counts, NonFinite};

/// Bit of the first field that says that counts follow.
const COUNTS_FOLLOW: u16 = 1 << 15;
/// Bytes of a limb.
const LIMB_BYTES: i32 = 8;

/// Why bytes are not those of an exact sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end before the sum does.
    #[error("the bytes of an exact sum are cut short")]
    Truncated,
    /// Digits lie where no sum of doubles has any.
    #[error("an exact sum has digits out of range: {count} bytes from byte {place} on")]
    OutOfRange {
        /// Place of the first digit byte, in bytes from 2^0.
        place: i16,
        /// How many digit bytes there are.
        count: u16,
    },
    /// The same value has a shorter form.
    #[error("the bytes of an exact sum are not in their canonical form")]
    NotCanonical,
}

/// Where digit bytes may lie, in bytes from 2^0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    /// Place of the lowest byte that may be there.
    pub(super) lowest_byte: i16,
    /// Place past the highest byte that may be there.
    pub(super) end_byte: i16,
}

/// Appends the canonical bytes.
pub(super) fn encode(digits: &Digits, non_finite: &NonFinite, out: &mut Vec<u8>) {
    let (lowest, limbs) = digits.significant();
    let counts_follow = if non_finite.is_empty() { 0 } else { COUNTS_FOLLOW };
    let (skipped, used) = digit_bytes(limbs);
    let length = used - skipped;
    out.extend_from_slice(&(length as u16 | counts_follow).to_le_bytes());
    if length > 0 {
        let place = lowest * LIMB_BYTES + skipped as i32;
        out.extend_from_slice(&(place as i16).to_le_bytes());
        let bytes = limbs.iter().flat_map(|limb| limb.to_le_bytes());
        out.extend(bytes.take(used).skip(skipped));
    }
    if let Some(counts) = non_finite.counts() {
        for count in [counts.nan, counts.positive, counts.negative] {
            out.extend_from_slice(&count.to_le_bytes());
        }
    }
}

/// Reads canonical bytes whose digits lie within `span` and moves past them.
pub(super) fn decode(bytes: &mut &[u8], span: Span) -> Result<(Digits, NonFinite), DecodeError> {
    let head = u16::from_le_bytes(take(bytes)?);
    let length = head & !COUNTS_FOLLOW;
    let digits = if length == 0 { Digits::new() } else { decode_digits(bytes, length, span)? };
    let non_finite = if head & COUNTS_FOLLOW == 0 {
        NonFinite::new()
    } else {
        let counts = Counts {
            nan: i64::from_le_bytes(take(bytes)?),
            positive: i64::from_le_bytes(take(bytes)?),
            negative: i64::from_le_bytes(take(bytes)?),
        };
        if counts == Counts::default() {
            return Err(DecodeError::NotCanonical);
        }
        NonFinite::from_counts(counts)
    };
    Ok((digits, non_finite))
}

fn decode_digits(bytes: &mut &[u8], count: u16, span: Span) -> Result<Digits, DecodeError> {
    let place = i16::from_le_bytes(take(bytes)?);
    let end = i32::from(place) + i32::from(count);
    if place < span.lowest_byte || end > i32::from(span.end_byte) {
        return Err(DecodeError::OutOfRange { place, count });
    }
    let (digits, rest) = bytes.split_at_checked(usize::from(count)).ok_or(DecodeError::Truncated)?;
    *bytes = rest;
    let needs_last = match digits {
        [.., below, last] => *last != ((*below as i8) >> 7) as u8,
        _ => true,
    };
    let (Some(first), Some(last)) = (digits.first(), digits.last()) else {
        return Err(DecodeError::NotCanonical);
    };
    if *first == 0 || !needs_last {
        return Err(DecodeError::NotCanonical);
    }
    let lowest = i32::from(place).div_euclid(LIMB_BYTES);
    let skipped = i32::from(place).rem_euclid(LIMB_BYTES) as usize;
    let above = ((*last as i8) >> 7) as u8;
    let limbs = (skipped + digits.len()).div_ceil(size_of::<u64>());
    let byte_at = |i: usize| match i.checked_sub(skipped) {
        None => 0,
        Some(i) => digits.get(i).copied().unwrap_or(above),
    };
    let limb_at = |limb: usize| u64::from_le_bytes(std::array::from_fn(|i| byte_at(8 * limb + i)));
    Ok(Digits::from_limbs(lowest, (0..limbs).map(limb_at)))
}

/// How many bytes of `limbs` are zeros before the first digit, and how many there are up to the last one.
fn digit_bytes(limbs: &[u64]) -> (usize, usize) {
    let (Some(first), Some(last)) = (limbs.first(), limbs.last()) else { return (0, 0) };
    let skipped = first.trailing_zeros() / 8;
    // One bit beside those that differ from the sign tells the sign.
    let bits = 65 - (last ^ sign_of(*last)).leading_zeros();
    (skipped as usize, (limbs.len() - 1) * size_of::<u64>() + bits.div_ceil(8) as usize)
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], DecodeError> {
    let (taken, rest) = bytes.split_first_chunk().ok_or(DecodeError::Truncated)?;
    *bytes = rest;
    Ok(*taken)
}

#[cfg(test)]
mod tests {
    use super::super::testing::any_double;
    use super::super::{ExactSquares, ExactSum};
    use super::*;
    use proptest::prelude::*;

    fn encoded(values: &[f64]) -> Vec<u8> {
        let mut sum = ExactSum::new();
        values.iter().for_each(|x| sum.add(*x));
        let mut bytes = Vec::new();
        sum.encode(&mut bytes);
        bytes
    }

    #[test]
    fn these_bytes_are_read_forever() {
        for (values, bytes) in [
            (&[][..], &[0, 0][..]),
            (&[1.0], &[1, 0, 0, 0, 1]),
            (&[-1.0], &[1, 0, 0, 0, 0xff]),
            (&[128.0], &[2, 0, 0, 0, 0x80, 0]),
            (&[-128.5], &[3, 0, 0xff, 0xff, 0x80, 0x7f, 0xff][..]),
            (&[5e-324], &[1, 0, 0x79, 0xff, 0x40]),
        ] {
            let written = encoded(values);
            assert_eq!(written, bytes, "of {values:?}");
            let mut rest = &written[..];
            let sum = ExactSum::decode(&mut rest).expect("canonical bytes");
            assert!(rest.is_empty());
            assert_eq!(sum.round(), values.iter().sum::<f64>());
        }
        let mut not_finite = vec![0, 0x80];
        not_finite.extend([2_i64, 0, -1].iter().flat_map(|count| count.to_le_bytes()));
        let sum = ExactSum::decode(&mut &not_finite[..]).expect("canonical bytes");
        let mut expected = ExactSum::new();
        expected.add(f64::NAN);
        expected.add(f64::NAN);
        expected.subtract(f64::NEG_INFINITY);
        assert_eq!(sum, expected);
    }

    #[test]
    fn what_is_not_canonical_is_refused() {
        let counts_of_nothing = [&[0, 0x80][..], &[0; 24]].concat();
        for (bytes, error) in [
            (&[][..], DecodeError::Truncated),
            (&[1], DecodeError::Truncated),
            (&[1, 0, 0], DecodeError::Truncated),
            (&[2, 0, 0, 0, 1], DecodeError::Truncated),
            (&[0, 0x80, 1, 0], DecodeError::Truncated),
            (&[1, 0, 0, 0, 0], DecodeError::NotCanonical),
            (&[2, 0, 0, 0, 0, 1], DecodeError::NotCanonical),
            (&[2, 0, 0, 0, 1, 0], DecodeError::NotCanonical),
            (&[2, 0, 0, 0, 0x81, 0xff], DecodeError::NotCanonical),
            (&counts_of_nothing, DecodeError::NotCanonical),
            (&[0xff, 0x7f, 0, 0, 1], DecodeError::OutOfRange { place: 0, count: 0x7fff }),
            (&[1, 0, 0xff, 0x7f, 1], DecodeError::OutOfRange { place: i16::MAX, count: 1 }),
            (&[1, 0, 0, 0x80, 1], DecodeError::OutOfRange { place: i16::MIN, count: 1 }),
        ] {
            assert_eq!(ExactSum::decode(&mut &bytes[..]), Err(error), "of {bytes:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn sums_survive_and_equal_ones_have_equal_bytes(
            values in proptest::collection::vec(any_double(), 0..10),
            passing in proptest::collection::vec(any_double(), 0..5),
            after in proptest::collection::vec(any::<u8>(), 0..4),
        ) {
            let mut sum = ExactSum::new();
            let mut squares = ExactSquares::new();
            passing.iter().chain(&values).for_each(|x| {
                sum.add(*x);
                squares.add(*x);
            });
            passing.iter().for_each(|x| {
                sum.subtract(*x);
                squares.subtract(*x);
            });
            let mut bytes = Vec::new();
            sum.encode(&mut bytes);
            prop_assert_eq!(&bytes, &encoded(&values));
            squares.encode(&mut bytes);
            bytes.extend(&after);
            let mut rest = &bytes[..];
            prop_assert_eq!(ExactSum::decode(&mut rest), Ok(sum));
            prop_assert_eq!(ExactSquares::decode(&mut rest), Ok(squares));
            prop_assert_eq!(rest, &after[..]);
        }

        #[test]
        fn what_is_read_is_written_again_and_can_be_used(
            length in 0_u16..80,
            counts in any::<bool>(),
            place in -300_i16..300,
            body in proptest::collection::vec(any::<u8>(), 0..120),
        ) {
            let mut bytes = (length | if counts { COUNTS_FOLLOW } else { 0 }).to_le_bytes().to_vec();
            bytes.extend(place.to_le_bytes());
            bytes.extend(&body);
            let mut rest = &bytes[..];
            if let Ok(sum) = ExactSum::decode(&mut rest) {
                let mut again = Vec::new();
                sum.encode(&mut again);
                prop_assert_eq!(&again[..], &bytes[..bytes.len() - rest.len()]);
                let mut more = sum.clone();
                more.add(1.0);
                more.merge(&sum);
                let mut rest = &bytes[..];
                if let Ok(squares) = ExactSquares::decode(&mut rest) {
                    for n in [1, 2, u64::MAX] {
                        prop_assert!(super::super::variance(n, &sum, &squares, 0).is_some());
                        prop_assert!(super::super::stddev(n, &more, &squares, 0).is_some());
                    }
                }
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut rest = &bytes[..];
            if let Ok(sum) = ExactSum::decode(&mut rest) {
                let mut again = Vec::new();
                sum.encode(&mut again);
                prop_assert_eq!(&again[..], &bytes[..bytes.len() - rest.len()]);
            }
            let _ = ExactSquares::decode(&mut &bytes[..]);
        }
    }
}
