//! Packed wire columns and Arrow columns.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Float32Array, Float64Array, Int32Array,
    Int64Array, ListArray, StringArray, TimestampMicrosecondArray, make_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    DataType, Date32Type, Field, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType,
};

use crate::Error;
use crate::wire::{Binaries, Bools, Column, Doubles, Floats, Int32s, Int64s, Lists, Strings, column::Values};

/// How deep lists may stand in each other on the wire.
const DEEPEST_LIST: usize = 4;

/// The Arrow column that `column`, the field `name` of a request, stands for.
///
/// # Errors
/// INVALID_ARGUMENT where it has no values, or its parts do not fit each other.
pub fn to_arrow(column: &Column, name: &str) -> Result<ArrayRef, Error> {
    decode(column, name, 0)
}

fn decode(column: &Column, name: &str, depth: usize) -> Result<ArrayRef, Error> {
    let values =
        column.values.as_ref().ok_or_else(|| Error::invalid(format!("column `{name}` has no values")))?;
    let array: ArrayRef = match values {
        Values::Bools(Bools { values }) => Arc::new(BooleanArray::from(values.clone())),
        Values::Int32s(Int32s { values }) => Arc::new(Int32Array::from(values.clone())),
        Values::Int64s(Int64s { values }) => Arc::new(Int64Array::from(values.clone())),
        Values::Floats(Floats { values }) => Arc::new(Float32Array::from(values.clone())),
        Values::Doubles(Doubles { values }) => Arc::new(Float64Array::from(values.clone())),
        Values::Strings(Strings { values }) => Arc::new(StringArray::from_iter_values(values)),
        Values::Binaries(Binaries { values }) => Arc::new(BinaryArray::from_iter_values(values)),
        Values::Dates(Int32s { values }) => Arc::new(Date32Array::from(values.clone())),
        Values::Timestamps(Int64s { values }) => {
            Arc::new(TimestampMicrosecondArray::from(values.clone()).with_timezone("UTC"))
        }
        Values::Lists(lists) => Arc::new(decode_lists(lists, name, depth)?),
    };
    if column.nulls.is_empty() {
        return Ok(array);
    }
    if column.nulls.len() != array.len() {
        return Err(Error::invalid(format!(
            "column `{name}` has {} values and {} null marks; give one mark a value, or none",
            array.len(),
            column.nulls.len()
        )));
    }
    let valid = NullBuffer::from(column.nulls.iter().map(|&null| null == 0).collect::<Vec<_>>());
    let data = array.to_data().into_builder().nulls(Some(valid)).build()?;
    Ok(make_array(data))
}

fn decode_lists(lists: &Lists, name: &str, depth: usize) -> Result<ListArray, Error> {
    let wrong = |why: &str| Error::invalid(format!("column `{name}` holds lists that do not fit: {why}"));
    if depth == DEEPEST_LIST {
        return Err(wrong("lists stand too deep in each other"));
    }
    let items = lists.items.as_ref().ok_or_else(|| wrong("there are no items"))?;
    let items = decode(items, name, depth + 1)?;
    let offsets = lists
        .offsets
        .iter()
        .map(|&offset| i32::try_from(offset).ok().filter(|&offset| offset as usize <= items.len()))
        .collect::<Option<Vec<i32>>>()
        .ok_or_else(|| wrong("an offset lies past the items"))?;
    if offsets.is_empty() || !offsets.is_sorted() {
        return Err(wrong("offsets must rise, and be one more than there are lists"));
    }
    let field = Arc::new(Field::new("item", items.data_type().clone(), true));
    Ok(ListArray::try_new(field, OffsetBuffer::new(ScalarBuffer::from(offsets)), items, None)?)
}

/// `array`, a column of a feature's type, on the wire.
///
/// # Errors
/// INTERNAL for a type no feature has.
pub fn from_arrow(array: &ArrayRef) -> Result<Column, Error> {
    let values = match array.data_type() {
        DataType::Boolean => {
            let values = array.as_boolean();
            Values::Bools(Bools { values: (0..values.len()).map(|row| values.value(row)).collect() })
        }
        DataType::Int32 => {
            Values::Int32s(Int32s { values: array.as_primitive::<Int32Type>().values().to_vec() })
        }
        DataType::Int64 => {
            Values::Int64s(Int64s { values: array.as_primitive::<Int64Type>().values().to_vec() })
        }
        DataType::Float32 => {
            Values::Floats(Floats { values: array.as_primitive::<Float32Type>().values().to_vec() })
        }
        DataType::Float64 => {
            Values::Doubles(Doubles { values: array.as_primitive::<Float64Type>().values().to_vec() })
        }
        DataType::Date32 => {
            Values::Dates(Int32s { values: array.as_primitive::<Date32Type>().values().to_vec() })
        }
        DataType::Timestamp(_, _) => Values::Timestamps(Int64s {
            values: array.as_primitive::<TimestampMicrosecondType>().values().to_vec(),
        }),
        DataType::Utf8 => {
            let texts = array.as_string::<i32>();
            Values::Strings(Strings {
                values: texts.iter().map(|text| text.unwrap_or_default().to_owned()).collect(),
            })
        }
        DataType::Binary => {
            let bytes = array.as_binary::<i32>();
            Values::Binaries(Binaries {
                values: bytes.iter().map(|b| b.unwrap_or_default().to_vec()).collect(),
            })
        }
        DataType::List(_) => {
            let lists = array.as_list::<i32>();
            let first = lists.value_offsets().first().copied().unwrap_or_default();
            let last = lists.value_offsets().last().copied().unwrap_or_default();
            let offsets = lists.value_offsets().iter().map(|&offset| (offset - first) as u32).collect();
            let items = from_arrow(&lists.values().slice(first as usize, (last - first) as usize))?;
            Values::Lists(Box::new(Lists { offsets, items: Some(Box::new(items)) }))
        }
        other => return Err(Error::internal(format!("a column of type {other} has no form on the wire"))),
    };
    let nulls = match array.null_count() {
        0 => Vec::new(),
        _ => (0..array.len()).map(|row| u8::from(array.is_null(row))).collect(),
    };
    Ok(Column { values: Some(values), nulls })
}

#[cfg(test)]
mod tests {
    use thalweg_core::{FieldType, Value, column_of};

    use super::*;

    #[test]
    fn every_type_survives_the_wire_with_its_nulls() {
        let list = |values| Value::List(values);
        let cases = [
            (FieldType::Bool.to_arrow(), vec![Value::Bool(true), Value::Null]),
            (FieldType::Int32.to_arrow(), vec![Value::Int32(i32::MIN), Value::Null]),
            (FieldType::Int64.to_arrow(), vec![Value::Int64(i64::MAX)]),
            (FieldType::Float32.to_arrow(), vec![Value::Float32(-0.0), Value::Null]),
            (
                FieldType::Float64.to_arrow(),
                vec![Value::Float64(f64::MIN_POSITIVE), Value::Float64(f64::INFINITY)],
            ),
            (
                FieldType::String.to_arrow(),
                vec![Value::String("".into()), Value::Null, Value::String("ü".into())],
            ),
            (FieldType::Binary.to_arrow(), vec![Value::Binary([0, 255].as_slice().into())]),
            (FieldType::Date.to_arrow(), vec![Value::Date(-1)]),
            (FieldType::Timestamp.to_arrow(), vec![Value::Timestamp(-1), Value::Null]),
            (
                DataType::List(Arc::new(Field::new("item", DataType::Int64, true))),
                vec![list(vec![Value::Int64(1), Value::Null]), Value::Null, list(vec![])],
            ),
        ];
        for (data_type, values) in cases {
            let array = column_of(&data_type, values);
            let wire = from_arrow(&array).expect("a feature's type");
            assert_eq!(&to_arrow(&wire, "a").expect("a whole column"), &array);
            let tail = array.slice(array.len() - 1, 1);
            assert_eq!(&to_arrow(&from_arrow(&tail).expect("a slice"), "a").expect("a whole column"), &tail);
        }
    }

    #[test]
    fn parts_that_do_not_fit_are_refused() {
        let ints = |values: Vec<i64>| Some(Values::Int64s(Int64s { values }));
        let message = |column: Column| to_arrow(&column, "a").expect_err("unfit").to_string();
        assert!(message(Column { values: None, nulls: vec![] }).contains("`a` has no values"));
        assert!(message(Column { values: ints(vec![1]), nulls: vec![0, 0] }).contains("2 null marks"));
        let lists = |offsets| {
            let items = Some(Box::new(Column { values: ints(vec![1]), nulls: vec![] }));
            Column { values: Some(Values::Lists(Box::new(Lists { offsets, items }))), nulls: vec![] }
        };
        for offsets in [vec![], vec![0, 2], vec![1, 0], vec![u32::MAX]] {
            assert!(message(lists(offsets)).contains("lists that do not fit"));
        }
    }
}
