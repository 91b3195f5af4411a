//! Columns of entity keys as callers send them.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, new_empty_array};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType, TimestampNanosecondType};
use arrow::error::ArrowError;
use thalweg_core::FieldType;

/// Why a column cannot serve as a join key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyColumnError {
    /// Another kind of value.
    #[error("it is {found}, and the join key is {wanted}; cast it before sending")]
    Type {
        /// The column's type.
        found: DataType,
        /// The join key's type.
        wanted: FieldType,
    },
    /// A value that the key's type does not hold.
    #[error("its value in row {row} does not fit {wanted}, the type of the join key")]
    OutOfRange {
        /// The first such row, counted from 0.
        row: usize,
        /// The join key's type.
        wanted: FieldType,
    },
}

/// `given`, which has no nulls, as a join key of type `wanted`: the same kind of value in the key's width.
///
/// Integers of any width are one kind, as are texts and bytes of any layout, dictionaries included; nothing
/// else is converted, since a number and its text are different keys.
///
/// # Errors
/// Where a column is of another kind, or a value does not fit.
pub fn key_column(given: &ArrayRef, wanted: FieldType) -> Result<ArrayRef, KeyColumnError> {
    let value_type = match given.data_type() {
        DataType::Dictionary(_, values) => values.as_ref(),
        plain => plain,
    };
    let other_kind = || KeyColumnError::Type { found: given.data_type().clone(), wanted };
    if !same_kind(value_type, wanted) {
        return Err(other_kind());
    }
    let target = wanted.to_arrow();
    if given.is_empty() {
        return Ok(new_empty_array(&target));
    }
    let cast = in_width_of(given, &target);
    let cast = cast.map_err(|_| other_kind())?;
    match cast.nulls().filter(|nulls| nulls.null_count() > 0) {
        None => Ok(cast),
        Some(nulls) => {
            let row = nulls.iter().position(|valid| !valid).unwrap_or_default();
            Err(KeyColumnError::OutOfRange { row, wanted })
        }
    }
}

/// `given` in the width of `target`, null where a value does not fit it.
pub(crate) fn in_width_of(given: &ArrayRef, target: &DataType) -> Result<ArrayRef, ArrowError> {
    match given.as_any_dictionary_opt() {
        // The dictionary first: its values in their own layout, row by row, may be more than memory holds.
        Some(dictionary) => {
            let values = in_width(dictionary.values(), target)?;
            in_width(&dictionary.with_values(values), target)
        }
        None => in_width(given, target),
    }
}

fn in_width(given: &ArrayRef, target: &DataType) -> Result<ArrayRef, ArrowError> {
    let options = CastOptions { safe: true, ..Default::default() };
    match given.data_type() {
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            cast_with_options(&floored_to_micros(given), target, &options)
        }
        _ => cast_with_options(given, target, &options),
    }
}

/// Whether values of type `given` are of the kind of `wanted`, which is no float.
pub(crate) fn same_kind(given: &DataType, wanted: FieldType) -> bool {
    match wanted {
        FieldType::Int32 | FieldType::Int64 => given.is_integer(),
        FieldType::String => matches!(given, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View),
        FieldType::Binary => matches!(
            given,
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_)
        ),
        FieldType::Timestamp => matches!(given, DataType::Timestamp(_, _)),
        other => *given == other.to_arrow(),
    }
}

/// Instants in nanoseconds as microseconds, rounded down as those of events are: a cast rounds towards zero.
fn floored_to_micros(nanos: &ArrayRef) -> ArrayRef {
    let nanos = nanos.as_primitive::<TimestampNanosecondType>();
    Arc::new(nanos.unary::<_, TimestampMicrosecondType>(|nanos| nanos.div_euclid(1_000)))
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int32Array, Int64Array, StringArray, TimestampNanosecondArray};

    use super::*;

    #[test]
    fn keys_change_width_only_without_loss() {
        let narrow: ArrayRef = Arc::new(Int32Array::from(vec![1, 2]));
        let wide: ArrayRef = Arc::new(Int64Array::from(vec![1, i64::MAX]));
        let text: ArrayRef = Arc::new(StringArray::from(vec!["1"]));
        let widened = key_column(&narrow, FieldType::Int64).expect("an integer");
        assert_eq!(*widened.data_type(), DataType::Int64);
        assert_eq!(
            key_column(&wide, FieldType::Int32),
            Err(KeyColumnError::OutOfRange { row: 1, wanted: FieldType::Int32 })
        );
        assert!(matches!(key_column(&text, FieldType::Int64), Err(KeyColumnError::Type { .. })));
        assert!(matches!(key_column(&wide, FieldType::String), Err(KeyColumnError::Type { .. })));
    }

    #[test]
    fn finer_instants_are_floored_as_those_of_events_are() {
        let nanos = TimestampNanosecondArray::from(vec![-1, 999, 1_000]);
        for zone in [None, Some("+02:00")] {
            let given: ArrayRef = Arc::new(nanos.clone().with_timezone_opt(zone));
            let keys = key_column(&given, FieldType::Timestamp).expect("instants");
            assert_eq!(*keys.data_type(), FieldType::Timestamp.to_arrow());
            let micros = keys.as_primitive::<TimestampMicrosecondType>().values();
            assert_eq!(micros, &[-1, 0, 1]);
        }
    }
}
