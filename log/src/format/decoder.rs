//! Records in, columns out.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field as ArrowField, Schema, SchemaRef};

use super::around::AroundReader;
use super::avro::AvroReader;
use super::column::Column;
use super::debezium::{Change, DebeziumAvro, DebeziumJson};
use super::decoded::Payloads;
use super::field::{FieldPlace, check_fields};
use super::json::JsonReader;
use super::patience::Patience;
use super::protobuf::ProtobufReader;
use super::unread::{Unread, schema_id};
use super::{DeadLetter, Decoded, Field, Format, FormatError, ProtobufFraming};
use crate::batch::Record;
use crate::log::RecordSink;
use crate::registry::RegistryError;

/// Bytes of text and payloads gathered from which on a decoder is full.
const FULL_BYTES: usize = 1 << 29;

/// What a decoder is to make of the records of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecoderSpec {
    /// How the records' values are written.
    pub format: Format,
    /// The fields in use: a column each, in this order.
    pub fields: Vec<Field>,
    /// The other fields that the source declares.
    ///
    /// They give no columns but are checked all the same: whether a record is a dead letter must not depend
    /// on who asks, else a training set over some fields would see other events than the server that uses all
    /// of them. (Avro values are checked against the whole of their schema anyway.)
    pub unused: Vec<Field>,
    /// Whether a record without a value is a row, of nulls but for what is not in the value: one that deletes in
    /// a table. Else it is a dead letter.
    pub tombstones: bool,
    /// Whether to keep the bytes of decoded records, for [`Decoded::dead_letter`].
    pub keep_payloads: bool,
}

impl DecoderSpec {
    /// Schema of [`Decoded::columns`]: one nullable column per field in use, named by its path.
    pub fn schema(&self) -> SchemaRef {
        let column = |f: &Field| ArrowField::new(&f.name, f.field_type.to_arrow(), true);
        Arc::new(Schema::new(self.fields.iter().map(column).collect::<Vec<_>>()))
    }
}

/// Turns records of one partition into columns.
///
/// Records go in one by one, so that it does not matter where they come from, and a bad one spoils only
/// itself.
///
/// ```
/// use thalweg_core::FieldType;
/// use thalweg_log::{Decoder, DecoderSpec, Field, Format, Record};
///
/// let fields = vec![Field::new("carrier", FieldType::String), Field::new("dep.delay", FieldType::Float64)];
/// let spec = DecoderSpec { format: Format::Json, fields, unused: Vec::new(), tombstones: false, keep_payloads: false };
/// let mut decoder = Decoder::new(&spec, "flights", 0)?;
/// decoder.push(&Record::of_value(7, br#"{"carrier": "UA", "dep": {"delay": -3}}"#));
/// decoder.push(&Record::of_value(8, br#"{"carrier": 5}"#));
/// let decoded = decoder.finish(9);
/// assert_eq!(decoded.offsets, [7]);
/// assert!(decoded.dead[0].reason.starts_with("field `carrier`: 5 is no string"));
/// # Ok::<(), thalweg_log::FormatError>(())
/// ```
#[derive(Debug)]
pub struct Decoder {
    topic: String,
    partition: i32,
    schema: SchemaRef,
    reader: Reader,
    /// Columns of the fields in use, then of the unused ones.
    columns: Vec<Column>,
    /// What is around the value.
    around: AroundReader,
    offsets: Vec<i64>,
    timestamps_us: Vec<i64>,
    /// Whether a record without a value is a row.
    takes_tombstones: bool,
    tombstones: Vec<usize>,
    /// Whether nothing at all can be a value: that of a message with no field written.
    takes_empty: bool,
    /// Whether a record without a value is left out: it follows a change that says the same.
    skips_tombstones: bool,
    deleted: Vec<usize>,
    payloads: Option<Payloads>,
    dead: Vec<DeadLetter>,
    dead_bytes: usize,
    patience: Patience,
    /// The record that could not be read yet, and why.
    stuck: Option<(i64, RegistryError)>,
}

#[derive(Debug)]
enum Reader {
    Json(JsonReader),
    /// JSON behind the number of a schema, which says nothing that the fields do not.
    FramedJson(JsonReader),
    Avro(AvroReader),
    Protobuf(Box<ProtobufReader>),
    DebeziumJson(DebeziumJson),
    DebeziumAvro(Box<DebeziumAvro>),
}

impl Decoder {
    /// A decoder of records of one partition.
    ///
    /// # Errors
    /// If the fields of the spec clash, or the format has them not, or of another type.
    pub fn new(spec: &DecoderSpec, topic: &str, partition: i32) -> Result<Self, FormatError> {
        let fields = [spec.fields.as_slice(), &spec.unused].concat();
        check_fields(&fields)?;
        let is_debezium = spec.format.is_debezium();
        let is_around_row = |field: &&Field| matches!(field.place(), Some(FieldPlace::AroundRow(_)));
        if let (Some(field), false) = (fields.iter().find(is_around_row), is_debezium) {
            return Err(FormatError::BadPath { field: field.name.clone() });
        }
        Ok(Self {
            topic: topic.to_owned(),
            partition,
            schema: spec.schema(),
            columns: fields.iter().map(|field| Column::new(field.field_type)).collect(),
            around: AroundReader::new(&fields),
            offsets: Vec::new(),
            timestamps_us: Vec::new(),
            takes_tombstones: spec.tombstones,
            tombstones: Vec::new(),
            takes_empty: matches!(spec.format, Format::Protobuf { framing: ProtobufFraming::Message, .. }),
            skips_tombstones: is_debezium,
            deleted: Vec::new(),
            payloads: spec.keep_payloads.then(Payloads::default),
            dead: Vec::new(),
            dead_bytes: 0,
            patience: Patience::default(),
            stuck: None,
            reader: match &spec.format {
                Format::Json => Reader::Json(JsonReader::new(fields)),
                Format::Avro { schema, framing } => Reader::Avro(AvroReader::new(schema, framing, &fields)?),
                Format::FramedJson => Reader::FramedJson(JsonReader::new(fields)),
                Format::Protobuf { schema, framing } => {
                    Reader::Protobuf(Box::new(ProtobufReader::new(schema, framing, &fields)?))
                }
                Format::DebeziumJson => Reader::DebeziumJson(DebeziumJson::new(&fields)),
                Format::DebeziumAvro { schema, framing } => {
                    Reader::DebeziumAvro(Box::new(DebeziumAvro::new(schema, framing, &fields)?))
                }
            },
        })
    }

    /// Schema of the columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Takes the next record; offsets must rise. Whatever is wrong with it makes it a dead letter.
    ///
    /// A record with an empty value is one too, and one without a value unless the spec takes tombstones: it
    /// cannot be an event of a stream.
    ///
    /// Where a schema must be asked for and nobody gives it, the decoder waits for as long as its patience lasts; then it
    /// is [`stuck`](Self::stuck).
    pub fn push(&mut self, record: &Record<'_>) {
        if record.value.is_none() && self.skips_tombstones {
            return;
        }
        let row = self.offsets.len();
        while self.stuck.is_none() {
            let read = self.read(record, row);
            if read.is_err() {
                self.columns.iter_mut().for_each(|column| column.truncate(row));
            }
            match read {
                Ok(change) => return self.keep(record, row, change),
                Err(Unread::Dead(reason)) => return self.bury(record, reason),
                Err(Unread::NotYet(cause)) if self.patience.lasts(&cause) => {}
                Err(Unread::NotYet(cause)) => self.stuck = Some((record.offset, cause)),
            }
        }
    }

    /// The offset of the record that could not be read, since a schema must be asked for and nobody gives it; and why. From
    /// it on nothing was taken, nor ever will be.
    pub fn stuck(&self) -> Option<(i64, &RegistryError)> {
        self.stuck.as_ref().map(|(offset, cause)| (*offset, cause))
    }

    /// The decoder with `patience` of its own; else it has none.
    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    /// Gives what was gathered since the last call, and starts anew. `next_offset` is where reading goes on.
    pub fn finish(&mut self, next_offset: i64) -> Decoded {
        let in_use = self.schema.fields().len();
        let arrays = self.columns[..in_use].iter_mut().map(Column::finish).collect();
        for column in &mut self.columns[in_use..] {
            column.truncate(0);
        }
        let rows = RecordBatchOptions::new().with_row_count(Some(self.offsets.len()));
        let columns = RecordBatch::try_new_with_options(self.schema.clone(), arrays, &rows)
            .expect("every column has one value per row and its field's type");
        self.dead_bytes = 0;
        Decoded {
            topic: self.topic.clone(),
            partition: self.partition,
            offsets: std::mem::take(&mut self.offsets),
            timestamps_us: std::mem::take(&mut self.timestamps_us),
            columns,
            tombstones: std::mem::take(&mut self.tombstones),
            deleted: std::mem::take(&mut self.deleted),
            payloads: self.payloads.as_mut().map(std::mem::take),
            dead: std::mem::take(&mut self.dead),
            next_offset,
        }
    }

    /// Makes a row of a record whose fields are in the columns.
    fn keep(&mut self, record: &Record<'_>, row: usize, change: Change) {
        for column in self.columns.iter_mut().filter(|column| column.len() == row) {
            column.push_null();
        }
        self.offsets.push(record.offset);
        self.timestamps_us.push(record.timestamp_ms.saturating_mul(1_000));
        if record.value.is_none() {
            self.tombstones.push(row);
        }
        if change == Change::Delete {
            self.deleted.push(row);
        }
        if let Some(payloads) = &mut self.payloads {
            payloads.push(record.key, record.value);
        }
    }

    /// Makes a dead letter of a record.
    fn bury(&mut self, record: &Record<'_>, reason: String) {
        let Record { offset, timestamp_ms, key, value, .. } = *record;
        self.dead_bytes += key.map_or(0, <[u8]>::len) + value.map_or(0, <[u8]>::len);
        self.dead.push(DeadLetter {
            topic: self.topic.clone(),
            partition: self.partition,
            offset,
            timestamp_ms,
            view: None,
            reason,
            key: key.map(<[u8]>::to_vec),
            value: value.map(<[u8]>::to_vec),
        });
    }

    /// Puts a record's fields into the columns.
    fn read(&mut self, record: &Record<'_>, row: usize) -> Result<Change, Unread> {
        match record.value {
            None if !self.takes_tombstones => {
                return Err(Unread::Dead("the record has no value (a tombstone)".to_owned()));
            }
            Some([]) if !self.takes_empty => return Err(Unread::Dead("the value is empty".to_owned())),
            _ => {}
        }
        self.around.read(record, &mut self.columns, row)?;
        let Some(value) = record.value else { return Ok(Change::Row) };
        match &mut self.reader {
            Reader::Json(reader) => reader.read(value, &mut self.columns, row)?,
            Reader::FramedJson(reader) => reader.read(schema_id(value)?.1, &mut self.columns, row)?,
            Reader::Avro(reader) => reader.read(value, &mut self.columns)?,
            Reader::Protobuf(reader) => reader.read(value, &mut self.columns)?,
            Reader::DebeziumJson(reader) => return Ok(reader.read(value, &mut self.columns, row)?),
            Reader::DebeziumAvro(reader) => return reader.read(value, &mut self.columns),
        }
        Ok(Change::Row)
    }
}

impl RecordSink for Decoder {
    fn push(&mut self, record: &Record<'_>) {
        self.push(record);
    }

    /// Whether enough is gathered (half a gibibyte) that the caller must [`finish`](Self::finish) before it
    /// pushes more, or the decoder is stuck. A column that grew past two gibibytes could not be given out.
    fn is_full(&self) -> bool {
        let payloads = self.payloads.as_ref().map_or(0, Payloads::len_bytes);
        let text = self.columns.iter().map(Column::data_bytes).sum::<usize>();
        self.stuck.is_some() || payloads + text + self.dead_bytes >= FULL_BYTES
    }
}

#[cfg(test)]
mod tests {
    use thalweg_core::FieldType;

    use super::*;
    use crate::batch::Headers;
    use crate::format::test_support::{columns_text, decode, spec};
    use crate::format::{RECORD_KEY, RECORD_TIMESTAMP};

    fn push(decoder: &mut Decoder, offset: i64, timestamp_ms: i64, key: Option<&[u8]>, value: Option<&[u8]>) {
        decoder.push(&Record { offset, timestamp_ms, key, value, headers: Headers::EMPTY });
    }

    #[test]
    fn one_bad_record_among_a_thousand_spoils_only_itself() {
        let (avro, fields) = Format::avro(
            r#"{"type": "record", "name": "R", "fields": [
                {"name": "n", "type": "int"}, {"name": "s", "type": ["null", "string"]}]}"#,
        )
        .expect("a sound schema");
        for (format, bad) in [(Format::Json, &br#"{"n": 1, "s": 2}"#[..]), (avro, &[2, 2, 8, b'x'])] {
            let rows = spec(Format::Json, fields.clone());
            let texts: Vec<String> = (0..1_000)
                .map(|n| {
                    if n % 3 == 0 {
                        format!(r#"{{"n": {n}}}"#)
                    } else {
                        format!(r#"{{"n": {n}, "s": "t{n}"}}"#)
                    }
                })
                .collect();
            let rows = decode(&rows, &texts.iter().map(String::as_bytes).collect::<Vec<_>>()).columns;
            let mut payloads =
                crate::format::encode_rows(&format, &fields, &rows).expect("rows of the format");
            payloads[617] = bad.to_vec();
            let payloads: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
            let decoded = decode(&spec(format, fields.clone()), &payloads);

            assert_eq!(decoded.num_rows(), 999);
            assert_eq!(decoded.dead.len(), 1);
            assert_eq!((decoded.dead[0].offset, decoded.dead[0].value.as_deref()), (617, Some(bad)));
            assert!(decoded.dead[0].reason.starts_with("field `s`: "), "{}", decoded.dead[0].reason);
            assert_eq!(decoded.offsets, (0..1_000).filter(|n| *n != 617).collect::<Vec<_>>());
            let good: Vec<_> = [rows.slice(0, 617), rows.slice(618, 382)].iter().map(columns_text).collect();
            assert_eq!(
                columns_text(&decoded.columns),
                [format!("{}, {}", good[0][0], good[1][0]), format!("{}, {}", good[0][1], good[1][1])]
            );
        }
    }

    #[test]
    fn records_without_a_value_are_dead() {
        let spec = spec(Format::Json, Vec::new());
        let mut decoder = Decoder::new(&spec, "flights", 3).expect("a sound specification");
        push(&mut decoder, 10, 5, Some(b"k"), None);
        push(&mut decoder, 12, 6, None, Some(b""));
        push(&mut decoder, 13, i64::MAX, None, Some(b"{}"));
        let decoded = decoder.finish(20);
        assert_eq!((decoded.topic.as_str(), decoded.partition, decoded.next_offset), ("flights", 3, 20));
        assert_eq!(decoded.offsets, [13]);
        assert_eq!(decoded.timestamps_us, [i64::MAX]);
        assert_eq!(decoded.columns.num_rows(), 1, "rows count without columns too");
        let dead: Vec<_> =
            decoded.dead.iter().map(|d| (d.offset, d.timestamp_ms, d.reason.as_str())).collect();
        assert_eq!(dead, [(10, 5, "the record has no value (a tombstone)"), (12, 6, "the value is empty")]);
        assert_eq!(decoded.dead[0].key.as_deref(), Some(&b"k"[..]));
        assert_eq!(
            (decoded.dead[0].value.as_deref(), decoded.dead[1].value.as_deref()),
            (None, Some(&b""[..]))
        );
        let empty = decoder.finish(21);
        assert_eq!((empty.num_rows(), empty.dead.len(), empty.next_offset), (0, 0, 21));
    }

    #[test]
    fn where_tombstones_are_taken_they_are_rows_of_nulls() {
        let fields = vec![
            Field::new(RECORD_KEY, FieldType::String),
            Field::new("a", FieldType::Bool),
            Field::new(RECORD_TIMESTAMP, FieldType::Timestamp),
        ];
        let spec = DecoderSpec { tombstones: true, keep_payloads: true, ..spec(Format::Json, fields) };
        let mut decoder = Decoder::new(&spec, "t", 0).expect("a sound specification");
        push(&mut decoder, 0, 1, Some(b"UA"), Some(b"{\"a\": true}"));
        push(&mut decoder, 1, 2, Some(b"UA"), None);
        push(&mut decoder, 2, 3, Some(b"UA"), Some(b""));
        push(&mut decoder, 3, 4, None, None);
        let decoded = decoder.finish(4);
        assert_eq!(
            (decoded.offsets.as_slice(), decoded.tombstones.as_slice()),
            (&[0, 1, 3][..], &[1, 2][..])
        );
        assert_eq!(
            columns_text(&decoded.columns),
            [r#""UA", "UA", null"#, "true, null, null", "1000, 2000, 4000"]
        );
        assert_eq!(decoded.dead.len(), 1);
        let letter = decoded.dead_letter(1, None, "no key");
        assert_eq!((letter.offset, letter.key.as_deref(), letter.value), (1, Some(&b"UA"[..]), None));
        assert_eq!(decoder.finish(5).tombstones, [0_usize; 0]);
    }

    #[test]
    fn keys_and_timestamps_of_records_are_fields() {
        let fields = vec![
            Field::new(RECORD_KEY, FieldType::String),
            Field::new("a", FieldType::Bool),
            Field::new(RECORD_TIMESTAMP, FieldType::Timestamp),
        ];
        let mut decoder = Decoder::new(&spec(Format::Json, fields), "t", 0).expect("a sound specification");
        push(&mut decoder, 0, 1, Some(b"UA"), Some(b"{}"));
        push(&mut decoder, 1, 2, Some(b"AA"), Some(b"{"));
        push(&mut decoder, 2, -3, None, Some(b"{\"a\": true}"));
        push(&mut decoder, 3, 4, Some(b"\xff"), Some(b"{}"));
        let decoded = decoder.finish(4);
        assert_eq!(
            columns_text(&decoded.columns),
            [r#""UA", null, null"#, "null, true, null", "1000, -3000, 4000"]
        );
        assert_eq!(decoded.columns.schema(), *decoder.schema());
    }

    #[test]
    fn fields_that_are_not_in_use_are_checked_all_the_same() {
        let (avro, fields) = Format::avro(
            r#"{"type": "record", "name": "R", "fields": [
                {"name": "used", "type": "int"}, {"name": "idle", "type": {"type": "array", "items": "string"}}]}"#,
        )
        .expect("a sound schema");
        let json = DecoderSpec {
            format: Format::Json,
            fields: vec![Field::new("used", FieldType::Int32)],
            unused: vec![Field::new("idle", FieldType::Int32)],
            tombstones: false,
            keep_payloads: false,
        };
        for (spec, good, bad) in [
            (json, &br#"{"used": 1, "idle": 2}"#[..], &br#"{"used": 1, "idle": "x"}"#[..]),
            (spec(avro, fields), &[2, 2, 2, b'x', 0], &[2, 2, 2, 0xff, 0]),
        ] {
            let decoded = decode(&spec, &[good, bad, good]);
            assert_eq!(columns_text(&decoded.columns), ["1, 1"]);
            assert_eq!(decoded.dead.len(), 1);
            assert!(decoded.dead[0].reason.starts_with("field `idle`: "), "{}", decoded.dead[0].reason);
        }
    }

    #[test]
    fn payloads_are_kept_when_asked_for() {
        let spec = DecoderSpec { keep_payloads: true, ..spec(Format::Json, Vec::new()) };
        let mut decoder = Decoder::new(&spec, "t", 1).expect("a sound specification");
        push(&mut decoder, 0, 7, Some(b"k"), Some(b"{}"));
        push(&mut decoder, 1, 7, Some(b"x"), Some(b"?"));
        push(&mut decoder, 2, 8, None, Some(b"{ }"));
        push(&mut decoder, 3, -9, Some(b""), Some(b"{}"));
        let decoded = decoder.finish(4);
        let letters = [0, 1, 2].map(|row| decoded.dead_letter(row, Some("v"), "no key"));
        assert_eq!(
            letters.each_ref().map(|l| (l.offset, l.timestamp_ms, l.key.as_deref(), l.value.as_deref())),
            [
                (0, 7, Some(&b"k"[..]), Some(&b"{}"[..])),
                (2, 8, None, Some(b"{ }")),
                (3, -9, Some(b""), Some(b"{}")),
            ]
        );
        assert_eq!((letters[0].view.as_deref(), letters[0].partition), (Some("v"), 1));
    }

    #[test]
    fn a_specification_that_cannot_be_met_is_refused() {
        let (avro, _) =
            Format::avro(r#"{"type": "record", "name": "R", "fields": [{"name": "n", "type": "int"}]}"#)
                .expect("a sound schema");
        for (format, field, wanted) in [
            (
                avro.clone(),
                Field::new("m", FieldType::Int32),
                "the schema has no field `m` that can be used; it has: n",
            ),
            (
                avro,
                Field::new("n", FieldType::Int64),
                "field `n` is asked for as int64, but the Avro schema makes it int32",
            ),
            (Format::Json, Field::new("a.", FieldType::Int64), "`a.` is no path"),
        ] {
            let error = Decoder::new(&spec(format, vec![field]), "t", 0).expect_err("it cannot be met");
            assert!(error.to_string().starts_with(wanted), "{error}");
        }
    }
}
