//! What expressions give, row by row, and what is refused.

mod properties;
mod refusals;
mod values;

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Float32Array, Float64Array, Int32Array,
    Int64Array, StringArray, TimestampMicrosecondArray,
};
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use thalweg_core::FieldType;
use thalweg_log::Field;

use super::{Evaluated, Expression};

const FIELDS: [(&str, FieldType); 12] = [
    ("flag", FieldType::Bool),
    ("i", FieldType::Int32),
    ("n", FieldType::Int64),
    ("m", FieldType::Int64),
    ("f", FieldType::Float32),
    ("x", FieldType::Float64),
    ("y", FieldType::Float64),
    ("s", FieldType::String),
    ("bytes", FieldType::Binary),
    ("day", FieldType::Date),
    ("at", FieldType::Timestamp),
    ("flight.Carrier", FieldType::String),
];

fn fields() -> Vec<Field> {
    FIELDS.iter().map(|(name, field_type)| Field::new(*name, *field_type)).collect()
}

/// A row of the test batch.
#[derive(Clone, Debug, Default)]
struct Row {
    flag: Option<bool>,
    i: Option<i32>,
    n: Option<i64>,
    m: Option<i64>,
    f: Option<f32>,
    x: Option<f64>,
    y: Option<f64>,
    s: Option<&'static str>,
    bytes: Option<&'static [u8]>,
    day: Option<i32>,
    at: Option<i64>,
    carrier: Option<&'static str>,
}

fn batch(rows: &[Row]) -> RecordBatch {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(rows.iter().map(|r| r.flag).collect::<BooleanArray>()),
        Arc::new(rows.iter().map(|r| r.i).collect::<Int32Array>()),
        Arc::new(rows.iter().map(|r| r.n).collect::<Int64Array>()),
        Arc::new(rows.iter().map(|r| r.m).collect::<Int64Array>()),
        Arc::new(rows.iter().map(|r| r.f).collect::<Float32Array>()),
        Arc::new(rows.iter().map(|r| r.x).collect::<Float64Array>()),
        Arc::new(rows.iter().map(|r| r.y).collect::<Float64Array>()),
        Arc::new(rows.iter().map(|r| r.s).collect::<StringArray>()),
        Arc::new(rows.iter().map(|r| r.bytes).collect::<BinaryArray>()),
        Arc::new(rows.iter().map(|r| r.day).collect::<Date32Array>()),
        Arc::new(rows.iter().map(|r| r.at).collect::<TimestampMicrosecondArray>().with_timezone("UTC")),
        Arc::new(rows.iter().map(|r| r.carrier).collect::<StringArray>()),
    ];
    let named = FIELDS.iter().zip(columns).map(|((name, _), column)| (*name, column, true));
    RecordBatch::try_from_iter_with_nullable(named).expect("columns of one length")
}

fn compiled(sql: &str) -> Expression {
    Expression::compile(sql, &fields()).unwrap_or_else(|error| panic!("{sql}: {error}"))
}

fn refused(sql: &str) -> String {
    match Expression::compile(sql, &fields()) {
        Ok(expression) => panic!("{sql} is accepted as {}", expression.canonical()),
        Err(error) => error.to_string(),
    }
}

fn shown(column: &ArrayRef) -> Vec<String> {
    let options = FormatOptions::new().with_null("null");
    let formatter = ArrayFormatter::try_new(column, &options).expect("a column that can be shown");
    (0..column.len()).map(|row| formatter.value(row).to_string()).collect()
}

/// Evaluates on one row.
fn value(sql: &str, row: &Row) -> (String, u64) {
    let Evaluated { column, failed } = compiled(sql).evaluate(&batch(std::slice::from_ref(row)));
    (shown(&column).remove(0), failed)
}

fn usual() -> Row {
    Row {
        flag: Some(true),
        i: Some(7),
        n: Some(-5),
        m: None,
        f: Some(0.5),
        x: Some(2.5),
        y: Some(-0.0),
        s: Some("Hello"),
        bytes: Some(b"\x01\xff"),
        day: Some(-1),
        at: Some(-1),
        carrier: Some("UA"),
    }
}
