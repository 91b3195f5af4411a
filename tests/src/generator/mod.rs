//! Definitions, logs and questions made at random, from a seed, to look for trouble.
//!
//! Times sit on a coarse grid of which windows are multiples, so that events meet each other and the edges of
//! windows; values come from pools that make sums cancel, overflow and turn into NaN; keys are few. A
//! [`Case`] is plain data: it can be printed, and cut down while it still fails.

mod avro;
mod case;
mod check;
#[cfg(test)]
mod coverage;
mod definitions;
mod expressions;
mod frame;
mod headers;
mod json;
mod log;
mod on_demand;
mod payload;
mod shrink;
mod values;

pub use avro::{push_bytes, push_long};
pub use case::{Arrival, Case, Question};
pub use check::{cases, check};
pub use on_demand::REQUEST_INPUTS;
pub use shrink::shrink;

/// The source of chance: equal seeds give equal cases.
pub type Chance = rand::rngs::StdRng;
