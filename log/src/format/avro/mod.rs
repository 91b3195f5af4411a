//! Avro: schemas, and datums into columns and back.
//!
//! `apache-avro` reads and checks the text of a schema. Datums are decoded here, straight into columns, and
//! not by `arrow-avro`: its decoder reads on into whatever follows a datum, keeps half a row when a datum
//! breaks off and reports bad text only when the batch is done, so that every datum would have to be walked
//! once before, to learn that it ends where it must. This walk visits every byte already; it may as well keep
//! what is asked for.

mod canonical;
mod confluent;
mod cursor;
mod default;
mod leaf;
mod plan;
mod reader;
#[cfg(test)]
mod resolution;
mod shape;
mod writer;

use std::sync::Arc;

use apache_avro::Schema;
use thalweg_core::FieldType;

use self::canonical::{canonical_form, fingerprint};
use self::shape::{Shape, Shapes};
use super::debezium::with_instants;
use super::{Field, FormatError};
use crate::registry::{RegisteredSchema, SchemaKind, SchemaReference, Schemas};

pub(super) use reader::AvroReader;
pub(super) use writer::encode_avro;

/// What surrounds a datum in a record's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AvroFraming {
    /// Nothing: the value is the datum.
    Datum,
    /// Single-object encoding: the bytes C3 01 and the schema's fingerprint (CRC-64-AVRO, little-endian)
    /// precede the datum.
    SingleObject,
    /// Confluent's wire format: a zero byte and the number of the datum's own schema in a registry (big-endian, 4 bytes)
    /// precede the datum, which is read as one of the schema by the rules of schema resolution.
    Confluent(Schemas),
}

impl AvroFraming {
    /// Its name in definition files.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Datum => "datum",
            Self::SingleObject => "single_object",
            Self::Confluent(_) => "confluent",
        }
    }
}

/// A checked schema of a record.
#[derive(Clone, Debug)]
pub struct AvroSchema(Arc<Checked>);

#[derive(Debug)]
struct Checked {
    json: String,
    registered: RegisteredSchema,
    canonical: String,
    shapes: Shapes,
    fields: Vec<Field>,
}

/// Schemas are equal when their texts are: what canonical form leaves out (logical types, defaults) counts
/// here.
impl PartialEq for AvroSchema {
    fn eq(&self, other: &Self) -> bool {
        self.0.json == other.0.json
    }
}

impl Eq for AvroSchema {}

impl AvroSchema {
    /// Reads and checks the schema.
    ///
    /// # Errors
    /// If the text is no Avro schema, or the schema is not of a record.
    pub fn parse(json: &str) -> Result<Self, FormatError> {
        Self::parse_with(json, &[])
    }

    /// Reads and checks a schema as a registry has it, with those it refers to.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), and if it is written in another language.
    pub fn registered(schema: &RegisteredSchema) -> Result<Self, FormatError> {
        if schema.kind != SchemaKind::Avro {
            return Err(FormatError::BrokenSchema { cause: format!("it is {}", schema.kind) });
        }
        Self::parse_with(&schema.text, &schema.references)
    }

    /// Reads and checks a schema of Debezium's changes, in which instants are called so where Debezium does not.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), and if it is none of changes.
    pub(super) fn changes(json: &str, references: &[SchemaReference]) -> Result<Self, FormatError> {
        let schema = Self::parse_with(&with_instants(json), references)?;
        let any = |is_it: &dyn Fn(&Field) -> bool| schema.0.fields.iter().any(is_it);
        let has_row = |image: &str| any(&|field| field.name.starts_with(image));
        let has_kind = any(&|field| field.name == "op" && field.field_type == FieldType::String);
        if has_row("before.") && has_row("after.") && has_kind {
            Ok(schema)
        } else {
            Err(FormatError::NotChanges)
        }
    }

    fn parse_with(json: &str, references: &[SchemaReference]) -> Result<Self, FormatError> {
        let broken = |cause: String| FormatError::BrokenSchema { cause };
        let (schema, shapes) = parsed(json, references).map_err(broken)?;
        if !matches!(shapes.get(Shapes::ROOT), Shape::Record { .. }) {
            return Err(FormatError::NotARecord { found: shapes.get(Shapes::ROOT).name().to_owned() });
        }
        let fields = shapes.fields().map_err(broken)?;
        let (kind, text) = (SchemaKind::Avro, json.to_owned());
        let registered = RegisteredSchema { kind, text, references: references.to_vec() };
        let json = references.iter().fold(json.to_owned(), |all, reference| all + "\n" + &reference.text);
        Ok(Self(Arc::new(Checked { json, registered, canonical: canonical_form(&schema), shapes, fields })))
    }

    /// The schema as it was given, and the schemas it refers to.
    pub fn json(&self) -> &str {
        &self.0.json
    }

    /// The schema as a registry takes it.
    pub(super) fn to_register(&self) -> RegisteredSchema {
        self.0.registered.clone()
    }

    /// The schema in the specification's parsing canonical form.
    pub fn canonical_form(&self) -> &str {
        &self.0.canonical
    }

    /// The schema's fingerprint: CRC-64-AVRO of its canonical form.
    pub fn fingerprint(&self) -> u64 {
        fingerprint(self.0.canonical.as_bytes())
    }

    /// The fields a definition may use, in the schema's order.
    pub fn fields(&self) -> Vec<Field> {
        self.0.fields.clone()
    }

    /// The bytes before a datum.
    fn header(&self, framing: &AvroFraming) -> Vec<u8> {
        match framing {
            AvroFraming::Datum | AvroFraming::Confluent(_) => Vec::new(),
            AvroFraming::SingleObject => [&[0xC3, 0x01][..], &self.fingerprint().to_le_bytes()].concat(),
        }
    }

    /// Refuses fields that the schema has not, or of another type.
    fn check_fields(&self, asked: &[Field]) -> Result<(), FormatError> {
        for field in asked.iter().filter(|field| !field.is_outside_value()) {
            let Some(known) = self.0.fields.iter().find(|known| known.name == field.name) else {
                let known: Vec<&str> = self.0.fields.iter().map(|known| known.name.as_str()).collect();
                return Err(FormatError::NoSuchField { field: field.name.clone(), known: known.join(", ") });
            };
            if known.field_type != field.field_type {
                return Err(FormatError::OtherType {
                    field: field.name.clone(),
                    asked: field.field_type,
                    found: known.field_type,
                });
            }
        }
        Ok(())
    }
}

/// A schema that may refer to others, parsed and taken apart.
///
/// # Errors
/// Why it is none, in words.
fn parsed(json: &str, references: &[SchemaReference]) -> Result<(Schema, Shapes), String> {
    let others = references.iter().map(|reference| reference.text.as_str());
    let (schema, others) = match references {
        [] => (Schema::parse_str(json).map_err(|error| error.to_string())?, Vec::new()),
        _ => Schema::parse_str_with_list(json, others).map_err(|error| error.to_string())?,
    };
    let shapes = Shapes::new(&schema, &others)?;
    shapes.fields()?;
    Ok((schema, shapes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Format;

    fn refusal(json: &str) -> String {
        AvroSchema::parse(json).expect_err("a broken schema").to_string()
    }

    #[test]
    fn usable_fields_are_listed_with_their_paths() {
        let (format, fields) = Format::avro(
            r#"{"type": "record", "name": "Flight", "namespace": "thalweg.nyc", "fields": [
                {"name": "carrier", "type": {"type": "enum", "name": "Carrier", "symbols": ["AA", "UA"]}},
                {"name": "seen", "type": ["null", {"type": "long", "logicalType": "timestamp-nanos"}]},
                {"name": "local", "type": {"type": "long", "logicalType": "local-timestamp-millis"}},
                {"name": "day", "type": {"type": "int", "logicalType": "date"}},
                {"name": "minute", "type": {"type": "int", "logicalType": "time-millis"}},
                {"name": "legs", "type": {"type": "array", "items": {"type": "record", "name": "Leg", "fields": [
                    {"name": "origin", "type": "string"}, {"name": "next", "type": ["null", "Leg"]}]}}},
                {"name": "first", "type": ["Leg", "null"]},
                {"name": "tags", "type": {"type": "map", "values": "string"}},
                {"name": "either", "type": ["null", "int", "string"]},
                {"name": "nothing", "type": "null"},
                {"name": "hash", "type": {"type": "fixed", "name": "Hash", "size": 4}},
                {"name": "weight", "type": ["float", "null"]},
                {"name": "again", "type": "thalweg.nyc.Carrier"}
            ]}"#,
        )
        .expect("a sound schema");
        let listed: Vec<_> = fields.iter().map(|f| (f.name.as_str(), f.field_type)).collect();
        assert_eq!(
            listed,
            [
                ("carrier", FieldType::String),
                ("seen", FieldType::Timestamp),
                ("local", FieldType::Timestamp),
                ("day", FieldType::Date),
                ("minute", FieldType::Int32),
                ("first.origin", FieldType::String),
                ("hash", FieldType::Binary),
                ("weight", FieldType::Float32),
                ("again", FieldType::String),
            ]
        );
        assert!(matches!(format, Format::Avro { framing: AvroFraming::Datum, .. }));
    }

    #[test]
    fn broken_schemas_are_refused_with_words() {
        for (json, wanted) in [
            ("", "this is no valid Avro schema"),
            ("{", "this is no valid Avro schema"),
            ("17", "this is no valid Avro schema"),
            (r#""long""#, "the Avro schema is of type long; an event must be a record"),
            (r#"["null", "long"]"#, "the Avro schema is of type union"),
            (r#"{"type": "record", "name": "A"}"#, "this is no valid Avro schema"),
            (
                r#"{"type": "record", "name": "A", "fields": [{"name": "b", "type": "B"}]}"#,
                "this is no valid Avro schema",
            ),
            (
                r#"{"type": "record", "name": "A", "fields": [{"name": "a", "type": "A"}]}"#,
                "this is no valid Avro schema: record A holds itself",
            ),
            (
                r#"{"type": "record", "name": "A", "fields": [{"name": "b", "type": "int"}, {"name": "b", "type": "int"}]}"#,
                "this is no valid Avro schema",
            ),
        ] {
            let message = refusal(json);
            assert!(message.starts_with(wanted), "{json}: {message}");
        }
    }

    #[test]
    fn schemas_that_unfold_without_end_are_refused() {
        let mut fields = vec![
            r#"{"name": "r0", "type": {"type": "record", "name": "R0", "fields": [{"name": "x", "type": "null"}]}}"#
                .to_owned(),
        ];
        for n in 1..40 {
            let m = n - 1;
            fields.push(format!(
                r#"{{"name": "r{n}", "type": {{"type": "record", "name": "R{n}", "fields": [
                    {{"name": "x", "type": "R{m}"}}, {{"name": "y", "type": "R{m}"}}]}}}}"#
            ));
        }
        let schema = format!(r#"{{"type": "record", "name": "Root", "fields": [{}]}}"#, fields.join(","));
        assert!(refusal(&schema).contains("unfolds to more than"), "{}", refusal(&schema));
    }
}
