//! The real thing in a temporary folder: an embedded log, ingestion into a store, lookups, training sets.
//!
//! It takes a [`Case`](crate::generator::Case) through the engine as its users do, definitions as text and events
//! as JSON, and gives every answer in one form, [`Answers`], in which answers of the engine and of the oracle
//! are compared.

mod answers;
mod cells;
mod expected;
mod letters;
mod offline;
mod online;
mod serving;
mod shelf;
mod workshop;

pub use answers::{Answer, Answers, differences, same};
pub(crate) use cells::{cell, status};
pub(crate) use expected::type_of;
pub use expected::{expected, expected_known, pin_of_prefix};
pub use letters::{letters, letters_of};
pub use offline::{Request, stream_bytes, training_answers};
pub use online::{Found, ManualClock, Online, Pace, look_up, state_of_image};
pub use serving::{ServingNode, apply, open_node, settle};
pub use shelf::Shelf;
pub use workshop::{Workshop, as_written, temporary_folder};

/// What a law says when it does not hold, or when the engine refuses what it should do.
pub type Outcome<T = ()> = Result<T, String>;

/// An error of the engine, with what was tried.
pub(crate) fn failed<E: std::fmt::Display>(what: &str) -> impl FnOnce(E) -> String + '_ {
    move |error| format!("{what}: {error}")
}
