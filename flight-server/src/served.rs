//! What a running server's store had applied when, for training sets of what was served.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use thalweg_backfill::{AppliedHistory, AppliedMoment, Cancellation};
use thalweg_core::Instant;
use thalweg_ingest::{Clock, Serving};

/// The history of the states that serve, whichever these are when it is read.
pub struct ServedHistory {
    what_serves: Box<dyn Fn() -> Arc<Serving> + Send + Sync>,
    clock: Arc<dyn Clock>,
    cancellation: Cancellation,
}

impl ServedHistory {
    /// The history of the states that `what_serves` gives, which go by `clock`, for who may cancel.
    pub fn new(
        what_serves: impl Fn() -> Arc<Serving> + Send + Sync + 'static,
        clock: Arc<dyn Clock>,
        cancellation: Cancellation,
    ) -> Self {
        Self { what_serves: Box::new(what_serves), clock, cancellation }
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
        loop {
            let serving = (self.what_serves)();
            let Some(state) = serving.topic(topic) else { return Ok(self.clock.now()) };
            let told = state.history(
                from,
                || self.clock.now(),
                |moment| {
                    visit(&AppliedMoment {
                        at: moment.at,
                        unknown_before: moment.unknown_before,
                        set_back_to: moment.set_back_to,
                        next: moment.next.clone(),
                    });
                    match self.cancellation.is_cancelled() {
                        true => ControlFlow::Break(()),
                        false => ControlFlow::Continue(()),
                    }
                },
            );
            return match told {
                Ok(_) if self.cancellation.is_cancelled() => Err("nobody waits for it any more".to_owned()),
                Ok(now) => Ok(now),
                // Other states have taken it over, before anything of it was told.
                Err(thalweg_store::Error::Broken { .. }) if !Arc::ptr_eq(&serving, &(self.what_serves)()) => {
                    continue;
                }
                Err(cause) => Err(cause.to_string()),
            };
        }
    }
}
