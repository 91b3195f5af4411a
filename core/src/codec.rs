//! Numbers and values as bytes, read with every check.

use crate::lane::{canonical_f32, canonical_f64};
use crate::{FieldType, Instant, Order, Value};

/// What is wrong with bytes that should be a part of a key's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The bytes end before what they should hold.
    #[error("the bytes end early")]
    Truncated,
    /// Something stands there that is never written.
    #[error("{0}")]
    Invalid(&'static str),
}

/// Appends `number` in as few bytes as it needs, seven bits each (LEB128).
pub(crate) fn put_unsigned(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Appends `number`, short where it is near zero (zigzag, then LEB128).
pub(crate) fn put_signed(out: &mut Vec<u8>, number: i64) {
    put_unsigned(out, ((number << 1) ^ (number >> 63)) as u64);
}

/// Appends the length of `bytes`, then `bytes`.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_unsigned(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends an event's place in the total order.
pub(crate) fn put_order(out: &mut Vec<u8>, order: Order) {
    put_signed(out, order.time.as_micros());
    match order.order_by {
        None => out.push(0),
        Some(value) => {
            out.push(1);
            put_signed(out, value);
        }
    }
    put_signed(out, order.partition.into());
    put_signed(out, order.offset);
}

/// Appends a value that is neither null nor a list or map; its type is known to the reader.
pub(crate) fn put_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null | Value::List(_) | Value::Map(_) => {}
        Value::Bool(b) => out.push(u8::from(*b)),
        Value::Int32(x) | Value::Date(x) => put_signed(out, i64::from(*x)),
        Value::Int64(x) | Value::Timestamp(x) => put_signed(out, *x),
        Value::Float32(x) => out.extend_from_slice(&x.to_le_bytes()),
        Value::Float64(x) => out.extend_from_slice(&x.to_le_bytes()),
        Value::String(text) => put_bytes(out, text.as_bytes()),
        Value::Binary(bytes) => put_bytes(out, bytes),
    }
}

/// Bytes yet to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    /// The next `count` bytes.
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], CodecError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(CodecError::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    /// The next `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(CodecError::Truncated)?;
        self.0 = rest;
        Ok(*taken)
    }

    /// One byte.
    pub(crate) fn byte(&mut self) -> Result<u8, CodecError> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    /// A byte that is 0 or 1.
    pub(crate) fn flag(&mut self) -> Result<bool, CodecError> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(CodecError::Invalid("a flag is neither 0 nor 1")),
        }
    }

    /// What [`put_unsigned`] wrote, in its shortest form only.
    pub(crate) fn unsigned(&mut self) -> Result<u64, CodecError> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7F);
            if bits << shift >> shift != bits || (byte == 0 && shift > 0) {
                return Err(CodecError::Invalid("a number is not written in its shortest form"));
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(CodecError::Invalid("a number is longer than 64 bits"))
    }

    /// What [`put_signed`] wrote.
    pub(crate) fn signed(&mut self) -> Result<i64, CodecError> {
        let number = self.unsigned()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    /// What [`put_signed`] wrote of 32 bits.
    pub(crate) fn signed32(&mut self) -> Result<i32, CodecError> {
        i32::try_from(self.signed()?).map_err(|_| CodecError::Invalid("a number is longer than 32 bits"))
    }

    /// A number of things that follow, each of at least one byte.
    pub(crate) fn count(&mut self) -> Result<usize, CodecError> {
        let count = usize::try_from(self.unsigned()?).map_err(|_| CodecError::Truncated)?;
        if count > self.0.len() { Err(CodecError::Truncated) } else { Ok(count) }
    }

    /// What [`put_bytes`] wrote.
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], CodecError> {
        let count = self.count()?;
        self.take(count)
    }

    /// What [`put_bytes`] wrote of a text.
    pub(crate) fn text(&mut self) -> Result<&'a str, CodecError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| CodecError::Invalid("a text is not UTF-8"))
    }

    /// A double, any NaN refused but the canonical one.
    pub(crate) fn float64(&mut self) -> Result<f64, CodecError> {
        let value = f64::from_le_bytes(self.array()?);
        if value.to_bits() == canonical_f64(value).to_bits() {
            Ok(value)
        } else {
            Err(CodecError::Invalid("a NaN is not the canonical one"))
        }
    }

    /// A single, any NaN refused but the canonical one.
    pub(crate) fn float32(&mut self) -> Result<f32, CodecError> {
        let value = f32::from_le_bytes(self.array()?);
        if value.to_bits() == canonical_f32(value).to_bits() {
            Ok(value)
        } else {
            Err(CodecError::Invalid("a NaN is not the canonical one"))
        }
    }

    /// What [`put_order`] wrote.
    pub(crate) fn order(&mut self) -> Result<Order, CodecError> {
        Ok(Order {
            time: Instant::from_micros(self.signed()?),
            order_by: if self.flag()? { Some(self.signed()?) } else { None },
            partition: self.signed32()?,
            offset: self.signed()?,
        })
    }

    /// What [`put_value`] wrote of a value of type `field_type`.
    pub(crate) fn value(&mut self, field_type: FieldType) -> Result<Value, CodecError> {
        Ok(match field_type {
            FieldType::Bool => Value::Bool(self.flag()?),
            FieldType::Int32 => Value::Int32(self.signed32()?),
            FieldType::Int64 => Value::Int64(self.signed()?),
            FieldType::Float32 => Value::Float32(self.float32()?),
            FieldType::Float64 => Value::Float64(self.float64()?),
            FieldType::String => Value::String(self.text()?.into()),
            FieldType::Binary => Value::Binary(self.bytes()?.into()),
            FieldType::Date => Value::Date(self.signed32()?),
            FieldType::Timestamp => Value::Timestamp(self.signed()?),
        })
    }

    /// Nothing may be left.
    pub(crate) fn end(self) -> Result<(), CodecError> {
        if self.0.is_empty() { Ok(()) } else { Err(CodecError::Invalid("bytes follow the end")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_any_size_survive() {
        let numbers = [0, 1, -1, 63, 64, -64, -65, i64::MAX, i64::MIN];
        let mut bytes = Vec::new();
        numbers.iter().for_each(|n| put_signed(&mut bytes, *n));
        let mut reader = Reader(&bytes);
        for number in numbers {
            assert_eq!(reader.signed(), Ok(number));
        }
        assert_eq!(reader.end(), Ok(()));
    }

    #[test]
    fn there_is_one_way_to_write_a_number() {
        assert!(matches!(Reader(&[0x80, 0]).unsigned(), Err(CodecError::Invalid(_))));
        assert!(matches!(Reader(&[0xFF; 10]).unsigned(), Err(CodecError::Invalid(_))));
        assert_eq!(Reader(&[0x80]).unsigned(), Err(CodecError::Truncated));
    }

    #[test]
    fn a_claimed_length_beyond_the_bytes_is_refused() {
        let mut bytes = Vec::new();
        put_unsigned(&mut bytes, 1 << 40);
        assert_eq!(Reader(&bytes).bytes(), Err(CodecError::Truncated));
    }
}
