use std::sync::Arc;

use proptest::prelude::*;
use prost_reflect::prost::Message as _;
use prost_reflect::{DynamicMessage, Value as Dynamic};
use thalweg_core::FieldType;

use super::*;
use crate::format::test_support::{columns_text, decode, spec};
use crate::format::{Decoded, Format};
use crate::registry::{RegisteredSchema, Registry, RegistryError, SchemaKind, Schemas};

const SCHEMA: &str = r#"
    syntax = "proto3";
    package tank;
    import "google/protobuf/timestamp.proto";
    import "google/protobuf/wrappers.proto";
    enum Mode { MODE_UNKNOWN = 0; FILLING = 1; DRAINING = 2; }
    message Other { int32 x = 1; }
    message Level {
      message Place { string farm = 1; optional int32 number = 2; Place next = 3; }
      double litres = 1;
      optional float degrees = 2;
      Place place = 3;
      Mode mode = 4;
      google.protobuf.Timestamp at = 5;
      google.protobuf.Int64Value seen = 6;
      uint64 count = 7;
      sint32 delta = 8;
      bytes raw = 9;
      bool full = 10;
      repeated int32 history = 11;
      map<string, int32> tags = 12;
      oneof who { string crew = 13; int64 robot = 14; }
      fixed32 code = 15;
    }"#;

fn schema() -> ProtobufSchema {
    ProtobufSchema::compile(SCHEMA, &[], Some("tank.Level")).expect("a sound schema")
}

fn level() -> DynamicMessage {
    DynamicMessage::new(schema().descriptor().clone())
}

fn read(framing: ProtobufFraming, payloads: &[&[u8]]) -> Decoded {
    let schema = schema();
    let fields = schema.fields();
    decode(&spec(Format::Protobuf { schema, framing }, fields), payloads)
}

/// The fields of one message as text, by path.
fn read_one(payload: &[u8]) -> Result<Vec<(String, String)>, String> {
    let decoded = read(ProtobufFraming::Message, &[payload]);
    match decoded.dead.first() {
        Some(dead) => Err(dead.reason.clone()),
        None => {
            let names =
                decoded.columns.schema().fields().iter().map(|f| f.name().clone()).collect::<Vec<_>>();
            Ok(names.into_iter().zip(columns_text(&decoded.columns)).collect())
        }
    }
}

#[test]
fn usable_fields_are_listed_with_their_paths() {
    let listed: Vec<_> = schema().fields().into_iter().map(|f| (f.name, f.field_type)).collect();
    let wanted = [
        ("litres", FieldType::Float64),
        ("degrees", FieldType::Float32),
        ("place.farm", FieldType::String),
        ("place.number", FieldType::Int32),
        ("mode", FieldType::String),
        ("at", FieldType::Timestamp),
        ("seen", FieldType::Int64),
        ("count", FieldType::Int64),
        ("delta", FieldType::Int32),
        ("raw", FieldType::Binary),
        ("full", FieldType::Bool),
        ("crew", FieldType::String),
        ("robot", FieldType::Int64),
        ("code", FieldType::Int64),
    ];
    assert_eq!(listed, wanted.map(|(name, of_type)| (name.to_owned(), of_type)));
}

#[test]
fn what_is_not_written_is_zero_or_null_as_the_schema_has_it() {
    let texts = |payload: &[u8]| {
        let found = read_one(payload).expect("a sound message");
        found.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(texts(&[]), texts(&[0xf8, 0x07, 1]), "no field, and one that nobody knows");
    assert_eq!(texts(&[]), r#"0.0 null null null "MODE_UNKNOWN" null null 0 0 [] false null null 0"#);
    // A place without fields is there, and so is a wrapped zero.
    let empty_place = [0x1a, 0, 0x32, 0];
    assert_eq!(texts(&empty_place), r#"0.0 null "" null "MODE_UNKNOWN" null 0 0 0 [] false null null 0"#);
    // Of several values the last one counts, and parts of one message go together.
    let twice = [0x20, 1, 0x20, 2, 0x1a, 3, 0x0a, 1, b'f', 0x1a, 2, 0x10, 7, 0x70, 5];
    assert_eq!(texts(&twice), r#"0.0 null "f" 7 "DRAINING" null null 0 0 [] false null 5 0"#);
    assert!(texts(&[0x20, 9]).contains("\"9\""), "a number without a name");
}

#[test]
fn spoilt_messages_are_refused_with_a_reason() {
    for (payload, wanted) in [
        (&[0x09, 0, 0][..], "cut short: a number of 8 bytes, but 2 are left"),
        (&[0x80], "cut short: an integer that does not end"),
        (&[0xff; 11], "an integer of more than 64 bits"),
        (&[0x00, 0], "0 is no number of a field"),
        (&[0x0e], "there is no wire type 6"),
        (&[0x0c], "a group 1 ends that did not begin"),
        (&[0xa3, 0x06, 0xac, 0x06], "the group 100 ends as group 101"),
        (
            &[0x4a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
            "cut short: 72057594037927935 bytes, but 0",
        ),
        (&[0x08, 1], "field `litres`: it is written as another type"),
        (&[0x18, 1], "field `place`: it is no message"),
        (&[0x1a, 2, 0x0a, 5], "cut short: 5 bytes, but 0 are left"),
        (&[0x1a, 3, 0x0a, 1, 0xff], "field `place.farm`: a string that is not UTF-8"),
        (
            &[0x38, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
            "field `count`: 18446744073709551615 is out of the range of int64",
        ),
        (
            &[0x2a, 10, 0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
            "field `at`: 9223372036854775807 seconds are out of the range of timestamp",
        ),
    ] {
        let found = read_one(payload).expect_err("spoilt");
        assert!(found.starts_with(wanted), "{payload:x?}: {found}");
    }
    let groups: Vec<u8> = std::iter::repeat_n([0xa3, 0x06], 1_000).flatten().collect();
    assert!(read_one(&groups).is_err_and(|why| why.contains("groups lie more than 64 deep")));
}

#[test]
fn broken_schemas_are_refused_with_words() {
    let refusal = |text: &str, message| {
        ProtobufSchema::compile(text, &[], message).expect_err("it cannot be used").to_string()
    };
    for (text, message, wanted) in [
        ("message {", None, "this is no valid Protobuf schema: "),
        ("import \"nowhere.proto\";", None, "this is no valid Protobuf schema: "),
        (SCHEMA, None, "say which `message` of the Protobuf schema the records are: tank.Other, tank.Level"),
        (SCHEMA, Some("tank.Lebel"), "the Protobuf schema has no message `tank.Lebel`; it has: tank.Other"),
    ] {
        let found = refusal(text, message);
        assert!(found.starts_with(wanted), "{found}");
    }
    let deep = format!("syntax = \"proto3\"; {} int32 x = 1; {}", "message M {".repeat(50), "}".repeat(50));
    assert!(ProtobufSchema::compile(&deep, &[], None).is_ok());
}

/// A registry of two schemas.
#[derive(Debug)]
struct Two;

impl Registry for Two {
    fn schema(&self, id: u32) -> Result<RegisteredSchema, RegistryError> {
        let (kind, text) = match id {
            1 => (SchemaKind::Protobuf, SCHEMA),
            2 => (SchemaKind::Avro, "\"int\""),
            _ => return Err(RegistryError::UnknownId { url: "memory".to_owned(), id }),
        };
        Ok(RegisteredSchema { kind, text: text.to_owned(), references: Vec::new() })
    }

    fn latest(&self, _: &str, _: Option<u32>) -> Result<(u32, RegisteredSchema), RegistryError> {
        Err(RegistryError::None)
    }

    fn register(&self, _: &str, _: &RegisteredSchema) -> Result<u32, RegistryError> {
        Err(RegistryError::None)
    }
}

#[test]
fn a_header_must_announce_the_message() {
    let framing = ProtobufFraming::Confluent(Schemas::of(Arc::new(Two)));
    let decoded = read(
        framing,
        &[
            &[0, 0, 0, 0, 1, 2, 2, 0x50, 1],
            &[0, 0, 0, 0, 1, 0, 0x08, 1],
            &[0, 0, 0, 0, 1, 4, 2, 0, 0x08, 1],
            &[0, 0, 0, 0, 1, 2, 8],
            &[0, 0, 0, 0, 2, 0],
            &[0, 0, 0, 0, 3, 0],
            &[0, 0, 0, 0, 1, 1],
            &[0, 0, 0, 0, 1, 0xfe, 0xff, 0xff, 0xff, 0x0f],
            &[0, 0, 0, 0, 1],
            &[0x50, 1],
        ],
    );
    assert_eq!(decoded.offsets, [0]);
    let reasons: Vec<_> = decoded.dead.iter().map(|dead| dead.reason.as_str()).collect();
    for (found, wanted) in reasons.iter().zip([
        "written with schema 1: it is a tank.Other, not a tank.Level",
        "written with schema 1: it is a tank.Level.Place, not a tank.Level",
        "written with schema 1: that has no message [4]",
        "written with schema 2: that is Avro, not Protobuf",
        "the schema registry at memory knows no schema 3",
        "which message it is, is said by a negative number, -1",
        "which message it is, is said by 2147483647 indexes",
        "which message it is, is cut short: an integer that does not end",
        "not in the Confluent wire format",
    ]) {
        assert!(found.starts_with(wanted), "{found}");
    }
    assert_eq!(reasons.len(), 9);
}

proptest! {
    #[test]
    fn messages_are_what_another_implementation_writes(
        litres in any::<f64>(),
        degrees in prop::option::of(any::<f32>()),
        farm in prop::option::of(any::<String>()),
        number in prop::option::of(any::<i32>()),
        mode in 0..3_i32,
        seen in prop::option::of(any::<i64>()),
        count in any::<i64>().prop_map(|n| n.unsigned_abs() >> 1),
        delta in any::<i32>(),
        raw in prop::collection::vec(any::<u8>(), 0..9),
        history in prop::collection::vec(any::<i32>(), 1..4),
        code in any::<u32>(),
        instant in -9_000_000_000_i64..9_000_000_000,
    ) {
        // The other implementation writes no zero, be it negative.
        prop_assume!(litres != 0.0 || litres.is_sign_positive());
        let mut message = level();
        message.set_field_by_name("litres", Dynamic::F64(litres));
        if let Some(degrees) = degrees {
            message.set_field_by_name("degrees", Dynamic::F32(degrees));
        }
        let inner = |name: &str| {
            let field = schema().descriptor().get_field_by_name(name).expect("a field");
            let Kind::Message(of) = field.kind() else { panic!("a message") };
            DynamicMessage::new(of)
        };
        if farm.is_some() || number.is_some() {
            let mut place = inner("place");
            place.set_field_by_name("farm", Dynamic::String(farm.clone().unwrap_or_default()));
            if let Some(number) = number {
                place.set_field_by_name("number", Dynamic::I32(number));
            }
            message.set_field_by_name("place", Dynamic::Message(place));
        }
        message.set_field_by_name("mode", Dynamic::EnumNumber(mode));
        if let Some(seen) = seen {
            let mut wrapper = inner("seen");
            wrapper.set_field_by_name("value", Dynamic::I64(seen));
            message.set_field_by_name("seen", Dynamic::Message(wrapper));
        }
        let mut at = inner("at");
        at.set_field_by_name("seconds", Dynamic::I64(instant.div_euclid(1_000)));
        at.set_field_by_name("nanos", Dynamic::I32((instant.rem_euclid(1_000) * 1_000_000) as i32));
        message.set_field_by_name("at", Dynamic::Message(at));
        message.set_field_by_name("count", Dynamic::U64(count));
        message.set_field_by_name("delta", Dynamic::I32(delta));
        message.set_field_by_name("raw", Dynamic::Bytes(raw.clone().into()));
        let history = history.into_iter().map(Dynamic::I32).collect();
        message.set_field_by_name("history", Dynamic::List(history));
        message.set_field_by_name("code", Dynamic::U32(code));

        let found = read_one(&message.encode_to_vec()).expect("a sound message");
        let or_null = |text: Option<String>| text.unwrap_or_else(|| "null".to_owned());
        let has_place = farm.is_some() || number.is_some();
        let wanted = [
            ("litres", if litres.is_nan() { "NaN".to_owned() } else { format!("{litres:?}") }),
            ("degrees", or_null(degrees.map(|x| if x.is_nan() { "NaN".to_owned() } else { format!("{x:?}") }))),
            ("place.farm", or_null(has_place.then(|| format!("{:?}", farm.unwrap_or_default())))),
            ("place.number", or_null(number.map(|n| n.to_string()))),
            ("mode", format!("{:?}", ["MODE_UNKNOWN", "FILLING", "DRAINING"][mode as usize])),
            ("at", (instant * 1_000).to_string()),
            ("seen", or_null(seen.map(|n| n.to_string()))),
            ("count", count.to_string()),
            ("delta", delta.to_string()),
            ("raw", format!("{raw:?}")),
            ("full", "false".to_owned()),
            ("crew", "null".to_owned()),
            ("robot", "null".to_owned()),
            ("code", code.to_string()),
        ];
        prop_assert_eq!(found, wanted.map(|(name, text)| (name.to_owned(), text)).to_vec());
    }

    #[test]
    fn any_bytes_are_borne(bytes in prop::collection::vec(any::<u8>(), 1..80)) {
        let decoded = read(ProtobufFraming::Message, &[&bytes]);
        prop_assert_eq!(decoded.num_rows() + decoded.dead.len(), 1);
    }
}
