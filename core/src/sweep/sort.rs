//! Putting events and rows in the order the sweep needs: by key, then by time.
//!
//! Keys are dense ids, so a stable counting scatter groups them in linear time. Events mostly come in event
//! order, so the scatter leaves most keys sorted; that is verified, and only where it is not so a key's
//! events are sorted, by a sort that merges the runs it finds.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float32Array, Float64Array, Int64Array, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{Float32Type, Float64Type};

use crate::lane::{canonical_f32, canonical_f64};

use super::SweepError;

/// Where events stand in the total order, as columns of one length.
#[derive(Clone, Copy, Debug)]
pub struct OrderColumns<'a> {
    /// Event times, microseconds since the epoch.
    pub times: &'a [i64],
    /// Values of the source's `order_by` field, where it names one.
    pub order_by: Option<&'a Int64Array>,
    /// Partition of each event's record.
    pub partitions: &'a [i32],
    /// Offset of each event's record.
    pub offsets: &'a [i64],
}

impl OrderColumns<'_> {
    /// How two events of one instant compare.
    fn compare_ties(&self, a: u32, b: u32) -> Ordering {
        let (a, b) = (a as usize, b as usize);
        let order_by = |row| self.order_by.filter(|column| column.is_valid(row)).map(|c| c.value(row));
        order_by(a)
            .cmp(&order_by(b))
            .then(self.partitions[a].cmp(&self.partitions[b]))
            .then(self.offsets[a].cmp(&self.offsets[b]))
    }
}

/// Events sorted by key and total order.
#[derive(Clone, Debug)]
pub struct SortedEvents {
    /// Where the events of key k begin, for each key, then the number of events.
    pub key_starts: Vec<u32>,
    /// Event times, microseconds since the epoch, ascending within a key.
    pub times: Vec<i64>,
    /// The columns of [`FoldPlan::inputs`](crate::FoldPlan::inputs), every NaN the canonical one.
    pub inputs: Vec<ArrayRef>,
}

impl SortedEvents {
    /// Sorts events by their keys and their orders. All columns have an entry for each event.
    ///
    /// # Errors
    ///
    /// If there are more events than 32 bits count, or a column cannot be rearranged.
    ///
    /// # Panics
    ///
    /// If a key is not below `key_count`.
    pub fn sort(
        keys: &[u32],
        key_count: usize,
        orders: OrderColumns<'_>,
        inputs: &[ArrayRef],
    ) -> Result<Self, SweepError> {
        let ties = |a, b| orders.compare_ties(a, b);
        let Arranged { key_starts, times, sources } =
            Arranged::by("events", keys, key_count, orders.times, ties)?;
        let is_moved = sources.iter().zip(0..).any(|(source, place)| *source != place);
        let sources = UInt32Array::from(sources);
        let inputs = inputs.iter().enumerate().map(|(input, values)| {
            let moved = if is_moved { take(values, &sources, None) } else { Ok(Arc::clone(values)) };
            let moved = moved.map_err(|cause| SweepError::Column { column: format!("input {input}"), cause });
            moved.map(canonical)
        });
        let inputs = inputs.collect::<Result<_, _>>()?;
        Ok(Self { key_starts, times, inputs })
    }
}

/// Rows of a spine sorted by key and T.
#[derive(Clone, Debug)]
pub struct SortedRows {
    /// Where the rows of key k begin, for each key, then the number of rows. The keys are those of the
    /// events.
    pub key_starts: Vec<u32>,
    /// The instant T of each row, microseconds since the epoch, ascending within a key.
    pub at: Vec<i64>,
    /// Which of the unsorted rows each row is.
    pub sources: Vec<u32>,
}

impl SortedRows {
    /// Sorts rows by their keys and their instants; equal rows keep their order.
    ///
    /// # Errors
    ///
    /// If there are more rows than 32 bits count.
    ///
    /// # Panics
    ///
    /// If a key is not below `key_count`.
    pub fn sort(keys: &[u32], key_count: usize, at: &[i64]) -> Result<Self, SweepError> {
        let Arranged { key_starts, times, sources } =
            Arranged::by("rows", keys, key_count, at, |_, _| Ordering::Equal)?;
        Ok(Self { key_starts, at: times, sources })
    }
}

/// Elements grouped by key and sorted by time within each.
pub(super) struct Arranged {
    /// Where each key's elements begin.
    pub(super) key_starts: Vec<u32>,
    pub(super) times: Vec<i64>,
    /// Which of the unsorted elements each one is.
    pub(super) sources: Vec<u32>,
}

impl Arranged {
    /// Arranges elements by their keys, times, and `ties` where both are equal; then they keep their order.
    pub(super) fn by(
        what: &'static str,
        keys: &[u32],
        key_count: usize,
        times: &[i64],
        ties: impl Fn(u32, u32) -> Ordering,
    ) -> Result<Self, SweepError> {
        let mut arranged = Self::scattered(what, keys, key_count, times)?;
        let mut unsorted = Vec::new();
        for key in ranges(&arranged.key_starts) {
            let (times, sources) = (&mut arranged.times[key.clone()], &mut arranged.sources[key]);
            let follows = |row: usize| {
                times[row - 1] < times[row]
                    || times[row - 1] == times[row]
                        && ties(sources[row - 1], sources[row]) != Ordering::Greater
            };
            if (1..times.len()).all(follows) {
                continue;
            }
            unsorted.clear();
            unsorted.extend(times.iter().copied().zip(sources.iter().copied()));
            unsorted.sort_by(|(time, source), (other_time, other)| {
                time.cmp(other_time).then_with(|| ties(*source, *other))
            });
            for (row, (time, source)) in unsorted.iter().enumerate() {
                (times[row], sources[row]) = (*time, *source);
            }
        }
        Ok(arranged)
    }

    /// Groups elements by key, in the order they come.
    fn scattered(
        what: &'static str,
        keys: &[u32],
        key_count: usize,
        times: &[i64],
    ) -> Result<Self, SweepError> {
        let count = u32::try_from(keys.len()).ok().filter(|count| *count < u32::MAX);
        let count = count.ok_or(SweepError::TooMany { what, count: keys.len() })?;
        let mut key_starts = vec![0; key_count + 1];
        keys.iter().for_each(|key| key_starts[*key as usize + 1] += 1);
        for key in 0..key_count {
            key_starts[key + 1] += key_starts[key];
        }
        let mut next = key_starts.clone();
        let (mut scattered_times, mut sources) = (vec![0; keys.len()], vec![0; keys.len()]);
        for ((key, time), source) in keys.iter().zip(times).zip(0..count) {
            let place = next[*key as usize] as usize;
            next[*key as usize] += 1;
            scattered_times[place] = *time;
            sources[place] = source;
        }
        Ok(Self { key_starts, times: scattered_times, sources })
    }
}

/// The range of each key's elements.
pub(super) fn ranges(key_starts: &[u32]) -> impl Iterator<Item = Range<usize>> {
    key_starts.windows(2).map(|bounds| bounds[0] as usize..bounds[1] as usize)
}

/// `values` with the canonical NaN for every NaN.
fn canonical(values: ArrayRef) -> ArrayRef {
    if let Some(floats) = values.as_primitive_opt::<Float64Type>() {
        let is_odd = |x: &f64| x.is_nan() && x.to_bits() != f64::NAN.to_bits();
        if floats.values().iter().any(is_odd) {
            let canonical: Float64Array = floats.unary(canonical_f64);
            return Arc::new(canonical);
        }
    } else if let Some(floats) = values.as_primitive_opt::<Float32Type>() {
        let is_odd = |x: &f32| x.is_nan() && x.to_bits() != f32::NAN.to_bits();
        if floats.values().iter().any(is_odd) {
            let canonical: Float32Array = floats.unary(canonical_f32);
            return Arc::new(canonical);
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::Int64Type;

    use super::*;

    #[test]
    fn events_are_grouped_by_key_and_sorted_by_every_part_of_their_order() {
        let order_by = Int64Array::from(vec![Some(1), None, Some(1), Some(1), Some(0), None]);
        let orders = OrderColumns {
            times: &[5, 5, 5, 5, 7, -1],
            order_by: Some(&order_by),
            partitions: &[1, 9, 0, 0, 0, 0],
            offsets: &[0, 0, 8, 7, 1, 2],
        };
        let values: ArrayRef = Arc::new(Int64Array::from_iter_values(0..6));
        let sorted = SortedEvents::sort(&[2, 2, 2, 2, 0, 2], 4, orders, &[values]).expect("six events");
        assert_eq!(sorted.key_starts, [0, 1, 1, 6, 6]);
        assert_eq!(sorted.times, [7, -1, 5, 5, 5, 5]);
        assert_eq!(sorted.inputs[0].as_primitive::<Int64Type>().values(), &[4, 5, 1, 3, 2, 0]);
    }

    #[test]
    fn equal_rows_keep_their_order() {
        let sorted = SortedRows::sort(&[1, 0, 1, 1], 2, &[3, 9, 2, 3]).expect("four rows");
        assert_eq!(sorted.key_starts, [0, 1, 4]);
        assert_eq!(sorted.at, [9, 2, 3, 3]);
        assert_eq!(sorted.sources, [1, 2, 0, 3]);
    }

    #[test]
    fn odd_nans_become_canonical() {
        let orders = OrderColumns { times: &[0], order_by: None, partitions: &[0], offsets: &[0] };
        let odd: ArrayRef = Arc::new(Float64Array::from(vec![f64::from_bits(0xFFF8_0000_0000_0001)]));
        let sorted = SortedEvents::sort(&[0], 1, orders, &[odd]).expect("one event");
        let value = sorted.inputs[0].as_primitive::<Float64Type>().value(0);
        assert_eq!(value.to_bits(), f64::NAN.to_bits());
    }
}
