//! Definitions that change while events come in and lookups are made.

mod builds;
mod kills;
mod under_load;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use thalweg_store::{Place, Store, Version};

use super::support::*;
use crate::{Ingest, IngestOptions, ViewBuild};

/// Lets swaps happen, or not.
#[derive(Clone, Default)]
struct Gate(Arc<AtomicBool>);

impl Gate {
    fn open(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn guard(&self, options: IngestOptions) -> IngestOptions {
        let gate = self.clone();
        let check = move |_: &_| match gate.0.load(Ordering::Relaxed) {
            true => Ok(()),
            false => Err("the gate is closed".to_owned()),
        };
        IngestOptions { before_swap: Arc::new(check), ..options }
    }
}

/// The view `delays` with another column.
fn changed() -> String {
    DEFINITIONS.replace("[sum, stddev, last]", "[sum, stddev, last, min]")
}

/// The view `delays` with another column, and another view.
fn changed_and_more() -> String {
    let more = r"
  - name: more
    entity: carrier
    source: arrivals
    lookback: 1ms
    features:
      n: {aggregate: count}
";
    format!("{}{more}", changed().trim_end())
}

fn version_of(definitions: &str, view: &str) -> Version {
    *repository(definitions).view(view).expect("a view of this test").version.as_bytes()
}

fn begin(ingest: &Ingest, definitions: &str) {
    ingest.change(repository(definitions)).expect("a sound store");
}

/// What is built of `view`, if anything.
fn build_of(ingest: &Ingest, view: &str) -> Option<ViewBuild> {
    ingest.status().building?.views.into_iter().find(|build| build.view.name == view)
}

/// Waits until a swap was tried in vain, so that everything is built.
fn wait_until_held_up(ingest: &Ingest) {
    let pause = Duration::from_millis(1);
    let is_held_up = || ingest.status().building.expect("the gate is closed").held_up.is_some();
    for _ in 0..PATIENCE.as_millis() {
        if is_held_up() {
            return;
        }
        std::thread::sleep(pause);
    }
    panic!("no swap was tried within {PATIENCE:?}");
}

/// Holds that the store has the states of these definitions' views and no other.
fn assert_nothing_else_is_kept(store: &Store, definitions: &str) {
    let repository = repository(definitions);
    let keep: Vec<_> = repository
        .views
        .iter()
        .map(|view| (Place::Serving, view.name.as_str(), *view.version.as_bytes()))
        .collect();
    assert_eq!(store.retain(&keep).expect("a sound store"), Vec::<String>::new());
    let slots = keep.iter().map(|(place, view, version)| store.slot(*place, view, version).expect("a slot"));
    let mut slots: Vec<_> = slots.collect();
    slots.sort_unstable();
    slots.dedup();
    assert_eq!(slots.len(), keep.len());
}
