//! Rows into payloads.

use arrow::array::{ArrayRef, RecordBatch};

use super::avro::encode_avro;
use super::encode_json::encode_json;
use super::field::check_fields;
use super::{Field, Format, FormatError};

/// One payload per row of `rows`, in their order.
///
/// Each of `fields` takes the column of its name, which must have exactly the field's Arrow type; fields that
/// stand for something outside the value are not written, nor are columns that are no field. A field without
/// a column is left out of JSON objects; Avro datums take its default, or null. Decoding the payloads gives
/// the same columns.
///
/// - JSON: instants in RFC 3339, UTC, with microseconds where there are any (an instant outside of the years
///   0 to 9999 as an integer of the field's unit), binary in base64, floats that are no numbers as strings,
///   nulls as null.
/// - Avro: a record that may be null is, where all of its columns are. Datums that name their schema by number are written
///   without the number, which is the registry's: see [`Format::header`].
///
/// # Errors
/// If fields clash or are not the schema's, a column is of another type or missing, or the format has no way
/// to write a value.
pub fn encode_rows(
    format: &Format,
    fields: &[Field],
    rows: &RecordBatch,
) -> Result<Vec<Vec<u8>>, FormatError> {
    check_fields(fields)?;
    match format {
        Format::Json => encode_json(fields, rows),
        Format::FramedJson => Err(FormatError::ReadOnly { format: "JSON behind the number of a schema" }),
        Format::Protobuf { .. } => Err(FormatError::ReadOnly { format: "messages of Protocol Buffers" }),
        Format::DebeziumJson | Format::DebeziumAvro { .. } => {
            Err(FormatError::ReadOnly { format: "changes of Debezium" })
        }
        Format::Avro { schema, framing } => encode_avro(schema, framing, fields, rows),
    }
}

/// The fields of the value that have a column, with it.
///
/// # Errors
/// If a column is of another type than its field.
pub(super) fn columns_of<'f>(
    fields: &'f [Field],
    rows: &RecordBatch,
) -> Result<Vec<(&'f Field, ArrayRef)>, FormatError> {
    let mut columns = Vec::new();
    for field in fields.iter().filter(|field| !field.is_outside_value()) {
        let Some(column) = rows.column_by_name(&field.name) else { continue };
        if *column.data_type() != field.field_type.to_arrow() {
            return Err(FormatError::ColumnType {
                field: field.name.clone(),
                expected: field.field_type.to_arrow(),
                found: column.data_type().clone(),
            });
        }
        columns.push((field, column.clone()));
    }
    Ok(columns)
}
