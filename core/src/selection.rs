//! The events of one feature view, as columns.

use arrow::array::{ArrayRef, BinaryArray, Int64Array};
use arrow::buffer::ScalarBuffer;

/// Events of one partition that pass a view's `where` and have its join key, in offset order.
///
/// Every column has one entry for each event.
#[derive(Clone, Debug)]
pub struct Selection {
    /// Partition the events come from.
    pub partition: i32,
    /// Offset of each event's record.
    pub offsets: ScalarBuffer<i64>,
    /// Event times, microseconds since the epoch.
    pub times: ScalarBuffer<i64>,
    /// Values of the source's `order_by` field, where it names one.
    pub order_by: Option<Int64Array>,
    /// Entity keys as [`encode_keys`](crate::encode_keys) writes them; never null.
    pub keys: BinaryArray,
    /// The columns of [`FoldPlan::inputs`](crate::FoldPlan::inputs), with exactly their Arrow types; every
    /// NaN in them is the canonical one.
    pub inputs: Vec<ArrayRef>,
}

impl Selection {
    /// How many events there are.
    pub fn len(&self) -> usize {
        self.offsets.len()
    }

    /// Whether there is no event.
    pub fn is_empty(&self) -> bool {
        self.offsets.is_empty()
    }
}
