//! What a payload is: the bytes of a record's value, and the columns they become.

mod avro;
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
mod record_key;
#[cfg(test)]
mod round_trip;
#[cfg(test)]
mod test_support;
mod time;

pub use avro::{AvroFraming, AvroSchema};
pub use dead_letter::{DeadLetter, DeadLetterRecord, dead_letter_topic};
pub use decoded::{Decoded, Payloads};
pub use decoder::{Decoder, DecoderSpec};
pub use encode::encode_rows;
pub use error::FormatError;
pub use field::{Field, IntegerUnit, RECORD_KEY, RECORD_TIMESTAMP};
pub use record_key::RecordKeys;

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
        let schema = AvroSchema::parse(schema_json)?;
        let fields = schema.fields();
        Ok((Self::Avro { schema, framing: AvroFraming::Datum }, fields))
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
