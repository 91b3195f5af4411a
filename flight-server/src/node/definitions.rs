//! Definitions that change.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use thalweg_definitions::{DefinitionFile, Diff, Repository, load_text_within};

use super::Node;
use crate::Error;

/// How long `apply` waits for a build to be done: one that is as short is in force on return, as who tries
/// things out expects. A longer one goes on by itself.
const SHORT_BUILD: Duration = Duration::from_millis(500);

impl Node {
    /// The registered definitions: those applied last. What answers lookups may still follow earlier ones.
    pub fn repository(&self) -> Arc<Repository> {
        Arc::clone(&self.registered.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Compares `files` with what is registered and, unless `dry_run`, registers them. Training sets follow
    /// them at once. Lookups do as soon as the views that are new or changed have been built from the log,
    /// beside those that answer meanwhile; all change over at one moment.
    ///
    /// # Errors
    /// INVALID_ARGUMENT with every mistake in the files.
    pub fn apply(&self, files: &[DefinitionFile], dry_run: bool) -> Result<Diff, Error> {
        let _one_at_a_time = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let new = Arc::new(load_text_within(files, &self.config.limits.definitions)?);
        let diff = Diff::between(&self.repository(), &new);
        if dry_run {
            return Ok(diff);
        }
        self.registry.register(&new)?;
        *self.registered.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&new);
        if let Some(ingest) = &self.ingest {
            ingest.change(new)?;
            ingest.wait_changed(SHORT_BUILD);
        }
        Ok(diff)
    }
}
