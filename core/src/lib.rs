//! The laws of Thalweg: what the value of a feature is, and the two ways of computing it.
//!
//! A feature is a fold over the events of one entity key, in event order, seen at an instant. This crate
//! holds everything that decides such a value: instants and windows, the total order of events, the
//! aggregations and their exact arithmetic. It computes a value in two ways that must agree bit for bit:
//!
//! - [`KeyState`] keeps the fold of one key and answers at any instant its lookback reaches: the online road;
//! - [`sweep`] walks sorted columns of events and rows once: the offline road. Where a row may see only what was there
//!   by its instant, [`sweep_entering`] takes the first road offline.
//!
//! It is pure: facts in, values out. It never knows of clocks, files, threads, networks or storage.

mod aggregation;
#[cfg(test)]
mod agreement;
mod codec;
mod exact;
mod field_type;
mod key;
mod key_parts;
mod lane;
mod layout;
mod order;
mod pass;
mod plan;
mod selection;
mod state;
mod status;
mod sweep;
#[cfg(test)]
mod testing;
mod time;
mod turns;
mod value;
mod window;

pub use aggregation::{
    Aggregation, AggregationError, Missing, Nulls, Parameters, ParsePercentileError, Percentile, Percentiles,
};
pub use codec::CodecError;
pub use exact::{DecodeError, ExactSquares, ExactSum, stddev, variance};
pub use field_type::FieldType;
pub use key::{EntityKey, KEY_GROUPS, KeyError, KeyGroup, encode_keys, key_group};
pub use key_parts::decode_keys;
pub use lane::Lane;
pub use order::Order;
pub use plan::{FeatureColumn, FoldPlan, Lookback};
pub use selection::Selection;
pub use state::{Answer, Changes, KeyState, StateError};
pub use status::Status;
pub use sweep::{
    EnteringEvents, OrderColumns, SortedEvents, SortedRows, SweepError, Swept, sweep, sweep_entering,
};
pub use time::{Instant, ParseTimeDeltaError, TimeDelta};
pub use value::{Value, column_of};
pub use window::{Bounds, Window};
