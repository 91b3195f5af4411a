//! Values in their order.

use std::cmp::Ordering;

use arrow::array::{Array, ArrayRef};

use crate::Lane;
use crate::aggregation::Ordered;
use crate::lane::Cells;

/// The distinct values of some events in the order of values, the two zeros of floats taken as one.
#[derive(Clone, Debug)]
pub(crate) struct Ranked {
    /// For each event the position of its value among all.
    pub(crate) ranks: Vec<u32>,
    /// For each value the first event that has it.
    pub(crate) holders: Vec<u32>,
}

impl Ranked {
    /// Ranks `values`, which has no nulls.
    pub(crate) fn of(values: &ArrayRef) -> Self {
        let lane = Lane::of(values).expect("the types of inputs were checked");
        let count = values.len();
        match lane.cells() {
            Cells::Bool(bits) => rank(bits, count, |_| false),
            Cells::Int32(values) => rank(values, count, |_| false),
            Cells::Int64(values) => rank(values, count, |_| false),
            Cells::Float32(values) => rank(values, count, |event| values[event] == 0.0),
            Cells::Float64(values) => rank(values, count, |event| values[event] == 0.0),
            Cells::Bytes { offsets, data } => rank((offsets, data), count, |_| false),
        }
    }
}

fn rank(values: impl Ordered, count: usize, is_zero: impl Fn(usize) -> bool) -> Ranked {
    let mut events: Vec<u32> = (0..count as u32).collect();
    events.sort_unstable_by(|a, b| values.compare(*a as usize, *b as usize).then(a.cmp(b)));
    let is_same = |a: usize, b: usize| values.compare(a, b) == Ordering::Equal || (is_zero(a) && is_zero(b));
    let mut ranked = Ranked { ranks: vec![0; count], holders: Vec::new() };
    for (place, event) in events.iter().enumerate() {
        if place == 0 || !is_same(events[place - 1] as usize, *event as usize) {
            ranked.holders.push(*event);
        }
        ranked.ranks[*event as usize] = ranked.holders.len() as u32 - 1;
    }
    ranked
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, StringArray};

    use super::*;

    #[test]
    fn equal_values_have_one_rank() {
        let values: ArrayRef = Arc::new(StringArray::from(vec!["b", "a", "b", "", "a"]));
        let ranked = Ranked::of(&values);
        assert_eq!(ranked.ranks, [2, 1, 2, 0, 1]);
        assert_eq!(ranked.holders, [3, 1, 0]);
        let values: ArrayRef = Arc::new(Float64Array::from(vec![0.0, f64::NAN, -1.0, -0.0, f64::NAN]));
        assert_eq!(Ranked::of(&values).ranks, [1, 2, 0, 1, 2]);
    }
}
