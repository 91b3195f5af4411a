//! Rows in a source's format: the value, key and timestamp of each record.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, new_null_array};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, Schema, TimestampMicrosecondType};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use thalweg_core::FieldType;
use thalweg_definitions::{Source, SourceKind};
use thalweg_log::{Decoder, DecoderSpec, Format, Record, encode_rows};

use super::ProduceOptions;
use super::around::{Around, Headers};
use super::deletes::Deletes;
use crate::Error;

/// The one binary column of rows that are payloads already: JSON lines.
pub const RAW_COLUMN: &str = "_payload";

/// Records in the making, an entry a row in each list.
#[derive(Debug)]
pub(super) struct Payloads {
    /// `None` where the record deletes.
    pub(super) values: Vec<Option<Vec<u8>>>,
    pub(super) keys: Vec<Option<Vec<u8>>>,
    /// `None` where the clock's now is wanted.
    pub(super) timestamps_ms: Vec<Option<i64>>,
    /// No headers of any record, if it is empty.
    pub(super) headers: Vec<Headers>,
}

impl Payloads {
    /// Writes `rows` as `source`'s format wants them.
    ///
    /// # Errors
    /// A column that is no field, a value that does not fit its field, a field the format needs and
    /// the rows lack; each with the row.
    pub(super) fn of(source: &Source, rows: &RecordBatch, options: &ProduceOptions) -> Result<Self, Error> {
        if let Some(raw) = rows.column_by_name(RAW_COLUMN) {
            let raw = raw.as_binary_opt::<i32>().ok_or_else(|| {
                Error::invalid(format!(
                    "column `{RAW_COLUMN}` holds payloads and must be binary, not {}",
                    raw.data_type()
                ))
            })?;
            let lines: Vec<&[u8]> = raw.iter().map(Option::unwrap_or_default).collect();
            return Self::of_lines(source, &lines, options);
        }
        let (deletes, rows) = Deletes::of_column(source, rows)?;
        let (around, rows) = Around::of_columns(&rows)?;
        let fields = to_field_types(source, &rows)?;
        let values = deletes.encode(source, &fields)?;
        Self::with_meta(source, &deletes, around, values, &fields, options)
    }

    /// JSON lines: verbatim into a JSON source but for what they say of the key and the headers, decoded and encoded
    /// again for another format.
    fn of_lines(source: &Source, lines: &[&[u8]], options: &ProduceOptions) -> Result<Self, Error> {
        let verbatim = matches!(source.format, Format::Json | Format::DebeziumJson);
        let deletes = Deletes::of_lines(source, lines)?;
        let (around, lines) = Around::of_lines(lines)?;
        let as_they_are = || {
            let value =
                |(row, line): (usize, &Cow<'_, [u8]>)| (!deletes.contains(row)).then(|| line.to_vec());
            lines.iter().enumerate().map(value).collect()
        };
        let wanted = |name: &String| options.key.contains(name) || options.timestamp.as_ref() == Some(name);
        let in_value = source.fields.iter().filter(|field| !field.is_outside_value());
        let fields: Vec<_> = in_value.filter(|field| !verbatim || wanted(&field.name)).cloned().collect();
        if verbatim && fields.is_empty() {
            let nothing = RecordBatch::new_empty(Arc::new(Schema::empty()));
            return Self::with_meta(source, &deletes, around, as_they_are(), &nothing, options);
        }
        let spec = DecoderSpec {
            format: Format::Json,
            fields,
            unused: Vec::new(),
            tombstones: false,
            keep_payloads: false,
        };
        let mut decoder =
            Decoder::new(&spec, &source.topic, 0).map_err(|cause| Error::invalid(cause.to_string()))?;
        for (row, line) in lines.iter().enumerate() {
            decoder.push(&Record::of_value(row as i64, line));
        }
        let decoded = decoder.finish(lines.len() as i64);
        if let Some(bad) = decoded.dead.first() {
            let why = if verbatim {
                "its key or timestamp cannot be read"
            } else {
                "it cannot be written in the source's format"
            };
            return Err(Error::invalid(format!(
                "line {} of the batch: {}; {why}",
                bad.offset + 1,
                bad.reason
            )));
        }
        let values = match verbatim {
            true => as_they_are(),
            false => deletes.encode(source, &decoded.columns)?,
        };
        Self::with_meta(source, &deletes, around, values, &decoded.columns, options)
    }

    fn with_meta(
        source: &Source,
        deletes: &Deletes,
        around: Around,
        values: Vec<Option<Vec<u8>>>,
        fields: &RecordBatch,
        options: &ProduceOptions,
    ) -> Result<Self, Error> {
        let rows = values.len();
        let twice = |what: &str, option: &str| {
            Error::invalid(format!("the rows say the {what} themselves, in `@{what}`: leave out {option}"))
        };
        let keys = match around.keys {
            Some(_) if !options.key.is_empty() => return Err(twice("key", "--key")),
            Some(keys) => keys,
            None => keys(source, fields, rows, &options.key)?,
        };
        deletes.check_keys(&keys)?;
        let timestamps_ms = match around.timestamps_ms {
            Some(_) if options.timestamp.is_some() => return Err(twice("timestamp", "--timestamp")),
            Some(timestamps_ms) => timestamps_ms,
            None => timestamps(fields, rows, options)?,
        };
        Ok(Self { values, keys, timestamps_ms, headers: around.headers })
    }
}

/// The rows with exactly the source's fields in their types; a field the rows lack is null.
fn to_field_types(source: &Source, rows: &RecordBatch) -> Result<RecordBatch, Error> {
    let in_value = || source.fields.iter().filter(|field| !field.is_outside_value());
    let is_field = |name: &str| in_value().any(|field| field.name == name);
    if let Some(other) = rows.schema().fields().iter().find(|column| !is_field(column.name())) {
        let known = in_value().map(|field| field.name.as_str()).collect::<Vec<_>>().join(", ");
        return Err(Error::invalid(format!(
            "column `{}` is no field of source `{}`, whose fields are: {known}",
            other.name(),
            source.name
        )));
    }
    let mut seen = BTreeSet::new();
    if let Some(twice) = rows.schema().fields().iter().find(|column| !seen.insert(column.name().clone())) {
        return Err(Error::invalid(format!(
            "there are two columns `{}`; name each field once",
            twice.name()
        )));
    }
    let mut columns: Vec<ArrayRef> = Vec::new();
    let mut fields = Vec::new();
    for field in in_value() {
        let wanted = field.field_type.to_arrow();
        columns.push(match rows.column_by_name(&field.name) {
            Some(given) => to_type(given, &field.name, field.field_type)?,
            None => new_null_array(&wanted, rows.num_rows()),
        });
        fields.push(Field::new(&field.name, wanted, true));
    }
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

/// The column called `name` as values of type `wanted`.
pub(super) fn to_type(given: &ArrayRef, name: &str, wanted: FieldType) -> Result<ArrayRef, Error> {
    let target = wanted.to_arrow();
    if *given.data_type() == target {
        return Ok(given.clone());
    }
    let is_text = matches!(given.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    let is_time =
        matches!(given.data_type(), DataType::Timestamp(_, _) | DataType::Date32 | DataType::Date64);
    let fits = match wanted {
        FieldType::Timestamp => is_text || is_time,
        FieldType::Date => is_text || matches!(given.data_type(), DataType::Date32 | DataType::Date64),
        FieldType::Bool => is_text,
        FieldType::Int32 | FieldType::Int64 => is_text || given.data_type().is_integer(),
        FieldType::Float32 | FieldType::Float64 => is_text || given.data_type().is_numeric(),
        FieldType::String => is_text || matches!(given.data_type(), DataType::Dictionary(_, _)),
        FieldType::Binary => matches!(
            given.data_type(),
            DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_)
        ),
    };
    let wrong = |why: String| Error::invalid(format!("column `{name}` cannot become {wanted}: {why}"));
    if !fits {
        return Err(wrong(format!("it is {}", given.data_type())));
    }
    let cast = cast_with_options(given, &target, &CastOptions { safe: true, ..Default::default() })
        .map_err(|cause| wrong(cause.to_string()))?;
    match (0..given.len()).find(|&row| given.is_valid(row) && cast.is_null(row)) {
        None => Ok(cast),
        Some(row) => {
            let text = ArrayFormatter::try_new(given, &FormatOptions::default()).map_or_else(
                |_| "its value".to_owned(),
                |values| format!("{:?}", values.value(row).to_string()),
            );
            Err(wrong(format!("{text} in row {row} of the batch is none")))
        }
    }
}

fn keys(
    source: &Source,
    fields: &RecordBatch,
    rows: usize,
    names: &[String],
) -> Result<Vec<Option<Vec<u8>>>, Error> {
    if names.is_empty() {
        return Ok(vec![None; rows]);
    }
    let columns = names.iter().map(|name| column(fields, name, "the key")).collect::<Result<Vec<_>, _>>()?;
    if source.kind == SourceKind::Table
        && let Some(keys) = table_keys(source, fields, &columns, names)?
    {
        return Ok(keys);
    }
    let options = FormatOptions::default();
    let texts = columns
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
        .collect::<Result<Vec<_>, _>>()?;
    let key_of = |row: usize| {
        if let ([column], [text]) = (columns.as_slice(), texts.as_slice()) {
            return column.is_valid(row).then(|| text.value(row).to_string().into_bytes());
        }
        let parts = columns.iter().zip(&texts).map(|(column, text)| match column.is_valid(row) {
            true => serde_json::Value::String(text.value(row).to_string()),
            false => serde_json::Value::Null,
        });
        Some(serde_json::Value::Array(parts.collect()).to_string().into_bytes())
    };
    Ok((0..rows).map(key_of).collect())
}

/// Keys of a table's records, from which join keys can be read, where they are others than a stream's: several fields
/// by name, in a JSON object, and bytes as they are.
fn table_keys(
    source: &Source,
    fields: &RecordBatch,
    columns: &[&ArrayRef],
    names: &[String],
) -> Result<Option<Vec<Option<Vec<u8>>>>, Error> {
    if let [only] = columns {
        let bytes = only.as_binary_opt::<i32>();
        return Ok(bytes.map(|bytes| bytes.iter().map(|key| key.map(<[u8]>::to_vec)).collect()));
    }
    let has_key = |row: usize| columns.iter().all(|column| column.is_valid(row));
    let named: Vec<_> = source.fields.iter().filter(|field| names.contains(&field.name)).cloned().collect();
    let objects =
        encode_rows(&Format::Json, &named, fields).map_err(|cause| Error::invalid(cause.to_string()))?;
    let of_row = |(row, object): (usize, Vec<u8>)| has_key(row).then_some(object);
    Ok(Some(objects.into_iter().enumerate().map(of_row).collect()))
}

fn timestamps(
    fields: &RecordBatch,
    rows: usize,
    options: &ProduceOptions,
) -> Result<Vec<Option<i64>>, Error> {
    let Some(name) = &options.timestamp else { return Ok(vec![None; rows]) };
    let given = column(fields, name, "the record timestamp")?;
    let micros = given.as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(|| {
        Error::invalid(format!(
            "field `{name}` cannot be the record timestamp: it is {}, no timestamp",
            given.data_type()
        ))
    })?;
    Ok(micros.iter().map(|micros| micros.map(|micros| micros.div_euclid(1_000))).collect())
}

fn column<'a>(fields: &'a RecordBatch, name: &str, purpose: &str) -> Result<&'a ArrayRef, Error> {
    fields
        .column_by_name(name)
        .ok_or_else(|| Error::invalid(format!("there is no field `{name}` to make {purpose} of")))
}
