//! What the value of a feature is, computed the long way.
//!
//! Everything here is quadratic and meant to be read against the written semantics: all events stay in a
//! vector, a value is a filter and a fold over it, sums are whole numbers of the least double, rounded once.
//! With the engine it shares the words ([`Window`](thalweg_core::Window),
//! [`Aggregation`](thalweg_core::Aggregation), [`Value`](thalweg_core::Value),
//! [`Status`](thalweg_core::Status), [`FieldType`](thalweg_core::FieldType)) and no computation: not the
//! bounds of a window, not the order of events or values, not what an expression means, not a rounding.

mod expression;
mod fold;
mod number;
mod order;
mod visible;

pub use expression::computed;
pub use visible::{DeadEvent, Placed, dead_events, known, placed_events, time_of, value, watermark};

#[cfg(test)]
mod tests;
