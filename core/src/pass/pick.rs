//! Aggregations that pick values: which event each row gets, then the values of these.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ListArray, UInt32Array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::take;
use arrow::datatypes::Field;
use arrow::error::ArrowError;

use crate::Lane;
use crate::aggregation::Ordered;
use crate::lane::Cells;

use super::Ranges;

/// Stands for no event; there are always fewer.
const NONE: u32 = u32::MAX;

/// The first event of each range.
pub(crate) fn first(ranges: &Ranges) -> Vec<u32> {
    ranges.iter().map(|(start, end)| if start < end { start as u32 } else { NONE }).collect()
}

/// The last event of each range.
pub(crate) fn last(ranges: &Ranges) -> Vec<u32> {
    ranges.iter().map(|(start, end)| if start < end { end as u32 - 1 } else { NONE }).collect()
}

/// The event of each range whose value compares as `better` to all others; of several the last.
pub(crate) fn best(values: &ArrayRef, ranges: &Ranges, better: Ordering) -> Vec<u32> {
    let lane = Lane::of(values).expect("the types of inputs were checked");
    match lane.cells() {
        Cells::Bool(bits) => best_rows(bits, ranges, better),
        Cells::Int32(values) => best_rows(values, ranges, better),
        Cells::Int64(values) => best_rows(values, ranges, better),
        Cells::Float32(values) => best_rows(values, ranges, better),
        Cells::Float64(values) => best_rows(values, ranges, better),
        Cells::Bytes { offsets, data } => best_rows((offsets, data), ranges, better),
    }
}

/// For each range the position of its best value.
///
/// The queue holds the positions that can still become the best of some range: each better than all that
/// come after it, so the best one is in front (a monotone deque). Every position enters and leaves it once. A
/// position that is as good as one before it takes its place: of equals the last one is the best.
fn best_rows(values: impl Ordered, ranges: &Ranges, better: Ordering) -> Vec<u32> {
    let mut queue: VecDeque<u32> = VecDeque::new();
    let mut seen = 0;
    let pick = |(start, end): (usize, usize)| {
        while queue.front().is_some_and(|front| (*front as usize) < start) {
            queue.pop_front();
        }
        for position in seen.max(start)..end {
            while queue.back().is_some_and(|back| values.compare(*back as usize, position) != better) {
                queue.pop_back();
            }
            queue.push_back(position as u32);
        }
        seen = seen.max(end);
        if start < end { queue.front().copied().unwrap_or(NONE) } else { NONE }
    };
    ranges.iter().map(pick).collect()
}

/// The first `n` values of each range, first value first, or the last `n`, last value first; null where there
/// are none.
pub(crate) fn lists(
    values: &ArrayRef,
    ranges: &Ranges,
    n: u32,
    newest_first: bool,
) -> Result<ArrayRef, ArrowError> {
    let length = |(start, end): (usize, usize)| (end - start).min(n as usize);
    let total: usize = ranges.iter().map(length).sum();
    if total > i32::MAX as usize {
        return Err(ArrowError::OffsetOverflowError(total));
    }
    let mut positions = Vec::with_capacity(total);
    for (start, end) in ranges.iter() {
        let length = length((start, end));
        if newest_first {
            positions.extend((end - length..end).rev().map(|position| position as u32));
        } else {
            positions.extend((start..start + length).map(|position| position as u32));
        }
    }
    let items = take(values, &UInt32Array::from(positions), None)?;
    let offsets = OffsetBuffer::from_lengths(ranges.iter().map(length));
    let nulls: NullBuffer = ranges.iter().map(|(start, end)| start < end).collect();
    let field = Arc::new(Field::new("item", values.data_type().clone(), true));
    let lists = ListArray::try_new(field, offsets, items, Some(nulls).filter(|n| n.null_count() > 0))?;
    Ok(Arc::new(lists))
}

/// The values at `positions`; null where there is no event.
pub(crate) fn pick(values: &ArrayRef, positions: Vec<u32>) -> Result<ArrayRef, ArrowError> {
    let nulls: NullBuffer = positions.iter().map(|position| *position != NONE).collect();
    let nulls = Some(nulls).filter(|nulls| nulls.null_count() > 0);
    take(values, &UInt32Array::new(positions.into(), nulls), None)
}
