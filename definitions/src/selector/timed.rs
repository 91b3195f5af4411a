//! Records as events of their source: when they happened, and how they are ordered.

use std::collections::BTreeSet;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, UInt32Array};
use arrow::compute::{filter, filter_record_batch};
use arrow::datatypes::{DataType, Date32Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use thalweg_core::{Instant, TimeDelta};
use thalweg_log::{DeadLetter, Decoded, DecoderSpec};

use crate::{FeatureView, Source, SourceKind, TimeField};

/// Microseconds of a day.
const DAY_US: i64 = 86_400_000_000;

/// The step that is taken once for each batch of a source.
#[derive(Clone, Debug)]
pub struct SourceSelector {
    event_time: TimeField,
    append_time: Option<TimeField>,
    order_by: Option<String>,
    max_ahead: TimeDelta,
}

/// The records of a batch that are events of their source, in offset order.
#[derive(Clone, Debug)]
pub struct TimedBatch<'a> {
    /// The records. Its rows are not those of the other members where some record is no event.
    pub(super) decoded: &'a Decoded,
    /// The row in `decoded` of each event, or nothing if every record is an event.
    pub(super) rows: Option<UInt32Array>,
    /// The offset of each event's record.
    pub(super) offsets: Int64Array,
    /// When each event happened, microseconds since the epoch.
    pub(super) times: Int64Array,
    /// The value of the source's `order_by` field, where it names one.
    pub(super) order_by: Option<Int64Array>,
    /// When the log learned of each event, microseconds since the epoch, where the source says.
    pub(super) append_times: Option<Int64Array>,
    /// The decoded fields.
    pub(super) columns: RecordBatch,
    /// True for the events whose records have no value, if there are any.
    pub(super) tombstones: Option<BooleanArray>,
    /// True for the events whose records delete though they have a value, if there are any.
    pub(super) deleted: Option<BooleanArray>,
    /// The records of the batch that are no events, for none of the source's views, by offset: their event
    /// time is missing, or too far past their append time. What could not be decoded is not among them: see
    /// [`Decoded::dead`].
    pub dead: Vec<DeadLetter>,
}

impl TimedBatch<'_> {
    /// How many events there are.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether there is no event.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// When each event happened, microseconds since the epoch, in offset order.
    pub fn times(&self) -> &[i64] {
        self.times.values()
    }

    /// The decoded fields of the events.
    pub fn columns(&self) -> &RecordBatch {
        &self.columns
    }

    /// Whether the event at `position` deletes: its record has no value, or says so.
    pub fn deletes(&self, position: usize) -> bool {
        [&self.tombstones, &self.deleted].into_iter().flatten().any(|mask| mask.value(position))
    }

    /// The row in the decoded batch of the event at `position`.
    pub(super) fn row(&self, position: usize) -> usize {
        self.rows.as_ref().map_or(position, |rows| rows.value(position) as usize)
    }
}

impl SourceSelector {
    /// The step for `source`.
    pub fn new(source: &Source) -> Self {
        Self {
            event_time: source.event_time.clone(),
            append_time: source.append_time.clone(),
            order_by: source.order_by.clone(),
            max_ahead: source.max_ahead,
        }
    }

    /// The events among decoded records.
    ///
    /// # Panics
    /// If the records were not decoded by the source's [`Source::decoder_spec`].
    pub fn time<'a>(&self, decoded: &'a Decoded) -> TimedBatch<'a> {
        let times = instants(&self.event_time, decoded);
        let append_times = self.append_time.as_ref().map(|field| instants(field, decoded));
        let tombstones = mask(&decoded.tombstones, decoded);
        let deleted = mask(&decoded.deleted, decoded);
        let mut dead = Vec::new();
        for row in 0..decoded.num_rows() {
            if let Some(reason) = self.fault(&times, append_times.as_ref(), row) {
                dead.push((row, reason));
            }
        }
        let order_by = self.order_by.as_ref().map(|path| order_values(column(decoded, path)));
        let offsets = Int64Array::from(decoded.offsets.clone());
        let letters =
            dead.iter().map(|(row, reason)| decoded.dead_letter(*row, None, reason.as_str())).collect();
        if dead.is_empty() {
            let columns = decoded.columns.clone();
            return TimedBatch {
                decoded,
                rows: None,
                offsets,
                times,
                order_by,
                append_times,
                columns,
                tombstones,
                deleted,
                dead: letters,
            };
        }
        let mut alive = vec![true; decoded.num_rows()];
        for (row, _) in &dead {
            alive[*row] = false;
        }
        let alive = BooleanArray::from(alive);
        let rows = UInt32Array::from_iter_values(alive.values().set_indices_u32());
        let of_alive = |mask: Option<BooleanArray>| {
            mask.map(|mask| filter(&mask, &alive).expect("a mask as long as the rows").as_boolean().clone())
        };
        TimedBatch {
            decoded,
            rows: Some(rows),
            offsets: filtered(&offsets, &alive),
            times: filtered(&times, &alive),
            order_by: order_by.map(|values| filtered(&values, &alive)),
            append_times: append_times.map(|values| filtered(&values, &alive)),
            columns: filter_record_batch(&decoded.columns, &alive)
                .expect("a mask over the rows of the batch"),
            tombstones: of_alive(tombstones),
            deleted: of_alive(deleted),
            dead: letters,
        }
    }

    /// Why the record in `row` is no event, if it is none.
    fn fault(&self, times: &Int64Array, append_times: Option<&Int64Array>, row: usize) -> Option<String> {
        if times.is_null(row) {
            return Some(format!("its event time `{}` is missing", self.event_time));
        }
        let append_times = append_times.filter(|append_times| append_times.is_valid(row))?;
        let time = Instant::from_micros(times.value(row));
        let latest = Instant::from_micros(append_times.value(row)).saturating_add(self.max_ahead);
        (time > latest).then(|| {
            format!(
                "its event time `{}` is more than {} past its append time",
                self.event_time, self.max_ahead
            )
        })
    }
}

/// The values that `mask` is true for.
fn filtered(values: &Int64Array, mask: &BooleanArray) -> Int64Array {
    let kept = filter(values, mask).expect("a mask as long as the values");
    kept.as_primitive::<Int64Type>().clone()
}

fn column<'a>(decoded: &'a Decoded, path: &str) -> &'a ArrayRef {
    let column = decoded.columns.column_by_name(path);
    column.expect("the records were decoded with every field that their source uses for itself")
}

/// True for `rows` of the decoded ones, if there are any.
fn mask(rows: &[usize], decoded: &Decoded) -> Option<BooleanArray> {
    let mut mask = vec![false; decoded.num_rows()];
    rows.iter().for_each(|row| mask[*row] = true);
    (!rows.is_empty()).then(|| BooleanArray::from(mask))
}

/// Instants of the records, microseconds since the epoch. A date is its midnight. A record without a value has the
/// record's timestamp.
fn instants(field: &TimeField, decoded: &Decoded) -> Int64Array {
    let TimeField::Field(path) = field else {
        return Int64Array::from(decoded.timestamps_us.clone());
    };
    let column = column(decoded, path);
    let of_values: Int64Array = match column.data_type() {
        DataType::Date32 => {
            column.as_primitive::<Date32Type>().unary(|days| i64::from(days).saturating_mul(DAY_US))
        }
        _ => column.as_primitive::<TimestampMicrosecondType>().reinterpret_cast::<Int64Type>(),
    };
    if decoded.tombstones.is_empty() {
        return of_values;
    }
    let mut instants: Vec<Option<i64>> = of_values.iter().collect();
    decoded.tombstones.iter().for_each(|row| instants[*row] = Some(decoded.timestamps_us[*row]));
    instants.into()
}

/// Values of an `order_by` field: an integer, or an instant in microseconds since the epoch.
fn order_values(column: &ArrayRef) -> Int64Array {
    match column.data_type() {
        DataType::Int32 => column.as_primitive::<Int32Type>().unary(i64::from),
        DataType::Int64 => column.as_primitive::<Int64Type>().clone(),
        _ => column.as_primitive::<TimestampMicrosecondType>().reinterpret_cast::<Int64Type>(),
    }
}

impl Source {
    /// How to decode this source's records for `views`: the fields that their expressions use, and those that
    /// say when an event happened and how it is ordered, in order of their paths.
    ///
    /// The bytes of records are kept, for the dead letters of a selector.
    pub fn decoder_spec(&self, views: &[&FeatureView]) -> DecoderSpec {
        let times = [Some(&self.event_time), self.append_time.as_ref()].into_iter().flatten();
        let own = times.filter_map(TimeField::field).chain(self.order_by.as_deref());
        let used: BTreeSet<&str> =
            own.chain(views.iter().flat_map(|view| view.fields.iter().map(String::as_str))).collect();
        let undeclared = self.undeclared.iter().filter(|field| used.contains(field.name.as_str()));
        let mut all: Vec<_> = self.fields.iter().chain(undeclared).cloned().collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        let (fields, unused) = all.into_iter().partition(|field| used.contains(field.name.as_str()));
        DecoderSpec {
            format: self.format.clone(),
            fields,
            unused,
            tombstones: self.kind == SourceKind::Table,
            keep_payloads: true,
        }
    }
}
