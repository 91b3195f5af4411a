//! `first`, `last`, `first_n`, `last_n`.

use std::cmp::Ordering;
use std::ops::Range;

use arrow::error::ArrowError;

use crate::codec::{CodecError, Reader, put_order, put_unsigned, put_value};
use crate::lane::Lanes;
use crate::pass::{Pass, first, last, lists, pick};
use crate::{Aggregation, Instant, Nulls, Order, Value};

use super::{Filled, Kind, Partial, Types};

/// The families of values at one end of the total order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EndsOf {
    /// How an event nearer to the end compares to one farther from it.
    nearer: Ordering,
    /// Of how many events.
    n: u32,
    /// Whether events without a value count.
    nulls: Nulls,
}

impl EndsOf {
    /// The values of the first `n` events.
    pub(crate) const fn earliest(n: u32, nulls: Nulls) -> Self {
        Self { nearer: Ordering::Less, n, nulls }
    }

    /// The values of the last `n` events, newest first.
    pub(crate) const fn latest(n: u32, nulls: Nulls) -> Self {
        Self { nearer: Ordering::Greater, n, nulls }
    }

    const fn is_latest(self) -> bool {
        matches!(self.nearer, Ordering::Greater)
    }
}

impl Kind for EndsOf {
    type Partial = Ends;

    fn identity(self, _: Types) -> Ends {
        Ends { of: self, events: Vec::new() }
    }

    fn newest_first(self) -> bool {
        self.is_latest()
    }

    fn sweep(self, pass: &Pass<'_>, aggregations: &[&Aggregation]) -> Result<Vec<Filled>, ArrowError> {
        let column = |aggregation: &Aggregation| match aggregation {
            Aggregation::FirstN { .. } | Aggregation::LastN { .. } => {
                lists(pass.values(), pass.ranges, self.n, self.is_latest())
            }
            _ if self.is_latest() => pick(pass.values(), last(pass.ranges)),
            _ => pick(pass.values(), first(pass.ranges)),
        };
        aggregations.iter().map(|aggregation| column(aggregation).map(Filled::from)).collect()
    }
}

/// The values of the events that come first from one end of the total order, with their places in it.
#[derive(Clone, Debug)]
pub(crate) struct Ends {
    of: EndsOf,
    /// Nearest to the end first.
    events: Vec<(Order, Value)>,
}

impl Ends {
    /// Where an event of this order belongs, or `None` if `n` others are nearer.
    fn position(&self, order: &Order) -> Option<usize> {
        let position = self.events.partition_point(|(other, _)| other.cmp(order) == self.of.nearer);
        (position < self.of.n as usize).then_some(position)
    }

    /// Takes events nearest first, until one is too far.
    fn offer(&mut self, events: impl Iterator<Item = (Order, impl FnOnce() -> Value)>) {
        for (order, value) in events {
            let Some(position) = self.position(&order) else { break };
            if self.events.len() == self.of.n as usize {
                self.events.pop();
            }
            self.events.insert(position, (order, value()));
        }
    }
}

impl Partial for Ends {
    fn add(&mut self, lanes: &Lanes<'_>, rows: Range<usize>, order_of: &dyn Fn(usize) -> Order) {
        let Some(lane) = &lanes.values else { return };
        let event = |row| (order_of(row), move || lane.value(row));
        if self.of.is_latest() {
            self.offer(lanes.rows(rows).rev().map(event));
        } else {
            self.offer(lanes.rows(rows).map(event));
        }
    }

    fn merge(&mut self, other: &Self) {
        self.offer(other.events.iter().map(|(order, value)| (*order, || value.clone())));
    }

    fn finish(&self, aggregation: &Aggregation, _: Instant) -> Value {
        match aggregation {
            Aggregation::FirstN { .. } | Aggregation::LastN { .. } if !self.events.is_empty() => {
                Value::List(self.events.iter().map(|(_, value)| value.clone()).collect())
            }
            _ => self.events.first().map_or(Value::Null, |(_, value)| value.clone()),
        }
    }

    fn heap_bytes(&self) -> usize {
        self.events.capacity() * size_of::<(Order, Value)>()
            + self.events.iter().map(|(_, value)| value.heap_bytes()).sum::<usize>()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        put_unsigned(out, self.events.len() as u64);
        for (order, value) in &self.events {
            put_order(out, *order);
            if self.of.nulls == Nulls::Keep {
                out.push(u8::from(!value.is_null()));
            }
            put_value(out, value);
        }
    }

    fn decode(&mut self, types: Types, bytes: &mut Reader<'_>) -> Result<(), CodecError> {
        let input = types.values.ok_or(CodecError::Invalid("there are first events of no input"))?;
        let count = bytes.count()?;
        if count > self.of.n as usize {
            return Err(CodecError::Invalid("a list of first or last events is too long"));
        }
        for _ in 0..count {
            let order = bytes.order()?;
            if self.events.last().is_some_and(|(last, _)| last.cmp(&order) != self.of.nearer) {
                return Err(CodecError::Invalid("a list of first or last events is out of order"));
            }
            let has_value = self.of.nulls == Nulls::Skip || bytes.flag()?;
            self.events.push((order, if has_value { bytes.value(input)? } else { Value::Null }));
        }
        Ok(())
    }
}
