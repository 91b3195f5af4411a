//! Sums over ranges that slide: what enters is added, what leaves is subtracted, exactly.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Builder, Int64Builder};

use crate::aggregation::{Moments, Partial};
use crate::{Aggregation, Lane};

use super::ranges::Ranges;

/// A result column in the making.
struct Output {
    aggregation: Aggregation,
    cells: Cells,
    sum_overflows: u64,
}

/// Its cells, and the last of them, which is given again while the range does not change.
enum Cells {
    Integers(Int64Builder, Option<i64>),
    Floats(Float64Builder, Option<f64>),
}

impl Output {
    fn new(aggregation: Aggregation, is_integer: bool, rows: usize) -> Self {
        let cells = if is_integer && aggregation == Aggregation::Sum {
            Cells::Integers(Int64Builder::with_capacity(rows), None)
        } else {
            Cells::Floats(Float64Builder::with_capacity(rows), None)
        };
        Self { aggregation, cells, sum_overflows: 0 }
    }

    /// Appends the value of `moments`, or the last one if they are the same as then.
    fn push(&mut self, moments: &Moments, is_changed: bool) {
        match &mut self.cells {
            Cells::Integers(cells, last) => {
                if is_changed {
                    *last = moments.integer_sum();
                }
                self.sum_overflows += u64::from(moments.overflows(self.aggregation));
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

    fn finish(self) -> (ArrayRef, u64) {
        let column: ArrayRef = match self.cells {
            Cells::Integers(mut cells, _) => Arc::new(cells.finish()),
            Cells::Floats(mut cells, _) => Arc::new(cells.finish()),
        };
        (column, self.sum_overflows)
    }
}

/// For each of `aggregations`, which are all of moments, its value over every range of `values`, and how many
/// of them are null because an integer sum does not fit.
pub(super) fn slide(
    values: &Lane<'_>,
    ranges: &Ranges,
    aggregations: &[Aggregation],
) -> Vec<(ArrayRef, u64)> {
    let needs_squares = aggregations.iter().any(|aggregation| aggregation.needs_squares());
    let is_integer = values.field_type().is_integer();
    let mut moments = Moments::new(Some(values.field_type()), needs_squares);
    let mut outputs: Vec<_> =
        aggregations.iter().map(|a| Output::new(*a, is_integer, ranges.len())).collect();
    let mut within = 0..0;
    let mut is_changed = true;
    for (start, end) in ranges.iter() {
        if within != (start..end) {
            is_changed = true;
            let moved = start.saturating_sub(within.start) + end.saturating_sub(within.end);
            if start >= within.end || moved > end - start {
                moments.clear();
                moments.add_rows(values, start..end);
            } else {
                moments.subtract_rows(values, within.start..start);
                moments.add_rows(values, within.end..end);
            }
            within = start..end;
        }
        outputs.iter_mut().for_each(|output| output.push(&moments, is_changed));
        is_changed = false;
    }
    outputs.into_iter().map(Output::finish).collect()
}
