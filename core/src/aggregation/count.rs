//! `count`: how many events, or how many values.

use std::ops::Range;

use crate::codec::{CodecError, Reader, put_unsigned};
use crate::lane::Lane;
use crate::{Aggregation, FieldType, Order, Value};

use super::Partial;

/// How many values were seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Count(u64);

impl Partial for Count {
    fn add(&mut self, lane: Option<&Lane<'_>>, rows: Range<usize>, _: &dyn Fn(usize) -> Order) {
        let rows = lane.map_or(rows.len(), |lane| lane.count(rows));
        self.0 = self.0.saturating_add(rows as u64);
    }

    fn merge(&mut self, other: &Self) {
        self.0 = self.0.saturating_add(other.0);
    }

    fn finish(&self, _: Aggregation) -> Value {
        Value::Int64(i64::try_from(self.0).unwrap_or(i64::MAX))
    }

    fn heap_bytes(&self) -> usize {
        0
    }

    fn encode(&self, out: &mut Vec<u8>) {
        put_unsigned(out, self.0);
    }

    fn decode(&mut self, _: Option<FieldType>, bytes: &mut Reader<'_>) -> Result<(), CodecError> {
        self.0 = bytes.unsigned()?;
        Ok(())
    }
}
