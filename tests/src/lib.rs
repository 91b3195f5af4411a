//! Tests of the laws: what must hold of Thalweg whatever the definitions and the log.
//!
//! The [`generator`] makes definitions and logs that look for trouble, the [`harness`] takes them through the
//! real thing (an embedded log, ingestion, the store, training sets), and the [`oracle`] says what must come
//! out. The laws themselves are in `tests/laws`. [`spec`] reads the files of the executable specification
//! and takes them through everything that can produce a value. [`kafka`] starts a real broker and a real schema
//! registry.
//!
//! This crate is for tests alone: nothing depends on it.

pub mod definition;
pub mod generator;
pub mod harness;
pub mod kafka;
pub mod oracle;
pub mod spec;
