//! What an `apply` of new definitions would do to old ones.

mod facts;
mod show;

use std::collections::BTreeSet;

use serde::Serialize;
use thalweg_core::Lookback;

use crate::{FeatureView, Repository};
use facts::{Facts, on_demand_facts, service_facts, source_facts, view_facts};

/// The difference between two repositories, each list sorted by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// Sources.
    pub sources: Vec<Difference>,
    /// Feature views.
    pub views: Vec<Difference>,
    /// On-demand feature views.
    pub on_demand_views: Vec<Difference>,
    /// Feature services.
    pub services: Vec<Difference>,
    /// Services that no longer answer what they answered.
    pub broken: Vec<ServiceBreak>,
}

/// What becomes of one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Its name.
    pub name: String,
    /// What becomes of it.
    pub change: Change,
    /// Whether its state must be built (new) or built again (changed) from the log.
    pub rebuild: bool,
    /// What changes, a line each.
    pub details: Vec<String>,
}

/// What can become of a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It was not there before.
    New,
    /// It is there, and was otherwise.
    Changed,
    /// It is no longer there.
    Removed,
    /// It is as it was.
    Unchanged,
}

/// A service whose users would notice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServiceBreak {
    /// Name of the service.
    pub service: String,
    /// What its users would notice, a line each.
    pub reasons: Vec<String>,
}

impl Diff {
    /// What becomes of `old` where `new` takes its place.
    pub fn between(old: &Repository, new: &Repository) -> Self {
        let names = |old: Vec<&str>, new: Vec<&str>| -> BTreeSet<String> {
            old.into_iter().chain(new).map(str::to_owned).collect()
        };
        let sources = names(
            old.sources.iter().map(|source| source.name.as_str()).collect(),
            new.sources.iter().map(|source| source.name.as_str()).collect(),
        );
        let views = names(
            old.views.iter().map(|view| view.name.as_str()).collect(),
            new.views.iter().map(|view| view.name.as_str()).collect(),
        );
        let on_demand = names(
            old.on_demand_views.iter().map(|view| view.name.as_str()).collect(),
            new.on_demand_views.iter().map(|view| view.name.as_str()).collect(),
        );
        let services = names(
            old.services.iter().map(|service| service.name.as_str()).collect(),
            new.services.iter().map(|service| service.name.as_str()).collect(),
        );
        let source = |name: String| {
            let facts = |of: &Repository| of.source(&name).map(source_facts);
            difference(&name, facts(old), facts(new))
        };
        let on_demand_view = |name: String| {
            let facts = |of: &Repository| of.on_demand_view(&name).map(|view| on_demand_facts(of, view));
            difference(&name, facts(old), facts(new))
        };
        let service = |name: String| {
            let facts = |of: &Repository| of.service(&name).map(|service| service_facts(of, service));
            difference(&name, facts(old), facts(new))
        };
        Self {
            sources: sources.into_iter().map(source).collect(),
            views: views.into_iter().map(|name| view_difference(name, old, new)).collect(),
            on_demand_views: on_demand.into_iter().map(on_demand_view).collect(),
            broken: services.iter().filter_map(|name| service_break(name, old, new)).collect(),
            services: services.into_iter().map(service).collect(),
        }
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        [&self.sources, &self.views, &self.on_demand_views, &self.services]
            .into_iter()
            .flatten()
            .all(|difference| difference.change == Change::Unchanged)
    }
}

fn difference(name: &str, old: Option<Facts>, new: Option<Facts>) -> Difference {
    let (change, details) = match (old, new) {
        (None, _) => (Change::New, Vec::new()),
        (_, None) => (Change::Removed, Vec::new()),
        (Some(old), Some(new)) if old == new => (Change::Unchanged, Vec::new()),
        (Some(old), Some(new)) => (Change::Changed, old.changes_to(&new)),
    };
    Difference { name: name.to_owned(), change, rebuild: false, details }
}

fn view_difference(name: String, old: &Repository, new: &Repository) -> Difference {
    let (before, after) = (old.view(&name), new.view(&name));
    let mut difference = difference(&name, before.map(view_facts), after.map(view_facts));
    match (before, after) {
        (None, Some(_)) => difference.rebuild = true,
        (Some(before), Some(after)) => {
            difference.rebuild = needs_rebuild(before, after);
            let source_facts =
                |of: &Repository, view: &FeatureView| of.source(&view.source).map(source_facts);
            if source_facts(old, before) != source_facts(new, after) {
                difference.change = Change::Changed;
                difference.details.push(format!("its source `{}` is read otherwise", after.source));
            }
        }
        (_, None) => {}
    }
    difference
}

/// Whether the state of `after` cannot be read off that of `before`.
fn needs_rebuild(before: &FeatureView, after: &FeatureView) -> bool {
    let lookback_grows = match (before.lookback(), after.lookback()) {
        (Lookback::Unbounded, _) => false,
        (Lookback::Within(_), Lookback::Unbounded) => true,
        (Lookback::Within(before), Lookback::Within(after)) => after > before,
    };
    before.version != after.version || lookback_grows
}

/// What the users of the service `name` would miss.
fn service_break(name: &str, old: &Repository, new: &Repository) -> Option<ServiceBreak> {
    let before = service_facts(old, old.service(name)?);
    let reasons = match new.service(name) {
        None => vec!["the service is removed".to_owned()],
        Some(service) => before.losses_in(&service_facts(new, service)),
    };
    (!reasons.is_empty()).then(|| ServiceBreak { service: name.to_owned(), reasons })
}
