//! Views that are built again though their definitions stay.

use thalweg_ingest::Condition;

use super::Node;
use crate::{Error, Kind};

impl Node {
    /// Begins to build `views` again from the log, and, if `stopped`, all views over topics whose ingest has
    /// stopped. Gives the names of those that are built: where the log no longer has what a topic's states stand
    /// for, that is every view over it.
    ///
    /// # Errors
    /// INVALID_ARGUMENT where nothing is asked for; NOT_FOUND where no such view serves; FAILED_PRECONDITION while
    /// views are being built already, or where no features are kept.
    pub fn rebuild(&self, mut views: Vec<String>, stopped: bool) -> Result<Vec<String>, Error> {
        let none = "no features are kept up to date here; ask a server, which `thalweg serve` starts";
        let ingest = self.ingest.as_ref().ok_or_else(|| Error::new(Kind::FailedPrecondition, none))?;
        if views.is_empty() && !stopped {
            return Err(Error::invalid("no view is named; name some, or ask for those that have stopped"));
        }
        if let Some(unknown) = views.iter().find(|view| ingest.view(view).is_none()) {
            let serving = ingest.serving();
            let known: Vec<_> = serving.repository().views.iter().map(|view| view.name.as_str()).collect();
            let known = known.join(", ");
            return Err(Error::new(
                Kind::NotFound,
                format!("no feature view `{unknown}` serves; there are: {known}"),
            ));
        }
        if stopped {
            let topics = ingest.status().topics.into_iter();
            let stopped = topics.filter(|topic| matches!(topic.condition, Condition::Stopped(_)));
            views.extend(stopped.flat_map(|topic| topic.views).map(|view| view.name));
        }
        Ok(ingest.rebuild(&views)?)
    }
}
