//! Registries of schemas: what the schema is that a record names by its number.

mod cache;
mod error;
mod http;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use error::RegistryError;
pub use http::{HttpRegistry, RegistryAccess};

/// A registry that knows schemas by number, and the numbers of those that are registered for a subject.
///
/// What a number stands for never changes.
pub trait Registry: fmt::Debug + Send + Sync {
    /// The schema with the number `id`.
    ///
    /// # Errors
    /// [`RegistryError::UnknownId`] if the registry says that there is none; else why it says nothing.
    fn schema(&self, id: u32) -> Result<RegisteredSchema, RegistryError>;

    /// The schema registered for `subject` as this version, or last; and its number.
    ///
    /// # Errors
    /// [`RegistryError::UnknownSubject`] if the registry says that there is none; else why it says nothing.
    fn latest(&self, subject: &str, version: Option<u32>) -> Result<(u32, RegisteredSchema), RegistryError>;

    /// Registers `schema` for `subject`, unless it is already; and gives its number.
    ///
    /// # Errors
    /// Why the registry does not take it, or says nothing.
    fn register(&self, subject: &str, schema: &RegisteredSchema) -> Result<u32, RegistryError>;
}

/// A schema as a registry has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisteredSchema {
    /// The language it is written in.
    pub kind: SchemaKind,
    /// The schema.
    pub text: String,
    /// The schemas it refers to and all that these refer to, each after those it needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<SchemaReference>,
}

/// A schema that another one refers to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaReference {
    /// The name it goes by there: of a type in Avro, of a file in Protobuf.
    pub name: String,
    /// The schema.
    pub text: String,
}

/// A language of schemas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum SchemaKind {
    /// Apache Avro.
    #[default]
    Avro,
    /// JSON Schema.
    Json,
    /// Protocol Buffers.
    Protobuf,
}

impl fmt::Display for SchemaKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Avro => "Avro",
            Self::Json => "JSON Schema",
            Self::Protobuf => "Protobuf",
        })
    }
}

/// Where the numbers of schemas are looked up: a registry, or nowhere.
///
/// Any two are equal, since this is no part of what a format is.
#[derive(Clone, Debug, Default)]
pub struct Schemas(Option<Arc<dyn Registry>>);

impl Schemas {
    /// Those of `registry`.
    pub fn of(registry: Arc<dyn Registry>) -> Self {
        Self(Some(registry))
    }

    /// The registry.
    ///
    /// # Errors
    /// If there is none.
    pub fn registry(&self) -> Result<&dyn Registry, RegistryError> {
        self.0.as_deref().ok_or(RegistryError::None)
    }
}

impl PartialEq for Schemas {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Schemas {}
