//! Records that name their schemas by the numbers of a real registry.

use std::path::Path;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use thalweg_log::{
    AvroFraming, Decoded, Decoder, DecoderSpec, Field, Format, HttpRegistry, ProtobufFraming, ProtobufSchema,
    Record, RegisteredSchema, Registry, RegistryAccess, RegistryError, SchemaKind, Schemas,
};
use thalweg_tests::kafka;

const INT: &str = r#"{"type": "record", "name": "R", "fields": [{"name": "n", "type": "int"}]}"#;
const LONG: &str = r#"{"type": "record", "name": "R", "fields": [
    {"name": "more", "type": "string"}, {"name": "n", "type": "long"}]}"#;
const SCHEMA: &str = r#"{"type": "record", "name": "R", "fields": [{"name": "n", "type": "long"}]}"#;
const PROTO: &str =
    "syntax = \"proto3\"; package p; message Other { int32 x = 1; } message M { int64 n = 3; }";

fn client(url: &str, cache: Option<&Path>) -> HttpRegistry {
    let cache = cache.map(Path::to_owned);
    let access = RegistryAccess { url: url.to_owned(), cache, ..RegistryAccess::default() };
    HttpRegistry::new(&access).expect("an address")
}

fn avro(text: &str) -> RegisteredSchema {
    RegisteredSchema { kind: SchemaKind::Avro, text: text.to_owned(), references: Vec::new() }
}

fn decode(format: Format, fields: Vec<Field>, values: &[Vec<u8>]) -> Decoded {
    let spec = DecoderSpec { format, fields, unused: Vec::new(), tombstones: false, keep_payloads: false };
    let mut decoder = Decoder::new(&spec, "t", 0).expect("the schema's own fields");
    for (offset, value) in (0..).zip(values) {
        decoder.push(&Record::of_value(offset, value));
    }
    assert!(decoder.stuck().is_none(), "{:?}", decoder.stuck());
    decoder.finish(values.len() as i64)
}

fn numbers(decoded: &Decoded) -> Vec<i64> {
    decoded.columns.column(0).as_primitive::<Int64Type>().values().to_vec()
}

fn value(id: u32, body: &[u8]) -> Vec<u8> {
    [&[0_u8][..], &id.to_be_bytes(), body].concat()
}

#[test]
fn schemas_are_registered_and_given_back() {
    let registry = kafka::registry();
    let client = client(&registry.url(), None);
    let id = client.register("given.back", &avro(INT)).expect("it takes a schema");
    assert_eq!(client.register("given.back", &avro(INT)), Ok(id), "once");
    let schema = client.schema(id).expect("it was just registered");
    assert_eq!(schema.kind, SchemaKind::Avro);
    assert!(schema.text.contains("\"int\""), "{}", schema.text);
    let (latest, schema) = client.latest("given.back", None).expect("it was just registered");
    assert_eq!((latest, schema.kind), (id, SchemaKind::Avro));
    assert!(client.latest("given.back", Some(1)).is_ok());

    let unknown = client.schema(987_654_321).expect_err("nobody registered it");
    assert!(unknown.is_final(), "{unknown}");
    let unknown = client.latest("nobody", None).expect_err("nobody registered it");
    assert!(matches!(unknown, RegistryError::UnknownSubject { .. }), "{unknown}");
    let elsewhere = super_address(&registry.url());
    let refused = HttpRegistry::new(&RegistryAccess { url: elsewhere, ..RegistryAccess::default() })
        .expect("an address")
        .schema(id)
        .expect_err("no registry is there");
    assert!(!refused.is_final(), "a wrong address buries no record: {refused}");
}

/// An address of the same server at which no registry is.
fn super_address(url: &str) -> String {
    url.replace("/apis/ccompat/v7", "/nothing/here")
}

#[test]
fn records_of_several_schemas_are_read_as_one() {
    let registry = kafka::registry();
    let (int, long) =
        (registry.register("several", "AVRO", INT), registry.register("several-more", "AVRO", LONG));
    let (format, fields) = Format::avro(SCHEMA).expect("a sound schema");
    let schemas = Schemas::of(Arc::new(client(&registry.url(), None)));
    let format = format.with_framing(AvroFraming::Confluent(schemas));
    let values = [
        value(int, &[14]),
        value(long, &[2, b'x', 16]),
        value(int, &[18]),
        value(987_654_321, &[14]),
        value(long, &[2]),
    ];
    let decoded = decode(format.clone(), fields, &values);
    assert_eq!(numbers(&decoded), [7, 8, 9]);
    let reasons: Vec<_> = decoded.dead.iter().map(|dead| dead.reason.as_str()).collect();
    assert!(reasons[0].contains("knows no schema 987654321"), "{reasons:?}");
    assert!(
        reasons[1].starts_with(&format!("written with schema {long}: field `more`: cut short")),
        "{reasons:?}"
    );

    let header = format.header("produced").expect("it takes the schema");
    let id = u32::from_be_bytes(header[1..].try_into().expect("four bytes"));
    assert!(registry.url().starts_with("http") && header[0] == 0);
    let (latest, _) = client(&registry.url(), None).latest("produced-value", None).expect("just registered");
    assert_eq!(latest, id);
}

#[test]
fn messages_name_their_schemas_too() {
    let registry = kafka::registry();
    let id = registry.register("messages", "PROTOBUF", PROTO);
    let schema = ProtobufSchema::compile(PROTO, &[], Some("p.M")).expect("a sound schema");
    let fields = schema.fields();
    let framing = ProtobufFraming::Confluent(Schemas::of(Arc::new(client(&registry.url(), None))));
    let values = [value(id, &[2, 2, 0x18, 7]), value(id, &[0, 0x08, 7])];
    let decoded = decode(Format::Protobuf { schema, framing }, fields, &values);
    assert_eq!(numbers(&decoded), [7]);
    assert!(decoded.dead[0].reason.contains("it is a p.Other, not a p.M"), "{}", decoded.dead[0].reason);
}

#[test]
fn what_was_asked_for_is_known_without_the_registry() {
    let registry = kafka::Registry::start();
    let cache = tempfile::tempdir().expect("a temporary folder");
    let (known, other) = (registry.register("a", "AVRO", INT), registry.register("b", "AVRO", LONG));
    client(&registry.url(), Some(cache.path())).schema(known).expect("it was just registered");
    registry.kill();
    let later = client(&registry.url(), Some(cache.path()));
    assert!(later.schema(known).is_ok_and(|schema| schema.text.contains("\"int\"")));
    let away = later.schema(other).expect_err("it was never asked for");
    assert!(matches!(away, RegistryError::Away { .. }) && !away.is_final(), "{away}");
}
