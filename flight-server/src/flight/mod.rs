//! Arrow Flight: training sets and events out, spines and rows in.

mod command;
mod events;
mod listing;
mod produce;
mod service;
mod spool;
mod training_set;

pub use command::{AsOf, Command, EventsCommand, ProduceCommand, SpineRef, TrainingSetCommand};
pub use service::FlightServer;
pub use spool::Spool;
