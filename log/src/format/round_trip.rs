//! Rows written and read again, in every format, and Avro against another implementation.

use std::sync::Arc;

use apache_avro::Schema as ApacheSchema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow_avro::reader::ReaderBuilder;
use arrow_avro::schema::SchemaStore;
use proptest::prelude::*;
use thalweg_core::FieldType;

use super::column::{Column, Scalar};
use super::test_support::{columns_text, decode, spec};
use super::{AvroFraming, Field, Format, FormatError, encode_rows};

const SCHEMA: &str = r#"{"type": "record", "name": "R", "namespace": "n.s", "fields": [
    {"name": "bool", "type": ["null", "boolean"]},
    {"name": "int", "type": ["int", "null"]},
    {"name": "inner", "type": ["null", {"type": "record", "name": "Inner", "fields": [
        {"name": "long", "type": ["null", "long"]},
        {"name": "deep", "type": {"type": "record", "name": "Deep", "fields": [
            {"name": "float", "type": ["null", "float"]},
            {"name": "double", "type": ["double", "null"]}]}}]}]},
    {"name": "list", "type": {"type": "array", "items": ["null", "n.s.Inner"]}, "default": [null]},
    {"name": "text", "type": ["null", "string"]},
    {"name": "bytes", "type": ["null", "bytes"]},
    {"name": "date", "type": ["null", {"type": "int", "logicalType": "date"}]},
    {"name": "micros", "type": ["null", {"type": "long", "logicalType": "timestamp-micros"}]},
    {"name": "millis", "type": ["null", {"type": "long", "logicalType": "timestamp-millis"}]},
    {"name": "nanos", "type": ["null", {"type": "long", "logicalType": "local-timestamp-nanos"}]},
    {"name": "symbol", "type": ["null", {"type": "enum", "name": "E", "symbols": ["A", "B", "C"]}]},
    {"name": "fixed", "type": ["null", {"type": "fixed", "name": "F", "size": 3}]},
    {"name": "tags", "type": {"type": "map", "values": "string"}, "default": {"k": "v"}},
    {"name": "either", "type": ["int", "string", "null"]}
]}"#;

/// A value of one of the schema's fields, in the fields' order.
#[derive(Clone, Debug)]
enum Cell {
    Null,
    Bool(bool),
    Int(i32),
    Long(i64),
    Float(f32),
    Double(f64),
    Text(String),
    Bytes(Vec<u8>),
}

impl Cell {
    fn push(&self, column: &mut Column) {
        let scalar = match self {
            Self::Null => return column.push_null(),
            Self::Bool(value) => Scalar::Bool(*value),
            Self::Int(value) => Scalar::Int32(*value),
            Self::Long(value) => Scalar::Int64(*value),
            Self::Float(value) => Scalar::Float32(*value),
            Self::Double(value) => Scalar::Float64(*value),
            Self::Text(value) => Scalar::String(value),
            Self::Bytes(value) => Scalar::Binary(value),
        };
        column.push(scalar).expect("a value of the column's type");
    }
}

fn cell<T: std::fmt::Debug>(
    values: impl Strategy<Value = T>,
    to_cell: fn(T) -> Cell,
) -> impl Strategy<Value = Cell> {
    prop_oneof![1 => Just(Cell::Null), 4 => values.prop_map(to_cell)]
}

fn ints() -> impl Strategy<Value = i32> {
    prop_oneof![any::<i32>(), Just(i32::MIN), Just(i32::MAX), -70..70]
}

fn longs() -> impl Strategy<Value = i64> {
    prop_oneof![any::<i64>(), Just(i64::MIN), Just(i64::MAX), Just((1 << 53) + 1), -70_i64..70]
}

fn row() -> impl Strategy<Value = Vec<Cell>> {
    let floats =
        prop_oneof![any::<u32>().prop_map(f32::from_bits), Just(-0.0), Just(f32::INFINITY), Just(1e-45)];
    let doubles =
        prop_oneof![any::<u64>().prop_map(f64::from_bits), Just(-0.0), Just(f64::NEG_INFINITY), Just(0.0)];
    // Dates that JSON can spell; instants that milliseconds and nanoseconds can tell.
    let dates = prop_oneof![-719_528..=2_932_896, Just(-719_528), Just(2_932_896)];
    let millis = (i64::MIN / 1_000..=i64::MAX / 1_000).prop_map(|ms| ms * 1_000);
    let nanos = i64::MIN / 1_000 + 1..=i64::MAX / 1_000;
    let first = (
        cell(any::<bool>(), Cell::Bool),
        cell(ints(), Cell::Int),
        cell(longs(), Cell::Long),
        cell(floats, Cell::Float),
        cell(doubles, Cell::Double),
        cell(any::<String>(), Cell::Text),
    );
    let second = (
        cell(prop::collection::vec(any::<u8>(), 0..9), Cell::Bytes),
        cell(dates, Cell::Int),
        cell(longs(), Cell::Long),
        cell(millis, Cell::Long),
        cell(nanos, Cell::Long),
        cell("[ABC]", Cell::Text),
        cell(prop::collection::vec(any::<u8>(), 3), Cell::Bytes),
    );
    (first, second)
        .prop_map(|((a, b, c, d, e, f), (g, h, i, j, k, l, m))| vec![a, b, c, d, e, f, g, h, i, j, k, l, m])
}

fn batch(fields: &[Field], rows: &[Vec<Cell>]) -> RecordBatch {
    let mut columns: Vec<Column> = fields.iter().map(|field| Column::new(field.field_type)).collect();
    for row in rows {
        row.iter().zip(&mut columns).for_each(|(cell, column)| cell.push(column));
    }
    let arrays = columns.iter_mut().map(Column::finish).collect();
    RecordBatch::try_new(spec(Format::Json, fields.to_vec()).schema(), arrays).expect("columns of the schema")
}

fn avro() -> (Format, Vec<Field>) {
    Format::avro(SCHEMA).expect("a sound schema")
}

/// The other implementation's value of one field, as ours would be shown.
pub(super) fn apache_text(value: &Value, path: &str) -> String {
    let (value, rest) = match (value, path.split_once('.')) {
        (Value::Union(_, inner), _) => return apache_text(inner, path),
        (Value::Null, _) => return "null".to_owned(),
        (Value::Record(members), split) => {
            let (name, rest) = split.unwrap_or((path, ""));
            let member = members.iter().find(|(member, _)| member == name).expect("a field of the schema");
            (&member.1, rest)
        }
        (value, _) => (value, ""),
    };
    match value {
        Value::Union(..) | Value::Null | Value::Record(_) => apache_text(value, rest),
        Value::Boolean(value) => value.to_string(),
        Value::Int(value) | Value::Date(value) => value.to_string(),
        Value::Long(value) | Value::TimestampMicros(value) => value.to_string(),
        Value::TimestampMillis(value) => (value * 1_000).to_string(),
        Value::LocalTimestampNanos(value) => value.div_euclid(1_000).to_string(),
        Value::Float(value) => format!("{value:?}"),
        Value::Double(value) => format!("{value:?}"),
        Value::String(value) | Value::Enum(_, value) => format!("{value:?}"),
        Value::Bytes(value) | Value::Fixed(_, value) => format!("{value:?}"),
        other => panic!("no value of this schema: {other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn rows_survive_every_format(rows in prop::collection::vec(row(), 1..12)) {
        let (avro, fields) = avro();
        let rows = batch(&fields, &rows);
        for format in [Format::Json, avro.clone(), avro.with_framing(AvroFraming::SingleObject)] {
            let payloads = encode_rows(&format, &fields, &rows).expect("rows of the format");
            let payloads: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
            let decoded = decode(&spec(format, fields.clone()), &payloads);
            prop_assert_eq!(&decoded.dead, &[]);
            prop_assert_eq!(columns_text(&decoded.columns), columns_text(&rows));
            prop_assert_eq!(decoded.columns.schema(), rows.schema());
        }
    }

    #[test]
    fn avro_is_what_another_implementation_reads_and_writes(rows in prop::collection::vec(row(), 1..6)) {
        let (format, fields) = avro();
        let rows = batch(&fields, &rows);
        let schema = ApacheSchema::parse_str(SCHEMA).expect("a sound schema");
        let reader = GenericDatumReader::builder(&schema).build().expect("a sound schema");
        let writer = GenericDatumWriter::builder(&schema).build().expect("a sound schema");
        let payloads = encode_rows(&format, &fields, &rows).expect("rows of the format");
        let mut rewritten = Vec::new();
        for (row, payload) in payloads.iter().enumerate() {
            let mut unread = payload.as_slice();
            let value = reader.read_value(&mut unread).expect("a sound datum");
            prop_assert!(unread.is_empty());
            let theirs: Vec<String> = fields.iter().map(|field| apache_text(&value, &field.name)).collect();
            prop_assert_eq!(theirs, columns_text(&rows.slice(row, 1)));
            rewritten.push(writer.write_value_to_vec(value).expect("a value of the schema"));
        }
        let rewritten: Vec<&[u8]> = rewritten.iter().map(Vec::as_slice).collect();
        let decoded = decode(&spec(format, fields), &rewritten);
        prop_assert_eq!(columns_text(&decoded.columns), columns_text(&rows));
    }

    #[test]
    fn any_bytes_are_borne(
        row in row(),
        noise in prop::collection::vec(any::<u8>(), 1..60),
        at in any::<prop::sample::Index>(),
    ) {
        let (format, fields) = avro();
        let sound = encode_rows(&format, &fields, &batch(&fields, &[row])).expect("rows of the format").remove(0);
        let at = at.index(sound.len());
        let spoilt = [&sound[..at], &noise].concat();
        let longer = [&sound[..], &noise].concat();
        let mut flipped = sound.clone();
        flipped[at] ^= noise[0];
        let payloads = [&noise[..], &sound, &sound[..at], &spoilt, &sound, &longer, &flipped, &sound];
        let decoded = decode(&spec(format, fields), &payloads);
        prop_assert_eq!(decoded.num_rows() + decoded.dead.len(), payloads.len());
        for offset in [1, 4, 7] {
            prop_assert!(decoded.offsets.contains(&offset), "sound records are not touched by their neighbours");
        }
        for offset in [2, 5] {
            prop_assert!(decoded.dead.iter().any(|dead| dead.offset == offset), "neither cut short nor with more");
        }
        let texts: Vec<_> = [1, 4, 7].iter().map(|offset| {
            let row = decoded.offsets.binary_search(offset).expect("just seen");
            columns_text(&decoded.columns.slice(row, 1))
        }).collect();
        prop_assert_eq!(&texts[0], &texts[1]);
        prop_assert_eq!(&texts[0], &texts[2]);
    }
}

#[test]
fn single_objects_are_what_another_implementation_reads() {
    let schema = r#"{"type": "record", "name": "Flight", "namespace": "thalweg.nyc", "fields": [
        {"name": "carrier", "type": "string", "default": "UA"},
        {"name": "sched_dep", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "dep_delay", "type": ["null", "double"]}]}"#;
    let (format, fields) = Format::avro(schema).expect("a sound schema");
    let rows = batch(
        &fields,
        &[
            vec![Cell::Text("AA".into()), Cell::Long(i64::MIN), Cell::Double(-0.0)],
            vec![Cell::Text("ü".into()), Cell::Long(5), Cell::Null],
        ],
    );
    let mut store = SchemaStore::new();
    store.register(arrow_avro::schema::AvroSchema::new(schema.to_owned())).expect("a sound schema");
    let mut decoder =
        ReaderBuilder::new().with_writer_schema_store(store).build_decoder().expect("a sound schema");
    let payloads = encode_rows(&format.with_framing(AvroFraming::SingleObject), &fields, &rows);
    for payload in payloads.expect("rows of the format") {
        assert_eq!(decoder.decode(&payload).expect("a sound object"), payload.len());
    }
    let theirs = decoder.flush().expect("sound objects").expect("rows");
    let cast = |(array, field): (&ArrayRef, &Field)| {
        cast(array, &field.field_type.to_arrow()).expect("the same type")
    };
    assert_eq!(theirs.columns().iter().zip(&fields).map(cast).collect::<Vec<_>>(), rows.columns());
}

#[test]
fn json_is_spelt_as_sources_spell_it() {
    let (_, fields) = avro();
    let mut row = vec![Cell::Null; fields.len()];
    let all_null = batch(&fields, &[row.clone()]);
    for (name, cell) in [
        ("int", Cell::Int(-7)),
        ("inner.deep.float", Cell::Float(0.1)),
        ("inner.deep.double", Cell::Double(f64::NAN)),
        ("text", Cell::Text("a\"ü\u{1}".into())),
        ("bytes", Cell::Bytes(vec![0, 1, 255])),
        ("date", Cell::Int(-1)),
        ("micros", Cell::Long(-1)),
        ("millis", Cell::Long(1_372_680_000_000_000)),
        ("nanos", Cell::Long(i64::MAX)),
    ] {
        row[fields.iter().position(|field| field.name == name).expect("a field")] = cell;
    }
    let text = |rows: &RecordBatch| {
        let payload = encode_rows(&Format::Json, &fields, rows).expect("rows of the format").remove(0);
        String::from_utf8(payload).expect("JSON is text")
    };
    assert_eq!(
        text(&batch(&fields, &[row])),
        concat!(
            r#"{"bool":null,"int":-7,"inner":{"long":null,"deep":{"float":0.1,"double":"NaN"}},"#,
            r#""text":"a\"ü\u0001","bytes":"AAH/","date":"1969-12-31","micros":"1969-12-31T23:59:59.999999Z","#,
            r#""millis":"2013-07-01T12:00:00Z","nanos":9223372036854775807,"symbol":null,"fixed":null}"#
        )
    );
    assert!(text(&all_null).contains(r#""inner":{"long":null,"deep":{"float":null,"double":null}}"#));
    assert_eq!(
        text(
            &all_null
                .project(&[])
                .expect("no columns")
                .with_schema(Arc::new(arrow::datatypes::Schema::empty()))
                .expect("the same")
        ),
        "{}"
    );
}

#[test]
fn rows_that_cannot_be_written_are_refused_with_their_place() {
    let schema = r#"{"type": "record", "name": "R", "fields": [
        {"name": "n", "type": "int"}, {"name": "d", "type": "string", "default": "x"},
        {"name": "s", "type": ["null", {"type": "enum", "name": "E", "symbols": ["A", "B"]}], "default": null},
        {"name": "f", "type": {"type": "fixed", "name": "F", "size": 2}, "default": "\u0000\u00ff"},
        {"name": "t", "type": {"type": "long", "logicalType": "timestamp-millis"}, "default": 0}]}"#;
    let (format, fields) = Format::avro(schema).expect("a sound schema");
    let encode = |names: &[&str], rows: &[Vec<Cell>]| {
        let asked: Vec<Field> = fields.iter().filter(|f| names.contains(&f.name.as_str())).cloned().collect();
        encode_rows(&format, &fields, &batch(&asked, rows)).map_err(|e| e.to_string())
    };
    assert_eq!(
        encode(&["n"], &[vec![Cell::Int(1)]]),
        Ok(vec![vec![2, 2, b'x', 0, 0x00, 0xff, 0]]),
        "defaults stand in for columns"
    );
    for (names, rows, wanted) in [
        (&["d"][..], vec![vec![Cell::Null]], "field `n` has no column"),
        (&["n"], vec![vec![Cell::Int(1)], vec![Cell::Null]], "row 1, field `n`: is null"),
        (&["n", "s"], vec![vec![Cell::Int(1), Cell::Text("C".into())]], "row 0, field `s`: \"C\" is none of"),
        (&["n", "f"], vec![vec![Cell::Int(1), Cell::Bytes(vec![1])]], "row 0, field `f`: has 1 bytes"),
        (
            &["n", "t"],
            vec![vec![Cell::Int(1), Cell::Long(1_001)]],
            "row 0, field `t`: 1001 microseconds are finer",
        ),
    ] {
        let message = encode(names, &rows).expect_err("it cannot be written");
        assert!(message.starts_with(wanted), "{message}");
    }
    let other = batch(&[Field::new("n", FieldType::Int64)], &[vec![Cell::Long(1)]]);
    assert!(
        matches!(encode_rows(&format, &fields, &other), Err(FormatError::ColumnType { field, .. }) if field == "n")
    );
    let (list, _) = Format::avro(
        r#"{"type": "record", "name": "R", "fields": [{"name": "l", "type": {"type": "array", "items": "int"}}]}"#,
    )
    .expect("a sound schema");
    assert!(
        matches!(encode_rows(&list, &[], &other), Err(FormatError::NotWritable { field, .. }) if field == "l")
    );
    let date = batch(&[Field::new("day", FieldType::Date)], &[vec![Cell::Int(i32::MAX)]]);
    let error =
        encode_rows(&Format::Json, &[Field::new("day", FieldType::Date)], &date).expect_err("too late a day");
    assert!(error.to_string().contains("outside of the years 0 to 9999"), "{error}");
}
