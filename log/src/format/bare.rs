//! Bytes that are one value and nothing else, as keys and headers of records are.

use serde::de::IgnoredAny;
use thalweg_core::FieldType;

use super::Field;
use super::column::{Column, Scalar};
use super::json_value::read_value;

/// Reads `bytes` as the value of `field`, into its column: those of a text or binary one as they are, of another as
/// JSON sources write it, the quotes around dates and instants left out or not.
///
/// # Errors
/// Why they are none.
pub(super) fn read_bare(field: &Field, bytes: &[u8], column: &mut Column, row: usize) -> Result<(), String> {
    let text = || std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned());
    match field.field_type {
        FieldType::String => column.push(Scalar::String(text()?)),
        FieldType::Binary => column.push(Scalar::Binary(bytes)),
        FieldType::Date | FieldType::Timestamp if !is_json(bytes) => {
            read_value(field, &format!("\"{}\"", text()?), column, row)
        }
        _ => read_value(field, text()?, column, row),
    }
}

fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(text).is_ok()
}
