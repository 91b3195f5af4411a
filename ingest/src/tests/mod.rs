//! The ingest as a whole, over a real log and a real store.

mod changes;
mod conditions;
mod dead_letters;
mod end_to_end;
mod rebuilds;
pub(crate) mod support;
