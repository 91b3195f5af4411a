//! Over a table: whom a record is about that has no value, and which records are shown.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray};
use arrow::compute::{filter_record_batch, interleave, not};
use thalweg_core::FieldType;
use thalweg_log::RecordKeys;

use super::TimedBatch;
use super::view::values;
use crate::Expression;

/// The parts of the keys of a table's records, and why those of some tombstones cannot be read.
pub(super) struct TableKeys {
    /// A column for each join key.
    pub(super) parts: Vec<ArrayRef>,
    /// The reason, by position of the event.
    pub(super) unreadable: BTreeMap<usize, String>,
}

impl TableKeys {
    /// Evaluates `keys` for records with a value, and reads `join_keys` out of the record's key for tombstones.
    pub(super) fn of(
        events: &TimedBatch<'_>,
        keys: &[Expression],
        join_keys: &[(String, FieldType)],
        failed: &mut u64,
    ) -> Self {
        let Some(tombstones) = &events.tombstones else {
            let parts = keys.iter().map(|key| values(key, &events.columns, failed)).collect();
            return Self { parts, unreadable: BTreeMap::new() };
        };
        let alive = not(tombstones).expect("a mask without nulls");
        let with_value =
            filter_record_batch(&events.columns, &alive).expect("a mask over the rows of the batch");
        let mut record_keys = RecordKeys::new(join_keys);
        let mut unreadable = BTreeMap::new();
        for position in tombstones.values().set_indices() {
            let payloads = events.decoded.payloads.as_ref();
            let key = payloads.and_then(|payloads| payloads.get(events.row(position)).0);
            if let Err(why) = record_keys.push(key) {
                unreadable.insert(position, why);
            }
        }
        let (mut evaluated, mut read) = (0.., 0..);
        let mut next = |is_tombstone| match is_tombstone {
            true => Some((1, read.next()?)),
            false => Some((0, evaluated.next()?)),
        };
        let rows: Vec<(usize, usize)> = tombstones.values().iter().filter_map(&mut next).collect();
        let join = |(key, read): (&Expression, ArrayRef)| {
            let evaluated = values(key, &with_value, failed);
            interleave(&[&evaluated, &read], &rows).expect("both are of the join key's type")
        };
        Self { parts: keys.iter().zip(record_keys.finish()).map(join).collect(), unreadable }
    }
}

/// The column that is true where `shown` is, and else null.
pub(super) fn marks(shown: &BooleanArray) -> ArrayRef {
    Arc::new(shown.iter().map(|shown| shown.filter(|shown| *shown)).collect::<BooleanArray>())
}
