//! Taking in events.

use crate::{FoldPlan, Lane, Order};

use super::KeyState;
use super::chunk::Chunk;
use super::layout::Layout;

/// One event as it comes: its place, and the row of the inputs it stands at.
#[derive(Clone, Copy)]
struct Event<'a> {
    plan: &'a FoldPlan,
    order: Order,
    inputs: &'a [Lane<'a>],
    row: usize,
}

impl Event<'_> {
    fn fits(&self, chunk: &Chunk) -> bool {
        chunk.has_room(self.inputs, self.row)
    }

    fn put(&self, chunk: &mut Chunk) -> usize {
        chunk.insert(self.plan, self.order, self.inputs, self.row)
    }

    fn alone(&self) -> Chunk {
        Chunk::of_one(self.plan, self.order, self.inputs, self.row)
    }
}

impl KeyState {
    /// Takes in the event at `row` of `inputs`, the lanes of the plan's inputs: in any order of arrival, each
    /// event once.
    pub fn add(&mut self, plan: &FoldPlan, order: Order, inputs: &[Lane<'_>], row: usize) {
        self.head_changed = true;
        if self.base.holds(order.time) {
            return self.base.add(plan, order, inputs, row);
        }
        let event = Event { plan, order, inputs, row };
        if self.tail.last().is_none_or(|last| last <= order) {
            if !event.fits(&self.tail) {
                let full = std::mem::take(&mut self.tail);
                self.close(&Layout::of(plan), self.closed.len(), full);
            }
            event.put(&mut self.tail);
        } else {
            self.add_late(event);
        }
    }

    /// Takes in an event that comes before the last one of the tail.
    fn add_late(&mut self, event: Event<'_>) {
        while self.closed.last().is_none_or(|closed| closed.chunk.last() < Some(event.order)) {
            if event.fits(&self.tail) {
                event.put(&mut self.tail);
                return;
            }
            let layout = Layout::of(event.plan);
            if self.tail.len() == 1 {
                return self.close(&layout, self.closed.len(), event.alone());
            }
            let newer = self.tail.split_off(self.tail.len() / 2);
            let older = std::mem::replace(&mut self.tail, newer);
            self.close(&layout, self.closed.len(), older);
        }
        self.add_to_closed(event);
    }

    /// Takes in an event that comes before the end of the last closed chunk. A full chunk is split in the
    /// middle: its older half keeps the number.
    fn add_to_closed(&mut self, event: Event<'_>) {
        let layout = Layout::of(event.plan);
        let starts_before = self.closed.partition_point(|c| c.chunk.first() <= Some(event.order));
        let mut at = starts_before.saturating_sub(1);
        while !event.fits(&self.closed[at].chunk) {
            let closed = &mut self.closed[at];
            if closed.chunk.len() == 1 {
                let after = usize::from(closed.chunk.last() <= Some(event.order));
                return self.close(&layout, at + after, event.alone());
            }
            let newer = closed.chunk.split_off(closed.chunk.len() / 2);
            closed.partials = closed.chunk.partials(&layout);
            closed.changed = true;
            let in_newer = newer.first() <= Some(event.order);
            self.close(&layout, at + 1, newer);
            at += usize::from(in_newer);
        }
        let closed = &mut self.closed[at];
        closed.changed = true;
        let row = event.put(&mut closed.chunk);
        for (slot, partial) in layout.slots.iter().zip(&mut closed.partials) {
            closed.chunk.fold(slot, row..row + 1, partial);
        }
    }
}
