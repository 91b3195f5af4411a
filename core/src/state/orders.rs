//! The places of a chunk's events in the total order, as columns.

use crate::codec::{CodecError, Reader, put_signed, put_unsigned};
use crate::{Instant, Order};

/// Orders, ascending.
#[derive(Clone, Debug, Default)]
pub(super) struct Orders {
    times: Vec<i64>,
    partitions: Vec<i32>,
    offsets: Vec<i64>,
    /// Empty while no event has a value.
    order_by: Vec<Option<i64>>,
}

impl Orders {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.times.len()
    }

    /// Event times in microseconds, ascending.
    pub(super) fn times(&self) -> &[i64] {
        &self.times
    }

    /// The order at `row`.
    pub(super) fn get(&self, row: usize) -> Order {
        Order {
            time: Instant::from_micros(self.times[row]),
            order_by: self.order_by.get(row).copied().flatten(),
            partition: self.partitions[row],
            offset: self.offsets[row],
        }
    }

    /// The first order.
    pub(super) fn first(&self) -> Option<Order> {
        (self.len() > 0).then(|| self.get(0))
    }

    /// The last order.
    pub(super) fn last(&self) -> Option<Order> {
        self.len().checked_sub(1).map(|last| self.get(last))
    }

    /// Whether `order` follows all of these; times alone settle it nearly always.
    pub(super) fn end_before(&self, order: Order) -> bool {
        match self.times.last() {
            Some(last) if *last == order.time.as_micros() => self.last() <= Some(order),
            last => last.is_none_or(|last| *last < order.time.as_micros()),
        }
    }

    /// How many events happened at `time` or before.
    pub(super) fn until(&self, time: Instant) -> usize {
        self.times.partition_point(|t| *t <= time.as_micros())
    }

    /// Where `order` belongs.
    pub(super) fn position(&self, order: Order) -> usize {
        let start = self.times.partition_point(|t| *t < order.time.as_micros());
        let ties = self.times[start..].iter().take_while(|t| **t == order.time.as_micros());
        start + ties.enumerate().take_while(|(tie, _)| self.get(start + tie) < order).count()
    }

    /// Puts `order` before row `position`.
    pub(super) fn insert(&mut self, position: usize, order: Order) {
        if order.order_by.is_some() && self.order_by.is_empty() {
            self.order_by.resize(self.len(), None);
        }
        if order.order_by.is_some() || !self.order_by.is_empty() {
            self.order_by.insert(position, order.order_by);
        }
        self.times.insert(position, order.time.as_micros());
        self.partitions.insert(position, order.partition);
        self.offsets.insert(position, order.offset);
    }

    /// Takes off the orders from `position` on.
    pub(super) fn split_off(&mut self, position: usize) -> Self {
        let order_by = if self.order_by.is_empty() { Vec::new() } else { self.order_by.split_off(position) };
        let mut taken = Self {
            times: self.times.split_off(position),
            partitions: self.partitions.split_off(position),
            offsets: self.offsets.split_off(position),
            order_by,
        };
        self.tidy();
        taken.tidy();
        taken
    }

    /// Keeps no column of nothing, so that equal orders are equal bytes.
    fn tidy(&mut self) {
        if self.order_by.iter().all(Option::is_none) {
            self.order_by = Vec::new();
        }
    }

    /// Bytes held.
    pub(super) fn heap_bytes(&self) -> usize {
        self.times.capacity() * 8
            + self.partitions.capacity() * 4
            + self.offsets.capacity() * 8
            + self.order_by.capacity() * size_of::<Option<i64>>()
    }

    /// Appends the orders as bytes: their number, times, partitions and offsets, each as differences from the
    /// one before, then whether there is an `order_by`, and its values.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        put_unsigned(out, self.len() as u64);
        let mut before = None;
        for time in &self.times {
            match before {
                None => put_signed(out, *time),
                Some(before) => put_unsigned(out, time.wrapping_sub(before) as u64),
            }
            before = Some(*time);
        }
        let mut before = 0;
        for partition in &self.partitions {
            put_signed(out, i64::from(*partition) - before);
            before = i64::from(*partition);
        }
        let mut before = 0_i64;
        for offset in &self.offsets {
            put_signed(out, offset.wrapping_sub(before));
            before = *offset;
        }
        out.push(u8::from(!self.order_by.is_empty()));
        for value in &self.order_by {
            out.push(u8::from(value.is_some()));
            value.iter().for_each(|value| put_signed(out, *value));
        }
    }

    /// Reads what [`encode`](Self::encode) wrote.
    pub(super) fn decode(bytes: &mut Reader<'_>) -> Result<Self, CodecError> {
        const OUT_OF_RANGE: CodecError = CodecError::Invalid("an event's time or partition is out of range");
        let count = bytes.count()?;
        let mut orders = Self::default();
        for _ in 0..count {
            let time = match orders.times.last() {
                None => bytes.signed()?,
                Some(before) => before.checked_add_unsigned(bytes.unsigned()?).ok_or(OUT_OF_RANGE)?,
            };
            orders.times.push(time);
        }
        let mut before = 0_i64;
        for _ in 0..count {
            before = before.checked_add(bytes.signed()?).ok_or(OUT_OF_RANGE)?;
            orders.partitions.push(i32::try_from(before).map_err(|_| OUT_OF_RANGE)?);
        }
        let mut before = 0_i64;
        for _ in 0..count {
            before = before.wrapping_add(bytes.signed()?);
            orders.offsets.push(before);
        }
        if bytes.flag()? {
            for _ in 0..count {
                orders.order_by.push(if bytes.flag()? { Some(bytes.signed()?) } else { None });
            }
            if orders.order_by.iter().all(Option::is_none) {
                return Err(CodecError::Invalid("an order_by column without values is written"));
            }
        }
        if !(1..count).all(|row| orders.get(row - 1) <= orders.get(row)) {
            return Err(CodecError::Invalid("events are out of order"));
        }
        Ok(orders)
    }
}
