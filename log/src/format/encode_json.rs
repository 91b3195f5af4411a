//! Rows into JSON objects.

use std::io::Write as _;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{
    Date32Type, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use thalweg_core::FieldType;

use super::encode::columns_of;
use super::time::{write_date, write_instant};
use super::{Field, FormatError};

/// One object per row, with the fields that have columns; dotted paths become objects in objects.
///
/// # Errors
/// If a column is of another type than its field, or a value cannot be written.
pub(super) fn encode_json(fields: &[Field], rows: &RecordBatch) -> Result<Vec<Vec<u8>>, FormatError> {
    let mut root = Vec::new();
    for (field, column) in columns_of(fields, rows)? {
        insert(&mut root, &field.name, field, column);
    }
    let mut length = 0;
    (0..rows.num_rows())
        .map(|row| {
            // Rows are about as long as their neighbours.
            let mut out = Vec::with_capacity(length + length / 8);
            write_object(&root, row, &mut out)?;
            length = out.len();
            Ok(out)
        })
        .collect()
}

/// A member of an object.
struct Member<'f> {
    name: &'f str,
    /// The name and the colon after it, as JSON.
    label: Vec<u8>,
    content: Content<'f>,
}

enum Content<'f> {
    Value(&'f Field, ArrayRef),
    Object(Vec<Member<'f>>),
}

fn insert<'f>(members: &mut Vec<Member<'f>>, path: &'f str, field: &'f Field, column: ArrayRef) {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let mut label = Vec::new();
    write_json(name, &mut label);
    label.push(b':');
    let Some(rest) = rest else {
        return members.push(Member { name, label, content: Content::Value(field, column) });
    };
    let inside = members.iter_mut().find_map(|member| match &mut member.content {
        Content::Object(inside) if member.name == name => Some(inside),
        _ => None,
    });
    match inside {
        Some(inside) => insert(inside, rest, field, column),
        None => {
            let mut inside = Vec::new();
            insert(&mut inside, rest, field, column);
            members.push(Member { name, label, content: Content::Object(inside) });
        }
    }
}

fn write_object(members: &[Member<'_>], row: usize, out: &mut Vec<u8>) -> Result<(), FormatError> {
    for (place, member) in members.iter().enumerate() {
        out.push(if place == 0 { b'{' } else { b',' });
        out.extend_from_slice(&member.label);
        match &member.content {
            Content::Value(_, column) if column.is_null(row) => out.extend_from_slice(b"null"),
            Content::Value(field, column) => write_value(field, column, row, out)
                .map_err(|reason| FormatError::Unwritable { row, field: field.name.clone(), reason })?,
            Content::Object(members) => write_object(members, row, out)?,
        }
    }
    out.extend_from_slice(if members.is_empty() { b"{}" } else { b"}" });
    Ok(())
}

fn write_value(field: &Field, column: &ArrayRef, row: usize, out: &mut Vec<u8>) -> Result<(), String> {
    match field.field_type {
        FieldType::Bool => write_json(&column.as_boolean().value(row), out),
        FieldType::Int32 => write_json(&column.as_primitive::<Int32Type>().value(row), out),
        FieldType::Int64 => write_json(&column.as_primitive::<Int64Type>().value(row), out),
        FieldType::Float32 => {
            let value = column.as_primitive::<Float32Type>().value(row);
            if value.is_finite() { write_json(&value, out) } else { write_json(no_number(value.into()), out) }
        }
        FieldType::Float64 => {
            let value = column.as_primitive::<Float64Type>().value(row);
            if value.is_finite() { write_json(&value, out) } else { write_json(no_number(value), out) }
        }
        FieldType::String => write_json(column.as_string::<i32>().value(row), out),
        FieldType::Binary => write_json(&STANDARD.encode(column.as_binary::<i32>().value(row)), out),
        FieldType::Date => {
            let days = column.as_primitive::<Date32Type>().value(row);
            if !write_quoted(out, |out| write_date(days, out)) {
                return Err(format!("day {days} is outside of the years 0 to 9999"));
            }
        }
        FieldType::Timestamp => {
            let micros = column.as_primitive::<TimestampMicrosecondType>().value(row);
            if write_quoted(out, |out| write_instant(micros, out)) {
                return Ok(());
            }
            if micros % field.unit.micros() != 0 {
                return Err(format!("{micros} microseconds are no whole number of {}", field.type_name()));
            }
            write_json(&(micros / field.unit.micros()), out);
        }
    }
    Ok(())
}

/// How a float that is not finite is spelt.
fn no_number(value: f64) -> &'static str {
    if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    }
}

/// Appends what `write` appends, in quotes; nothing where it says that it had nothing.
fn write_quoted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> bool) -> bool {
    let start = out.len();
    out.push(b'"');
    let written = write(out);
    if written {
        out.push(b'"');
    } else {
        out.truncate(start);
    }
    written
}

/// Appends a text or a number as JSON.
fn write_json<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    serde_json::to_writer(out.by_ref(), value).expect("texts and numbers can be written to memory");
}
