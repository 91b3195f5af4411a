//! What a payload is: the bytes of a record's value, and the columns they become.

mod around;
mod avro;
mod bare;
mod column;
mod dead_letter;
mod decoded;
mod decoder;
mod encode;
mod encode_json;
mod error;
mod field;
mod json;
mod json_value;
mod patience;
mod record_key;
#[cfg(test)]
mod round_trip;
#[cfg(test)]
mod test_support;
mod time;
mod unread;

pub use avro::{AvroFraming, AvroSchema};
pub use dead_letter::{DeadLetter, DeadLetterRecord, dead_letter_topic};
pub use decoded::{Decoded, Payloads};
pub use decoder::{Decoder, DecoderSpec};
pub use encode::encode_rows;
pub use error::FormatError;
pub use field::{
    Field, FieldPlace, IntegerUnit, RECORD_HEADERS, RECORD_KEY, RECORD_KEY_FIELDS, RECORD_TIMESTAMP,
};
pub use patience::Patience;
pub use record_key::RecordKeys;

use crate::registry::{RegisteredSchema, Schemas};

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

    /// This format with the numbers of schemas looked up in `schemas`, if its records name their schemas so.
    #[must_use]
    pub fn connected(self, schemas: &Schemas) -> Self {
        match self {
            Self::Avro { schema, framing: AvroFraming::Confluent(_) } => {
                Self::Avro { schema, framing: AvroFraming::Confluent(schemas.clone()) }
            }
            other => other,
        }
    }

    /// Whether records name their schemas by numbers of a registry.
    pub const fn needs_registry(&self) -> bool {
        matches!(self, Self::Avro { framing: AvroFraming::Confluent(_), .. })
    }

    /// This format with another framing; JSON has none and stays as it is.
    #[must_use]
    pub fn with_framing(self, framing: AvroFraming) -> Self {
        match self {
            Self::Json => Self::Json,
            Self::Avro { schema, .. } => Self::Avro { schema, framing },
        }
    }
}
