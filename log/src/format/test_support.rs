//! Helpers of this module's tests.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{
    Date32Type, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use thalweg_core::FieldType;

use super::{Decoded, Decoder, DecoderSpec, Field, Format};

/// A specification without unused fields and payloads.
pub(super) fn spec(format: Format, fields: Vec<Field>) -> DecoderSpec {
    DecoderSpec { format, fields, unused: Vec::new(), tombstones: false, keep_payloads: false }
}

/// The payloads decoded as records of offsets 0, 1, ….
pub(super) fn decode(spec: &DecoderSpec, payloads: &[&[u8]]) -> Decoded {
    let mut decoder = Decoder::new(spec, "topic", 0).expect("a sound specification");
    for (offset, payload) in (0..).zip(payloads) {
        decoder.push(offset, 0, None, Some(payload));
    }
    decoder.finish(payloads.len() as i64)
}

/// Every column as text, its values parted by commas; floats so that −0.0 and all digits show.
pub(super) fn columns_text(batch: &RecordBatch) -> Vec<String> {
    let column = |column: &ArrayRef| {
        let values = (0..column.len()).map(|row| value_text(column, row));
        values.collect::<Vec<_>>().join(", ")
    };
    batch.columns().iter().map(column).collect()
}

fn value_text(column: &ArrayRef, row: usize) -> String {
    if column.is_null(row) {
        return "null".to_owned();
    }
    match FieldType::from_arrow(column.data_type()).expect("a field's type") {
        FieldType::Bool => column.as_boolean().value(row).to_string(),
        FieldType::Int32 => column.as_primitive::<Int32Type>().value(row).to_string(),
        FieldType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string(),
        FieldType::Float32 => format!("{:?}", column.as_primitive::<Float32Type>().value(row)),
        FieldType::Float64 => format!("{:?}", column.as_primitive::<Float64Type>().value(row)),
        FieldType::String => format!("{:?}", column.as_string::<i32>().value(row)),
        FieldType::Binary => format!("{:?}", column.as_binary::<i32>().value(row)),
        FieldType::Date => column.as_primitive::<Date32Type>().value(row).to_string(),
        FieldType::Timestamp => column.as_primitive::<TimestampMicrosecondType>().value(row).to_string(),
    }
}
