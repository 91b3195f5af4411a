//! The primitives of the encoding, every length checked.

/// How deep groups may lie in each other.
const NESTED_GROUPS: usize = 64;

/// How a field is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire<'v> {
    /// An integer of 7 bits a byte.
    Varint(u64),
    /// 8 bytes.
    Fixed64([u8; 8]),
    /// Bytes after their length.
    Sized(&'v [u8]),
    /// 4 bytes.
    Fixed32([u8; 4]),
    /// Fields between two marks, which nobody asks for.
    Group,
}

/// The next field of a message: its number, and how it is written. Nothing at the end.
///
/// # Errors
/// What is wrong with it.
pub(super) fn take_field<'v>(rest: &mut &'v [u8]) -> Result<Option<(u32, Wire<'v>)>, String> {
    if rest.is_empty() {
        return Ok(None);
    }
    let (number, kind) = take_tag(rest)?;
    Ok(Some((number, take_value(rest, number, kind, 0)?)))
}

fn take_tag(rest: &mut &[u8]) -> Result<(u32, u8), String> {
    let tag = take_varint(rest)?;
    let number = u32::try_from(tag >> 3).ok().filter(|number| (1..=0x1fff_ffff).contains(number));
    let number = number.ok_or_else(|| format!("{} is no number of a field", tag >> 3))?;
    Ok((number, (tag & 7) as u8))
}

fn take_value<'v>(rest: &mut &'v [u8], number: u32, kind: u8, depth: usize) -> Result<Wire<'v>, String> {
    Ok(match kind {
        0 => Wire::Varint(take_varint(rest)?),
        1 => Wire::Fixed64(take_array(rest)?),
        2 => Wire::Sized(take_sized(rest)?),
        3 => {
            if depth == NESTED_GROUPS {
                return Err(format!("groups lie more than {NESTED_GROUPS} deep in each other"));
            }
            loop {
                let (inner, kind) = take_tag(rest)?;
                if kind == 4 {
                    if inner == number {
                        break Wire::Group;
                    }
                    return Err(format!("the group {number} ends as group {inner}"));
                }
                take_value(rest, inner, kind, depth + 1)?;
            }
        }
        5 => Wire::Fixed32(take_array(rest)?),
        4 => return Err(format!("a group {number} ends that did not begin")),
        other => return Err(format!("there is no wire type {other}")),
    })
}

/// An integer of up to 64 bits, the lowest 7 first.
///
/// # Errors
/// If it does not end, or is longer.
pub(super) fn take_varint(rest: &mut &[u8]) -> Result<u64, String> {
    let mut bits = 0_u64;
    for (place, byte) in rest.iter().enumerate() {
        if place == 9 && *byte > 1 {
            return Err("an integer of more than 64 bits".to_owned());
        }
        bits |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            *rest = &rest[place + 1..];
            return Ok(bits);
        }
    }
    Err("cut short: an integer that does not end".to_owned())
}

fn take_array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], String> {
    let (array, behind) = rest
        .split_first_chunk::<N>()
        .ok_or_else(|| format!("cut short: a number of {N} bytes, but {} are left", rest.len()))?;
    *rest = behind;
    Ok(*array)
}

fn take_sized<'v>(rest: &mut &'v [u8]) -> Result<&'v [u8], String> {
    let length = take_varint(rest)?;
    let split = usize::try_from(length).ok().and_then(|length| rest.split_at_checked(length));
    let (bytes, behind) =
        split.ok_or_else(|| format!("cut short: {length} bytes, but {} are left", rest.len()))?;
    *rest = behind;
    Ok(bytes)
}

/// The integer that is written so, small ones of either sign in few bytes.
pub(super) fn zigzag(bits: u64) -> i64 {
    (bits >> 1).cast_signed() ^ -(bits & 1).cast_signed()
}
