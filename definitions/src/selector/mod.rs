//! From decoded records to the events of each view.

use arrow::array::Int64Array;
use arrow::buffer::ScalarBuffer;
use arrow::record_batch::RecordBatch;
use thalweg_core::Selection;
use thalweg_log::{DeadLetter, Decoded, DecoderSpec};

use crate::{Entity, ExpressionError, FeatureView, Source};

/// The step taken once for each batch of a source, whatever number of views stand over it: event times, the
/// records that have none, and those too far ahead of their append time.
#[derive(Clone, Debug)]
pub struct SourceSelector;

/// A batch of records, each of which is an event of its source.
#[derive(Clone, Debug)]
pub struct TimedBatch {
    /// Topic and partition of the records, and everything else that [`Selector::select`] needs.
    pub topic: String,
    /// Partition of the records.
    pub partition: i32,
    /// Offsets of the records that are events.
    pub offsets: ScalarBuffer<i64>,
    /// Record timestamps, microseconds since the epoch.
    pub timestamps: ScalarBuffer<i64>,
    /// Event times, microseconds since the epoch.
    pub times: ScalarBuffer<i64>,
    /// Values of the source's `order_by` field, where it names one.
    pub order_by: Option<Int64Array>,
    /// The decoded fields, a row for each event.
    pub columns: RecordBatch,
    /// Records of the batch that are no events (event time missing, or too far ahead), dead for every view.
    pub dead: Vec<DeadLetter>,
}

/// Picks the events of one view out of the batches of its source.
#[derive(Clone, Debug)]
pub struct Selector;

/// The events of one view in a batch, and what was dead for it.
#[derive(Clone, Debug)]
pub struct Selected {
    /// Events that pass the view's `where` and have its join key.
    pub selection: Selection,
    /// Records that pass the view's `where` and lack its join key; each names the view.
    pub dead: Vec<DeadLetter>,
    /// Evaluations that failed and gave null, over all of the view's expressions.
    pub failed_expressions: u64,
}

impl SourceSelector {
    /// The step for `source`.
    pub fn new(source: &Source) -> Self {
        let _ = source;
        Self
    }

    /// Gives the events among decoded records.
    pub fn time(&self, decoded: &Decoded) -> TimedBatch {
        let _ = decoded;
        unreachable!("signatures only")
    }
}

impl Selector {
    /// Compiles the expressions of a checked view. Fails where the view was not checked against this source
    /// and entity.
    pub fn new(source: &Source, entity: &Entity, view: &FeatureView) -> Result<Self, ExpressionError> {
        let _ = (source, entity, view);
        Ok(Self)
    }

    /// Picks the view's events.
    pub fn select(&self, batch: &TimedBatch) -> Selected {
        let _ = batch;
        unreachable!("signatures only")
    }
}

impl Source {
    /// What to decode of this source's records for `views`: the fields their expressions read, the event time,
    /// the append time and `order_by`; nothing else.
    pub fn decoder_spec(&self, views: &[&FeatureView]) -> DecoderSpec {
        let _ = views;
        unreachable!("signatures only")
    }
}
