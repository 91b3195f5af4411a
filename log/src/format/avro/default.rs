//! Writing the primitives of Avro's binary encoding, and the defaults a schema gives to fields.

use serde_json::Value;

use super::shape::{Shape, ShapeId, Shapes};

/// Appends a long: zigzag, seven bits a byte, the lowest first. An int is written as a long.
pub(super) fn write_long(long: i64, out: &mut Vec<u8>) {
    let mut bits = ((long << 1) ^ (long >> 63)).cast_unsigned();
    while bits >= 0x80 {
        out.push(bits as u8 | 0x80);
        bits >>= 7;
    }
    out.push(bits as u8);
}

/// Appends bytes after their length.
pub(super) fn write_sized(bytes: &[u8], out: &mut Vec<u8>) {
    write_long(bytes.len() as i64, out);
    out.extend_from_slice(bytes);
}

/// Appends the default that a schema gives as JSON: what a record lacks takes its own default, a union's
/// default is of its first branch, and of bytes each character is one.
///
/// # Errors
/// If the JSON is no value of the type, in words.
pub(super) fn write_default(
    shapes: &Shapes,
    id: ShapeId,
    default: &Value,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let shape = shapes.get(id);
    let wrong = || format!("its default {default} is no {}", shape.name());
    match (shape, default) {
        (Shape::Null, Value::Null) => {}
        (Shape::Boolean, Value::Bool(value)) => out.push(u8::from(*value)),
        (Shape::Int | Shape::Date, Value::Number(number)) => {
            let int = number.as_i64().and_then(|long| i32::try_from(long).ok()).ok_or_else(wrong)?;
            write_long(int.into(), out);
        }
        (Shape::Long | Shape::Timestamp(_), Value::Number(number)) => {
            write_long(number.as_i64().ok_or_else(wrong)?, out);
        }
        (Shape::Float, Value::Number(number)) => {
            out.extend((number.as_f64().ok_or_else(wrong)? as f32).to_le_bytes());
        }
        (Shape::Double, Value::Number(number)) => {
            out.extend(number.as_f64().ok_or_else(wrong)?.to_le_bytes())
        }
        (Shape::String, Value::String(text)) => write_sized(text.as_bytes(), out),
        (Shape::Bytes, Value::String(text)) => write_sized(&latin1(text).ok_or_else(wrong)?, out),
        (Shape::Fixed { size, .. }, Value::String(text)) => {
            out.extend(latin1(text).filter(|bytes| bytes.len() == *size).ok_or_else(wrong)?);
        }
        (Shape::Enum { symbols, .. }, Value::String(symbol)) => {
            let number = symbols.iter().position(|s| s == symbol).ok_or_else(wrong)?;
            write_long(number as i64, out);
        }
        (Shape::Array(items), Value::Array(values)) => {
            if !values.is_empty() {
                write_long(values.len() as i64, out);
            }
            values.iter().try_for_each(|value| write_default(shapes, *items, value, out))?;
            out.push(0);
        }
        (Shape::Map(inner), Value::Object(entries)) => {
            if !entries.is_empty() {
                write_long(entries.len() as i64, out);
            }
            for (name, value) in entries {
                write_sized(name.as_bytes(), out);
                write_default(shapes, *inner, value, out)?;
            }
            out.push(0);
        }
        (Shape::Record { fields, .. }, Value::Object(members)) => {
            for field in fields {
                let value = members.get(&field.name).or(field.default.as_ref()).ok_or_else(wrong)?;
                write_default(shapes, field.shape, value, out)?;
            }
        }
        (Shape::Union(branches), value) => {
            write_long(0, out);
            write_default(shapes, *branches.first().ok_or_else(wrong)?, value, out)?;
        }
        _ => return Err(wrong()),
    }
    Ok(())
}

/// The bytes that a text of characters up to U+00FF stands for.
fn latin1(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longs_are_written_as_in_the_specification() {
        for (long, bytes) in [
            (0, &[0][..]),
            (-1, &[1]),
            (1, &[2]),
            (-64, &[0x7f]),
            (64, &[0x80, 1]),
            (i64::MAX, &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
            (i64::MIN, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
        ] {
            let mut out = Vec::new();
            write_long(long, &mut out);
            assert_eq!(out, bytes);
        }
    }
}
