//! Entity keys taken apart again.

use arrow::array::{Array, ArrayRef, BinaryArray};

use crate::{FieldType, KeyError, Value, column_of};

/// The join key columns that [`encode_keys`](crate::encode_keys) made `keys` of, whose types are `types`; null
/// where a key is.
///
/// # Errors
///
/// [`KeyError::Malformed`] if a key was not made of columns of these types.
pub fn decode_keys(keys: &BinaryArray, types: &[FieldType]) -> Result<Vec<ArrayRef>, KeyError> {
    let mut columns: Vec<Vec<Value>> = types.iter().map(|_| Vec::with_capacity(keys.len())).collect();
    for row in 0..keys.len() {
        if keys.is_null(row) {
            columns.iter_mut().for_each(|column| column.push(Value::Null));
            continue;
        }
        let mut rest = keys.value(row);
        for (column, field_type) in columns.iter_mut().zip(types) {
            column.push(take_part(&mut rest, *field_type).ok_or(KeyError::Malformed { row })?);
        }
        if !rest.is_empty() {
            return Err(KeyError::Malformed { row });
        }
    }
    Ok(types
        .iter()
        .zip(columns)
        .map(|(field_type, values)| column_of(&field_type.to_arrow(), values))
        .collect())
}

/// The part of type `field_type` that `rest` begins with, which is taken off it.
fn take_part(rest: &mut &[u8], field_type: FieldType) -> Option<Value> {
    Some(match field_type {
        FieldType::Bool => match take_array(rest)? {
            [0] => Value::Bool(false),
            [1] => Value::Bool(true),
            _ => return None,
        },
        FieldType::Int32 => Value::Int32(i32::from_be_bytes(take_array(rest)?)),
        FieldType::Date => Value::Date(i32::from_be_bytes(take_array(rest)?)),
        FieldType::Int64 => Value::Int64(i64::from_be_bytes(take_array(rest)?)),
        FieldType::Timestamp => Value::Timestamp(i64::from_be_bytes(take_array(rest)?)),
        FieldType::String => Value::String(std::str::from_utf8(take_bytes(rest)?).ok()?.into()),
        FieldType::Binary => Value::Binary(take_bytes(rest)?.into()),
        FieldType::Float32 | FieldType::Float64 => return None,
    })
}

fn take_array<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (part, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*part)
}

/// Bytes after their length.
fn take_bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = u32::from_be_bytes(take_array(rest)?) as usize;
    let (part, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode_keys;

    #[test]
    fn keys_of_every_type_come_back_as_the_columns_they_were_made_of() {
        let columns = [
            (FieldType::Bool, vec![Value::Bool(true), Value::Bool(false)]),
            (FieldType::Int32, vec![Value::Int32(i32::MIN), Value::Int32(7)]),
            (FieldType::Int64, vec![Value::Int64(-1), Value::Int64(i64::MAX)]),
            (FieldType::Date, vec![Value::Date(-1), Value::Date(0)]),
            (FieldType::Timestamp, vec![Value::Timestamp(-1), Value::Timestamp(5)]),
            (FieldType::String, vec![Value::String("".into()), Value::String("ü".into())]),
            (FieldType::Binary, vec![Value::Binary([255, 0][..].into()), Value::Binary([][..].into())]),
        ];
        let types: Vec<_> = columns.iter().map(|(field_type, _)| *field_type).collect();
        let columns: Vec<ArrayRef> = columns
            .into_iter()
            .map(|(field_type, values)| column_of(&field_type.to_arrow(), values))
            .collect();
        let keys = encode_keys(&columns).expect("join keys");
        assert_eq!(decode_keys(&keys, &types).expect("their own types"), columns);
    }

    #[test]
    fn bytes_that_are_no_keys_of_the_types_are_refused() {
        let keys = BinaryArray::from_vec(vec![b"\0\0\0\x01a", b"\0\0\0\x02a"]);
        assert_eq!(decode_keys(&keys, &[FieldType::String]), Err(KeyError::Malformed { row: 1 }));
        assert_eq!(
            decode_keys(&keys, &[FieldType::Int32]),
            Err(KeyError::Malformed { row: 0 }),
            "bytes are left"
        );
        let text = BinaryArray::from_vec(vec![b"\0\0\0\x01\xff"]);
        assert_eq!(decode_keys(&text, &[FieldType::String]), Err(KeyError::Malformed { row: 0 }));
    }
}
