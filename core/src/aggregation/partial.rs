//! What the folds of all aggregations have in common.

use std::ops::Range;

use crate::codec::{CodecError, Reader};
use crate::lane::Lanes;
use crate::{Aggregation, Instant, Order, Value};

use super::family::Types;

/// The fold of some events by one family of aggregations: a commutative monoid, whose identity is the fold of
/// no events. Merging the folds of two sets of events gives the fold of both together, in any order and
/// grouping.
pub(crate) trait Partial {
    /// Takes in the events at `rows` of `lanes` that take part.
    ///
    /// The rows are in ascending order, and `order_of` tells where a row stands among all events.
    fn add(&mut self, lanes: &Lanes<'_>, rows: Range<usize>, order_of: &dyn Fn(usize) -> Order);

    /// Takes in the events of `other`, none of which are in `self`.
    fn merge(&mut self, other: &Self);

    /// The value of `aggregation`, which is one of the family's, at the instant `at`.
    fn finish(&self, aggregation: &Aggregation, at: Instant) -> Value;

    /// Whether `aggregation` is null because its value does not fit its type or its limit.
    fn overflows(&self, aggregation: &Aggregation) -> bool {
        let _ = aggregation;
        false
    }

    /// Lets go of what counts nothing at `horizon` and later.
    fn forget(&mut self, horizon: Instant) {
        let _ = horizon;
    }

    /// Bytes held outside the value itself.
    fn heap_bytes(&self) -> usize;

    /// Appends the fold as bytes: equal folds give equal bytes.
    fn encode(&self, out: &mut Vec<u8>);

    /// Replaces this identity by the fold that `encode` wrote, over inputs of these types.
    fn decode(&mut self, types: Types, bytes: &mut Reader<'_>) -> Result<(), CodecError>;
}
