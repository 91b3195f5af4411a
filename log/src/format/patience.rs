//! How long a decoder waits for what must be asked for.

use std::fmt;
use std::sync::Arc;

use crate::registry::RegistryError;

/// How long a decoder waits for schemas that nobody gives: not at all, unless told otherwise.
#[derive(Clone, Default)]
pub struct Patience(Option<Arc<Lasts>>);

/// Whether to ask once more, after a question that was in vain for this reason.
type Lasts = dyn Fn(&RegistryError) -> bool + Send + Sync;

impl Patience {
    /// As long as `lasts` says so. It is asked whenever a schema was asked for in vain, with the reason, and should sleep
    /// for a moment before the next try.
    pub fn new(lasts: impl Fn(&RegistryError) -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(lasts)))
    }

    /// Whether to ask once more, after this answer.
    pub(super) fn lasts(&self, error: &RegistryError) -> bool {
        self.0.as_ref().is_some_and(|lasts| lasts(error))
    }
}

impl fmt::Debug for Patience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Patience" } else { "no patience" })
    }
}
