//! Datums of one schema read as another: against another implementation, and by the letter of the specification.

use apache_avro::Schema as ApacheSchema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::parsed;
use super::plan::Plan;
use crate::format::column::Column;
use crate::format::round_trip::apache_text;
use crate::format::test_support::columns_text;
use crate::format::{AvroSchema, Field};

/// A field that was written, with a value, and what has become of it in the schema that reads it.
#[derive(Clone, Debug)]
struct Change {
    written: Json,
    value: Value,
    /// The type it is read as; nothing if it is read no more.
    read: Option<Json>,
    /// Whether a new field stands before it, which has a default.
    added: Option<(Json, Json)>,
}

/// Fields of simple types that may be read as others, or as null too.
fn simple() -> impl Strategy<Value = Change> {
    let promoted =
        prop_oneof![
            (any::<i32>(), prop::sample::select(vec!["int", "long", "float", "double"]))
                .prop_map(|(n, read)| (json!("int"), Value::Int(n), json!(read))),
            (any::<i64>(), prop::sample::select(vec!["long", "float", "double"])).prop_map(|(n, read)| (
                json!("long"),
                Value::Long(n),
                json!(read)
            )),
            (any::<f32>(), prop::sample::select(vec!["float", "double"])).prop_map(|(x, read)| (
                json!("float"),
                Value::Float(x),
                json!(read)
            )),
            (any::<f64>(),).prop_map(|(x,)| (json!("double"), Value::Double(x), json!("double"))),
            (any::<String>(), prop::sample::select(vec!["string", "bytes"])).prop_map(|(text, read)| (
                json!("string"),
                Value::String(text),
                json!(read)
            )),
            (prop::collection::vec(any::<u8>(), 0..4), prop::sample::select(vec!["string", "bytes"]))
                .prop_map(|(bytes, read)| (json!("bytes"), Value::Bytes(bytes), json!(read))),
            (any::<bool>(), prop::sample::select(vec!["boolean", "string"])).prop_map(|(truth, read)| (
                json!("boolean"),
                Value::Boolean(truth),
                json!(read)
            )),
            (any::<i64>(),).prop_map(|(n,)| {
                let micros = json!({"type": "long", "logicalType": "timestamp-micros"});
                (micros.clone(), Value::TimestampMicros(n), micros)
            }),
            (any::<i64>(),).prop_map(|(n,)| {
                (json!("long"), Value::Long(n), json!({"type": "long", "logicalType": "timestamp-micros"}))
            }),
            (any::<i32>(),).prop_map(|(n,)| {
                (json!("int"), Value::Int(n), json!({"type": "int", "logicalType": "date"}))
            }),
        ];
    let change = |(written, value, read): (Json, Value, Json)| Change {
        written,
        value,
        read: Some(read),
        added: None,
    };
    promoted.prop_map(change)
}

/// Fields whose values may be null when they are written, or read; the other implementation promotes nothing in unions.
fn nullable() -> impl Strategy<Value = Change> {
    let values = prop_oneof![
        any::<i64>().prop_map(|n| (json!("long"), Value::Long(n))),
        any::<String>().prop_map(|text| (json!("string"), Value::String(text))),
        any::<bool>().prop_map(|truth| (json!("boolean"), Value::Boolean(truth))),
    ];
    (values, 0..5_u8, any::<bool>()).prop_map(|((of, value), kind, is_null)| {
        let null = || Value::Union(0, Box::new(Value::Null));
        let (first, last) = (json!(["null", of]), json!([of, "null"]));
        let branch = |n, value: &Value| Value::Union(n, Box::new(value.clone()));
        let (written, value, read) = match kind {
            0 => (of.clone(), value, first),
            1 if is_null => (first.clone(), null(), last),
            1 => (first.clone(), branch(1, &value), last),
            2 if is_null => (first.clone(), null(), of.clone()),
            2 => (first.clone(), branch(1, &value), of.clone()),
            3 => (json!("null"), Value::Null, first),
            _ => (json!([of, "null", "float"]), branch(0, &value), json!(["float", of])),
        };
        Change { written, value, read: Some(read), added: None }
    })
}

/// Fields of enums with other symbols, of arrays and maps, and of records with other fields.
fn composed() -> impl Strategy<Value = Change> {
    let symbols = (0..3_usize, any::<bool>(), any::<u32>()).prop_map(|(number, has_default, name)| {
        let name = format!("E{name}");
        let written = json!({"type": "enum", "name": name, "symbols": ["A", "B", "C"]});
        let mut read = json!({"type": "enum", "name": name, "symbols": ["C", "B"]});
        if has_default {
            read["default"] = json!("C");
        }
        let symbol = ["A", "B", "C"][number].to_owned();
        (written, Value::Enum(number as u32, symbol), read)
    });
    let lists = (prop::collection::vec(any::<i32>(), 0..4), prop::sample::select(vec!["int", "double"]))
        .prop_map(|(items, read)| {
            let list = |of| json!({"type": "array", "items": of});
            (list("int"), Value::Array(items.into_iter().map(Value::Int).collect()), list(read))
        });
    let maps = (any::<String>(), any::<bool>(), prop::sample::select(vec!["boolean", "int"])).prop_map(
        |(name, truth, read)| {
            let map = |of| json!({"type": "map", "values": of});
            (map("boolean"), Value::Map([(name, Value::Boolean(truth))].into()), map(read))
        },
    );
    let records = (changes_of(simple().boxed(), 3), any::<u32>()).prop_map(|(changes, name)| {
        let (written, read) = schemas(&changes, &format!("R{name}"));
        (written, record(&changes), read)
    });
    let change = |(written, value, read): (Json, Value, Json)| Change {
        written,
        value,
        read: Some(read),
        added: None,
    };
    prop_oneof![symbols, lists, maps, records].prop_map(change)
}

/// Some changes, a few of which are fields that are read no more, or come with new ones.
fn changes_of(one: BoxedStrategy<Change>, most: usize) -> impl Strategy<Value = Vec<Change>> {
    let added = prop::option::weighted(
        0.2,
        prop::sample::select(vec![
            (json!("int"), json!(7)),
            (json!("string"), json!("new")),
            (json!(["null", "long"]), json!(null)),
            (json!({"type": "array", "items": "string"}), json!([])),
            (json!("double"), json!(0.5)),
        ]),
    );
    let one = (one, added, prop::bool::weighted(0.15)).prop_map(|(change, added, dropped)| Change {
        added,
        read: change.read.filter(|_| !dropped),
        ..change
    });
    prop::collection::vec(one, 1..=most)
}

/// The schema that wrote the fields, and the one that reads them, in the other order.
fn schemas(changes: &[Change], name: &str) -> (Json, Json) {
    let (mut written, mut read) = (Vec::new(), Vec::new());
    for (number, change) in changes.iter().enumerate() {
        written.push(json!({"name": format!("f{number}"), "type": change.written}));
        if let Some((of, default)) = &change.added {
            read.push(json!({"name": format!("new{number}"), "type": of, "default": default}));
        }
        read.extend(change.read.iter().map(|of| json!({"name": format!("f{number}"), "type": of})));
    }
    read.reverse();
    let schema = |fields| json!({"type": "record", "name": name, "fields": fields});
    (schema(written), schema(read))
}

fn record(changes: &[Change]) -> Value {
    let field = |(number, change): (usize, &Change)| (format!("f{number}"), change.value.clone());
    Value::Record(changes.iter().enumerate().map(field).collect())
}

/// A datum of one schema as the fields of another: a text for each, or the reason.
fn read(written: &str, read: &str, datum: &[u8]) -> Result<Vec<String>, String> {
    let schema = AvroSchema::parse(read).expect("a sound schema");
    let (_, written) = parsed(written, &[]).expect("a sound schema");
    let fields: Vec<Field> = schema.fields();
    let plan = Plan::new(&written, &schema.0.shapes, &fields);
    let mut columns: Vec<Column> = fields.iter().map(|field| Column::new(field.field_type)).collect();
    plan.read(datum, 0, &mut columns)?;
    let texts = columns.iter_mut().map(|column| {
        if column.len() == 0 {
            column.push_null();
        }
        let array = column.finish();
        let batch = arrow::array::RecordBatch::try_from_iter([("it", array)]).expect("one column");
        columns_text(&batch).remove(0)
    });
    Ok(texts.collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn resolution_is_what_another_implementation_makes_of_it(
        changes in changes_of(prop_oneof![simple(), nullable(), composed()].boxed(), 5)
    ) {
        let (written, wanted) = schemas(&changes, "Event");
        let parse = |schema: &Json| ApacheSchema::parse_str(&schema.to_string()).expect("a sound schema");
        let (writer, reader) = (parse(&written), parse(&wanted));
        let datum = GenericDatumWriter::builder(&writer).build().expect("a sound schema")
            .write_value_to_vec(record(&changes)).expect("a value of the schema");
        let theirs = GenericDatumReader::builder(&writer).reader_schema(&reader).build().expect("sound schemas")
            .read_value(&mut datum.as_slice());
        if wanted["fields"].as_array().is_some_and(Vec::is_empty) {
            return Ok(());
        }
        let ours = read(&written.to_string(), &wanted.to_string(), &datum);
        match (ours, theirs) {
            (Ok(ours), Ok(theirs)) => {
                let fields = AvroSchema::parse(&wanted.to_string()).expect("a sound schema").fields();
                let theirs: Vec<_> = fields.iter().map(|field| apache_text(&theirs, &field.name)).collect();
                prop_assert_eq!(ours, theirs);
            }
            (Err(_), Err(_)) => {}
            (ours, theirs) => prop_assert!(false, "{:?} but {:?}", ours, theirs),
        }
    }
}

/// The one field `a` of a record of it, written as one type and read as another.
fn read_field(written: &str, wanted: &str, datum: &[u8]) -> Result<String, String> {
    let record =
        |of: &str| format!(r#"{{"type": "record", "name": "R", "fields": [{{"name": "a", "type": {of}}}]}}"#);
    read(&record(written), &record(wanted), datum).map(|mut texts| texts.pop().unwrap_or_default())
}

#[test]
fn instants_stay_what_they_are() {
    let unit = |unit: &str| format!(r#"{{"type": "long", "logicalType": "timestamp-{unit}"}}"#);
    let date = r#"{"type": "int", "logicalType": "date"}"#;
    for (written, wanted, value) in [
        (unit("millis"), unit("micros"), "7000"),
        (unit("micros"), unit("millis"), "7"),
        (unit("nanos"), unit("millis"), "0"),
        (r#""long""#.to_owned(), unit("millis"), "7000"),
        (r#""int""#.to_owned(), unit("millis"), "7000"),
        (unit("millis"), r#""long""#.to_owned(), "7"),
        (unit("millis"), r#""double""#.to_owned(), "7.0"),
        (date.to_owned(), r#""long""#.to_owned(), "7"),
    ] {
        assert_eq!(read_field(&written, &wanted, &[14]).as_deref(), Ok(value), "{written} as {wanted}");
    }
    let refused = read_field(date, &unit("micros"), &[14]).expect_err("days are no microseconds");
    assert!(
        refused.starts_with(
            "field `a`: it was written as int (a date), which cannot be read as long (a timestamp)"
        ),
        "{refused}"
    );
}

#[test]
fn unions_take_the_branch_that_fits_best() {
    let enums = r#"{"type": "enum", "name": "x.E", "symbols": ["A"]}"#;
    for (written, wanted, datum, value) in [
        (r#""int""#, r#"["null", "long"]"#, &[14][..], Ok("7")),
        (r#"["null", "int"]"#, r#"["double", "null"]"#, &[2, 14], Ok("7.0")),
        (r#"["null", "int"]"#, r#"["double", "null"]"#, &[0], Ok("null")),
        (r#"["string", "int"]"#, r#""long""#, &[2, 14], Ok("7")),
        (
            r#"["string", "int"]"#,
            r#""long""#,
            &[0, 2, b'x'],
            Err("field `a`: it was written as string, which cannot be read as long"),
        ),
        (
            r#""boolean""#,
            r#"["null", "string"]"#,
            &[1],
            Err("field `a`: it was written as boolean, which cannot be read as union"),
        ),
        (enums, r#"{"type": "enum", "name": "F", "symbols": ["A"], "aliases": ["E"]}"#, &[0], Ok("\"A\"")),
        (
            enums,
            r#"{"type": "enum", "name": "F", "symbols": ["A"]}"#,
            &[0],
            Err("field `a`: it was written as enum x.E, which cannot be read as enum F"),
        ),
        (enums, r#"["null", {"type": "enum", "name": "E", "symbols": ["B", "A"]}]"#, &[0], Ok("\"A\"")),
    ] {
        let found = read_field(written, wanted, datum);
        match value {
            Ok(value) => assert_eq!(found.as_deref(), Ok(value), "{written} as {wanted}"),
            Err(reason) => assert!(found.as_ref().is_err_and(|why| why.starts_with(reason)), "{found:?}"),
        }
    }
}

#[test]
fn fields_go_by_their_aliases_and_missing_ones_by_their_defaults() {
    let written = r#"{"type": "record", "name": "R", "fields": [
        {"name": "old", "type": "int"}, {"name": "a", "type": "int"}, {"name": "gone", "type": "string"}]}"#;
    let wanted = r#"{"type": "record", "name": "S", "fields": [
        {"name": "b", "type": "long", "aliases": ["older", "old"]},
        {"name": "a", "type": "int"},
        {"name": "inner", "default": {"x": 5}, "type": {"type": "record", "name": "I", "fields": [
            {"name": "x", "type": "int"}, {"name": "y", "type": ["string", "null"], "default": "why"}]}},
        {"name": "e", "default": "B", "type": {"type": "enum", "name": "E", "symbols": ["A", "B"]}}]}"#;
    assert_eq!(
        read(written, wanted, &[2, 4, 2, b'x']),
        Ok(["1", "2", "5", "\"why\"", "\"B\""].map(str::to_owned).to_vec())
    );
    let needed = wanted.replace(r#""default": "B","#, "");
    let why = read(written, &needed, &[2, 4, 2, b'x']).expect_err("e has no value");
    assert!(
        why.starts_with("no field `e` was written, and the source's schema has no default for it"),
        "{why}"
    );
    let broken = wanted.replace(r#""default": "B""#, r#""default": "Z""#);
    if let Ok(schema) = AvroSchema::parse(&broken) {
        let why = read(written, schema.json(), &[2, 4, 2, b'x']).expect_err("no default");
        assert!(why.starts_with("field `e`: its default \"Z\" is no enum"), "{why}");
    }
}

#[test]
fn types_inside_of_themselves_are_resolved_without_end() {
    let list = |of: &str, more: &str| {
        format!(
            r#"{{"type": "record", "name": "L", "fields": [
                {{"name": "v", "type": "{of}"}}, {{"name": "next", "type": ["null", "L"]}}{more}]}}"#
        )
    };
    let (written, wanted) =
        (list("int", ""), list("double", r#", {"name": "w", "type": "int", "default": 3}"#));
    assert_eq!(read(&written, &wanted, &[2, 2, 4, 0]), Ok(vec!["1.0".to_owned(), "3".to_owned()]));
    let spoilt = read(&written, &list("boolean", ""), &[2, 0]).expect_err("an int is no boolean");
    assert!(spoilt.starts_with("field `v`: it was written as int"), "{spoilt}");
}
