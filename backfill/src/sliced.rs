//! Answers that are computed a slice at a time.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use crate::{Commit, Error};

/// An answer that is computed a slice at a time: a training set or a history.
pub trait Sliced {
    /// The schema of all slices.
    fn schema(&self) -> &SchemaRef;

    /// What the answer is a function of.
    fn commit(&self) -> &Commit;

    /// The next rows, no more of them than are swept at a time; none after the last.
    ///
    /// # Errors
    /// Columns that Arrow cannot put together; [`Error::OverBudget`] where one key of a history changes more often than
    /// memory holds; [`Error::Cancelled`].
    fn next_slice(&mut self) -> Result<Option<RecordBatch>, Error>;

    /// Whether there is no next slice.
    fn is_done(&self) -> bool;

    /// For each on-demand feature view how often an expression failed, and gave null, on what was computed since this
    /// was last asked.
    fn take_failed_expressions(&mut self) -> BTreeMap<String, u64>;
}
