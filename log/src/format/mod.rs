//! What a payload is: the bytes of a record's value, and the columns they become.

mod around;
mod avro;
mod bare;
mod column;
mod dead_letter;
mod debezium;
mod decoded;
mod decoder;
mod encode;
mod encode_json;
mod error;
mod field;
mod json;
mod json_value;
mod patience;
mod protobuf;
mod record_key;
#[cfg(test)]
mod round_trip;
#[cfg(test)]
mod test_support;
mod time;
mod unread;

pub use avro::{AvroFraming, AvroSchema};
pub use dead_letter::{DeadLetter, DeadLetterRecord, dead_letter_topic};
pub use debezium::{CHANGE_KIND, debezium_fields};
pub use decoded::{Decoded, Payloads};
pub use decoder::{Decoder, DecoderSpec};
pub use encode::encode_rows;
pub use error::FormatError;
pub use field::{
    Field, FieldPlace, IntegerUnit, RECORD_HEADERS, RECORD_KEY, RECORD_KEY_FIELDS, RECORD_TIMESTAMP,
};
pub use patience::Patience;
pub use protobuf::{ProtobufFraming, ProtobufSchema, protobuf_imports};
pub use record_key::RecordKeys;

use crate::registry::{RegisteredSchema, RegistryError, SchemaKind, Schemas};

/// How the values of a topic's records are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object (RFC 8259, UTF-8) per record.
    Json,
    /// One Avro datum per record, all of one schema.
    Avro {
        /// The schema the records were written with.
        schema: AvroSchema,
        /// What surrounds the datum in a record's value.
        framing: AvroFraming,
    },
    /// One JSON object per record, behind a zero byte and the number of its schema in a registry (4 bytes).
    FramedJson,
    /// One message of Protocol Buffers per record, all of one type.
    Protobuf {
        /// The schema of the messages.
        schema: ProtobufSchema,
        /// What surrounds the message in a record's value.
        framing: ProtobufFraming,
    },
    /// One change event of Debezium per record, in JSON, with or without the schema that Kafka Connect writes around it.
    DebeziumJson,
    /// One change event of Debezium per record, in Avro.
    DebeziumAvro {
        /// The schema of the changes.
        schema: AvroSchema,
        /// What surrounds the datum in a record's value.
        framing: AvroFraming,
    },
}

impl Format {
    /// The format of bare Avro datums of the record schema `schema_json`, and the fields a definition may
    /// use.
    ///
    /// Fields of nested records have dotted names. What has no [`FieldType`](thalweg_core::FieldType)
    /// (arrays, maps, unions of more than null and one type, what lies inside of them, or a record inside
    /// itself) is not listed. Use [`with_framing`](Self::with_framing) for single-object encoding.
    ///
    /// # Errors
    /// If the text is no Avro schema, or the schema is not of a record.
    pub fn avro(schema_json: &str) -> Result<(Self, Vec<Field>), FormatError> {
        Ok(Self::avro_of(AvroSchema::parse(schema_json)?))
    }

    /// The format of bare Avro datums of a schema as a registry has it, and the fields a definition may use.
    ///
    /// # Errors
    /// If it is no Avro schema, or not of a record.
    pub fn registered_avro(schema: &RegisteredSchema) -> Result<(Self, Vec<Field>), FormatError> {
        Ok(Self::avro_of(AvroSchema::registered(schema)?))
    }

    fn avro_of(schema: AvroSchema) -> (Self, Vec<Field>) {
        let fields = schema.fields();
        (Self::Avro { schema, framing: AvroFraming::Datum }, fields)
    }

    /// The format of Debezium's changes in bare Avro datums of the schema `schema_json`, and the fields a definition may
    /// use: those of the row, and those around it, whose names begin with `@`.
    ///
    /// # Errors
    /// If the text is no Avro schema, or none of changes.
    pub fn debezium_avro(schema_json: &str) -> Result<(Self, Vec<Field>), FormatError> {
        Ok(debezium_avro(AvroSchema::changes(schema_json, &[])?, AvroFraming::Datum))
    }

    /// [`debezium_avro`](Self::debezium_avro) of a schema as a registry has it.
    ///
    /// # Errors
    /// If it is no Avro schema, or none of changes.
    pub fn registered_debezium_avro(schema: &RegisteredSchema) -> Result<(Self, Vec<Field>), FormatError> {
        if schema.kind != SchemaKind::Avro {
            return Err(FormatError::BrokenSchema { cause: format!("it is {}", schema.kind) });
        }
        let schema = AvroSchema::changes(&schema.text, &schema.references)?;
        Ok(debezium_avro(schema, AvroFraming::Datum))
    }

    /// What stands before each value that [`encode_rows`] writes: nothing, or where records name their schema the number
    /// that the registry has given to this one, which is registered for the topic's values unless it is already.
    ///
    /// # Errors
    /// If the registry does not take the schema, or says nothing.
    pub fn header(&self, topic: &str) -> Result<Vec<u8>, RegistryError> {
        let Self::Avro { schema, framing: AvroFraming::Confluent(schemas) } = self else {
            return Ok(Vec::new());
        };
        let id = schemas.registry()?.register(&format!("{topic}-value"), &schema.to_register())?;
        Ok([&[0][..], &id.to_be_bytes()].concat())
    }

    /// Its name in definition files. What surrounds a value is named by the encoding.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Json | Self::FramedJson => "json",
            Self::Protobuf { .. } => "protobuf",
            Self::Avro { .. } => "avro",
            Self::DebeziumJson => "debezium-json",
            Self::DebeziumAvro { .. } => "debezium-avro",
        }
    }

    /// Whether the records are Debezium's changes: what stands around a row can be used then, and a record without a value
    /// says nothing.
    pub const fn is_debezium(&self) -> bool {
        matches!(self, Self::DebeziumJson | Self::DebeziumAvro { .. })
    }

    /// What surrounds Avro datums, in formats that have them.
    fn framing_mut(&mut self) -> Option<&mut AvroFraming> {
        match self {
            Self::Json | Self::FramedJson | Self::DebeziumJson | Self::Protobuf { .. } => None,
            Self::Avro { framing, .. } | Self::DebeziumAvro { framing, .. } => Some(framing),
        }
    }

    /// This format with the numbers of schemas looked up in `schemas`, if its records name their schemas so.
    #[must_use]
    pub fn connected(mut self, schemas: &Schemas) -> Self {
        if let Some(framing @ AvroFraming::Confluent(_)) = self.framing_mut() {
            *framing = AvroFraming::Confluent(schemas.clone());
        }
        if let Self::Protobuf { framing: framing @ ProtobufFraming::Confluent(_), .. } = &mut self {
            *framing = ProtobufFraming::Confluent(schemas.clone());
        }
        self
    }

    /// Whether records name their schemas by numbers of a registry.
    pub const fn needs_registry(&self) -> bool {
        matches!(
            self,
            Self::Avro { framing: AvroFraming::Confluent(_), .. }
                | Self::DebeziumAvro { framing: AvroFraming::Confluent(_), .. }
                | Self::Protobuf { framing: ProtobufFraming::Confluent(_), .. }
        )
    }

    /// This format with another framing; JSON has none and stays as it is.
    #[must_use]
    pub fn with_framing(mut self, framing: AvroFraming) -> Self {
        if let Some(own) = self.framing_mut() {
            *own = framing;
        }
        self
    }
}

/// The format of changes of a schema, and its fields.
fn debezium_avro(schema: AvroSchema, framing: AvroFraming) -> (Format, Vec<Field>) {
    let fields = debezium::fields_of(&schema);
    (Format::DebeziumAvro { schema, framing }, fields)
}
