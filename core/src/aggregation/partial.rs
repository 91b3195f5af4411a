//! What the families of aggregations have in common.

use std::ops::Range;

use crate::codec::{CodecError, Reader};
use crate::lane::Lane;
use crate::{Aggregation, FieldType, Order, Value};

use super::count::Count;
use super::ends::Ends;
use super::extremes::Extreme;
use super::moments::Moments;

/// The fold of some events by one family of aggregations: a commutative monoid, whose identity is the fold of
/// no events. Merging the folds of two sets of events gives the fold of both together, in any order and
/// grouping.
pub(crate) trait Partial {
    /// Takes in the values of `rows` of `lane`, nulls skipped; without a lane, every row counts.
    ///
    /// The rows are in ascending order, and `order_of` tells where a row stands among all events.
    fn add(&mut self, lane: Option<&Lane<'_>>, rows: Range<usize>, order_of: &dyn Fn(usize) -> Order);

    /// Takes in the events of `other`, none of which are in `self`.
    fn merge(&mut self, other: &Self);

    /// The value of `aggregation`, which is one of the family's.
    fn finish(&self, aggregation: Aggregation) -> Value;

    /// Whether `aggregation` is null because its value does not fit its type.
    fn overflows(&self, aggregation: Aggregation) -> bool {
        let _ = aggregation;
        false
    }

    /// Bytes held outside the value itself.
    fn heap_bytes(&self) -> usize;

    /// Appends the fold as bytes: equal folds give equal bytes.
    fn encode(&self, out: &mut Vec<u8>);

    /// Replaces this identity by the fold that `encode` wrote, over an input of type `input`.
    fn decode(&mut self, input: Option<FieldType>, bytes: &mut Reader<'_>) -> Result<(), CodecError>;
}

/// A kind of partial. Aggregations of one family over one input share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// How many.
    Count,
    /// Exact sums, and of squares where they are asked for.
    Moments {
        /// Whether the squares are summed.
        squares: bool,
    },
    /// The least value.
    Least,
    /// The greatest value.
    Greatest,
    /// The values of the first events.
    Earliest {
        /// Of how many events.
        n: u32,
    },
    /// The values of the last events.
    Latest {
        /// Of how many events.
        n: u32,
    },
}

impl Family {
    /// The fold of no events, over an input of type `input`.
    pub(crate) fn identity(self, input: Option<FieldType>) -> Accumulator {
        match self {
            Self::Count => Accumulator::Count(Count::default()),
            Self::Moments { squares } => Accumulator::Moments(Moments::new(input, squares)),
            Self::Least => Accumulator::Extreme(Extreme::least()),
            Self::Greatest => Accumulator::Extreme(Extreme::greatest()),
            Self::Earliest { n } => Accumulator::Ends(Ends::earliest(n)),
            Self::Latest { n } => Accumulator::Ends(Ends::latest(n)),
        }
    }

    /// One family that answers what both do, if there is one.
    pub(crate) fn union(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Moments { squares: a }, Self::Moments { squares: b }) => {
                Some(Self::Moments { squares: a || b })
            }
            (a, b) => (a == b).then_some(a),
        }
    }

    /// Whether merging from the newest events to the oldest is the quicker way.
    pub(crate) const fn newest_first(self) -> bool {
        matches!(self, Self::Latest { .. })
    }
}

/// Writes out the partial of any family, and the dispatch to it.
macro_rules! accumulator {
    ($($family:ident),*) => {
        /// A partial of any family.
        #[derive(Clone, Debug)]
        pub(crate) enum Accumulator {
            $(
                #[doc = concat!("See [`", stringify!($family), "`].")]
                $family($family),
            )*
        }

        impl Partial for Accumulator {
            fn add(&mut self, lane: Option<&Lane<'_>>, rows: Range<usize>, order_of: &dyn Fn(usize) -> Order) {
                match self {
                    $(Self::$family(partial) => partial.add(lane, rows, order_of),)*
                }
            }

            fn merge(&mut self, other: &Self) {
                match (self, other) {
                    $((Self::$family(partial), Self::$family(other)) => partial.merge(other),)*
                    _ => unreachable!("partials of one slot are of one family"),
                }
            }

            fn finish(&self, aggregation: Aggregation) -> Value {
                match self {
                    $(Self::$family(partial) => partial.finish(aggregation),)*
                }
            }

            fn overflows(&self, aggregation: Aggregation) -> bool {
                match self {
                    $(Self::$family(partial) => partial.overflows(aggregation),)*
                }
            }

            fn heap_bytes(&self) -> usize {
                match self {
                    $(Self::$family(partial) => partial.heap_bytes(),)*
                }
            }

            fn encode(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$family(partial) => partial.encode(out),)*
                }
            }

            fn decode(&mut self, input: Option<FieldType>, bytes: &mut Reader<'_>) -> Result<(), CodecError> {
                match self {
                    $(Self::$family(partial) => partial.decode(input, bytes),)*
                }
            }
        }
    };
}

accumulator!(Count, Moments, Extreme, Ends);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{features, worlds};

    fn bytes(partial: &Accumulator) -> Vec<u8> {
        let mut out = Vec::new();
        partial.encode(&mut out);
        out
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        /// However events are grouped and however the groups are merged, the fold is the same bytes, and the
        /// fold of no events changes nothing.
        #[test]
        fn partials_are_commutative_monoids(
            world in worlds(30),
            groups in prop::collection::vec(0..5_usize, 30),
            merges in prop::collection::vec(any::<prop::sample::Index>(), 10),
        ) {
            let inputs = world.inputs();
            for (aggregation, input) in features() {
                let field_type = input.map(|input| FieldType::ALL[input]);
                let lane = input.map(|i| Lane::of(&inputs[i]).expect("the type of a field"));
                let identity = || aggregation.family().identity(field_type);
                let mut whole = identity();
                let mut folds: Vec<_> = (0..5).map(|_| identity()).collect();
                for (event, group) in world.arrivals().into_iter().zip(&groups) {
                    let order = world.events[event].order;
                    whole.add(lane.as_ref(), event..event + 1, &|_| order);
                    folds[*group].add(lane.as_ref(), event..event + 1, &|_| order);
                }
                let mut merges = merges.iter().cycle();
                while folds.len() > 1 {
                    let taken = merges.next().map_or(0, |index| index.index(folds.len()));
                    let taken = folds.swap_remove(taken);
                    let into = merges.next().map_or(0, |index| index.index(folds.len()));
                    folds[into].merge(&taken);
                }
                prop_assert_eq!(bytes(&folds[0]), bytes(&whole), "{:?}", aggregation);
                prop_assert_eq!(folds[0].finish(aggregation), whole.finish(aggregation));

                let mut read = identity();
                let written = bytes(&whole);
                let mut reader = Reader(&written);
                read.decode(field_type, &mut reader).expect("what was written can be read");
                prop_assert_eq!(reader.end(), Ok(()));
                read.merge(&identity());
                prop_assert_eq!(bytes(&read), written);
                let of_nothing = if aggregation == Aggregation::Count { Value::Int64(0) } else { Value::Null };
                prop_assert_eq!(identity().finish(aggregation), of_nothing);
            }
        }
    }
}
