//! `count_distinct`, `top_k` and `histogram`: how often each value occurs.

mod sweep;

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;
use std::ops::Range;

use arrow::error::ArrowError;

use crate::codec::{CodecError, Reader, put_unsigned, put_value};
use crate::lane::Lanes;
use crate::pass::Pass;
use crate::{Aggregation, Instant, Order, Value};

use super::extremes::compare;
use super::{Filled, Kind, Partial, Types};

/// The family of counts of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ValueCountsOf {
    /// How many values are told apart at most.
    pub(super) limit: u32,
}

impl Kind for ValueCountsOf {
    type Partial = ValueCounts;

    fn identity(self, _: Types) -> ValueCounts {
        ValueCounts { limit: self.limit, counts: Some(BTreeMap::new()) }
    }

    fn sweep(self, pass: &Pass<'_>, aggregations: &[&Aggregation]) -> Result<Vec<Filled>, ArrowError> {
        sweep::sweep(pass, self.limit, aggregations)
    }
}

/// How often each value was seen, as long as there are few enough of them. Too many and any others are too many:
/// that is a zero of this monoid.
#[derive(Clone, Debug)]
pub(crate) struct ValueCounts {
    limit: u32,
    /// None once there were too many values.
    counts: Option<BTreeMap<Distinct, u64>>,
}

impl ValueCounts {
    fn count(&mut self, value: Distinct, times: u64) {
        let Some(counts) = &mut self.counts else { return };
        let counted = counts.entry(value).or_default();
        *counted = counted.saturating_add(times);
        if counts.len() > self.limit as usize {
            self.counts = None;
        }
    }
}

/// A value that equals others as counts of distinct values have it: the two zeros of floats are one.
#[derive(Clone, Debug)]
struct Distinct(Value);

impl Distinct {
    fn of(value: Value) -> Self {
        // Adding zero takes the sign from a zero and changes nothing else.
        Self(match value {
            Value::Float32(x) => Value::Float32(x + 0.0),
            Value::Float64(x) => Value::Float64(x + 0.0),
            value => value,
        })
    }
}

impl Ord for Distinct {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(&self.0, &other.0)
    }
}

impl PartialOrd for Distinct {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Distinct {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Distinct {}

impl Partial for ValueCounts {
    fn add(&mut self, lanes: &Lanes<'_>, rows: Range<usize>, _: &dyn Fn(usize) -> Order) {
        let Some(lane) = &lanes.values else { return };
        lanes.rows(rows).for_each(|row| self.count(Distinct::of(lane.value(row)), 1));
    }

    fn merge(&mut self, other: &Self) {
        match &other.counts {
            Some(counts) => counts.iter().for_each(|(value, times)| self.count(value.clone(), *times)),
            None => self.counts = None,
        }
    }

    fn finish(&self, aggregation: &Aggregation, _: Instant) -> Value {
        let Some(counts) = &self.counts else { return Value::Null };
        let integer = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        match aggregation {
            Aggregation::CountDistinct { .. } => Value::Int64(integer(counts.len() as u64)),
            _ if counts.is_empty() => Value::Null,
            Aggregation::TopK { k, .. } => {
                let mut ranking: Vec<_> = counts.iter().collect();
                // The sort is stable: values of one count stay in their order.
                ranking.sort_by_key(|(_, count)| Reverse(**count));
                Value::List(ranking.into_iter().take(*k as usize).map(|(value, _)| value.0.clone()).collect())
            }
            _ => Value::Map(counts.iter().map(|(value, n)| (value.0.clone(), integer(*n))).collect()),
        }
    }

    fn overflows(&self, _: &Aggregation) -> bool {
        self.counts.is_none()
    }

    fn heap_bytes(&self) -> usize {
        let counted = |value: &Distinct| size_of::<(Distinct, u64)>() + value.0.heap_bytes();
        self.counts.iter().flat_map(BTreeMap::keys).map(counted).sum()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.counts.is_some()));
        let Some(counts) = &self.counts else { return };
        put_unsigned(out, counts.len() as u64);
        for (value, count) in counts {
            put_value(out, &value.0);
            put_unsigned(out, *count);
        }
    }

    fn decode(&mut self, types: Types, bytes: &mut Reader<'_>) -> Result<(), CodecError> {
        let input = types.values.ok_or(CodecError::Invalid("values of no input are counted"))?;
        if !bytes.flag()? {
            self.counts = None;
            return Ok(());
        }
        let count = bytes.count()?;
        if count > self.limit as usize {
            return Err(CodecError::Invalid("more values are counted than the limit"));
        }
        let mut counts: BTreeMap<Distinct, u64> = BTreeMap::new();
        for _ in 0..count {
            let value = bytes.value(input)?;
            let distinct = Distinct::of(value.clone());
            let follows = counts.last_key_value().is_none_or(|(last, _)| *last < distinct);
            let times = bytes.unsigned()?;
            if !follows || distinct.0 != value || times == 0 {
                return Err(CodecError::Invalid("counts of values are not as they are written"));
            }
            counts.insert(distinct, times);
        }
        self.counts = Some(counts);
        Ok(())
    }
}
