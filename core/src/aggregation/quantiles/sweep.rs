//! Counts of buckets over ranges that slide.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array, ListArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field};
use arrow::error::ArrowError;

use crate::aggregation::Filled;
use crate::pass::{Pass, Sliding, slide};
use crate::{Aggregation, Lane};

use super::bucket::Bucket;
use super::{bucket_at, rank};

/// The values of `aggregations` over every range of `pass`.
pub(super) fn sweep(pass: &Pass<'_>, aggregations: &[&Aggregation]) -> Result<Vec<Filled>, ArrowError> {
    let lane = Lane::of(pass.values()).expect("the types of inputs were checked");
    let of_events: Vec<Bucket> =
        (0..pass.values().len()).filter_map(|event| bucket_at(&lane, event)).collect();
    let mut buckets = of_events.clone();
    buckets.sort_unstable();
    buckets.dedup();
    let place = |bucket: &Bucket| buckets.partition_point(|other| other < bucket) as u32;
    let values: Vec<f64> =
        buckets.iter().map(|bucket| bucket.value(lane.field_type().is_integer())).collect();
    let places = of_events.iter().map(place).collect();
    let mut counts = Counts { places, sums: vec![0; buckets.len() + 1], count: 0 };
    let mut outputs: Vec<_> = aggregations.iter().map(|aggregation| (*aggregation, Vec::new())).collect();
    let mut has_values = Vec::with_capacity(pass.ranges.len());
    slide(pass.ranges, &mut counts, |counts, _| {
        has_values.push(counts.count > 0);
        for (aggregation, cells) in &mut outputs {
            if let (Aggregation::ApproxPercentile { percentiles }, true) = (aggregation, counts.count > 0) {
                let ranks = percentiles.iter().map(|percentile| rank(*percentile, counts.count));
                cells.extend(ranks.map(|rank| values[counts.at(rank)]));
            }
        }
    });
    let nulls = NullBuffer::from(has_values);
    outputs.into_iter().map(|(aggregation, cells)| lists(aggregation, cells, &nulls)).collect()
}

/// How many events of a range lie in each bucket, as a binary indexed tree (Fenwick, 1994): the sum up to any bucket, and
/// the bucket at any rank, take the logarithm of the number of buckets.
struct Counts {
    /// The place of each event's bucket among all.
    places: Vec<u32>,
    /// At i, from 1 on, the sum of the counts of as many buckets up to the i-th as the lowest bit of i says.
    sums: Vec<u64>,
    count: u64,
}

impl Counts {
    fn change(&mut self, event: usize, change: impl Fn(u64) -> u64) {
        self.count = change(self.count);
        let mut i = self.places[event] as usize + 1;
        while i < self.sums.len() {
            self.sums[i] = change(self.sums[i]);
            i += i & i.wrapping_neg();
        }
    }

    /// The place of the bucket that holds the value at `rank`, from 1 on.
    fn at(&self, rank: u64) -> usize {
        let (mut place, mut left) = (0, rank);
        let mut step = self.sums.len().next_power_of_two();
        while step > 0 {
            if place + step < self.sums.len() && self.sums[place + step] < left {
                place += step;
                left -= self.sums[place];
            }
            step /= 2;
        }
        place
    }
}

impl Sliding for Counts {
    fn clear(&mut self, range: Range<usize>) {
        self.leave(range);
    }

    fn enter(&mut self, events: Range<usize>) {
        events.for_each(|event| self.change(event, |count| count + 1));
    }

    fn leave(&mut self, events: Range<usize>) {
        events.for_each(|event| self.change(event, |count| count - 1));
    }
}

/// A column of lists as long as there are percentiles, null where there are no values.
fn lists(aggregation: &Aggregation, cells: Vec<f64>, nulls: &NullBuffer) -> Result<Filled, ArrowError> {
    if i32::try_from(cells.len()).is_err() {
        return Err(ArrowError::OffsetOverflowError(cells.len()));
    }
    let length = match aggregation {
        Aggregation::ApproxPercentile { percentiles } => percentiles.len(),
        _ => 0,
    };
    let offsets =
        OffsetBuffer::from_lengths(nulls.iter().map(|has_value| if has_value { length } else { 0 }));
    let field = Arc::new(Field::new("item", DataType::Float64, true));
    let nulls = Some(nulls.clone()).filter(|nulls| nulls.null_count() > 0);
    let column: ArrayRef =
        Arc::new(ListArray::try_new(field, offsets, Arc::new(Float64Array::from(cells)), nulls)?);
    Ok(column.into())
}
