//! `first`, `last`, `first_n`, `last_n`.

use std::cmp::Ordering;
use std::ops::Range;

use crate::codec::{CodecError, Reader, put_order, put_unsigned, put_value};
use crate::lane::Lane;
use crate::{Aggregation, FieldType, Order, Value};

use super::Partial;

/// The values of the `n` events that come first from one end of the total order, with their places in it.
#[derive(Clone, Debug)]
pub(crate) struct Ends {
    /// How an event nearer to the end compares to one farther from it.
    nearer: Ordering,
    n: usize,
    /// Nearest to the end first.
    events: Vec<(Order, Value)>,
}

impl Ends {
    /// The first `n` of no events.
    pub(crate) const fn earliest(n: u32) -> Self {
        Self { nearer: Ordering::Less, n: n as usize, events: Vec::new() }
    }

    /// The last `n` of no events, newest first.
    pub(crate) const fn latest(n: u32) -> Self {
        Self { nearer: Ordering::Greater, n: n as usize, events: Vec::new() }
    }

    /// Where an event of this order belongs, or `None` if `n` others are nearer.
    fn position(&self, order: &Order) -> Option<usize> {
        let position = self.events.partition_point(|(other, _)| other.cmp(order) == self.nearer);
        (position < self.n).then_some(position)
    }

    /// Takes events nearest first, until one is too far.
    fn offer(&mut self, events: impl Iterator<Item = (Order, impl FnOnce() -> Value)>) {
        for (order, value) in events {
            let Some(position) = self.position(&order) else { break };
            if self.events.len() == self.n {
                self.events.pop();
            }
            self.events.insert(position, (order, value()));
        }
    }
}

impl Partial for Ends {
    fn add(&mut self, lane: Option<&Lane<'_>>, rows: Range<usize>, order_of: &dyn Fn(usize) -> Order) {
        let Some(lane) = lane else { return };
        let event = |row| (order_of(row), move || lane.value(row));
        match self.nearer {
            Ordering::Greater => self.offer(lane.valid_rows(rows).rev().map(event)),
            _ => self.offer(lane.valid_rows(rows).map(event)),
        }
    }

    fn merge(&mut self, other: &Self) {
        self.offer(other.events.iter().map(|(order, value)| (*order, || value.clone())));
    }

    fn finish(&self, aggregation: Aggregation) -> Value {
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
            put_value(out, value);
        }
    }

    fn decode(&mut self, input: Option<FieldType>, bytes: &mut Reader<'_>) -> Result<(), CodecError> {
        let input = input.ok_or(CodecError::Invalid("there are first events of no input"))?;
        let count = bytes.count()?;
        if count > self.n {
            return Err(CodecError::Invalid("a list of first or last events is too long"));
        }
        for _ in 0..count {
            let order = bytes.order()?;
            if self.events.last().is_some_and(|(last, _)| last.cmp(&order) != self.nearer) {
                return Err(CodecError::Invalid("a list of first or last events is out of order"));
            }
            self.events.push((order, bytes.value(input)?));
        }
        Ok(())
    }
}
