//! Views change hands: new states of topics, made of the views of old ones at one moment.

use std::collections::BTreeMap;
use std::sync::{Arc, MutexGuard, RwLockWriteGuard};

use crate::error::{Error, Result};
use crate::history::Recorder;
use crate::shared::{Shared, Writer};
use crate::slots::Place;
use crate::store::Store;
use crate::topic_state::TopicState;
use crate::view_state::{ViewSpec, ViewState};

/// A state that is to be.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The topic.
    pub topic: String,
    /// Its views.
    pub views: Vec<ViewSpec>,
    /// Sources that are read as before: their watermarks do not go back.
    pub sources_kept: Vec<String>,
}

/// Makes every state `wanted` out of the states `from`, which are retired, and gives them to `then`. Nobody
/// can read any of `from` from before the first view moves until `then` has returned: who reads one later
/// finds it retired, and whatever `then` has put in its place complete.
///
/// Views are moved with everything they have in memory. Where two states have a view of one version, the one
/// that was being built goes on. The lookback may be another than before; the rest of a view's plan is part
/// of its version.
///
/// # Errors
///
/// What [`TopicState::check_settled`] says of a state, and [`Error::UnknownView`] where no state has a view
/// that is wanted. Nothing was moved then, and `then` not called.
pub fn take_over<R>(
    store: &Arc<Store>,
    wanted: Vec<Wanted>,
    from: &[&TopicState],
    then: impl FnOnce(Vec<TopicState>) -> R,
) -> Result<R> {
    // In the order in which `read_all` takes its guards: any other can end in a deadlock.
    let mut from = from.to_vec();
    from.sort_by_key(|state| state.topic());
    let mut writers = from.iter().map(|state| state.settled_writer()).collect::<Result<Vec<_>>>()?;
    let mut parts: Vec<Part<'_>> = from.iter().map(|state| (*state, state.write_lock())).collect();
    for Wanted { topic, views, .. } in &wanted {
        if let Some(missing) = views.iter().find(|spec| find(&parts, topic, spec).is_none()) {
            return Err(Error::UnknownView { topic: topic.clone(), view: missing.name.clone() });
        }
    }
    let missing =
        |topic: &&str| !from.iter().zip(&writers).any(|(state, writer)| notes(state, writer, topic));
    let topics: Vec<String> = wanted.iter().map(|wanted| wanted.topic.clone()).collect();
    let opened = topics.iter().map(String::as_str).filter(missing);
    let opened = opened.map(|topic| Ok((topic, Recorder::open(store, topic)?)));
    let mut histories: BTreeMap<&str, Recorder> = opened.collect::<Result<_>>()?;
    for (state, writer) in from.iter().zip(&mut writers) {
        histories.extend(writer.history.take().map(|history| (state.topic(), history)));
    }
    retire(&mut writers, &mut parts);
    let make = |wanted: Wanted| {
        let history = histories.remove(wanted.topic.as_str());
        make(store, wanted, history, &mut parts)
    };
    let made = wanted.into_iter().map(make).collect();
    Ok(then(made))
}

/// Whether `state` is of `topic` and has noted what was applied when, which goes on.
fn notes(state: &TopicState, writer: &Writer, topic: &str) -> bool {
    state.topic() == topic && writer.history.is_some()
}

/// The state `wanted`, of which every view is in `parts`, and which goes on with `history`.
fn make(store: &Arc<Store>, wanted: Wanted, history: Option<Recorder>, parts: &mut [Part<'_>]) -> TopicState {
    let Wanted { topic, views, sources_kept } = wanted;
    let of_topic = |part: &&Part<'_>| part.0.topic() == topic;
    // What was built goes on: if the topic was created again meanwhile, it is of the newer one.
    let is_built = |(_, shared): &&Part<'_>| shared.views.iter().any(|view| view.place == Place::Building);
    let (built, served): (Vec<_>, Vec<_>) = parts.iter().filter(of_topic).partition(is_built);
    let topic_id = built.iter().chain(&served).find_map(|(_, shared)| shared.topic_id);
    let history = history.map(|history| history.of_topic(topic_id));
    let watermark = |source: &String| {
        let of_part = |(state, shared): &Part<'_>| {
            let position = state.sources().binary_search(source).ok()?;
            shared.watermarks[position]
        };
        parts.iter().filter(of_topic).filter_map(of_part).max()
    };
    let watermarks: Vec<_> = sources_kept.iter().map(watermark).collect();
    let take = |spec: ViewSpec| {
        let (part, at) = find(parts, &topic, &spec).expect("every view was found before the first was moved");
        parts[part].1.views.swap_remove(at).serving_as(spec)
    };
    let views = views.into_iter().map(take).collect();
    let state = TopicState::of(Arc::clone(store), &topic, topic_id, views, history);
    let mut shared = state.write_lock();
    for (source, watermark) in sources_kept.iter().zip(watermarks) {
        if let Ok(position) = state.sources().binary_search(source) {
            let own = &mut shared.watermarks[position];
            *own = watermark.max(*own);
        }
    }
    drop(shared);
    state
}

/// A state whose views are to be moved.
type Part<'a> = (&'a TopicState, RwLockWriteGuard<'a, Shared>);

impl TopicState {
    /// Checks that everything applied is committed, and that more could be: what has to be so before its
    /// views are [taken over](take_over).
    ///
    /// # Errors
    ///
    /// [`Error::Unsettled`], [`Error::Broken`], [`Error::HalfApplied`].
    pub fn check_settled(&self) -> Result<()> {
        self.settled_writer().map(drop)
    }

    fn settled_writer(&self) -> Result<MutexGuard<'_, Writer>> {
        let writer = self.writer()?;
        match writer.uncommitted {
            true => Err(Error::Unsettled { topic: self.topic().to_owned() }),
            false => Ok(writer),
        }
    }
}

/// Where the view is: which state, and which of its views.
fn find(parts: &[Part<'_>], topic: &str, spec: &ViewSpec) -> Option<(usize, usize)> {
    let of_topic = parts.iter().enumerate().filter(|(_, (state, _))| state.topic() == topic);
    let found = of_topic.flat_map(|(part, (_, shared))| {
        let same = |view: &ViewState| view.spec.name == spec.name && view.spec.version == spec.version;
        let views = shared.views.iter().enumerate().filter(move |(_, view)| same(view));
        views.map(move |(at, view)| (view.place, (part, at)))
    });
    found.max_by_key(|(place, _)| *place).map(|(_, found)| found)
}

/// Nothing more is read from these states, applied to them or committed.
fn retire(writers: &mut [MutexGuard<'_, Writer>], parts: &mut [Part<'_>]) {
    for writer in writers {
        writer.broken = Some("its views were taken over by a newer state of the topic".to_owned());
    }
    for (_, shared) in parts {
        shared.retired = true;
    }
}
