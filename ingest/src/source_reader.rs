//! One source: its records decoded, and the events of its views selected.

use std::sync::Arc;

use thalweg_core::{Instant, Selection};
use thalweg_definitions::{Selector, SourceSelector};
use thalweg_log::{DeadLetter, Decoded, DecoderSpec, EmbeddedLog, PartitionReader, TopicPartition};
use thalweg_store::TopicState;

use crate::error::{Error, Result};
use crate::pipeline::Shared;

/// A source over a topic, with the views that take events from it.
pub(crate) struct SourceReader {
    /// Position in [`TopicState::sources`].
    position: usize,
    shared: Arc<Shared>,
    spec: DecoderSpec,
    selector: SourceSelector,
    /// Positions of the views in the topic's state, with what picks their events.
    views: Vec<(usize, Selector)>,
    /// A reader for each partition.
    partitions: Vec<PartitionReader<Arc<EmbeddedLog>>>,
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
            partitions: Vec::new(),
        })
    }

    /// Position of the source in [`TopicState::sources`].
    pub(crate) const fn position(&self) -> usize {
        self.position
    }

    /// Makes ready to read every partition from the offset in `from`.
    pub(crate) fn seek(&mut self, log: &Arc<EmbeddedLog>, from: &[i64]) -> Result<()> {
        let topic = self.shared.topic();
        self.shared.letters[self.position].begin(topic, from)?;
        self.partitions = (0..)
            .zip(from)
            .map(|(partition, from)| {
                let partition = TopicPartition::new(topic, partition);
                PartitionReader::new(Arc::clone(log), partition, &self.spec, *from)
            })
            .collect::<Result<_, _>>()?;
        Ok(())
    }

    /// The next offset of `partition` to be read.
    pub(crate) fn next_offset(&self, partition: usize) -> i64 {
        self.partitions[partition].next_offset()
    }

    /// Reads on in `partition` up to the offset `until` or for about `max_records`.
    pub(crate) fn read(
        &mut self,
        state: &TopicState,
        partition: usize,
        until: i64,
        max_records: usize,
    ) -> Result<Read> {
        let mut read = Read::default();
        if let Some(decoded) = self.partitions[partition].next(until, max_records)? {
            self.select(state, decoded, &mut read);
        }
        Ok(read)
    }

    /// Reads on in `partition` until the offset `until`, which the log has.
    pub(crate) fn read_to(&mut self, state: &TopicState, partition: usize, until: i64) -> Result<Read> {
        let mut read = Read::default();
        while self.next_offset(partition) < until {
            let Some(decoded) = self.partitions[partition].next(until, usize::MAX)? else { break };
            self.select(state, decoded, &mut read);
        }
        Ok(read)
    }

    fn select(&mut self, state: &TopicState, mut decoded: Decoded, read: &mut Read) {
        read.records += decoded.num_rows() as u64;
        let mut letters = std::mem::take(&mut decoded.dead);
        let events = self.selector.time(&decoded);
        letters.extend(events.dead.iter().cloned());
        let newest = events.times().iter().max().copied().map(Instant::from_micros);
        read.newest = read.newest.max(newest);
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
        read.letters.append(&mut letters);
    }
}
