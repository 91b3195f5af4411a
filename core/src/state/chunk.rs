//! A run of neighbouring events of one key, as columns.

use std::ops::Range;

use crate::aggregation::{Accumulator, Partial};
use crate::codec::{CodecError, Reader};
use crate::layout::Slot;
use crate::{FoldPlan, Instant, Lane, Order};

use super::column::Column;
use super::orders::Orders;

/// Events a chunk holds at most; few in tests, so that small histories have many chunks.
pub(super) const CHUNK_EVENTS: usize = if cfg!(test) { 6 } else { 256 };
/// Bytes of text a chunk holds at most, unless it holds a single event.
const CHUNK_TEXT_BYTES: usize = 64 * 1024;

/// Events in order, with every input of the plan.
#[derive(Clone, Debug, Default)]
pub(super) struct Chunk {
    orders: Orders,
    /// One for each input of the plan; none at all before the first event.
    columns: Box<[Column]>,
}

impl Chunk {
    /// A chunk of one event.
    pub(super) fn of_one(plan: &FoldPlan, order: Order, inputs: &[Lane<'_>], row: usize) -> Self {
        let mut chunk = Self::default();
        chunk.insert(plan, order, inputs, row);
        chunk
    }

    /// How many events there are.
    pub(super) fn len(&self) -> usize {
        self.orders.len()
    }

    /// The order of the first event.
    pub(super) fn first(&self) -> Option<Order> {
        self.orders.first()
    }

    /// The order of the last event.
    pub(super) fn last(&self) -> Option<Order> {
        self.orders.last()
    }

    /// Whether an event of this order follows all events.
    pub(super) fn ends_before(&self, order: Order) -> bool {
        self.orders.end_before(order)
    }

    /// How many events happened at `time` or before.
    pub(super) fn until(&self, time: Instant) -> usize {
        self.orders.until(time)
    }

    /// The time of the event at `row`.
    pub(super) fn time(&self, row: usize) -> Instant {
        Instant::from_micros(self.orders.times()[row])
    }

    /// When the events happened, microseconds since the epoch.
    pub(super) fn times(&self) -> &[i64] {
        self.orders.times()
    }

    /// Whether the event at `row` has a value in `column`.
    pub(super) fn is_valid(&self, column: usize, row: usize) -> bool {
        self.columns[column].lane().is_valid(row)
    }

    /// Whether the event at `row` of `inputs` can be put in without outgrowing the limits of a chunk.
    pub(super) fn has_room(&self, inputs: &[Lane<'_>], row: usize) -> bool {
        if self.len() == 0 {
            return true;
        }
        let text = self.columns.iter().map(Column::text_bytes).sum::<usize>()
            + inputs.iter().map(|lane| lane.text_bytes(row)).sum::<usize>();
        self.len() < CHUNK_EVENTS && text <= CHUNK_TEXT_BYTES
    }

    /// Puts an event where its order says, and tells where; there must be room.
    pub(super) fn insert(&mut self, plan: &FoldPlan, order: Order, inputs: &[Lane<'_>], row: usize) -> usize {
        if self.columns.is_empty() {
            self.columns = plan.inputs.iter().map(|field_type| Column::new(*field_type)).collect();
        }
        let rows = self.len();
        let position = if self.ends_before(order) { rows } else { self.orders.position(order) };
        for (column, lane) in self.columns.iter_mut().zip(inputs) {
            column.insert(position, rows, lane, row);
        }
        self.orders.insert(position, order);
        position
    }

    /// Takes off the events from `position` on.
    pub(super) fn split_off(&mut self, position: usize) -> Self {
        Self {
            orders: self.orders.split_off(position),
            columns: self.columns.iter_mut().map(|column| column.split_off(position)).collect(),
        }
    }

    /// Takes the events of `rows` into the partial of `slot`.
    pub(super) fn fold(&self, slot: &Slot, rows: Range<usize>, partial: &mut Accumulator) {
        if rows.is_empty() {
            return;
        }
        let lanes = slot.reads.lanes(|input| self.columns[input].lane());
        partial.add(&lanes, rows, &|row| self.orders.get(row));
    }

    /// The partial of `slot` over the events of `rows`.
    pub(super) fn partial(&self, slot: &Slot, rows: Range<usize>) -> Accumulator {
        let mut partial = slot.identity();
        self.fold(slot, rows, &mut partial);
        partial
    }

    /// The partials of `slots` over all events.
    pub(super) fn partials(&self, slots: &[Slot]) -> Box<[Accumulator]> {
        slots.iter().map(|slot| self.partial(slot, 0..self.len())).collect()
    }

    /// The orders of all events.
    #[cfg(test)]
    pub(super) fn orders(&self) -> impl Iterator<Item = Order> {
        (0..self.len()).map(|row| self.orders.get(row))
    }

    /// Bytes held.
    pub(super) fn heap_bytes(&self) -> usize {
        let columns: usize = self.columns.iter().map(|c| c.heap_bytes() + size_of::<Column>()).sum();
        self.orders.heap_bytes() + columns
    }

    /// Appends the chunk as bytes: the orders, then the columns in the plan's order.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        self.orders.encode(out);
        if self.len() > 0 {
            self.columns.iter().for_each(|column| column.encode(out));
        }
    }

    /// Reads what [`encode`](Self::encode) wrote.
    pub(super) fn decode(plan: &FoldPlan, bytes: &mut Reader<'_>) -> Result<Self, CodecError> {
        let orders = Orders::decode(bytes)?;
        let columns = match orders.len() {
            0 => Box::default(),
            rows => plan
                .inputs
                .iter()
                .map(|field_type| Column::decode(*field_type, rows, bytes))
                .collect::<Result<_, _>>()?,
        };
        Ok(Self { orders, columns })
    }
}
