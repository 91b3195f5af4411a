//! Columns of request inputs as callers send them.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float32Array, Float64Array, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use thalweg_core::FieldType;

use crate::key_column::{in_width_of, same_kind};

/// Beyond this not every integer is a float64.
const EXACT_INTEGERS: u64 = 1 << f64::MANTISSA_DIGITS;

/// Why a column cannot serve as a request input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InputColumnError {
    /// Another kind of value.
    #[error("it is {found}, and the request input is {wanted}; cast it before sending")]
    Type {
        /// The column's type.
        found: DataType,
        /// The input's type.
        wanted: FieldType,
    },
    /// A value that the input's type does not hold exactly.
    #[error("its value in row {row} does not fit {wanted}, the type of the request input")]
    OutOfRange {
        /// The first such row, counted from 0.
        row: usize,
        /// The input's type.
        wanted: FieldType,
    },
}

/// `given` as a request input of type `wanted`: the same kind of value in the input's width, nulls included.
///
/// As with join keys, integers of any width are one kind, as are texts and bytes of any layout. Floats of any
/// width are one kind, too, and integers may stand for them; a value that would have to be rounded is
/// refused. A column of mere nulls may stand for any type.
///
/// # Errors
/// Where the column is of another kind, or a value does not fit.
pub fn input_column(given: &ArrayRef, wanted: FieldType) -> Result<ArrayRef, InputColumnError> {
    let target = wanted.to_arrow();
    let value_type = match given.data_type() {
        DataType::Dictionary(_, values) => values.as_ref(),
        plain => plain,
    };
    let other_kind = || InputColumnError::Type { found: given.data_type().clone(), wanted };
    let converted = match value_type {
        DataType::Null => return Ok(new_null_array(&target, given.len())),
        number if wanted.is_float() && (number.is_floating() || number.is_integer()) => {
            exactly(given, &target)
        }
        kind if !wanted.is_float() && same_kind(kind, wanted) => in_width_of(given, &target).ok(),
        _ => None,
    };
    let converted = converted.ok_or_else(other_kind)?;
    let nulls = given.logical_nulls();
    let is_null = |row| nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
    match (0..given.len()).find(|row| converted.is_null(*row) && !is_null(*row)) {
        None => Ok(converted),
        Some(row) => Err(InputColumnError::OutOfRange { row, wanted }),
    }
}

/// Numbers as floats of type `target`, null where they are none; nothing if they are no numbers.
fn exactly(given: &ArrayRef, target: &DataType) -> Option<ArrayRef> {
    let is_integer = match given.data_type() {
        DataType::Dictionary(_, values) => values.is_integer(),
        plain => plain.is_integer(),
    };
    let doubles: Float64Array = if is_integer {
        let integers = cast(given, &DataType::Int64).ok()?;
        let exact = |n: i64| (n.unsigned_abs() <= EXACT_INTEGERS).then_some(n as f64);
        integers.as_primitive::<Int64Type>().iter().map(|n| n.and_then(exact)).collect()
    } else {
        cast(given, &DataType::Float64).ok()?.as_primitive::<Float64Type>().clone()
    };
    if *target == DataType::Float64 {
        return Some(Arc::new(doubles));
    }
    let exact = |x: f64| (f64::from(x as f32) == x || x.is_nan()).then_some(x as f32);
    Some(Arc::new(doubles.iter().map(|x| x.and_then(exact)).collect::<Float32Array>()))
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int32Array, Int64Array, NullArray, StringArray, UInt64Array};

    use super::*;

    #[test]
    fn inputs_change_their_form_only_without_loss_and_keep_their_nulls() {
        let integers: ArrayRef = Arc::new(Int32Array::from(vec![Some(7), None]));
        let wide = input_column(&integers, FieldType::Int64).expect("an integer");
        assert_eq!(wide.as_ref(), &Int64Array::from(vec![Some(7), None]) as &dyn Array);
        let float = input_column(&integers, FieldType::Float64).expect("a number");
        assert_eq!(float.as_ref(), &Float64Array::from(vec![Some(7.0), None]) as &dyn Array);
        let doubles: ArrayRef = Arc::new(Float64Array::from(vec![Some(0.5), Some(f64::NAN), None]));
        let single = input_column(&doubles, FieldType::Float32).expect("short enough");
        assert_eq!(single.data_type(), &DataType::Float32);
        assert!(single.is_null(2) && single.null_count() == 1);
        let nulls: ArrayRef = Arc::new(NullArray::new(2));
        let none = input_column(&nulls, FieldType::String).expect("nulls are of any type");
        assert_eq!((none.data_type(), none.null_count()), (&DataType::Utf8, 2));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let too_long: ArrayRef = Arc::new(Float64Array::from(vec![0.5, 0.1]));
        let too_great: ArrayRef = Arc::new(Int64Array::from(vec![None, Some((1 << 53) + 1)]));
        let unsigned: ArrayRef = Arc::new(UInt64Array::from(vec![u64::MAX]));
        for (column, wanted, row) in [
            (&too_long, FieldType::Float32, 1),
            (&too_great, FieldType::Float64, 1),
            (&too_great, FieldType::Int32, 1),
            (&unsigned, FieldType::Int64, 0),
        ] {
            assert_eq!(input_column(column, wanted), Err(InputColumnError::OutOfRange { row, wanted }));
        }
        let text: ArrayRef = Arc::new(StringArray::from(vec!["7"]));
        for (column, wanted) in
            [(&text, FieldType::Int64), (&too_long, FieldType::Int64), (&unsigned, FieldType::Bool)]
        {
            let refused = input_column(column, wanted).expect_err("another kind");
            assert!(matches!(refused, InputColumnError::Type { .. }), "{refused}");
        }
    }
}
