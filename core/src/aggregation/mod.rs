//! The aggregations: how the values of a window become one.
//!
//! Every family of aggregations keeps a [`Partial`]: a commutative monoid over events, so that chunks
//! of a state, the past that is no longer kept as events, and late events can be merged in any grouping.
//! What is online found by merging partials is offline found by one [`Pass`](crate::pass::Pass) over sorted
//! columns; both end in the same finishing functions.
//!
//! A new aggregation is a line in the [registry], if a family there is can answer it; else also a file here
//! with a new family, and its name in the list at the end of [`family`].

mod by;
mod count;
mod decay;
mod distinct;
mod ends;
mod extremes;
mod family;
mod moments;
mod parameters;
mod partial;
mod percentiles;
mod quantiles;
mod registry;
mod since;
mod values;

pub(crate) use extremes::Ordered;
pub(crate) use family::{Accumulator, Family, Filled, Kind, Types};
pub use parameters::{Missing, Nulls, Parameters};
pub(crate) use partial::Partial;
pub use percentiles::{ParsePercentileError, Percentile, Percentiles};
pub use registry::{Aggregation, AggregationError};
