//! What time it is.

use thalweg_core::Instant;

/// Tells the wall clock's time. What the ingest folds does not depend on it, only when it commits, and how
/// far an event from the future can push out the past.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Instant;
}
