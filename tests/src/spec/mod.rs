//! The executable specification: files of one rule each, `tests/spec/**/*.yaml`, that are test, documentation
//! and example at once. Their format is described in `tests/spec/README.md`.
//!
//! [`check`] takes a file through every [`Mode`] that leads from events to rows; the same rows must come out
//! of each. [`mutate`] changes what a file expects, to see that it expects something. [`case_as_file`] writes
//! a case of the generator as such a file.
//!
//! For the oracle the definitions are read by a reader of its own, so that it shares nothing with the engine
//! but the text and the types of definitions.

mod around;
mod arrival;
mod avro;
mod by_oracle;
mod changes;
mod check;
mod compare;
mod definitions;
mod feature;
mod fields;
mod file;
mod history;
mod intervals;
mod json;
mod known;
mod mode;
mod mutate;
mod on_demand;
mod page;
mod print;
mod question;
mod record;
mod redefine;
mod runs;
mod snapshot;
mod sql;
mod stage;
mod subject;
mod time;
mod told;
mod values;
mod yaml;

pub use check::{Passed, Report, check};
pub(crate) use fields::{row_of_bytes, value_of_bytes};
pub use mode::Mode;
pub use mutate::mutate;
pub use page::pages;
pub use print::case_as_file;
pub use record::Headers;
