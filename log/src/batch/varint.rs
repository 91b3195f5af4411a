//! Variable-length integers, as protobuf's `sint32` and `sint64`: zigzag, seven bits a byte, low bits first.

/// Takes a 64-bit number off the front of `bytes`; `None` if they end within it or it has more than ten
/// bytes.
pub(super) fn take_i64(bytes: &mut &[u8]) -> Option<i64> {
    // Most lengths and deltas are below 64.
    if let [first, rest @ ..] = *bytes
        && *first < 0x80
    {
        *bytes = rest;
        return Some(i64::from(first >> 1) ^ -i64::from(first & 1));
    }
    let mut value: u64 = 0;
    for (i, byte) in bytes.iter().take(10).enumerate() {
        // The tenth byte has room for the 64th bit only.
        if i == 9 && *byte > 1 {
            return None;
        }
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            *bytes = &bytes[i + 1..];
            return Some((value >> 1) as i64 ^ -((value & 1) as i64));
        }
    }
    None
}

/// Takes a number that must fit 32 bits off the front of `bytes`.
pub(super) fn take_i32(bytes: &mut &[u8]) -> Option<i32> {
    take_i64(bytes).and_then(|value| i32::try_from(value).ok())
}

/// Appends `value`.
pub(super) fn put(out: &mut Vec<u8>, value: i64) {
    let mut zigzag = (value << 1 ^ value >> 63) as u64;
    while zigzag >= 0x80 {
        out.push(zigzag as u8 | 0x80);
        zigzag >>= 7;
    }
    out.push(zigzag as u8);
}

/// How many bytes [`put`] appends for `value`.
pub(super) fn size(value: i64) -> usize {
    let zigzag = (value << 1 ^ value >> 63) as u64;
    (64 - (zigzag | 1).leading_zeros() as usize).div_ceil(7)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(value: i64) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, value);
        out
    }

    #[test]
    fn bytes_are_kafkas() {
        assert_eq!(encoded(0), [0]);
        assert_eq!(encoded(-1), [1]);
        assert_eq!(encoded(1), [2]);
        assert_eq!(encoded(63), [0x7e]);
        assert_eq!(encoded(64), [0x80, 1]);
        assert_eq!(encoded(i64::from(i32::MAX)), [0xfe, 0xff, 0xff, 0xff, 0x0f]);
        assert_eq!(encoded(i64::MIN), [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]);
    }

    #[test]
    fn numbers_without_an_end_are_refused() {
        assert_eq!(take_i64(&mut &[][..]), None);
        assert_eq!(take_i64(&mut &[0x80][..]), None);
        assert_eq!(take_i64(&mut &[0xff; 11][..]), None);
        let mut eleven_bits = [0xff; 10];
        eleven_bits[9] = 2;
        assert_eq!(take_i64(&mut &eleven_bits[..]), None);
        assert_eq!(take_i32(&mut &encoded(i64::from(i32::MAX) + 1)[..]), None);
    }

    proptest! {
        #[test]
        fn numbers_survive(value: i64, shift in 0u32..64, tail: Vec<u8>) {
            let value = value >> shift;
            let mut bytes = encoded(value);
            prop_assert_eq!(bytes.len(), size(value));
            bytes.extend(&tail);
            let mut rest = &bytes[..];
            prop_assert_eq!(take_i64(&mut rest), Some(value));
            prop_assert_eq!(rest, &tail[..]);
        }
    }
}
