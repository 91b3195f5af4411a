//! What has to happen for one repository to serve in place of another.

use std::collections::BTreeMap;

use thalweg_definitions::{Change, Diff, FeatureView, Repository};
use thalweg_store::{Version, ViewSpec};

use crate::error::{Error, Result};

/// The views of topics, by topic.
pub(crate) type TopicViews = BTreeMap<String, Vec<ViewSpec>>;

/// What has to happen for one repository to serve in place of another.
pub(crate) struct Changes {
    /// The views that have to be built from the log.
    pub(crate) build: TopicViews,
    /// The topics whose views are not what they were, each with the views it will have; they may be none.
    pub(crate) topics: TopicViews,
    /// Sources that are read as before.
    pub(crate) sources_kept: Vec<String>,
}

impl Changes {
    /// What has to happen for `target` to serve in place of `now`.
    pub(crate) fn between(now: &Repository, target: &Repository) -> Result<Self> {
        let (before, after) = (views_of(now)?, views_of(target)?);
        let diff = Diff::between(now, target);
        let is_rebuilt = |view: &ViewSpec| diff.views.iter().any(|of| of.name == view.name && of.rebuild);
        let mut build = TopicViews::new();
        for (topic, views) in &after {
            let views: Vec<_> = views.iter().filter(|view| is_rebuilt(view)).cloned().collect();
            if !views.is_empty() {
                build.insert(topic.clone(), views);
            }
        }
        let all = before.keys().chain(after.keys());
        let changed =
            all.filter(|topic| before.get(*topic) != after.get(*topic) || build.contains_key(*topic));
        let topics =
            changed.map(|topic| (topic.clone(), after.get(topic).cloned().unwrap_or_default())).collect();
        let sources_kept = diff.sources.into_iter().filter(|source| source.change == Change::Unchanged);
        Ok(Self { build, topics, sources_kept: sources_kept.map(|source| source.name).collect() })
    }

    /// What has to happen for the views of `repository` that are `wanted` to be built again, and with them all
    /// views over the topics that are `replaced`: of what their states stand for nothing is left.
    pub(crate) fn anew(
        repository: &Repository,
        wanted: impl Fn(&str) -> bool,
        replaced: impl Fn(&str) -> bool,
    ) -> Result<Self> {
        let mut changes =
            Self { build: TopicViews::new(), topics: TopicViews::new(), sources_kept: Vec::new() };
        for (topic, views) in views_of(repository)? {
            let whole = replaced(&topic);
            let build: Vec<_> = views.iter().filter(|view| whole || wanted(&view.name)).cloned().collect();
            if !build.is_empty() {
                changes.build.insert(topic.clone(), build);
                changes.topics.insert(topic, views);
            }
        }
        let kept = repository.sources.iter().filter(|source| !replaced(&source.topic));
        changes.sources_kept = kept.map(|source| source.name.clone()).collect();
        Ok(changes)
    }

    /// Names and versions of the views that have to be built.
    pub(crate) fn to_build(&self) -> impl Iterator<Item = (&str, Version)> {
        self.build.values().flatten().map(|view| (view.name.as_str(), view.version))
    }
}

/// The views of `repository`, by the topic that feeds them.
pub(crate) fn views_of(repository: &Repository) -> Result<TopicViews> {
    let mut topics = TopicViews::new();
    for view in &repository.views {
        let source = repository.source(&view.source).ok_or_else(|| Error::Repository {
            view: view.name.clone(),
            what: "source",
            name: view.source.clone(),
        })?;
        topics.entry(source.topic.clone()).or_default().push(spec_of(view));
    }
    Ok(topics)
}

fn spec_of(view: &FeatureView) -> ViewSpec {
    ViewSpec {
        name: view.name.clone(),
        version: *view.version.as_bytes(),
        source: view.source.clone(),
        plan: view.plan.clone(),
    }
}
