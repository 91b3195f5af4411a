//! `approx_percentile`: values at given ranks, to within a bucket.
//!
//! Numbers are counted in buckets so narrow that the middle of one is within 1 % of all its numbers, as in DDSketch
//! (Masson, Rim and Lee, 2019). Its buckets grow by a factor each, which takes logarithms; these split every power of
//! two into equal parts, so that a bucket is the first bits of a double, the same on every machine. Counts merge exactly
//! in any order, and can be taken back.

mod bucket;
mod sweep;

use std::collections::BTreeMap;
use std::ops::Range;

use arrow::error::ArrowError;

use crate::codec::{CodecError, Reader, put_signed, put_unsigned};
use crate::lane::{Cells, Lane, Lanes};
use crate::pass::Pass;
use crate::{Aggregation, FieldType, Instant, Order, Percentile, Value};

use super::{Filled, Kind, Partial, Types};
use bucket::Bucket;

/// The family of approximate percentiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quantiles;

impl Kind for Quantiles {
    type Partial = BucketCounts;

    fn identity(self, types: Types) -> BucketCounts {
        BucketCounts { of_integers: types.values.is_some_and(FieldType::is_integer), counts: BTreeMap::new() }
    }

    fn sweep(self, pass: &Pass<'_>, aggregations: &[&Aggregation]) -> Result<Vec<Filled>, ArrowError> {
        sweep::sweep(pass, aggregations)
    }
}

/// How many values lie in each bucket.
#[derive(Clone, Debug)]
pub(crate) struct BucketCounts {
    of_integers: bool,
    counts: BTreeMap<Bucket, u64>,
}

/// The bucket of the value of `lane` at `row`; of what is no number there is none.
fn bucket_at(lane: &Lane<'_>, row: usize) -> Option<Bucket> {
    Some(Bucket::of(match lane.cells() {
        Cells::Int32(values) => values[row].into(),
        Cells::Int64(values) => values[row] as f64,
        Cells::Float32(values) => values[row].into(),
        Cells::Float64(values) => values[row],
        Cells::Bool(_) | Cells::Bytes { .. } => return None,
    }))
}

/// The place, from 1 on, of the value at `percentile` among `count` in order: the first one with at least that share
/// of all at it or before.
fn rank(percentile: Percentile, count: u64) -> u64 {
    let share = u128::from(percentile.billionths()) * u128::from(count);
    share.div_ceil(1_000_000_000).max(1) as u64
}

impl Partial for BucketCounts {
    fn add(&mut self, lanes: &Lanes<'_>, rows: Range<usize>, _: &dyn Fn(usize) -> Order) {
        let Some(lane) = &lanes.values else { return };
        for bucket in lanes.rows(rows).filter_map(|row| bucket_at(lane, row)) {
            *self.counts.entry(bucket).or_default() += 1;
        }
    }

    fn merge(&mut self, other: &Self) {
        for (bucket, count) in &other.counts {
            let counted = self.counts.entry(*bucket).or_default();
            *counted = counted.saturating_add(*count);
        }
    }

    fn finish(&self, aggregation: &Aggregation, _: Instant) -> Value {
        let Aggregation::ApproxPercentile { percentiles } = aggregation else { return Value::Null };
        if self.counts.is_empty() {
            return Value::Null;
        }
        let count = self.counts.values().fold(0, |sum: u64, count| sum.saturating_add(*count));
        let value = |percentile: &Percentile| {
            let mut left = rank(*percentile, count);
            let at = self.counts.iter().find(|(_, count)| {
                left = left.saturating_sub(**count);
                left == 0
            });
            let bucket = at.or(self.counts.last_key_value()).map(|(bucket, _)| *bucket);
            bucket.map_or(Value::Null, |bucket| Value::Float64(bucket.value(self.of_integers)))
        };
        Value::List(percentiles.iter().map(value).collect())
    }

    fn heap_bytes(&self) -> usize {
        self.counts.len() * size_of::<(Bucket, u64)>()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        put_unsigned(out, self.counts.len() as u64);
        let mut before = 0;
        for (bucket, count) in &self.counts {
            put_signed(out, bucket.number() - before);
            put_unsigned(out, *count);
            before = bucket.number();
        }
    }

    fn decode(&mut self, _: Types, bytes: &mut Reader<'_>) -> Result<(), CodecError> {
        const DAMAGED: CodecError = CodecError::Invalid("counts of buckets are not well-formed");
        let mut before = 0_i64;
        for _ in 0..bytes.count()? {
            let number = before.checked_add(bytes.signed()?).ok_or(DAMAGED)?;
            let bucket = Bucket::numbered(number).ok_or(DAMAGED)?;
            let count = bytes.unsigned()?;
            let follows = self.counts.last_key_value().is_none_or(|(last, _)| *last < bucket);
            if !follows || count == 0 {
                return Err(DAMAGED);
            }
            self.counts.insert(bucket, count);
            before = number;
        }
        Ok(())
    }
}
