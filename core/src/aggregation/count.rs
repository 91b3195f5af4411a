//! `count`: how many events, or how many values.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use arrow::error::ArrowError;

use crate::codec::{CodecError, Reader, put_unsigned};
use crate::lane::Lanes;
use crate::pass::Pass;
use crate::{Aggregation, Instant, Order, Value};

use super::{Filled, Kind, Partial, Types};

/// The family of `count`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts;

/// How many values were seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Count(u64);

impl Kind for Counts {
    type Partial = Count;

    fn identity(self, _: Types) -> Count {
        Count::default()
    }

    fn sweep(self, pass: &Pass<'_>, aggregations: &[&Aggregation]) -> Result<Vec<Filled>, ArrowError> {
        let counts = pass.ranges.iter().map(|(start, end)| (end - start) as i64);
        let column: ArrayRef = Arc::new(Int64Array::from_iter_values(counts));
        Ok(aggregations.iter().map(|_| Arc::clone(&column).into()).collect())
    }
}

impl Partial for Count {
    fn add(&mut self, lanes: &Lanes<'_>, rows: Range<usize>, _: &dyn Fn(usize) -> Order) {
        let rows = lanes.values.map_or(rows.len(), |lane| lane.count(rows));
        self.0 = self.0.saturating_add(rows as u64);
    }

    fn merge(&mut self, other: &Self) {
        self.0 = self.0.saturating_add(other.0);
    }

    fn finish(&self, _: &Aggregation, _: Instant) -> Value {
        Value::Int64(i64::try_from(self.0).unwrap_or(i64::MAX))
    }

    fn heap_bytes(&self) -> usize {
        0
    }

    fn encode(&self, out: &mut Vec<u8>) {
        put_unsigned(out, self.0);
    }

    fn decode(&mut self, _: Types, bytes: &mut Reader<'_>) -> Result<(), CodecError> {
        self.0 = bytes.unsigned()?;
        Ok(())
    }
}
