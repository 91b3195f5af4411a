//! The events of a topic as columns, straight from the log.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use thalweg_core::{FieldType, Instant};
use thalweg_definitions::{Source, SourceKind};
use thalweg_log::{
    CHANGE_KIND, Decoded, DecoderSpec, Field as SourceField, FieldPlace, Log, PartitionReader,
    RECORD_TIMESTAMP, TopicPartition,
};

use crate::{Error, Pin};

/// Records decoded at a time, and so the most rows of a batch.
const RECORDS_PER_CHUNK: usize = 8_192;

/// Which records of a topic are wanted: all, unless told otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventRange {
    /// Records with an earlier timestamp are left out.
    pub from: Option<Instant>,
    /// Records with this timestamp or a later one are left out.
    pub to: Option<Instant>,
}

impl EventRange {
    /// Whether a record stamped `timestamp` is wanted.
    pub(crate) fn contains(self, timestamp: Instant) -> bool {
        self.from.is_none_or(|from| timestamp >= from) && self.to.is_none_or(|to| timestamp < to)
    }
}

/// The columns of a topic's events: every field of `source`, then `_topic`, `_partition`, `_offset`
/// and the record's `_timestamp`, which is not there twice as the field `@timestamp`. Those of a table have also the
/// record's `_key`, and say whether it is `_deleted`: then they have no fields. Changes of Debezium are their rows, with
/// the kind of change in `_op` in place of what is around the row.
pub fn events_schema(source: &Source) -> SchemaRef {
    let fields = shown(source).into_iter().map(|field| {
        let name = if field.name == CHANGE_KIND { "_op" } else { &field.name };
        Field::new(name, field.field_type.to_arrow(), true)
    });
    let about_the_record = [
        Field::new("_topic", FieldType::String.to_arrow(), false),
        Field::new("_partition", FieldType::Int32.to_arrow(), false),
        Field::new("_offset", FieldType::Int64.to_arrow(), false),
        Field::new("_timestamp", FieldType::Timestamp.to_arrow(), false),
    ];
    let of_table = [
        Field::new("_key", FieldType::Binary.to_arrow(), true),
        Field::new("_deleted", FieldType::Bool.to_arrow(), false),
    ];
    let of_table = of_table.into_iter().filter(|_| source.kind == SourceKind::Table);
    Arc::new(Schema::new(fields.chain(about_the_record).chain(of_table).collect::<Vec<_>>()))
}

/// Every record of `source`'s topic from `offsets` (by partition; from the start where there is none) up to `pin`
/// that can be decoded, partition after partition, in offset order, a bounded batch at a time.
///
/// # Errors
/// A topic the pin does not name, or that was not there; damage in the log, from the iterator.
pub fn events<'a>(
    log: &'a dyn Log,
    source: &'a Source,
    offsets: &[i64],
    pin: &Pin,
    range: EventRange,
) -> Result<impl Iterator<Item = Result<RecordBatch, Error>> + use<'a>, Error> {
    let pinned = pin.of(&source.topic)?;
    if pinned.topic_id.is_none() {
        return Err(Error::UnknownTopic {
            topic: source.topic.clone(),
            present: log.topics()?.into_iter().map(|info| info.name).collect(),
        });
    }
    pin.check(log)?;
    let (schema, spec) = (events_schema(source), events_spec(source));
    let readers = pinned
        .next_offsets
        .iter()
        .enumerate()
        .map(|(partition, &until)| (partition, offsets.get(partition).copied().unwrap_or(0), until))
        .filter(|(_, from, until)| from < until)
        .map(|(partition, from, until)| {
            let partition = TopicPartition { topic: source.topic.clone(), partition: partition as i32 };
            Ok((PartitionReader::new(log, partition, &spec, from)?, until))
        })
        .collect::<Result<Vec<_>, Error>>()?;
    let batches = readers.into_iter().flat_map(move |(mut reader, until)| {
        let schema = schema.clone();
        std::iter::from_fn(move || reader.next(until, RECORDS_PER_CHUNK).transpose())
            .map(move |decoded| to_batch(&decoded?, &schema, range))
    });
    Ok(batches.filter(|batch| batch.as_ref().map_or(true, |batch| batch.num_rows() > 0)))
}

/// How the columns of [`events_schema`] are decoded.
pub(crate) fn events_spec(source: &Source) -> DecoderSpec {
    let fields = shown(source);
    let unused = source.fields.iter().filter(|field| fields.iter().all(|other| other.name != field.name));
    let unused = unused.cloned().collect();
    let is_table = source.kind == SourceKind::Table;
    let format = source.format.clone();
    DecoderSpec { format, fields, unused, tombstones: is_table, keep_payloads: is_table }
}

/// The fields that events are shown with: of changes those of the row, and what kind of change it was.
fn shown(source: &Source) -> Vec<SourceField> {
    let is_debezium = source.format.is_debezium();
    let is_around =
        |field: &SourceField| is_debezium && matches!(field.place(), Some(FieldPlace::AroundRow(_)));
    let fields = source.fields.iter().filter(|field| field.name != RECORD_TIMESTAMP && !is_around(field));
    let kind = is_debezium.then(|| SourceField::new(CHANGE_KIND, FieldType::String));
    fields.cloned().chain(kind).collect()
}

/// The rows of `decoded` that are in `range`, as columns of [`events_schema`].
pub(crate) fn to_batch(
    decoded: &Decoded,
    schema: &SchemaRef,
    range: EventRange,
) -> Result<RecordBatch, Error> {
    let rows = decoded.offsets.len();
    let timestamps = TimestampMicrosecondArray::from(decoded.timestamps_us.clone()).with_timezone("UTC");
    let mut columns: Vec<ArrayRef> = decoded.columns.columns().to_vec();
    columns.push(Arc::new(StringArray::from_iter_values(std::iter::repeat_n(&decoded.topic, rows))));
    columns.push(Arc::new(Int32Array::from_value(decoded.partition, rows)));
    columns.push(Arc::new(Int64Array::from(decoded.offsets.clone())));
    columns.push(Arc::new(timestamps));
    if schema.index_of("_deleted").is_ok() {
        let key = |row| decoded.payloads.as_ref().and_then(|payloads| payloads.get(row).0);
        columns.push(Arc::new(BinaryArray::from_iter((0..rows).map(key))));
        let is_in = |rows: &[usize], row| rows.binary_search(&row).is_ok();
        let deleted = |row| Some(is_in(&decoded.tombstones, row) || is_in(&decoded.deleted, row));
        columns.push(Arc::new(BooleanArray::from_iter((0..rows).map(deleted))));
    }
    let batch = RecordBatch::try_new(schema.clone(), columns)?;
    let wanted = decoded.timestamps_us.iter().map(|&micros| range.contains(Instant::from_micros(micros)));
    Ok(filter_record_batch(&batch, &wanted.map(Some).collect())?)
}
