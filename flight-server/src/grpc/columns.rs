//! Packed wire columns and Arrow columns.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Float32Array, Float64Array, Int32Array,
    Int64Array, ListArray, MapArray, NullArray, StringArray, StructArray, TimestampMicrosecondArray,
    make_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    DataType, Date32Type, Field, Fields, Float32Type, Float64Type, Int32Type, Int64Type,
    TimestampMicrosecondType,
};

use crate::Error;
use crate::wire::{
    Binaries, Bools, Column, Doubles, Floats, Int32s, Int64s, Lists, Maps, Strings, column::Values,
};

/// How deep lists may stand in each other on the wire.
const DEEPEST_LIST: usize = 4;

/// The Arrow column that `column`, the field `name` of a request, stands for: without values, one of mere
/// nulls.
///
/// # Errors
/// INVALID_ARGUMENT where it has no values, or its parts do not fit each other.
pub fn to_arrow(column: &Column, name: &str) -> Result<ArrayRef, Error> {
    decode(column, name, 0)
}

fn decode(column: &Column, name: &str, depth: usize) -> Result<ArrayRef, Error> {
    if column.values.is_none() && !column.nulls.is_empty() && column.nulls.iter().all(|&null| null != 0) {
        return Ok(Arc::new(NullArray::new(column.nulls.len())));
    }
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
        Values::Maps(maps) => Arc::new(decode_maps(maps, name, depth)?),
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
    let offsets = decode_offsets(&lists.offsets, items.len()).map_err(wrong)?;
    let field = Arc::new(Field::new("item", items.data_type().clone(), true));
    Ok(ListArray::try_new(field, offsets, items, None)?)
}

fn decode_maps(maps: &Maps, name: &str, depth: usize) -> Result<MapArray, Error> {
    let wrong = |why: &str| Error::invalid(format!("column `{name}` holds maps that do not fit: {why}"));
    if depth == DEEPEST_LIST {
        return Err(wrong("maps stand too deep in lists"));
    }
    let part = |part: &Option<Box<Column>>| {
        decode(part.as_ref().ok_or_else(|| wrong("there are no keys or no values"))?, name, depth + 1)
    };
    let (keys, values) = (part(&maps.keys)?, part(&maps.values)?);
    if keys.len() != values.len() || keys.null_count() > 0 {
        return Err(wrong("every key has a value, and no key is null"));
    }
    let offsets = decode_offsets(&maps.offsets, keys.len()).map_err(wrong)?;
    let field = |name, values: &ArrayRef, nullable| Field::new(name, values.data_type().clone(), nullable);
    let fields = Fields::from(vec![field("key", &keys, false), field("value", &values, true)]);
    let entries = StructArray::try_new(fields, vec![keys, values], None)?;
    let field = Arc::new(Field::new("entries", entries.data_type().clone(), false));
    Ok(MapArray::try_new(field, offsets, entries, None, false)?)
}

/// Offsets into `items` items.
fn decode_offsets(offsets: &[u32], items: usize) -> Result<OffsetBuffer<i32>, &'static str> {
    let within = |&offset: &u32| i32::try_from(offset).ok().filter(|&offset| offset as usize <= items);
    let offsets =
        offsets.iter().map(within).collect::<Option<Vec<i32>>>().ok_or("an offset lies past the items")?;
    if offsets.is_empty() || !offsets.is_sorted() {
        return Err("offsets must rise, and be one more than there are rows");
    }
    Ok(OffsetBuffer::new(ScalarBuffer::from(offsets)))
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
            let (offsets, within) = encode_offsets(lists.value_offsets());
            let items = from_arrow(&lists.values().slice(within.start, within.len()))?;
            Values::Lists(Box::new(Lists { offsets, items: Some(Box::new(items)) }))
        }
        DataType::Map(_, _) => {
            let maps = array.as_map();
            let (offsets, within) = encode_offsets(maps.value_offsets());
            let part = |part: &ArrayRef| from_arrow(&part.slice(within.start, within.len())).map(Box::new);
            let (keys, values) = (Some(part(maps.keys())?), Some(part(maps.values())?));
            Values::Maps(Box::new(Maps { offsets, keys, values }))
        }
        other => return Err(Error::internal(format!("a column of type {other} has no form on the wire"))),
    };
    let nulls = match array.null_count() {
        0 => Vec::new(),
        _ => (0..array.len()).map(|row| u8::from(array.is_null(row))).collect(),
    };
    Ok(Column { values: Some(values), nulls })
}

/// Offsets from the first one on, and what they lead to.
fn encode_offsets(offsets: &[i32]) -> (Vec<u32>, Range<usize>) {
    let first = offsets.first().copied().unwrap_or_default();
    let last = offsets.last().copied().unwrap_or_default();
    (offsets.iter().map(|&offset| (offset - first) as u32).collect(), first as usize..last as usize)
}

#[cfg(test)]
mod tests {
    use thalweg_core::{Aggregation, FieldType, Value, column_of};

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
            (
                Aggregation::Histogram { limit: 9 }.output(Some(FieldType::Date)).expect("dates are counted"),
                vec![
                    Value::Map(vec![(Value::Date(1), 7), (Value::Date(3), 1)]),
                    Value::Null,
                    Value::Map(vec![(Value::Date(2), 5)]),
                ],
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
    fn a_column_without_values_may_be_all_nulls() {
        let nulls = to_arrow(&Column { values: None, nulls: vec![1, 1] }, "a").expect("two nulls");
        assert_eq!((nulls.data_type(), nulls.len()), (&DataType::Null, 2));
    }

    #[test]
    fn parts_that_do_not_fit_are_refused() {
        let ints = |values: Vec<i64>| Some(Values::Int64s(Int64s { values }));
        let message = |column: Column| to_arrow(&column, "a").expect_err("unfit").to_string();
        assert!(message(Column { values: None, nulls: vec![] }).contains("`a` has no values"));
        assert!(message(Column { values: None, nulls: vec![1, 0] }).contains("`a` has no values"));
        assert!(message(Column { values: ints(vec![1]), nulls: vec![0, 0] }).contains("2 null marks"));
        let lists = |offsets| {
            let items = Some(Box::new(Column { values: ints(vec![1]), nulls: vec![] }));
            Column { values: Some(Values::Lists(Box::new(Lists { offsets, items }))), nulls: vec![] }
        };
        for offsets in [vec![], vec![0, 2], vec![1, 0], vec![u32::MAX]] {
            assert!(message(lists(offsets)).contains("lists that do not fit"));
        }
        let maps = |keys, values: Vec<i64>| {
            let column = |values, nulls| Some(Box::new(Column { values: ints(values), nulls }));
            let (keys, values) = (column(vec![1], keys), column(values, vec![]));
            let maps = Maps { offsets: vec![0, 1], keys, values };
            Column { values: Some(Values::Maps(Box::new(maps))), nulls: vec![] }
        };
        for (key_nulls, values) in [(vec![], vec![]), (vec![1], vec![1])] {
            assert!(message(maps(key_nulls, values)).contains("no key is null"));
        }
    }
}
