//! Reading the pinned log through the decoder and the selectors of the online side.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;
use thalweg_definitions::{FeatureView, Fold, Repository, Selected, Selector, Source, SourceSelector};
use thalweg_log::{Log, PartitionReader, TopicPartition};

use crate::gather::{Gathered, Wanted};
use crate::reading::Keys;
use crate::{Budget, Cancellation, Error, Pin};

/// Records decoded at a time.
const RECORDS_PER_CHUNK: usize = 16_384;

/// A replay of everything one request needs, each record decoded once per source.
pub(crate) struct Replay<'a> {
    pub(crate) repository: &'a Repository,
    pub(crate) log: &'a dyn Log,
    pub(crate) pin: &'a Pin,
    pub(crate) budget: &'a Budget,
    pub(crate) cancellation: &'a Cancellation,
}

/// One partition of one source, for all the views over that source.
struct Part<'a> {
    source: &'a Source,
    partition: TopicPartition,
    until: i64,
    /// Positions of the views over this source.
    views: Arc<[usize]>,
}

impl Replay<'_> {
    /// For each fold the pieces of its events that are `wanted`, one piece per partition, by partition.
    ///
    /// # Errors
    /// Damage in the log, an exceeded budget, a cancelled request.
    pub(crate) fn gather(
        &self,
        folds: &[Fold<'_>],
        keys: &[Arc<Keys>],
        wanted: Wanted,
    ) -> Result<Vec<Vec<Gathered>>, Error> {
        let views: Vec<_> = folds.iter().map(|fold| fold.view).collect();
        self.collect(&views, |piece: &mut Gathered, fold, selected| {
            piece.add(selected, &keys[fold].index, wanted, self.budget)
        })
    }

    /// For each of `views` what `add` makes of its events, which it is given batch by batch with the view's
    /// position: a piece per partition, by partition.
    ///
    /// # Errors
    /// Damage in the log, a cancelled request, what `add` says.
    pub(crate) fn collect<P: Default + Send>(
        &self,
        views: &[&FeatureView],
        add: impl Fn(&mut P, usize, &Selected) -> Result<(), Error> + Sync,
    ) -> Result<Vec<Vec<P>>, Error> {
        let parts = self.parts(views)?;
        let pieces = parts
            .par_iter()
            .map(|part| self.read(part, views, &add))
            .collect::<Result<Vec<Vec<P>>, Error>>()?;
        let mut of_view: Vec<Vec<P>> = views.iter().map(|_| Vec::new()).collect();
        for (part, pieces) in parts.iter().zip(pieces) {
            for (&view, piece) in part.views.iter().zip(pieces) {
                of_view[view].push(piece);
            }
        }
        Ok(of_view)
    }

    fn parts(&self, views: &[&FeatureView]) -> Result<Vec<Part<'_>>, Error> {
        let mut by_source: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (position, view) in views.iter().enumerate() {
            by_source.entry(view.source.as_str()).or_default().push(position);
        }
        let mut parts = Vec::new();
        for (name, views) in by_source {
            let source = self.repository.source(name).expect("a checked view's source is defined");
            let pinned = self.pin.of(&source.topic)?;
            let views: Arc<[usize]> = views.into();
            // A partition of which nothing is pinned costs nothing, however many of them a pin names.
            let pinned = pinned.next_offsets.iter().enumerate().filter(|&(_, &until)| until > 0);
            parts.extend(pinned.map(|(partition, &until)| Part {
                source,
                partition: TopicPartition { topic: source.topic.clone(), partition: partition as i32 },
                until,
                views: views.clone(),
            }));
        }
        Ok(parts)
    }

    fn read<P: Default>(
        &self,
        part: &Part<'_>,
        views: &[&FeatureView],
        add: impl Fn(&mut P, usize, &Selected) -> Result<(), Error>,
    ) -> Result<Vec<P>, Error> {
        let of_source: Vec<&FeatureView> = part.views.iter().map(|&view| views[view]).collect();
        let cannot = |cause: String| Error::Decode { source_name: part.source.name.clone(), cause };
        let timer = SourceSelector::new(part.source);
        let selectors = of_source
            .iter()
            .map(|view| {
                let entity =
                    self.repository.entity(&view.entity).expect("a checked view's entity is defined");
                Selector::new(part.source, entity, view).map_err(|cause| cannot(cause.to_string()))
            })
            .collect::<Result<Vec<_>, Error>>()?;
        let spec = part.source.decoder_spec(&of_source);
        let mut reader = PartitionReader::new(self.log, part.partition.clone(), &spec, 0)?;
        let mut pieces: Vec<P> = part.views.iter().map(|_| P::default()).collect();
        while let Some(decoded) = reader.next(part.until, RECORDS_PER_CHUNK)? {
            self.cancellation.check()?;
            let timed = timer.time(&decoded);
            for (piece, (selector, &view)) in pieces.iter_mut().zip(selectors.iter().zip(part.views.iter())) {
                add(piece, view, &selector.select(&timed))?;
            }
        }
        Ok(pieces)
    }
}
