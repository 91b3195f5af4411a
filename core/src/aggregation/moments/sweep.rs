//! Moments over ranges that slide: what enters is added, what leaves is subtracted, exactly.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Builder, Int64Builder};

use crate::aggregation::{Filled, Partial};
use crate::pass::{Pass, Sliding, slide};
use crate::{Aggregation, Lane};

use super::Moments;

/// The values of `aggregations` over every range of `pass`.
pub(super) fn sweep(pass: &Pass<'_>, squares: bool, aggregations: &[&Aggregation]) -> Vec<Filled> {
    let lane = Lane::of(pass.values()).expect("the types of inputs were checked");
    let is_integer = lane.field_type().is_integer();
    let rows = pass.ranges.len();
    let mut outputs: Vec<_> =
        aggregations.iter().map(|aggregation| Output::new(aggregation, is_integer, rows)).collect();
    let moments = Moments::new(Some(lane.field_type()), squares);
    slide(pass.ranges, &mut Window { lane, moments }, |window, is_changed| {
        outputs.iter_mut().for_each(|output| output.push(&window.moments, is_changed));
    });
    outputs.into_iter().map(Output::finish).collect()
}

struct Window<'a> {
    lane: Lane<'a>,
    moments: Moments,
}

impl Sliding for Window<'_> {
    fn clear(&mut self, _: Range<usize>) {
        self.moments.clear();
    }

    fn enter(&mut self, events: Range<usize>) {
        self.moments.add_rows(&self.lane, events);
    }

    fn leave(&mut self, events: Range<usize>) {
        self.moments.subtract_rows(&self.lane, events);
    }
}

/// A result column in the making.
struct Output<'a> {
    aggregation: &'a Aggregation,
    cells: Cells,
    overflows: u64,
}

/// Its cells, and the last of them, which is given again while the range does not change.
enum Cells {
    Integers(Int64Builder, Option<i64>),
    Floats(Float64Builder, Option<f64>),
}

impl<'a> Output<'a> {
    fn new(aggregation: &'a Aggregation, is_integer: bool, rows: usize) -> Self {
        let cells = if is_integer && *aggregation == Aggregation::Sum {
            Cells::Integers(Int64Builder::with_capacity(rows), None)
        } else {
            Cells::Floats(Float64Builder::with_capacity(rows), None)
        };
        Self { aggregation, cells, overflows: 0 }
    }

    /// Appends the value of `moments`, or the last one if they are the same as then.
    fn push(&mut self, moments: &Moments, is_changed: bool) {
        match &mut self.cells {
            Cells::Integers(cells, last) => {
                if is_changed {
                    *last = moments.integer_sum();
                }
                self.overflows += u64::from(moments.overflows(self.aggregation));
                cells.append_option(*last);
            }
            Cells::Floats(cells, last) => {
                if is_changed {
                    *last = moments.float(self.aggregation);
                }
                cells.append_option(*last);
            }
        }
    }

    fn finish(self) -> Filled {
        let column: ArrayRef = match self.cells {
            Cells::Integers(mut cells, _) => Arc::new(cells.finish()),
            Cells::Floats(mut cells, _) => Arc::new(cells.finish()),
        };
        Filled { column, overflows: self.overflows }
    }
}
