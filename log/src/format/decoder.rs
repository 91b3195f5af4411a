//! Records in, columns out.

use arrow::array::RecordBatch;
use arrow::datatypes::{Field as ArrowField, Schema, SchemaRef};
use std::sync::Arc;

use super::field::check_fields;
use super::{DeadLetter, Field, Format, FormatError};

/// What a decoder is to make of the records of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecoderSpec {
    /// How the records' values are written.
    pub format: Format,
    /// The fields in use: a column each, in this order.
    pub fields: Vec<Field>,
    /// Whether to keep the bytes of decoded records, for [`Decoded::dead_letter`].
    pub keep_payloads: bool,
}

impl DecoderSpec {
    /// Schema of [`Decoded::columns`]: one nullable column per field, named by its path.
    pub fn schema(&self) -> SchemaRef {
        let column = |f: &Field| ArrowField::new(&f.name, f.field_type.to_arrow(), true);
        Arc::new(Schema::new(self.fields.iter().map(column).collect::<Vec<_>>()))
    }
}

/// Turns records of one partition into columns.
#[derive(Debug)]
pub struct Decoder {
    schema: SchemaRef,
}

/// Keys and values of decoded records.
#[derive(Clone, Debug, Default)]
pub struct Payloads {}

impl Payloads {
    /// Key and value of the record in row `row`.
    pub fn get(&self, _row: usize) -> Option<(Option<&[u8]>, &[u8])> {
        None
    }
}

/// A run of records of one partition, decoded.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// Offset of each row, rising.
    pub offsets: Vec<i64>,
    /// Record timestamp of each row, in microseconds since the epoch (milliseconds × 1000, saturating).
    pub timestamps_us: Vec<i64>,
    /// One column per field of the spec, in its order, named by path, of exactly [`FieldType::to_arrow`]'s type.
    ///
    /// [`FieldType::to_arrow`]: thalweg_core::FieldType::to_arrow
    pub columns: RecordBatch,
    /// The bytes of each row's record, if the spec asked for them.
    pub payloads: Option<Payloads>,
    /// The records that could not be decoded, by offset.
    pub dead: Vec<DeadLetter>,
    /// Offset after the last record that was looked at.
    pub next_offset: i64,
}

impl Decoded {
    /// Number of decoded records.
    pub fn num_rows(&self) -> usize {
        self.offsets.len()
    }

    /// A dead letter of row `row`, whose record could be decoded but not used, for `view` alone or for all.
    ///
    /// It has the record's bytes only if the spec asked to keep them.
    pub fn dead_letter(&self, row: usize, view: Option<&str>, reason: impl Into<String>) -> DeadLetter {
        let payload = self.payloads.as_ref().and_then(|payloads| payloads.get(row));
        DeadLetter {
            topic: self.topic.clone(),
            partition: self.partition,
            offset: self.offsets[row],
            timestamp_ms: self.timestamps_us[row].div_euclid(1_000),
            view: view.map(str::to_owned),
            reason: reason.into(),
            key: payload.and_then(|(key, _)| key.map(<[u8]>::to_vec)),
            value: payload.map(|(_, value)| value.to_vec()),
        }
    }
}

impl Decoder {
    /// A decoder of records of one partition.
    ///
    /// # Errors
    /// If the fields of the spec clash, or the format has them not, or of another type.
    pub fn new(spec: &DecoderSpec, _topic: &str, _partition: i32) -> Result<Self, FormatError> {
        check_fields(&spec.fields)?;
        Ok(Self { schema: spec.schema() })
    }

    /// Schema of the columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Takes the next record. Whatever is wrong with it becomes a dead letter.
    pub fn push(&mut self, _offset: i64, _timestamp_ms: i64, _key: Option<&[u8]>, _value: Option<&[u8]>) {}

    /// Whether enough is gathered that the caller should [`finish`](Self::finish) before it pushes more.
    pub fn is_full(&self) -> bool {
        false
    }

    /// Gives what was gathered since the last call, and starts anew.
    pub fn finish(&mut self, next_offset: i64) -> Decoded {
        Decoded {
            topic: String::new(),
            partition: 0,
            offsets: Vec::new(),
            timestamps_us: Vec::new(),
            columns: RecordBatch::new_empty(self.schema.clone()),
            payloads: None,
            dead: Vec::new(),
            next_offset,
        }
    }
}
