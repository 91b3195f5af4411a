//! Why a registry does not say what a schema is.

/// Why a registry does not say what a schema is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// There is no registry to ask.
    #[error("no schema registry is configured: say where it is in `registry.url`")]
    None,
    /// The registry says that it has no schema of this number.
    #[error("the schema registry at {url} knows no schema {id}")]
    UnknownId {
        /// The registry.
        url: String,
        /// The number.
        id: u32,
    },
    /// The registry says that nothing is registered for the subject.
    #[error("the schema registry at {url} has no {what}: register it first, or correct the name")]
    UnknownSubject {
        /// The registry.
        url: String,
        /// The subject, and the version if one was asked for.
        what: String,
    },
    /// The registry cannot be reached, or cannot answer now.
    #[error("the schema registry at {url} does not answer: {cause}")]
    Away {
        /// The registry.
        url: String,
        /// What happened.
        cause: String,
    },
    /// The registry answers, but not as a schema registry should, or refuses.
    #[error("the schema registry at {url} answers {cause}: see to `registry` in the configuration")]
    Refused {
        /// The registry.
        url: String,
        /// What it says.
        cause: String,
    },
}

impl RegistryError {
    /// Whether the registry has answered, once and for all: asking again is in vain.
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::UnknownId { .. } | Self::UnknownSubject { .. })
    }
}
