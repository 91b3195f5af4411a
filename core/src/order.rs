//! The total order of a source's events.

use crate::Instant;

/// Where an event stands among all events of its source: by event time, then the source's `order_by`
/// field (null first), then partition and offset.
///
/// A source has one topic, so the topic never decides. No two events compare equal, whatever order they
/// arrived in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Order {
    /// When the event happened.
    pub time: Instant,
    /// The value of the source's `order_by` field, if it names one and the event has it.
    pub order_by: Option<i64>,
    /// Partition of the event's record.
    pub partition: i32,
    /// Offset of the event's record in that partition.
    pub offset: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_go_to_order_by_with_null_first_then_partition_then_offset() {
        let order = |time, order_by, partition, offset| Order {
            time: Instant::from_micros(time),
            order_by,
            partition,
            offset,
        };
        let ascending = [
            order(-1, Some(9), 9, 9),
            order(0, None, 1, 5),
            order(0, Some(-3), 0, 7),
            order(0, Some(2), 0, 8),
            order(0, Some(2), 1, 0),
            order(0, Some(2), 1, 1),
        ];
        assert!(ascending.is_sorted_by(|a, b| a < b));
    }
}
