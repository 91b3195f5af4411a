//! One value of a feature.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanArray, Date32Array, Float32Array, Float64Array, Int32Array, Int64Array,
    ListArray, MapArray, NullArray, StringBuilder, StructArray, TimestampMicrosecondArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use arrow::error::ArrowError;

use crate::FieldType;

/// What a fold gives: a value of one of the field types, a list or a map of them, or null.
///
/// Two values are equal if they are the same bits: NaN equals NaN, and −0.0 is not 0.0.
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// No value.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// 32-bit signed integer.
    Int32(i32),
    /// 64-bit signed integer.
    Int64(i64),
    /// IEEE 754 single precision.
    Float32(f32),
    /// IEEE 754 double precision.
    Float64(f64),
    /// UTF-8 text.
    String(Box<str>),
    /// Bytes.
    Binary(Box<[u8]>),
    /// Days since the epoch.
    Date(i32),
    /// Microseconds since the epoch, UTC.
    Timestamp(i64),
    /// Values of one type, in the order the aggregation says.
    List(Vec<Value>),
    /// Distinct values of one type, each with a number, in the order of values.
    Map(Vec<(Value, i64)>),
}

impl Value {
    /// Whether there is no value.
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Bytes this value holds outside itself.
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Self::String(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
            Self::List(items) => {
                items.capacity() * size_of::<Self>() + items.iter().map(Self::heap_bytes).sum::<usize>()
            }
            Self::Map(entries) => {
                let keys = entries.iter().map(|(key, _)| key.heap_bytes()).sum::<usize>();
                entries.capacity() * size_of::<(Self, i64)>() + keys
            }
            _ => 0,
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int32(a), Self::Int32(b)) | (Self::Date(a), Self::Date(b)) => a == b,
            (Self::Int64(a), Self::Int64(b)) | (Self::Timestamp(a), Self::Timestamp(b)) => a == b,
            (Self::Float32(a), Self::Float32(b)) => a.to_bits() == b.to_bits(),
            (Self::Float64(a), Self::Float64(b)) => a.to_bits() == b.to_bits(),
            (Self::String(a), Self::String(b)) => a == b,
            (Self::Binary(a), Self::Binary(b)) => a == b,
            (Self::List(a), Self::List(b)) => a == b,
            (Self::Map(a), Self::Map(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Value {}

/// The type of a column of maps from values of type `keys` to 64-bit integers: Arrow's `map`, as pyarrow's
/// `map_(keys, int64())` has it.
pub(crate) fn map_type(keys: FieldType) -> DataType {
    DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entries_of(keys)), false)), false)
}

fn entries_of(keys: FieldType) -> Fields {
    Fields::from(vec![Field::new("key", keys.to_arrow(), false), Field::new("value", DataType::Int64, true)])
}

/// A column of maps: row i has the `keys` and `numbers` from `offsets[i]` to `offsets[i + 1]`.
///
/// # Errors
///
/// If the parts do not fit each other.
pub(crate) fn map_array(
    keys_type: FieldType,
    offsets: OffsetBuffer<i32>,
    keys: ArrayRef,
    numbers: Vec<i64>,
    nulls: Option<NullBuffer>,
) -> Result<MapArray, ArrowError> {
    let fields = entries_of(keys_type);
    let field = Arc::new(Field::new("entries", DataType::Struct(fields.clone()), false));
    let entries = StructArray::try_new(fields, vec![keys, Arc::new(Int64Array::from(numbers))], None)?;
    MapArray::try_new(field, offsets, entries, nulls, false)
}

/// A column of type `data_type` with these values; [`Value::Null`] becomes null.
///
/// `data_type` is what [`Aggregation::output`](crate::Aggregation::output) gives: the Arrow type of a field
/// type, a list of one with a nullable field named `item`, or a map of one to 64-bit integers.
///
/// # Panics
///
/// If a value is not of `data_type`, or a list or text column outgrows 2³¹ elements: a fold never gives the
/// first, and a caller builds columns of one batch at a time.
pub fn column_of(data_type: &DataType, values: impl IntoIterator<Item = Value>) -> ArrayRef {
    let values = values.into_iter();
    macro_rules! column {
        ($array:ty, $variant:ident) => {
            Arc::new(values.map(|v| some_of!(v, $variant, data_type)).collect::<$array>())
        };
    }
    macro_rules! some_of {
        ($value:expr, $variant:ident, $data_type:expr) => {
            match $value {
                Value::Null => None,
                Value::$variant(x) => Some(x),
                other => panic!("a column of {} cannot hold {other:?}", $data_type),
            }
        };
    }
    match data_type {
        DataType::Boolean => column!(BooleanArray, Bool),
        DataType::Int32 => column!(Int32Array, Int32),
        DataType::Int64 => column!(Int64Array, Int64),
        DataType::Float32 => column!(Float32Array, Float32),
        DataType::Float64 => column!(Float64Array, Float64),
        DataType::Date32 => column!(Date32Array, Date),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let column: TimestampMicrosecondArray =
                values.map(|v| some_of!(v, Timestamp, data_type)).collect();
            Arc::new(column.with_timezone_opt(zone.clone()))
        }
        DataType::Utf8 => {
            let mut column = StringBuilder::new();
            values.for_each(|v| column.append_option(some_of!(v, String, data_type)));
            Arc::new(column.finish())
        }
        DataType::Binary => {
            let mut column = BinaryBuilder::new();
            values.for_each(|v| column.append_option(some_of!(v, Binary, data_type)));
            Arc::new(column.finish())
        }
        DataType::List(field) => {
            let lists: Vec<Option<Vec<Value>>> = values.map(|v| some_of!(v, List, data_type)).collect();
            let offsets = OffsetBuffer::from_lengths(lists.iter().map(|l| l.as_ref().map_or(0, Vec::len)));
            let nulls: NullBuffer = lists.iter().map(Option::is_some).collect();
            let items = column_of(field.data_type(), lists.into_iter().flatten().flatten());
            let nulls = (nulls.null_count() > 0).then_some(nulls);
            Arc::new(ListArray::new(Arc::clone(field), offsets, items, nulls))
        }
        DataType::Map(entries, _) => {
            let DataType::Struct(fields) = entries.data_type() else {
                panic!("no fold gives a column of {data_type}")
            };
            let keys = fields[0].data_type();
            let maps: Vec<Option<Vec<(Value, i64)>>> = values.map(|v| some_of!(v, Map, data_type)).collect();
            let offsets = OffsetBuffer::from_lengths(maps.iter().map(|m| m.as_ref().map_or(0, Vec::len)));
            let nulls: NullBuffer = maps.iter().map(Option::is_some).collect();
            let nulls = (nulls.null_count() > 0).then_some(nulls);
            let numbers = maps.iter().flatten().flatten().map(|(_, number)| *number).collect();
            // Gathered first: a column of what a closure gives would be another function at every depth.
            let key_values: Vec<Value> = maps.into_iter().flatten().flatten().map(|(key, _)| key).collect();
            let column = column_of(keys, key_values);
            let keys = FieldType::from_arrow(keys).expect("a fold's maps are of values of fields");
            Arc::new(map_array(keys, offsets, column, numbers, nulls).expect("parts of one column"))
        }
        DataType::Null => Arc::new(NullArray::new(values.count())),
        other => panic!("no fold gives a column of {other}"),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::{Int64Type, TimestampMicrosecondType};

    use super::*;

    #[test]
    fn values_are_equal_when_their_bits_are() {
        assert_eq!(Value::Float64(f64::NAN), Value::Float64(f64::NAN));
        assert_ne!(Value::Float64(0.0), Value::Float64(-0.0));
        assert_ne!(Value::Int64(1), Value::Timestamp(1));
        assert_ne!(Value::Null, Value::List(Vec::new()));
    }

    #[test]
    fn columns_keep_types_nulls_and_lists() {
        let timestamp = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let column = column_of(&timestamp, [Value::Timestamp(5), Value::Null]);
        assert_eq!(column.data_type(), &timestamp);
        assert_eq!(column.as_primitive::<TimestampMicrosecondType>().value(0), 5);
        assert!(column.is_null(1));

        let list = DataType::List(Arc::new(Field::new("item", DataType::Int64, true)));
        let column = column_of(&list, [Value::List(vec![Value::Int64(1), Value::Int64(2)]), Value::Null]);
        assert_eq!(column.data_type(), &list);
        assert_eq!(column.as_list::<i32>().value(0).as_primitive::<Int64Type>().values(), &[1, 2]);
        assert!(column.is_null(1));

        let map = map_type(FieldType::String);
        let entries = vec![(Value::String("a".into()), 3), (Value::String("b".into()), 1)];
        let column = column_of(&map, [Value::Null, Value::Map(entries)]);
        assert_eq!(column.data_type(), &map);
        let column = column.as_map();
        assert!(column.is_null(0));
        assert_eq!(column.keys().as_string::<i32>().value(1), "b");
        assert_eq!(column.values().as_primitive::<Int64Type>().values(), &[3, 1]);
    }
}
