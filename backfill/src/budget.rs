//! How much memory one request may hold.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::Error;

/// The configuration key of the limit, as errors name it.
pub const MEMORY_BUDGET_KEY: &str = "history.memory_budget_bytes";

/// The limit where none is configured: 4 GiB.
pub const DEFAULT_MEMORY_BUDGET_BYTES: usize = 4 << 30;

/// A limit on the bytes of selected events one request holds at once, shared by its threads.
#[derive(Debug)]
pub struct Budget {
    limit: usize,
    used: AtomicUsize,
}

impl Budget {
    /// A budget of `limit` bytes, none of it used.
    pub fn new(limit: usize) -> Self {
        Self { limit, used: AtomicUsize::new(0) }
    }

    /// Takes `bytes` from the budget.
    ///
    /// # Errors
    /// [`Error::OverBudget`] where the limit would be passed.
    pub(crate) fn take(&self, bytes: usize) -> Result<(), Error> {
        let used = self.used.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if used > self.limit {
            return Err(Error::OverBudget { used, limit: self.limit });
        }
        Ok(())
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(DEFAULT_MEMORY_BUDGET_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_itself_is_within_the_budget() {
        let budget = Budget::new(10);
        assert!(budget.take(10).is_ok());
        assert!(matches!(budget.take(1), Err(Error::OverBudget { used: 11, limit: 10 })));
    }
}
