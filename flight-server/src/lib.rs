//! The `thalweg` program: composition root, wire contract and command line.
//!
//! Here the log, the store, the ingest and the history are put together into one [`Node`](node::Node), served
//! over gRPC, Arrow Flight and HTTP, and driven from the command line. This crate decides nothing about
//! values: it folds nothing, decodes nothing and never changes state but through the ingest.

pub mod audit;
pub mod cli;
pub mod config;
pub mod flight;
pub mod grpc;
pub mod lookup;
pub mod node;
pub mod produce;
pub mod serve;
pub mod served;
pub mod wire;

mod arrow_file;
mod cancel_on_drop;
mod clock;
mod demo;
mod error;
mod http;
mod json;
mod leakage;
mod manifests;
mod metrics;
mod object;
mod pool;
mod registry;
mod spine_file;
mod status;

pub use error::{Error, Kind};
