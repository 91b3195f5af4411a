//! Families: the aggregations that one partial answers.

use std::ops::Range;

use arrow::array::ArrayRef;
use arrow::error::ArrowError;

use crate::codec::{CodecError, Reader};
use crate::lane::Lanes;
use crate::pass::Pass;
use crate::{Aggregation, FieldType, Instant, Order, Value};

use super::by::Bys;
use super::count::Counts;
use super::decay::Decays;
use super::distinct::Sketches;
use super::ends::EndsOf;
use super::extremes::Extremes;
use super::moments::MomentsOf;
use super::partial::Partial;
use super::quantiles::Quantiles;
use super::since::Sinces;
use super::values::ValueCountsOf;

/// A family of aggregations over one input, with what tells it from others of its kind.
pub(crate) trait Kind: Copy + PartialEq {
    /// What it keeps of events.
    type Partial: Partial;

    /// The fold of no events, over inputs of these types.
    fn identity(self, types: Types) -> Self::Partial;

    /// One family that answers what both do, if there is one.
    fn union(self, other: Self) -> Option<Self> {
        (self == other).then_some(self)
    }

    /// Whether merging from the newest events to the oldest is the quicker way.
    fn newest_first(self) -> bool {
        false
    }

    /// For each of `aggregations`, which are of this family, its values over the ranges of `pass`: what
    /// [`Partial::finish`] says of the events in each range, bit for bit.
    ///
    /// # Errors
    ///
    /// If a column outgrows what Arrow's offsets reach.
    fn sweep(self, pass: &Pass<'_>, aggregations: &[&Aggregation]) -> Result<Vec<Filled>, ArrowError>;
}

/// Types of the inputs of a fold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Types {
    /// Of the first input; none where events alone are folded.
    pub(crate) values: Option<FieldType>,
    /// Of the second.
    pub(crate) by: Option<FieldType>,
}

/// A column of values, and how many of them are null because they do not fit (see [`Partial::overflows`]).
#[derive(Clone, Debug)]
pub(crate) struct Filled {
    pub(crate) column: ArrayRef,
    pub(crate) overflows: u64,
}

impl From<ArrayRef> for Filled {
    fn from(column: ArrayRef) -> Self {
        Self { column, overflows: 0 }
    }
}

/// Writes out what any family and the partial of any family is, and the dispatch to them.
macro_rules! families {
    ($($kind:ident),+) => {
        /// Any family.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Family {
            $(
                #[doc = concat!("See [`", stringify!($kind), "`].")]
                $kind($kind),
            )+
        }

        /// A partial of any family.
        #[derive(Clone, Debug)]
        pub(crate) enum Accumulator {
            $(
                #[doc = concat!("Of [`", stringify!($kind), "`].")]
                $kind(<$kind as Kind>::Partial),
            )+
        }

        $(
            impl From<$kind> for Family {
                fn from(kind: $kind) -> Self {
                    Self::$kind(kind)
                }
            }
        )+

        impl Family {
            /// See [`Kind::identity`].
            pub(crate) fn identity(self, types: Types) -> Accumulator {
                match self {
                    $(Self::$kind(kind) => Accumulator::$kind(kind.identity(types)),)+
                }
            }

            /// See [`Kind::union`].
            pub(crate) fn union(self, other: Self) -> Option<Self> {
                match (self, other) {
                    $((Self::$kind(a), Self::$kind(b)) => a.union(b).map(Self::$kind),)+
                    _ => None,
                }
            }

            /// See [`Kind::newest_first`].
            pub(crate) fn newest_first(self) -> bool {
                match self {
                    $(Self::$kind(kind) => kind.newest_first(),)+
                }
            }

            /// See [`Kind::sweep`].
            pub(crate) fn sweep(
                self,
                pass: &Pass<'_>,
                aggregations: &[&Aggregation],
            ) -> Result<Vec<Filled>, ArrowError> {
                match self {
                    $(Self::$kind(kind) => kind.sweep(pass, aggregations),)+
                }
            }
        }

        impl Partial for Accumulator {
            fn add(&mut self, lanes: &Lanes<'_>, rows: Range<usize>, order_of: &dyn Fn(usize) -> Order) {
                match self {
                    $(Self::$kind(partial) => partial.add(lanes, rows, order_of),)+
                }
            }

            fn merge(&mut self, other: &Self) {
                match (self, other) {
                    $((Self::$kind(partial), Self::$kind(other)) => partial.merge(other),)+
                    _ => unreachable!("partials of one slot are of one family"),
                }
            }

            fn finish(&self, aggregation: &Aggregation, at: Instant) -> Value {
                match self {
                    $(Self::$kind(partial) => partial.finish(aggregation, at),)+
                }
            }

            fn overflows(&self, aggregation: &Aggregation) -> bool {
                match self {
                    $(Self::$kind(partial) => partial.overflows(aggregation),)+
                }
            }

            fn forget(&mut self, horizon: Instant) {
                match self {
                    $(Self::$kind(partial) => partial.forget(horizon),)+
                }
            }

            fn heap_bytes(&self) -> usize {
                match self {
                    $(Self::$kind(partial) => partial.heap_bytes(),)+
                }
            }

            fn encode(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$kind(partial) => partial.encode(out),)+
                }
            }

            fn decode(&mut self, types: Types, bytes: &mut Reader<'_>) -> Result<(), CodecError> {
                match self {
                    $(Self::$kind(partial) => partial.decode(types, bytes),)+
                }
            }
        }
    };
}

families!(Counts, MomentsOf, Extremes, Bys, EndsOf, Sinces, ValueCountsOf, Sketches, Quantiles, Decays);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{Feature, features, worlds};

    fn bytes(partial: &Accumulator) -> Vec<u8> {
        let mut out = Vec::new();
        partial.encode(&mut out);
        out
    }

    /// Partials lie in states by the thousand: those of new families must not make those of old ones larger.
    #[test]
    fn an_accumulator_is_as_large_as_the_moments_at_most() {
        assert!(size_of::<Accumulator>() <= size_of::<<MomentsOf as Kind>::Partial>() + 16);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        /// However events are grouped and however the groups are merged, the fold is the same bytes, and the
        /// fold of no events changes nothing.
        #[test]
        fn partials_are_commutative_monoids(
            world in worlds(30),
            at in crate::testing::times(),
            groups in prop::collection::vec(0..5_usize, 30),
            merges in prop::collection::vec(any::<prop::sample::Index>(), 10),
        ) {
            let at = Instant::from_micros(at);
            let inputs = world.inputs();
            for Feature { aggregation, input, by } in features() {
                let lane = |input: usize| crate::Lane::of(&inputs[input]).expect("the type of a field");
                let lanes = Lanes { values: input.map(lane), by: by.map(lane), nulls: aggregation.nulls() };
                let field_type = |input: usize| FieldType::ALL[input];
                let types = Types { values: input.map(field_type), by: by.map(field_type) };
                let identity = || aggregation.family().identity(types);
                let mut whole = identity();
                let mut folds: Vec<_> = (0..5).map(|_| identity()).collect();
                for (event, group) in world.arrivals().into_iter().zip(&groups) {
                    let order = world.events[event].order;
                    whole.add(&lanes, event..event + 1, &|_| order);
                    folds[*group].add(&lanes, event..event + 1, &|_| order);
                }
                let mut merges = merges.iter().cycle();
                while folds.len() > 1 {
                    let taken = merges.next().map_or(0, |index| index.index(folds.len()));
                    let taken = folds.swap_remove(taken);
                    let into = merges.next().map_or(0, |index| index.index(folds.len()));
                    folds[into].merge(&taken);
                }
                prop_assert_eq!(bytes(&folds[0]), bytes(&whole), "{:?}", aggregation);
                prop_assert_eq!(folds[0].finish(&aggregation, at), whole.finish(&aggregation, at));

                let mut read = identity();
                let written = bytes(&whole);
                let mut reader = Reader(&written);
                read.decode(types, &mut reader).expect("what was written can be read");
                prop_assert_eq!(reader.end(), Ok(()));
                read.merge(&identity());
                prop_assert_eq!(bytes(&read), written);
                let of_nothing = identity().finish(&aggregation, at);
                use Aggregation::{ApproxCountDistinct, Count, CountDistinct};
                let counts = matches!(aggregation, Count | CountDistinct { .. } | ApproxCountDistinct);
                prop_assert_eq!(of_nothing, if counts { Value::Int64(0) } else { Value::Null });
            }
        }
    }
}
