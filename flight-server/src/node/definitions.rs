//! Definitions that change.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use thalweg_definitions::{DefinitionFile, Diff, Repository, load_text_with};
use thalweg_ingest::{BuildStatus, ViewBuild};

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
        let mut new = load_text_with(files, &self.config.limits.definitions, &self.schemas)?;
        if let (Some(source), Err(cause)) = (new.needs_registry(), self.schemas.registry()) {
            return Err(Error::invalid(format!(
                "the records of source `{}` name their schemas by number: {cause}",
                source.name
            )));
        }
        new.connect(&self.schemas);
        let new = Arc::new(new);
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

    /// What is being built from the log before the registered definitions serve, and how far, in words; none
    /// where they do.
    pub fn being_built(&self) -> Option<String> {
        let building = self.ingest.as_ref()?.status().building?;
        Some(shown(&building, |_| true))
    }
}

/// The views that are built, with those that are `wanted` alone if there are such, and what keeps them.
pub(super) fn shown(building: &BuildStatus, wanted: impl Fn(&str) -> bool) -> String {
    let (asked, others): (Vec<_>, Vec<_>) = building.views.iter().partition(|build| wanted(&build.view.name));
    // What is wanted may be there, and have to wait for the others: all definitions begin to serve together.
    let views = if asked.is_empty() { others } else { asked };
    let view = |build: &ViewBuild| {
        let stopped = build.stopped.as_ref().map(|reason| format!(", and has stopped: {reason}"));
        let name = &build.view.name;
        format!("view `{name}`, {} records left{}", build.records_left, stopped.unwrap_or_default())
    };
    let mut words: Vec<_> = views.into_iter().map(view).collect();
    words.extend(building.held_up.as_ref().map(|reason| format!("the last try to swap failed: {reason}")));
    match words.is_empty() {
        true => "nothing is left".to_owned(),
        false => words.join("; "),
    }
}
