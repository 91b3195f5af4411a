//! The swap: what was built takes the place of what serves, at one offset in every partition.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use thalweg_definitions::Repository;
use thalweg_store::{Place, TopicState, Wanted, take_over};

use crate::bound::Bound;
use crate::building::Building;
use crate::changes::{Changes, TopicViews, views_of};
use crate::error::{Error, Result};
use crate::pipeline::{Pipeline, Shared};
use crate::running::{Pipelines, Running};
use crate::serving::Serving;
use crate::status::Condition;

/// How long what serves stands still at most, so that what is built can come to the same offsets.
const STANDSTILL: Duration = Duration::from_secs(5);

/// One try to swap.
pub(crate) struct Handover<'a> {
    pub(crate) running: &'a Running,
    pub(crate) building: &'a Building,
    pub(crate) changes: &'a Changes,
    pub(crate) cancelled: &'a AtomicBool,
}

impl Handover<'_> {
    /// Tries to swap. Whether it was done; if not, everything goes on as it did. `built` are the threads that
    /// build.
    ///
    /// 1. The threads of what serves, over the topics that change, apply and commit what they have read, and
    ///    end. Lookups go on, and find the offsets where it stands.
    /// 2. What is built comes to the same offsets, and its threads end likewise.
    /// 3. Everything is written to files, and it is noted that the new definitions serve: after a kill from
    ///    here on they do, with nothing to catch up.
    /// 4. In memory, views go over into new states, and those are served with the new definitions, at one
    ///    moment.
    /// 5. New threads go on from there.
    pub(crate) fn run(&self, built: &mut Pipelines) -> Result<bool> {
        // Most is written now, so that there is little to write while things stand still.
        self.running.options.store.flush()?;
        let mut serving = self.running.pipelines();
        for topic in self.changes.topics.keys() {
            serving.get(topic).into_iter().for_each(Pipeline::ask_to_stop);
        }
        for topic in self.changes.topics.keys() {
            serving.get_mut(topic).into_iter().for_each(Pipeline::halt);
        }
        let swapped = self.swap(&mut serving, built);
        if !matches!(swapped, Ok(true)) {
            let options = &self.running.options;
            built.values_mut().for_each(|pipeline| pipeline.resume(options));
            for topic in self.changes.topics.keys() {
                serving.get_mut(topic).into_iter().for_each(|pipeline| pipeline.resume(options));
            }
        }
        swapped
    }

    fn swap(&self, serving: &mut Pipelines, built: &mut Pipelines) -> Result<bool> {
        let options = &self.running.options;
        let settled = || {
            let over = self.building.is_in_step() || self.building.has_stopped();
            (over || self.cancelled.load(Ordering::Relaxed)).then_some(())
        };
        self.running.progress.wait_for(STANDSTILL, settled);
        built.values().for_each(Pipeline::ask_to_stop);
        built.values_mut().for_each(Pipeline::halt);
        if self.building.has_stopped() || !self.building.is_in_step() {
            return Ok(false);
        }
        let before = self.running.serving();
        let old = self.changes.topics.keys().filter_map(|topic| before.topics().get(topic));
        let from: Vec<&Shared> = old.chain(self.building.topics().values()).map(AsRef::as_ref).collect();
        let states: Vec<&TopicState> = from.iter().map(|shared| shared.state.as_ref()).collect();
        states.iter().try_for_each(|state| state.check_settled())?;
        options.store.flush()?;
        let record = |reason| Error::NotRecorded { reason };
        (options.before_swap)(self.building.target()).map_err(record)?;

        let was_running = from
            .iter()
            .filter(|shared| matches!(shared.condition(), Condition::Running | Condition::Waiting(_)));
        let was_running: Vec<&str> = was_running.map(|shared| shared.topic()).collect();
        let target = self.building.target();
        let shared = take_over(&options.store, self.wanted(), &states, |states| {
            let mut topics = before.topics().clone();
            topics.retain(|topic, _| !self.changes.topics.contains_key(topic));
            for state in states {
                let shared = self.running.share(state, target, Bound::LOG_END);
                topics.insert(shared.topic().to_owned(), shared);
            }
            let new = topics.values().filter(|shared| self.changes.topics.contains_key(shared.topic()));
            let new: Vec<_> = new.cloned().collect();
            self.running.serve(Serving::new(target.clone(), topics));
            new
        })?;
        built.clear();
        serving.retain(|topic, _| !self.changes.topics.contains_key(topic));
        for shared in shared {
            if was_running.contains(&shared.topic()) {
                shared.set_running();
            }
            match Pipeline::start(options, shared.clone()) {
                Ok(pipeline) => drop(serving.insert(shared.topic().to_owned(), pipeline)),
                Err(error) => shared.set_stopped(&error),
            }
        }
        self.running.set_building(None);
        tracing::info!(topics = self.changes.topics.len(), "changed definitions serve now");
        Ok(true)
    }

    fn wanted(&self) -> Vec<Wanted> {
        let topics = self.changes.topics.iter().filter(|(_, views)| !views.is_empty());
        let wanted = |(topic, views): (&String, &Vec<_>)| Wanted {
            topic: topic.clone(),
            views: views.clone(),
            sources_kept: self.changes.sources_kept.clone(),
        };
        topics.map(wanted).collect()
    }
}

impl Running {
    /// After a swap: the states that were built get the place of those that served, and what is needed no
    /// longer goes.
    pub(crate) fn clean_up(&self, changes: &Changes, serving: &Repository) {
        let swapped = changes.to_build().map(|(view, version)| (view.to_owned(), version));
        let cleaned = self
            .promote(swapped)
            .and_then(|()| self.retain(serving, &TopicViews::new()))
            .and_then(|()| Ok(self.options.store.reclaim()?));
        if let Err(error) = cleaned {
            // What is left is found again at the next change or start.
            tracing::error!(%error, "the states of changed views cannot be cleaned up");
        }
    }

    /// Drops all states but those of the views of `serving`, and what is built so far of the views
    /// `building`.
    pub(crate) fn retain(&self, serving: &Repository, building: &TopicViews) -> Result<()> {
        let serving = views_of(serving)?;
        let place = |place: Place, views: &TopicViews| {
            let all = views.values().flatten().map(|view| (place, view.name.clone(), view.version));
            all.collect::<Vec<_>>()
        };
        let keep = [place(Place::Serving, &serving), place(Place::Building, building)].concat();
        let keep: Vec<_> =
            keep.iter().map(|(place, view, version)| (*place, view.as_str(), *version)).collect();
        for view in self.options.store.retain(&keep)? {
            tracing::info!(view, "dropped a state of a view that is no longer needed");
        }
        Ok(())
    }
}
