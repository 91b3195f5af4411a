//! An on-demand feature view as an answer takes it.

use arrow::array::{ArrayRef, RecordBatch};

use super::OnDemandView;

/// A column of a fold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FoldColumn {
    /// Position of the fold in [`Layout::folds`](crate::Layout::folds).
    pub fold: usize,
    /// Position of the feature in the fold's plan.
    pub feature_index: usize,
}

/// An on-demand feature view, and where its inputs are.
#[derive(Clone, Debug)]
pub struct OnDemand<'a> {
    /// The view.
    pub view: &'a OnDemandView,
    /// Where each of the view's [`inputs`](OnDemandView::inputs) comes from.
    pub inputs: Vec<FoldColumn>,
}

impl OnDemand<'_> {
    /// The batch of `rows` rows that the features are evaluated on, from the values of folds and of request
    /// inputs.
    ///
    /// # Errors
    /// Those of the two functions.
    ///
    /// # Panics
    /// If they give a column of another length or type than that of the input.
    pub fn input_batch<E>(
        &self,
        rows: usize,
        of_fold: impl Fn(FoldColumn) -> Result<ArrayRef, E>,
        of_request: impl Fn(&str) -> Result<ArrayRef, E>,
    ) -> Result<RecordBatch, E> {
        let features = self.inputs.iter().map(|input| of_fold(*input));
        let request = self.view.request.iter().map(|input| of_request(&input.name));
        let columns = features.chain(request).collect::<Result<Vec<_>, E>>()?;
        Ok(self.view.input_batch(columns, rows))
    }
}
