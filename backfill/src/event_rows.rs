//! The events of a source as the rows of a spine: one row for each, at its event time.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, TimestampMicrosecondArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use rayon::prelude::*;
use thalweg_core::{FieldType, Instant};
use thalweg_definitions::{Source, SourceKind, SourceSelector, TimedBatch};
use thalweg_log::{DecoderSpec, Log, PartitionReader, RECORD_TIMESTAMP, TopicPartition};

use crate::{Budget, Cancellation, Error, EventRange, Pin};

/// Records decoded at a time.
const RECORDS_PER_CHUNK: usize = 16_384;

/// Which events become rows, and what of them.
#[derive(Clone, Copy, Debug)]
pub struct EventRowsRequest<'a> {
    /// The source.
    pub source: &'a Source,
    /// The fields that become columns, in this order; all, if none is named.
    pub columns: &'a [String],
    /// The column of instants: a field of the source, or a name for the events' own time.
    pub timestamp_column: &'a str,
    /// The event times wanted.
    pub range: EventRange,
    /// Leaves out events for which one of these columns is null.
    pub needed: &'a [String],
    /// The log prefix that is looked at.
    pub pin: &'a Pin,
}

/// Every event of the source up to the pin as a row, partition after partition, in offset order: the fields, and
/// the event's time as a column named by the request where no field is. What is no event of its source, for lack of
/// a time, is no row.
///
/// Time and memory grow with the events, the latter within `budget`.
///
/// # Errors
/// A column that is no field; a topic the pin does not name; damage in the log; an exceeded budget.
pub fn event_rows(
    log: &dyn Log,
    request: &EventRowsRequest<'_>,
    budget: &Budget,
    cancellation: &Cancellation,
) -> Result<(SchemaRef, Vec<RecordBatch>), Error> {
    let source = request.source;
    let pinned = request.pin.of(&source.topic)?;
    request.pin.check(log)?;
    let rows = Rows::new(request)?;
    let parts: Vec<_> = (0..).zip(&pinned.next_offsets).filter(|&(_, &until)| until > 0).collect();
    let batches = parts
        .par_iter()
        .map(|&(partition, &until)| {
            let partition = TopicPartition { topic: source.topic.clone(), partition };
            let mut reader = PartitionReader::new(log, partition, &rows.spec, 0)?;
            let mut batches = Vec::new();
            while let Some(decoded) = reader.next(until, RECORDS_PER_CHUNK)? {
                cancellation.check()?;
                let batch = rows.of(&rows.timer.time(&decoded))?;
                if batch.num_rows() > 0 {
                    budget.take(batch.get_array_memory_size())?;
                    batches.push(batch);
                }
            }
            Ok(batches)
        })
        .collect::<Result<Vec<_>, Error>>()?;
    Ok((rows.schema, batches.into_iter().flatten().collect()))
}

/// How events become rows.
struct Rows<'a> {
    request: &'a EventRowsRequest<'a>,
    spec: DecoderSpec,
    timer: SourceSelector,
    schema: SchemaRef,
    /// The fields that become columns.
    columns: Vec<String>,
}

impl<'a> Rows<'a> {
    fn new(request: &'a EventRowsRequest<'a>) -> Result<Self, Error> {
        let source = request.source;
        let (unused, fields): (Vec<_>, Vec<_>) =
            source.fields.iter().cloned().partition(|field| field.name == RECORD_TIMESTAMP);
        let known = |name: &String| fields.iter().find(|field| field.name == *name);
        let columns: Vec<String> = match request.columns.is_empty() {
            true => fields.iter().map(|field| field.name.clone()).collect(),
            false => request.columns.to_vec(),
        };
        let mut of_columns = columns
            .iter()
            .map(|name| {
                let field = known(name).ok_or_else(|| Error::NoField {
                    source_name: source.name.clone(),
                    field: name.clone(),
                    present: fields.iter().map(|field| field.name.clone()).collect(),
                })?;
                Ok(Field::new(name, field.field_type.to_arrow(), true))
            })
            .collect::<Result<Vec<_>, Error>>()?;
        let mut seen = BTreeSet::new();
        if let Some(twice) = columns.iter().find(|name| !seen.insert(*name)) {
            return Err(Error::DuplicateColumn { column: twice.clone() });
        }
        if !columns.iter().any(|name| name == request.timestamp_column) {
            of_columns.push(Field::new(request.timestamp_column, FieldType::Timestamp.to_arrow(), false));
        }
        let format = source.format.clone();
        // What a table deletes has no fields to make a row of.
        let spec = DecoderSpec { format, fields, unused, tombstones: false, keep_payloads: false };
        let (schema, timer) = (Arc::new(Schema::new(of_columns)), SourceSelector::new(source));
        Ok(Self { request, spec, timer, schema, columns })
    }

    fn of(&self, events: &TimedBatch<'_>) -> Result<RecordBatch, Error> {
        let decoded = events.columns();
        let column = |name: &String| {
            decoded.column_by_name(name).cloned().expect("every field of the source was decoded")
        };
        let mut columns: Vec<ArrayRef> = self.columns.iter().map(column).collect();
        if columns.len() < self.schema.fields().len() {
            let times = TimestampMicrosecondArray::from(events.times().to_vec()).with_timezone("UTC");
            columns.push(Arc::new(times));
        }
        let rows = RecordBatch::try_new(self.schema.clone(), columns)?;
        let needed: Vec<&ArrayRef> =
            self.request.needed.iter().filter_map(|name| rows.column_by_name(name)).collect();
        let is_table = self.request.source.kind == SourceKind::Table;
        let is_wanted = |row: usize| {
            !(is_table && events.deletes(row))
                && self.request.range.contains(Instant::from_micros(events.times()[row]))
                && needed.iter().all(|column| column.is_valid(row))
        };
        let wanted: BooleanArray = (0..rows.num_rows()).map(|row| Some(is_wanted(row))).collect();
        Ok(filter_record_batch(&rows, &wanted)?)
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use arrow::compute::concat_batches;
    use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
    use thalweg_definitions::{DefinitionFile, Repository, load_text};
    use thalweg_log::{EmbeddedLog, EmbeddedOptions, NewRecord};

    use super::*;

    const DEFINITIONS: &str = "
sources:
  - {name: labels, topic: labelled, format: json, fields: {shop: string, n: int64, at: timestamp, seen: timestamp}, event_time: at}
";

    const LABELLED: [(i32, &str); 5] = [
        (0, r#"{"shop": "a", "n": 1, "at": 5, "seen": 1}"#),
        (1, r#"{"shop": "b", "n": 2, "at": 3}"#),
        (0, r#"{"n": 3, "at": 4}"#),
        (0, r#"{"shop": "no time", "n": 4}"#),
        (0, "nonsense"),
    ];

    struct World {
        log: EmbeddedLog,
        repository: Repository,
        _folder: tempfile::TempDir,
    }

    fn world() -> World {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log = EmbeddedLog::open(folder.path(), EmbeddedOptions::default()).expect("a new log");
        log.create_topic("labelled", 2).expect("a new topic");
        for (partition, value) in LABELLED {
            let record =
                NewRecord { key: None, value: Some(value.as_bytes()), timestamp_ms: 0, headers: &[] };
            log.append("labelled", partition, &[record]).expect("a durable append");
        }
        let files = [DefinitionFile::new("f.yaml", DEFINITIONS)];
        World { log, repository: load_text(&files).expect("sound definitions"), _folder: folder }
    }

    fn ask(
        columns: &[&str],
        timestamp_column: &str,
        needed: &[&str],
        range: EventRange,
    ) -> Result<RecordBatch, Error> {
        let world = world();
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let request = EventRowsRequest {
            source: world.repository.source("labels").expect("a source"),
            columns: &owned(columns),
            timestamp_column,
            range,
            needed: &owned(needed),
            pin: &Pin::now(&world.log, ["labelled"]).expect("offsets"),
        };
        let (budget, cancellation) = (Budget::default(), Cancellation::default());
        let (schema, batches) = event_rows(&world.log, &request, &budget, &cancellation)?;
        Ok(concat_batches(&schema, &batches)?)
    }

    fn numbers(rows: &RecordBatch) -> Vec<i64> {
        rows.column_by_name("n").expect("a column").as_primitive::<Int64Type>().values().to_vec()
    }

    const ALL: EventRange = EventRange { from: None, to: None };

    #[test]
    fn events_are_rows_at_their_own_time() {
        let rows = ask(&[], "t", &[], ALL).expect("rows");
        assert_eq!(numbers(&rows), [1, 3, 2]);
        let times =
            rows.column_by_name("t").expect("the instants").as_primitive::<TimestampMicrosecondType>();
        assert_eq!(times.values(), &[5, 4, 3]);
        let names: Vec<_> = rows.schema().fields().iter().map(|field| field.name().clone()).collect();
        assert_eq!(names, ["at", "n", "seen", "shop", "t"]);
    }

    #[test]
    fn a_field_may_be_the_instant_and_events_may_be_left_out() {
        let by_field = ask(&[], "seen", &[], ALL).expect("rows");
        assert_eq!(by_field.num_columns(), 4);
        let with_shop = ask(&["n", "shop"], "t", &["shop"], ALL).expect("rows");
        assert_eq!(numbers(&with_shop), [1, 2]);
        let at = |micros| Some(Instant::from_micros(micros));
        let of_range = ask(&[], "t", &[], EventRange { from: at(4), to: at(5) }).expect("rows");
        assert_eq!(numbers(&of_range), [3]);
    }

    #[test]
    fn what_is_no_field_is_refused_in_words() {
        let message = ask(&["m"], "t", &[], ALL).expect_err("no field").to_string();
        assert_eq!(message, "source `labels` has no field `m`; it has: at, n, seen, shop");
        assert!(matches!(ask(&["n", "n"], "t", &[], ALL), Err(Error::DuplicateColumn { .. })));
    }
}
