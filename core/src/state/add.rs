//! Taking in events.

use crate::{FoldPlan, Lane, Order};

use super::KeyState;
use super::chunk::Chunk;

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
        if self.tail.ends_before(order) {
            if !event.fits(&self.tail) {
                let full = std::mem::take(&mut self.tail);
                self.close(self.closed.len(), full);
            }
            event.put(&mut self.tail);
        } else {
            self.add_late(event);
        }
    }

    /// Takes in an event that comes before the last one of the tail.
    fn add_late(&mut self, event: Event<'_>) {
        while self.closed.last().is_none_or(|closed| closed.chunk.ends_before(event.order)) {
            if event.fits(&self.tail) {
                event.put(&mut self.tail);
                return;
            }
            if self.tail.len() == 1 {
                return self.close(self.closed.len(), event.alone());
            }
            let newer = self.tail.split_off(self.tail.len() / 2);
            let older = std::mem::replace(&mut self.tail, newer);
            self.close(self.closed.len(), older);
        }
        self.add_to_closed(event);
    }

    /// Takes in an event that comes before the end of the last closed chunk. A full chunk is split in the
    /// middle: its older half keeps the number.
    fn add_to_closed(&mut self, event: Event<'_>) {
        let starts_before = self.closed.partition_point(|c| c.chunk.first() <= Some(event.order));
        let mut at = starts_before.saturating_sub(1);
        while !event.fits(&self.closed[at].chunk) {
            let closed = &mut self.closed[at];
            if closed.chunk.len() == 1 {
                let after = usize::from(closed.chunk.last() <= Some(event.order));
                return self.close(at + after, event.alone());
            }
            let newer = closed.chunk.split_off(closed.chunk.len() / 2);
            closed.note_change();
            let in_newer = newer.first() <= Some(event.order);
            self.close(at + 1, newer);
            at += usize::from(in_newer);
        }
        let closed = &mut self.closed[at];
        closed.note_change();
        event.put(&mut closed.chunk);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::chunk::CHUNK_EVENTS;
    use super::*;
    use crate::Instant;
    use crate::aggregation::{Accumulator, Partial};
    use crate::layout::Layout;
    use crate::testing::{World, worlds};

    fn bytes(partials: &[Accumulator]) -> Vec<u8> {
        let mut out = Vec::new();
        partials.iter().for_each(|partial| partial.encode(&mut out));
        out
    }

    fn state_of(world: &World, arrivals: impl IntoIterator<Item = usize>) -> KeyState {
        let inputs = world.inputs();
        let lanes: Vec<_> = inputs.iter().map(|i| Lane::of(i).expect("the type of a field")).collect();
        let mut state = KeyState::new();
        for event in arrivals {
            state.add(&world.plan, world.events[event].order, &lanes, event);
            // Makes the partials of many chunks, which the next event may have to unmake.
            state.values(&world.plan, Instant::MAX);
        }
        state
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn chunks_hold_all_events_in_order_however_they_arrive(world in worlds(120)) {
            let state = state_of(&world, world.arrivals());
            let slots = Layout::of(&world.plan).slots;
            let mut orders = Vec::new();
            for closed in &state.closed {
                prop_assert!((1..=CHUNK_EVENTS).contains(&closed.chunk.len()));
                prop_assert_eq!(bytes(closed.partials(&slots)), bytes(&closed.chunk.partials(&slots)));
                orders.extend(closed.chunk.orders());
            }
            prop_assert!(state.tail.len() <= CHUNK_EVENTS);
            orders.extend(state.tail.orders());
            let mut expected: Vec<_> = world.events.iter().map(|event| event.order).collect();
            expected.sort();
            prop_assert_eq!(orders, expected);
            let parts: BTreeSet<_> = state.closed.iter().map(|closed| closed.part).collect();
            prop_assert!(parts.len() == state.closed.len() && !parts.contains(&0));
        }

        #[test]
        fn appending_in_order_changes_the_head_and_new_chunks_only(world in worlds(60)) {
            let mut in_order: Vec<_> = (0..world.events.len()).collect();
            in_order.sort_by_key(|event| world.events[*event].order);
            let inputs = world.inputs();
            let lanes: Vec<_> = inputs.iter().map(|i| Lane::of(i).expect("the type of a field")).collect();
            let mut state = KeyState::new();
            let mut written = BTreeSet::new();
            for event in in_order {
                state.add(&world.plan, world.events[event].order, &lanes, event);
                let changes = state.take_changes();
                prop_assert_eq!(changes.put[0].0, 0);
                for (part, _) in &changes.put[1..] {
                    prop_assert!(written.insert(*part), "part {} is written twice", part);
                }
                prop_assert!(changes.delete.is_empty());
            }
        }
    }

    #[test]
    fn long_texts_get_chunks_of_their_own() {
        use std::sync::Arc;

        use arrow::array::{ArrayRef, StringArray};

        use crate::{Aggregation, FeatureColumn, FieldType, Lookback, Nulls, Window};

        let plan = FoldPlan {
            inputs: vec![FieldType::String],
            features: vec![FeatureColumn {
                name: "all".to_owned(),
                aggregation: Aggregation::FirstN { n: 10, nulls: Nulls::Skip },
                input: Some(0),
                by: None,
                window: Window::Lifetime,
            }],
            ttl: None,
            shown: None,
            forget: None,
            lookback: Lookback::Unbounded,
        };
        let texts = ["a".repeat(100_000), "b".to_owned(), "c".repeat(70_000), "d".to_owned()];
        let column: ArrayRef = Arc::new(StringArray::from_iter_values(&texts));
        let lanes = [Lane::of(&column).expect("a text column")];
        for arrivals in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]] {
            let mut state = KeyState::new();
            for row in arrivals {
                let time = Instant::from_micros(row as i64);
                state.add(&plan, Order { time, order_by: None, partition: 0, offset: 0 }, &lanes, row);
            }
            assert!(state.closed.len() >= 2);
            let values: Vec<_> =
                texts.iter().map(|text| crate::Value::String(text.as_str().into())).collect();
            assert_eq!(state.values(&plan, Instant::MAX)[0].0, crate::Value::List(values));
        }
    }
}
