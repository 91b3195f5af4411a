//! Protocol Buffers: schemas, and messages into columns.
//!
//! `protox` compiles the text of a schema and `prost-reflect` knows what is in it. Messages are read here, straight into
//! columns: no message is built, and of what is not asked for nothing but the length is looked at.

mod reader;
mod registered;
mod schema;
mod wire;

pub(super) use reader::ProtobufReader;
pub use schema::{ProtobufSchema, protobuf_imports};

use crate::registry::Schemas;

/// What surrounds a message in a record's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProtobufFraming {
    /// Nothing: the value is the message.
    Message,
    /// Confluent's wire format: a zero byte, the number of a schema in a registry (big-endian, 4 bytes), and which message
    /// of that schema it is, as a list of indexes, precede the message.
    Confluent(Schemas),
}

impl ProtobufFraming {
    /// Its name in definition files.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Confluent(_) => "confluent",
        }
    }
}
