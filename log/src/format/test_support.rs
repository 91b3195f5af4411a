//! Helpers of this module's tests.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{
    Date32Type, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use thalweg_core::FieldType;

use super::{Decoded, Decoder, DecoderSpec, Field, Format};
use crate::batch::{BatchReader, Compression, NewRecord, Record, encode_batches};

/// A specification without unused fields and payloads.
pub(super) fn spec(format: Format, fields: Vec<Field>) -> DecoderSpec {
    DecoderSpec { format, fields, unused: Vec::new(), tombstones: false, keep_payloads: false }
}

/// The payloads decoded as records of offsets 0, 1, ….
pub(super) fn decode(spec: &DecoderSpec, payloads: &[&[u8]]) -> Decoded {
    let records = payloads.iter().map(|payload| record(None, Some(payload), &[]));
    decode_records(spec, &records.collect::<Vec<_>>())
}

/// A batch of one record with the timestamp 0.
pub(super) fn record(key: Option<&[u8]>, value: Option<&[u8]>, headers: &[(&str, Option<&[u8]>)]) -> Vec<u8> {
    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_bytes(), *value)).collect();
    let record = NewRecord { key, value, timestamp_ms: 0, headers: &headers };
    let mut bytes = Vec::new();
    encode_batches(0, &[record], Compression::None, &mut bytes).expect("a record that is not too large");
    bytes
}

/// The records of batches, decoded with the offsets 0, 1, ….
pub(super) fn decode_records(spec: &DecoderSpec, batches: &[Vec<u8>]) -> Decoded {
    let mut decoder = Decoder::new(spec, "topic", 0).expect("a sound specification");
    let mut scratch = Vec::new();
    for (offset, batch) in (0..).zip(batches) {
        let batch = BatchReader::of_checked(batch).next().expect("a batch").expect("it was just written");
        for record in batch.records(&mut scratch).expect("it was just written") {
            decoder.push(&Record { offset, ..record.expect("it was just written") });
        }
    }
    decoder.finish(batches.len() as i64)
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
