//! What answers lookups.

use std::collections::BTreeMap;
use std::sync::Arc;

use thalweg_definitions::Repository;
use thalweg_store::TopicState;

use crate::pipeline::Shared;

/// Definitions, and the states that follow them. What is in it never changes: a swap puts another in its
/// place, whole.
///
/// Who holds one while it is replaced finds its states retired
/// ([`Reading::is_retired`](thalweg_store::Reading::is_retired)), all that were changed at one moment, and
/// asks [`Ingest::serving`](crate::Ingest::serving) again.
pub struct Serving {
    repository: Arc<Repository>,
    /// By topic.
    topics: BTreeMap<String, Arc<Shared>>,
}

impl Serving {
    pub(crate) fn new(repository: Arc<Repository>, topics: BTreeMap<String, Arc<Shared>>) -> Self {
        Self { repository, topics }
    }

    /// The definitions.
    pub fn repository(&self) -> &Arc<Repository> {
        &self.repository
    }

    /// The state of everything over `topic`, if it feeds a view.
    pub fn topic(&self, topic: &str) -> Option<Arc<TopicState>> {
        self.topics.get(topic).map(|shared| Arc::clone(&shared.state))
    }

    /// The state that holds the views over the source `source`, if it has any.
    pub fn source(&self, source: &str) -> Option<Arc<TopicState>> {
        self.topic(&self.repository.source(source)?.topic)
    }

    /// The state that holds the view `view`.
    pub fn view(&self, view: &str) -> Option<Arc<TopicState>> {
        self.source(&self.repository.view(view)?.source)
    }

    /// What the threads of each topic share, by topic.
    pub(crate) const fn topics(&self) -> &BTreeMap<String, Arc<Shared>> {
        &self.topics
    }
}
