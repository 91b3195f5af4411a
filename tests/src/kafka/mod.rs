//! A real Kafka broker and a real schema registry for tests.
//!
//! [`broker`] gives the broker that all tests of a test binary share, started when the first one asks;
//! [`registry`] likewise. A test that harms its broker (ends it, lets it stand still) starts a [`Broker`] of its
//! own. All of them listen on free ports of the loopback interface, keep their files in temporary folders, show
//! the end of their logs when a test fails, and end with the tests, even if those are killed.

mod admin;
mod broker;
mod namespace;
mod ports;
mod process;
mod producer;
mod registry;
mod shared;

pub use admin::Admin;
pub use broker::Broker;
pub use namespace::Namespace;
pub use producer::{Sent, TransactionalProducer};
pub use registry::Registry;
pub use shared::{Shared, broker, registry};
