//! Records: written to the log, and read back as training sets.

use std::collections::BTreeSet;

use arrow::array::RecordBatch;
use thalweg_backfill::{Cancellation, TrainingSet, TrainingSetRequest, training_set};
use thalweg_definitions::Source;
use thalweg_ingest::Clock;

use super::Node;
use crate::clock::WallClock;
use crate::produce::{ProduceOptions, Produced, Producer};
use crate::{Error, Kind};

impl Node {
    /// Makes a training set from the log.
    ///
    /// # Errors
    /// What [`training_set`] says.
    pub fn training_set(
        &self,
        request: &TrainingSetRequest,
        cancellation: &Cancellation,
    ) -> Result<TrainingSet, Error> {
        let budget = self.memory.budget();
        Ok(training_set(&self.repository(), &*self.log, request, &budget, cancellation)?)
    }

    /// The source of the registered definitions that reads `topic`.
    ///
    /// # Errors
    /// NOT_FOUND, with the topics there are sources for.
    pub fn source_of(&self, topic: &str) -> Result<Source, Error> {
        let repository = self.repository();
        let known: BTreeSet<&str> = repository.sources.iter().map(|source| source.topic.as_str()).collect();
        repository.sources.iter().find(|source| source.topic == topic).cloned().ok_or_else(|| {
            Error::new(
                Kind::NotFound,
                format!(
                    "no registered source reads topic `{topic}`, so its format is not known; sources read: {}. Apply a definition first",
                    if known.is_empty() { "nothing yet".to_owned() } else { known.into_iter().collect::<Vec<_>>().join(", ") }
                ),
            )
        })
    }

    /// Appends rows to `topic`, a batch at a time, and returns when all are durable.
    ///
    /// # Errors
    /// Rows that do not fit; those of earlier batches are then written, and the message says how many.
    pub fn produce(
        &self,
        topic: &str,
        options: ProduceOptions,
        batches: impl Iterator<Item = Result<RecordBatch, Error>>,
        mut progress: impl FnMut(u64),
    ) -> Result<Produced, Error> {
        let source = self.source_of(topic)?;
        let mut producer = Producer::new(&*self.log, &source, options)?;
        for batch in batches {
            let written = batch.and_then(|batch| producer.produce(&batch, WallClock.now()));
            if let Err(error) = written {
                let records = producer.produced().records;
                return Err(Error::new(
                    error.kind,
                    format!(
                        "{} ({records} records of this file were written before it, and stay)",
                        error.message
                    ),
                ));
            }
            progress(producer.produced().records);
        }
        Ok(producer.produced().clone())
    }
}
