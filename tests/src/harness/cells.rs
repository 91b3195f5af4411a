//! Single values out of columns.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Float32Type, Float64Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use thalweg_core::{Status, Value};

/// The value of `column` in `row`.
///
/// # Panics
/// If the column is of a type that no fold gives.
pub fn cell(column: &dyn Array, row: usize) -> Value {
    if column.is_null(row) {
        return Value::Null;
    }
    match column.data_type() {
        DataType::Boolean => Value::Bool(column.as_boolean().value(row)),
        DataType::Int32 => Value::Int32(column.as_primitive::<Int32Type>().value(row)),
        DataType::Int64 => Value::Int64(column.as_primitive::<Int64Type>().value(row)),
        DataType::Float32 => Value::Float32(column.as_primitive::<Float32Type>().value(row)),
        DataType::Float64 => Value::Float64(column.as_primitive::<Float64Type>().value(row)),
        DataType::Utf8 => Value::String(column.as_string::<i32>().value(row).into()),
        DataType::Binary => Value::Binary(column.as_binary::<i32>().value(row).into()),
        DataType::Date32 => Value::Date(column.as_primitive::<Date32Type>().value(row)),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            Value::Timestamp(column.as_primitive::<TimestampMicrosecondType>().value(row))
        }
        DataType::List(_) => {
            let items = column.as_list::<i32>().value(row);
            Value::List((0..items.len()).map(|item| cell(&items, item)).collect())
        }
        DataType::Map(_, _) => {
            let entries = column.as_map().value(row);
            let counts = entries.column(1).as_primitive::<Int64Type>();
            let entry = |entry| (cell(entries.column(0), entry), counts.value(entry));
            Value::Map((0..entries.len()).map(entry).collect())
        }
        other => panic!("no fold gives a column of {other}"),
    }
}

/// The status called `name`.
pub fn status(name: &str) -> Status {
    let all = [Status::Present, Status::NullValue, Status::NotFound, Status::OutsideMaxAge];
    all.into_iter().find(|status| status.name() == name).expect("there are four statuses")
}
