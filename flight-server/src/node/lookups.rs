//! Online answers, and waiting for what they rest on.

use std::sync::Arc;
use std::time::Duration;

use thalweg_backfill::{AppliedHistory, Cancellation, Features};
use thalweg_core::Instant;
use thalweg_ingest::{Clock as _, Ingest, Serving};
use thalweg_log::TopicPartition;

use super::Node;
use super::definitions::shown;
use crate::clock::WallClock;
use crate::config::Clock;
use crate::lookup::{LookupAnswer, LookupRequest, lookup};
use crate::served::ServedHistory;
use crate::{Error, Kind};

impl Node {
    /// Answers a lookup by the definitions that serve.
    ///
    /// # Errors
    /// As the wire contract says of GetFeatures.
    pub fn lookup(&self, request: &LookupRequest) -> Result<LookupAnswer, Error> {
        let ingest = self.ingest()?;
        let (clock, limit) = (self.config.clock, self.config.limits.lookup_rows);
        loop {
            let serving = ingest.serving();
            let error = match lookup(&serving, request, clock, || WallClock.now(), limit) {
                Ok(Some(answer)) => return Ok(answer),
                // Other definitions have come to serve meanwhile: they are asked, from the beginning.
                Ok(None) if !Arc::ptr_eq(&serving, &ingest.serving()) => continue,
                Ok(None) => {
                    return Err(Error::internal(
                        "changed definitions were only half swapped in: restart the server, and report what its log says",
                    ));
                }
                Err(error) => error,
            };
            if Arc::ptr_eq(&serving, &ingest.serving()) {
                return Err(self.or_not_yet(ingest, request, error));
            }
        }
    }

    /// What "now" is for these features, by the clock of the settings: the wall's, or the least watermark of the
    /// sources that they rest on.
    ///
    /// # Errors
    /// Features that are not defined; FAILED_PRECONDITION where no event has been applied of some source, or none
    /// is applied here.
    pub fn now(&self, features: &Features) -> Result<Instant, Error> {
        if self.config.clock == Clock::Wall {
            return Ok(WallClock.now());
        }
        let unknown = || {
            Error::new(
                Kind::FailedPrecondition,
                "what now is cannot be told: by the setting `clock: stream` it is the watermark, and there is none \
                 yet; name the instant",
            )
        };
        let Some(ingest) = &self.ingest else { return Err(unknown()) };
        let serving = ingest.serving();
        let watermark = |source: &String| serving.source(source)?.read().watermark(source);
        features.sources(&self.repository())?.iter().map(watermark).min().flatten().ok_or_else(unknown)
    }

    /// Where the definitions that serve lack something that the registered ones have, that is what is said.
    fn or_not_yet(&self, ingest: &Ingest, request: &LookupRequest, error: Error) -> Error {
        if error.kind != Kind::NotFound {
            return error;
        }
        let registered = self.repository();
        let (Ok(features), Some(building)) =
            (request.features.resolve(&registered), ingest.status().building)
        else {
            return error;
        };
        let views = registered.views_of_features(&features);
        let builds = shown(&building, |view| views.contains(view));
        Error::new(
            Kind::FailedPrecondition,
            format!(
                "these features are registered and do not serve yet, what they need is being built from the log: \
                 {builds}; try again later, or see `thalweg status`"
            ),
        )
    }

    /// What answers lookups now.
    ///
    /// # Errors
    /// FAILED_PRECONDITION where no features are kept here.
    pub(crate) fn serving(&self) -> Result<Arc<Serving>, Error> {
        Ok(self.ingest()?.serving())
    }

    /// What was applied of the topics that serve, and when, for who may cancel; none where nothing serves.
    pub fn history(&self, cancellation: &Cancellation) -> Option<Arc<dyn AppliedHistory>> {
        let what_serves = self.ingest.as_ref()?.what_serves();
        Some(Arc::new(ServedHistory::new(what_serves, Arc::new(WallClock), cancellation.clone())))
    }

    /// Waits until the offsets below `wanted` (topic, partition, next offset) are applied.
    ///
    /// # Errors
    /// DEADLINE_EXCEEDED after `timeout`.
    pub fn wait_applied(&self, wanted: &[(TopicPartition, i64)], timeout: Duration) -> Result<(), Error> {
        match wanted.is_empty() || self.is_applied(wanted, timeout)? {
            true => Ok(()),
            false => Err(not_applied(timeout)),
        }
    }

    /// Whether the offsets below `wanted` are applied now or within `timeout`.
    ///
    /// # Errors
    /// A topic or partition that will never be applied.
    pub fn is_applied(&self, wanted: &[(TopicPartition, i64)], timeout: Duration) -> Result<bool, Error> {
        for (at, _) in wanted {
            let topic = self.log.topic(&at.topic)?;
            if let Some(topic) = topic.filter(|topic| !(0..topic.partitions).contains(&at.partition)) {
                let there = topic.partitions;
                return Err(Error::invalid(format!(
                    "there is no partition {at}: the topic has {there}, numbered from 0"
                )));
            }
        }
        let offsets: Vec<_> =
            wanted.iter().map(|(at, next)| (at.topic.as_str(), at.partition, *next)).collect();
        Ok(self.ingest()?.wait_applied(&offsets, timeout)?)
    }

    fn ingest(&self) -> Result<&Ingest, Error> {
        self.ingest.as_ref().ok_or_else(|| {
            Error::new(Kind::FailedPrecondition, "no features are kept here; ask a server: `thalweg serve`")
        })
    }
}

/// What is said where offsets were waited for in vain.
pub(crate) fn not_applied(waited: Duration) -> Error {
    Error::new(
        Kind::DeadlineExceeded,
        format!(
            "min_offsets were not applied within {} ms; ask again, or see `thalweg status`",
            waited.as_millis()
        ),
    )
}
