//! Arrow Flight: training sets and events out, spines and rows in.

mod command;
mod events;
mod exchange;
mod extended;
mod follow;
mod history;
mod listing;
mod pin;
mod produce;
mod received;
mod sent;
mod service;
mod shards;
mod snapshot;
mod spine;
mod spool;
mod training_set;

pub use command::{Command, EventsCommand, ProduceCommand, TrainingSetCommand};
pub(crate) use events::{describe as describe_events, read as read_events};
pub use exchange::Exchange;
pub use history::HistoryCommand;
pub(crate) use history::make as make_history;
pub(crate) use listing::{REQUEST_INPUT, ROLE};
pub use pin::PinRef;
pub(crate) use received::report_only_our_panics;
pub(crate) use sent::encode;
pub use service::FlightServer;
pub use shards::{Order, Shard};
pub use snapshot::SnapshotCommand;
pub(crate) use spine::Rows;
pub use spine::{EventsSpine, SpineRef};
pub use spool::Spool;
pub(crate) use training_set::{make as make_training_set, metadata};
