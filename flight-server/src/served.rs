//! What a running server's store had applied when, for training sets of what was served.

use std::fmt;
use std::sync::Arc;

use thalweg_backfill::{AppliedHistory, AppliedMoment};
use thalweg_core::Instant;
use thalweg_ingest::{Clock, Serving};

/// The history of the states that serve.
pub struct ServedHistory {
    serving: Arc<Serving>,
    clock: Arc<dyn Clock>,
}

impl ServedHistory {
    /// The history of the states of `serving`, which goes by `clock`.
    pub fn new(serving: Arc<Serving>, clock: Arc<dyn Clock>) -> Self {
        Self { serving, clock }
    }
}

impl fmt::Debug for ServedHistory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServedHistory")
    }
}

impl AppliedHistory for ServedHistory {
    fn read(
        &self,
        topic: &str,
        from: Instant,
        visit: &mut dyn FnMut(&AppliedMoment),
    ) -> Result<Instant, String> {
        let now = self.clock.now();
        let Some(state) = self.serving.topic(topic) else { return Ok(now) };
        let told = state.history(from, now, |moment| {
            visit(&AppliedMoment {
                at: moment.at,
                unknown_before: moment.unknown_before,
                next: moment.next.clone(),
            });
        });
        told.map(|()| now).map_err(|cause| cause.to_string())
    }
}
