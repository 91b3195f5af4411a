//! Reading the pinned log through the decoder and the selectors of the online side.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;
use thalweg_definitions::{FeatureView, Fold, Repository, Selector, Source, SourceSelector};
use thalweg_log::{EmbeddedLog, PartitionReader, TopicPartition};

use crate::gather::{Gathered, Wanted};
use crate::reading::Reading;
use crate::{Budget, Cancellation, Error, Pin};

/// Records decoded at a time.
const RECORDS_PER_CHUNK: usize = 16_384;

/// A replay of everything one request needs, each record decoded once per source.
pub(crate) struct Replay<'a> {
    pub(crate) repository: &'a Repository,
    pub(crate) log: &'a EmbeddedLog,
    pub(crate) pin: &'a Pin,
    pub(crate) budget: &'a Budget,
    pub(crate) cancellation: &'a Cancellation,
}

/// One partition of one source, for all the folds over that source.
struct Part<'a> {
    source: &'a Source,
    partition: TopicPartition,
    until: i64,
    /// Positions of the folds over this source.
    folds: Arc<[usize]>,
}

impl Replay<'_> {
    /// For each fold the pieces of its events that are `wanted`, one piece per partition, by partition.
    ///
    /// # Errors
    /// Damage in the log, an exceeded budget, a cancelled request.
    pub(crate) fn gather(
        &self,
        folds: &[Fold<'_>],
        readings: &[Arc<Reading>],
        wanted: Wanted,
    ) -> Result<Vec<Vec<Gathered>>, Error> {
        let parts = self.parts(folds)?;
        let pieces = parts
            .par_iter()
            .map(|part| self.read(part, folds, readings, wanted))
            .collect::<Result<Vec<Vec<Gathered>>, Error>>()?;
        let mut of_fold: Vec<Vec<Gathered>> = folds.iter().map(|_| Vec::new()).collect();
        for (part, pieces) in parts.iter().zip(pieces) {
            for (&fold, piece) in part.folds.iter().zip(pieces) {
                of_fold[fold].push(piece);
            }
        }
        Ok(of_fold)
    }

    fn parts(&self, folds: &[Fold<'_>]) -> Result<Vec<Part<'_>>, Error> {
        let mut by_source: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (position, fold) in folds.iter().enumerate() {
            by_source.entry(fold.view.source.as_str()).or_default().push(position);
        }
        let mut parts = Vec::new();
        for (name, folds) in by_source {
            let source = self.repository.source(name).expect("a checked view's source is defined");
            let pinned = self.pin.of(&source.topic)?;
            let folds: Arc<[usize]> = folds.into();
            // A partition of which nothing is pinned costs nothing, however many of them a pin names.
            let pinned = pinned.next_offsets.iter().enumerate().filter(|&(_, &until)| until > 0);
            parts.extend(pinned.map(|(partition, &until)| Part {
                source,
                partition: TopicPartition { topic: source.topic.clone(), partition: partition as i32 },
                until,
                folds: folds.clone(),
            }));
        }
        Ok(parts)
    }

    fn read(
        &self,
        part: &Part<'_>,
        folds: &[Fold<'_>],
        readings: &[Arc<Reading>],
        wanted: Wanted,
    ) -> Result<Vec<Gathered>, Error> {
        let views: Vec<&FeatureView> = part.folds.iter().map(|&fold| folds[fold].view).collect();
        let cannot = |cause: String| Error::Decode { source_name: part.source.name.clone(), cause };
        let timer = SourceSelector::new(part.source);
        let selectors = views
            .iter()
            .map(|view| {
                let entity =
                    self.repository.entity(&view.entity).expect("a checked view's entity is defined");
                Selector::new(part.source, entity, view).map_err(|cause| cannot(cause.to_string()))
            })
            .collect::<Result<Vec<_>, Error>>()?;
        let spec = part.source.decoder_spec(&views);
        let mut reader = PartitionReader::new(self.log, part.partition.clone(), &spec, 0)?;
        let mut gathered: Vec<Gathered> = part.folds.iter().map(|_| Gathered::default()).collect();
        while let Some(decoded) = reader.next(part.until, RECORDS_PER_CHUNK)? {
            self.cancellation.check()?;
            let timed = timer.time(&decoded);
            for (piece, (selector, &fold)) in gathered.iter_mut().zip(selectors.iter().zip(part.folds.iter()))
            {
                let selected = selector.select(&timed);
                piece.add(&selected, &readings[fold].index, wanted, self.budget)?;
            }
        }
        Ok(gathered)
    }
}
