//! Waiting for what other threads do.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Wakes those who wait for offsets to be applied, of any topic, or for definitions to change.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    steps: Mutex<u64>,
    made: Condvar,
}

impl Progress {
    /// Tells everybody who waits to look again.
    pub(crate) fn announce(&self) {
        *self.lock() += 1;
        self.made.notify_all();
    }

    /// Waits until `done` gives an answer, at most for `timeout`.
    pub(crate) fn wait_for<T>(&self, timeout: Duration, mut done: impl FnMut() -> Option<T>) -> Option<T> {
        let mut answer = None;
        let (steps, _) = self
            .made
            .wait_timeout_while(self.lock(), timeout, |_| {
                answer = done();
                answer.is_none()
            })
            .unwrap_or_else(PoisonError::into_inner);
        drop(steps);
        answer
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
