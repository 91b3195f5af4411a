//! How much memory requests may hold: each of them, and all together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::Error;

/// The configuration key of the limit on one request, as errors name it.
pub const MEMORY_BUDGET_KEY: &str = "history.memory_budget_bytes";

/// The configuration key of the limit on all requests together, as errors name it.
pub const TOTAL_MEMORY_KEY: &str = "history.total_memory_bytes";

/// The limit on one request where none is configured: 4 GiB.
pub const DEFAULT_MEMORY_BUDGET_BYTES: usize = 4 << 30;

/// Memory that requests about the past share. What one holds it gives back, and others may take it.
#[derive(Debug)]
pub struct Memory {
    of_each: usize,
    of_all: usize,
    held: AtomicUsize,
}

/// Bytes of a [`Memory`], given back when this goes.
#[derive(Debug)]
pub struct Held {
    memory: Arc<Memory>,
    bytes: usize,
}

/// A limit on the bytes of selected events one request holds at once, shared by its threads; they are given back
/// when the last clone goes.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Used>);

/// Bytes of a [`Budget`] that are given back when this goes, before the request ends.
#[derive(Debug)]
pub(crate) struct Loan {
    budget: Budget,
    bytes: usize,
}

#[derive(Debug)]
struct Used {
    memory: Arc<Memory>,
    bytes: AtomicUsize,
}

impl Memory {
    /// Memory of which one request may hold `of_each` bytes for its events, and all requests together `of_all` for
    /// whatever they hold.
    pub fn new(of_each: usize, of_all: usize) -> Self {
        Self { of_each, of_all, held: AtomicUsize::new(0) }
    }

    /// The budget of one request, none of it used.
    pub fn budget(self: &Arc<Self>) -> Budget {
        Budget(Arc::new(Used { memory: Arc::clone(self), bytes: AtomicUsize::new(0) }))
    }

    /// Takes `bytes`, for what is held beside events.
    ///
    /// # Errors
    /// [`Error::OverMemory`] where all requests together would hold too much.
    pub fn hold(self: &Arc<Self>, bytes: usize) -> Result<Held, Error> {
        self.take(bytes)?;
        Ok(Held { memory: Arc::clone(self), bytes })
    }

    fn take(&self, bytes: usize) -> Result<(), Error> {
        add_within(&self.held, bytes, self.of_all)
            .map_err(|held| Error::OverMemory { held, limit: self.of_all })
    }

    fn give_back(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.memory.give_back(self.bytes);
    }
}

impl Budget {
    /// A budget of `limit` bytes, none of it used, for a request that shares memory with no other.
    pub fn new(limit: usize) -> Self {
        Arc::new(Memory::new(limit, usize::MAX)).budget()
    }

    /// A loan of nothing yet.
    pub(crate) fn loan(&self) -> Loan {
        Loan { budget: self.clone(), bytes: 0 }
    }

    /// Takes `bytes` from the budget.
    ///
    /// # Errors
    /// [`Error::OverBudget`] where its limit would be passed, [`Error::OverMemory`] where that of all would.
    pub(crate) fn take(&self, bytes: usize) -> Result<(), Error> {
        let Used { memory, bytes: used } = &*self.0;
        add_within(used, bytes, memory.of_each)
            .map_err(|used| Error::OverBudget { used, limit: memory.of_each })?;
        memory.take(bytes).inspect_err(|_| {
            used.fetch_sub(bytes, Ordering::Relaxed);
        })
    }
}

impl Loan {
    /// Takes `bytes` more.
    ///
    /// # Errors
    /// What [`Budget::take`] says.
    pub(crate) fn take(&mut self, bytes: usize) -> Result<(), Error> {
        self.budget.take(bytes)?;
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        let Used { memory, bytes: used } = &*self.budget.0;
        used.fetch_sub(self.bytes, Ordering::Relaxed);
        memory.give_back(self.bytes);
    }
}

impl Drop for Used {
    fn drop(&mut self) {
        self.memory.give_back(*self.bytes.get_mut());
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(DEFAULT_MEMORY_BUDGET_BYTES)
    }
}

/// Adds `bytes` to `sum` where it stays within `limit`; else gives what it would be.
fn add_within(sum: &AtomicUsize, bytes: usize, limit: usize) -> Result<(), usize> {
    let within = |sum: usize| sum.checked_add(bytes).filter(|sum| *sum <= limit);
    let added = sum.fetch_update(Ordering::Relaxed, Ordering::Relaxed, within);
    added.map(drop).map_err(|sum| sum.saturating_add(bytes))
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

    #[test]
    fn a_loan_is_given_back_before_the_request_ends() {
        let memory = Arc::new(Memory::new(10, 15));
        let budget = memory.budget();
        budget.take(3).expect("within the budget");
        let mut loan = budget.loan();
        loan.take(7).expect("within the budget");
        assert!(matches!(loan.take(1), Err(Error::OverBudget { used: 11, limit: 10 })));
        drop(loan);
        assert!(budget.take(7).is_ok() && memory.hold(5).is_ok() && memory.hold(6).is_err());
    }

    #[test]
    fn requests_share_memory_and_give_it_back() {
        let memory = Arc::new(Memory::new(10, 15));
        let (one, other) = (memory.budget(), memory.budget());
        one.take(10).expect("its own limit");
        other.take(4).expect("within that of all");
        assert!(matches!(other.take(2), Err(Error::OverMemory { held: 16, limit: 15 })));
        let kept = other.clone();
        drop((one, other));
        let held = memory.hold(11).expect("what the first gave back");
        assert!(memory.hold(1).is_err());
        drop((held, kept));
        assert!(memory.hold(15).is_ok(), "what was refused is not held");
    }
}
