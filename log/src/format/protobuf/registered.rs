//! Messages that name their schema by its number in a registry.

use std::collections::HashMap;

use prost_reflect::MessageDescriptor;

use super::schema::{NAMELESS, compiled};
use super::wire::{take_varint, zigzag};
use crate::format::unread::{Unread, schema_id};
use crate::registry::{RegistryError, SchemaKind, Schemas};

/// How deep messages may be declared in each other.
const INDEXES: usize = 64;
/// How many headers are remembered.
const KNOWN_HEADERS: usize = 10_000;

/// Tells whether records hold a certain message, by what stands before it.
#[derive(Debug)]
pub(super) struct Headers {
    schemas: Schemas,
    message: String,
    /// Which headers announce the message, and why others do not.
    known: HashMap<Vec<u8>, Result<(), String>>,
}

impl Headers {
    /// Headers of messages of this full name.
    pub(super) fn new(schemas: &Schemas, message: &str) -> Self {
        Self { schemas: schemas.clone(), message: message.to_owned(), known: HashMap::new() }
    }

    /// The message behind the header of `payload`. Which version of its schema it was written with makes no difference: its
    /// fields go by their numbers.
    ///
    /// # Errors
    /// If the header announces another message, or its schema is not known yet.
    pub(super) fn behind<'v>(&mut self, payload: &'v [u8]) -> Result<&'v [u8], Unread> {
        let (id, rest) = schema_id(payload)?;
        let mut behind = rest;
        let indexes = take_indexes(&mut behind).map_err(|why| format!("which message it is, is {why}"))?;
        let header = &payload[..payload.len() - behind.len()];
        if !self.known.contains_key(header) {
            let announced = self.announces(id, &indexes).map_err(Unread::NotYet)?;
            if self.known.len() == KNOWN_HEADERS {
                self.known.clear();
            }
            self.known.insert(header.to_vec(), announced);
        }
        self.known[header].clone()?;
        Ok(behind)
    }

    fn announces(&self, id: u32, indexes: &[usize]) -> Result<Result<(), String>, RegistryError> {
        let schema = match self.schemas.registry()?.schema(id) {
            Ok(schema) => schema,
            Err(error) if error.is_final() => return Ok(Err(error.to_string())),
            Err(error) => return Err(error),
        };
        if schema.kind != SchemaKind::Protobuf {
            return Ok(Err(format!("written with schema {id}: that is {}, not Protobuf", schema.kind)));
        }
        let pool = match compiled(&schema.text, &schema.references) {
            Ok(pool) => pool,
            Err(error) => return Ok(Err(format!("written with schema {id}: {error}"))),
        };
        let file = pool.get_file_by_name(NAMELESS);
        let mut messages: Vec<MessageDescriptor> =
            file.map(|file| file.messages().collect()).unwrap_or_default();
        let mut found = None;
        for index in indexes {
            found = messages.get(*index).cloned();
            messages = found.as_ref().map(|message| message.child_messages().collect()).unwrap_or_default();
        }
        Ok(match found {
            Some(found) if found.full_name() == self.message => Ok(()),
            Some(found) => Err(format!(
                "written with schema {id}: it is a {}, not a {}",
                found.full_name(),
                self.message
            )),
            None => Err(format!("written with schema {id}: that has no message {indexes:?}")),
        })
    }
}

/// The list of indexes that leads to a message of a file; a zero alone is the first.
fn take_indexes(rest: &mut &[u8]) -> Result<Vec<usize>, String> {
    let mut take = || {
        let number = zigzag(take_varint(rest)?);
        usize::try_from(number).map_err(|_| format!("said by a negative number, {number}"))
    };
    match take()? {
        0 => Ok(vec![0]),
        count if count > INDEXES => Err(format!("said by {count} indexes, of at most {INDEXES}")),
        count => (0..count).map(|_| take()).collect(),
    }
}
