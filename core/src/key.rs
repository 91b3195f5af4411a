//! Entity keys as bytes.

use std::borrow::Borrow;
use std::fmt;

use arrow::array::{Array, ArrayRef, BinaryArray, BinaryBuilder};
use arrow::datatypes::DataType;
use xxhash_rust::xxh3::xxh3_64;

use crate::FieldType;
use crate::lane::{Cells, Lane};

/// The join keys of one entity, in the entity's order, as [`encode_keys`] writes them.
///
/// Equal keys are equal bytes, and different keys are different bytes: `("a", "bc")` is not `("ab", "c")`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntityKey(Box<[u8]>);

impl EntityKey {
    /// The key's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<&[u8]> for EntityKey {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl Borrow<[u8]> for EntityKey {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for EntityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EntityKey({})", self.0.escape_ascii())
    }
}

/// Which of the [`KEY_GROUPS`] a key belongs to.
pub type KeyGroup = u8;

/// How many groups keys fall into: the unit in which state is shared out.
pub const KEY_GROUPS: usize = 256;

/// The group of `key`: the low byte of its XXH3 64-bit hash, on every machine, forever.
pub fn key_group(key: &[u8]) -> KeyGroup {
    xxh3_64(key).to_le_bytes()[0]
}

/// Why join keys cannot be encoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// An entity has at least one join key.
    #[error("an entity key needs at least one join key column")]
    NoColumns,
    /// Floats make no keys: −0.0 and 0.0 are equal with different bytes.
    #[error(
        "join key column {column} has type {data_type}, and floats cannot be keys: cast it to an integer or a string"
    )]
    Float {
        /// Position of the column.
        column: usize,
        /// Its type.
        data_type: DataType,
    },
    /// Not the Arrow type of a field type.
    #[error(
        "join key column {column} has type {data_type}, which is no type of a join key: cast it to the entity's type"
    )]
    UnknownType {
        /// Position of the column.
        column: usize,
        /// Its type.
        data_type: DataType,
    },
    /// Columns of one batch have one length.
    #[error("join key column {column} has {rows} rows where the first has {expected}")]
    Lengths {
        /// Position of the column.
        column: usize,
        /// Its length.
        rows: usize,
        /// Length of the first column.
        expected: usize,
    },
    /// The keys of one batch are more bytes than an Arrow binary column holds.
    #[error("the keys of one batch take {bytes} bytes, more than 2^31 - 1: use smaller batches")]
    TooLong {
        /// Bytes of all keys.
        bytes: usize,
    },
    /// Bytes that are no key of the entity.
    #[error("the key in row {row} was not made of join keys of these types")]
    Malformed {
        /// The first such row.
        row: usize,
    },
}

/// Encodes join key columns, in the entity's order, into one key a row; null where any part is null.
///
/// Each part delimits itself: integers, dates and timestamps are big-endian in their width, a boolean is one
/// byte, text and bytes follow their length (32 bits, big-endian).
///
/// # Errors
///
/// See [`KeyError`].
pub fn encode_keys(columns: &[ArrayRef]) -> Result<BinaryArray, KeyError> {
    let rows = columns.first().ok_or(KeyError::NoColumns)?.len();
    let lanes = columns
        .iter()
        .enumerate()
        .map(|(column, array)| key_lane(column, array, rows))
        .collect::<Result<Vec<_>, _>>()?;
    let bytes = lanes.iter().map(|lane| encoded_bytes(lane, rows)).sum();
    if bytes > i32::MAX as usize {
        return Err(KeyError::TooLong { bytes });
    }
    let mut keys = BinaryBuilder::with_capacity(rows, bytes);
    let mut key = Vec::new();
    for row in 0..rows {
        if lanes.iter().all(|lane| lane.is_valid(row)) {
            key.clear();
            lanes.iter().for_each(|lane| encode_part(lane, row, &mut key));
            keys.append_value(&key);
        } else {
            keys.append_null();
        }
    }
    Ok(keys.finish())
}

fn key_lane(column: usize, array: &ArrayRef, expected: usize) -> Result<Lane<'_>, KeyError> {
    let data_type = || array.data_type().clone();
    if array.len() != expected {
        return Err(KeyError::Lengths { column, rows: array.len(), expected });
    }
    match FieldType::from_arrow(array.data_type()) {
        Some(field_type) if field_type.is_float() => Err(KeyError::Float { column, data_type: data_type() }),
        _ => Lane::of(array).ok_or_else(|| KeyError::UnknownType { column, data_type: data_type() }),
    }
}

/// Bytes that all parts of `lane` take at most, nulls counted too.
fn encoded_bytes(lane: &Lane<'_>, rows: usize) -> usize {
    match lane.cells() {
        Cells::Bool(_) => rows,
        Cells::Int32(_) | Cells::Float32(_) => 4 * rows,
        Cells::Int64(_) | Cells::Float64(_) => 8 * rows,
        Cells::Bytes { offsets, .. } => {
            let text = offsets.last().zip(offsets.first()).map_or(0, |(end, start)| end - start);
            4 * rows + text as usize
        }
    }
}

fn encode_part(lane: &Lane<'_>, row: usize, key: &mut Vec<u8>) {
    match lane.cells() {
        Cells::Bool(bits) => key.push(u8::from(bits.get(row))),
        Cells::Int32(values) => key.extend_from_slice(&values[row].to_be_bytes()),
        Cells::Int64(values) => key.extend_from_slice(&values[row].to_be_bytes()),
        Cells::Float32(values) => key.extend_from_slice(&values[row].to_be_bytes()),
        Cells::Float64(values) => key.extend_from_slice(&values[row].to_be_bytes()),
        cells @ Cells::Bytes { .. } => {
            let bytes = cells.bytes(row);
            key.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
            key.extend_from_slice(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, Int32Array, Int64Array, StringArray};

    use super::*;

    fn strings(values: &[Option<&str>]) -> ArrayRef {
        Arc::new(StringArray::from(values.to_vec()))
    }

    #[test]
    fn composite_keys_are_never_glued() {
        let keys = encode_keys(&[strings(&[Some("a"), Some("ab")]), strings(&[Some("bc"), Some("c")])])
            .expect("two text columns");
        assert_ne!(keys.value(0), keys.value(1));
        assert_eq!(keys.value(0), b"\0\0\0\x01a\0\0\0\x02bc");
    }

    #[test]
    fn a_null_part_makes_a_null_key_and_an_empty_text_does_not() {
        let keys = encode_keys(&[
            strings(&[Some(""), None, Some("x")]),
            Arc::new(Int32Array::from(vec![Some(-1), Some(2), None])),
        ])
        .expect("a text and an integer column");
        assert_eq!(keys.value(0), [0, 0, 0, 0, 255, 255, 255, 255]);
        assert!(keys.is_null(1) && keys.is_null(2));
    }

    #[test]
    fn what_cannot_be_a_key_is_refused() {
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![1.0]));
        assert!(matches!(encode_keys(&[floats]), Err(KeyError::Float { column: 0, .. })));
        assert_eq!(encode_keys(&[]), Err(KeyError::NoColumns));
        let longer: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
        assert_eq!(
            encode_keys(&[strings(&[Some("a")]), longer]),
            Err(KeyError::Lengths { column: 1, rows: 2, expected: 1 })
        );
    }

    #[test]
    fn groups_never_change() {
        let groups: Vec<_> = [&b""[..], b"UA", b"\0\0\0\x02UA"].into_iter().map(key_group).collect();
        assert_eq!(groups, [194, 232, 151]);
    }
}
