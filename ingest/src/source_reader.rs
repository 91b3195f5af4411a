//! One source: its records decoded, and the events of its views selected.

use std::sync::Arc;
use std::time::Duration;

use thalweg_core::{Instant, Selection};
use thalweg_definitions::{Selector, SourceSelector};
use thalweg_log::{DeadLetter, Decoded, Decoder, DecoderSpec, Error as LogError, Patience};
use thalweg_store::TopicState;

use crate::error::{Error, Result};
use crate::pipeline::Shared;

/// How long to wait before a schema is asked for again that nobody gave.
const SCHEMA_WAIT: Duration = Duration::from_millis(500);

/// A source over a topic, with the views that take events from it.
pub(crate) struct SourceReader {
    /// Position in [`TopicState::sources`].
    position: usize,
    shared: Arc<Shared>,
    spec: DecoderSpec,
    selector: SourceSelector,
    /// Positions of the views in the topic's state, with what picks their events.
    views: Vec<(usize, Selector)>,
    /// A decoder for each partition.
    decoders: Vec<Decoder>,
}

/// What a source made of a run of records.
#[derive(Debug, Default)]
pub(crate) struct Read {
    /// Records decoded.
    pub(crate) records: u64,
    /// Times an expression failed on a row.
    pub(crate) failed_expressions: u64,
    /// Latest event time of all usable events.
    pub(crate) newest: Option<Instant>,
    /// Events by position of the view in the topic's state.
    pub(crate) selections: Vec<(usize, Selection)>,
    /// Letters that are not in their topic yet.
    pub(crate) letters: Vec<DeadLetter>,
}

impl SourceReader {
    /// Compiles what the source at `position` of the topic's state needs.
    pub(crate) fn new(shared: &Arc<Shared>, position: usize) -> Result<Self> {
        let repository = &shared.repository;
        let name = shared.state.sources()[position].clone();
        let missing = |view: &str, what, name: &str| Error::Repository {
            view: view.to_owned(),
            what,
            name: name.to_owned(),
        };
        let source = repository.source(&name).ok_or_else(|| missing("?", "source", &name))?;
        let (mut selectors, mut used) = (Vec::new(), Vec::new());
        for (position, view) in shared.views.iter().enumerate() {
            let Some(view) = repository.view(view).filter(|view| view.source == name) else { continue };
            let entity =
                repository.entity(&view.entity).ok_or_else(|| missing(&view.name, "entity", &view.entity))?;
            let selector = Selector::new(source, entity, view).map_err(|cause| Error::View {
                view: view.name.clone(),
                source_name: name.clone(),
                cause,
            })?;
            selectors.push((position, selector));
            used.push(view);
        }
        Ok(Self {
            position,
            shared: Arc::clone(shared),
            spec: source.decoder_spec(&used),
            selector: SourceSelector::new(source),
            views: selectors,
            decoders: Vec::new(),
        })
    }

    /// Position of the source in [`TopicState::sources`].
    pub(crate) const fn position(&self) -> usize {
        self.position
    }

    /// Makes ready to take the records of every partition from the offset in `from` on.
    pub(crate) fn begin(&mut self, from: &[i64]) -> Result<()> {
        let topic = self.shared.topic();
        self.shared.letters[self.position].begin(topic, from)?;
        let shared = Arc::clone(&self.shared);
        let patience = Patience::new(move |error| {
            shared.set_waiting(error);
            shared.sleep_unless_stopping(SCHEMA_WAIT)
        });
        let decoder = |partition| {
            let decoder = Decoder::new(&self.spec, topic, partition).map_err(LogError::from)?;
            Ok::<_, LogError>(decoder.with_patience(patience.clone()))
        };
        self.decoders = (0..).zip(from).map(|(partition, _)| decoder(partition)).collect::<Result<_, _>>()?;
        Ok(())
    }

    /// What takes the records of `partition`.
    pub(crate) fn decoder(&mut self, partition: usize) -> &mut Decoder {
        &mut self.decoders[partition]
    }

    /// What became of the records of `partition` that were taken since the last call, up to `next_offset`.
    pub(crate) fn finish(&mut self, state: &TopicState, partition: usize, next_offset: i64) -> Read {
        let decoded = self.decoders[partition].finish(next_offset);
        self.select(state, decoded)
    }

    fn select(&self, state: &TopicState, mut decoded: Decoded) -> Read {
        let mut read = Read { records: decoded.num_rows() as u64, ..Read::default() };
        let mut letters = std::mem::take(&mut decoded.dead);
        let events = self.selector.time(&decoded);
        letters.extend(events.dead.iter().cloned());
        read.newest = events.times().iter().max().copied().map(Instant::from_micros);
        for (position, selector) in &self.views {
            if state.next_of(*position, decoded.partition) >= decoded.next_offset {
                continue;
            }
            let selected = selector.select(&events);
            read.failed_expressions += selected.failed_expressions;
            letters.extend(selected.dead);
            read.selections.push((*position, selected.selection));
        }
        // What is not left out here, since it is being written this moment, is found when it is written.
        letters.retain(|letter| !self.shared.letters[self.position].knows(letter));
        read.letters = letters;
        read
    }
}
