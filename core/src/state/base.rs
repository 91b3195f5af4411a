//! What is left of events that are no longer kept.

use crate::aggregation::{Accumulator, Partial};
use crate::codec::{CodecError, Reader, put_signed};
use crate::{FoldPlan, Instant, Lane, Order};

use super::chunk::Chunk;
use super::layout::Layout;

/// The fold of a key's events that are forgotten: for every slot that some window needs of events of any age,
/// its partial; and when the first and the newest of them happened, which statuses need forever.
#[derive(Clone, Debug, Default)]
pub(super) struct Base {
    /// Events at this time or before belong here as they come; `None` while nothing was forgotten.
    until: Option<Instant>,
    /// Times of the first and the newest event here.
    span: Option<(Instant, Instant)>,
    /// For each of [`Layout::lifetime_slots`]; none at all before the first event.
    partials: Vec<Accumulator>,
}

impl Base {
    /// Whether an event at `time` belongs here.
    pub(super) fn holds(&self, time: Instant) -> bool {
        self.until >= Some(time)
    }

    /// Events at `until` or before belong here from now on.
    pub(super) fn advance(&mut self, until: Instant) {
        self.until = self.until.max(Some(until));
    }

    /// The time of the first event here.
    pub(super) fn first(&self) -> Option<Instant> {
        self.span.map(|(first, _)| first)
    }

    /// The time of the newest event here.
    pub(super) fn newest(&self) -> Option<Instant> {
        self.span.map(|(_, newest)| newest)
    }

    /// Takes in one event.
    pub(super) fn add(&mut self, plan: &FoldPlan, order: Order, inputs: &[Lane<'_>], row: usize) {
        let layout = Layout::of(plan);
        self.widen(&layout, order.time, order.time);
        for ((_, slot), partial) in layout.lifetime_slots().zip(&mut self.partials) {
            partial.add(slot.input.map(|input| &inputs[input]), row..row + 1, &|_| order);
        }
    }

    /// Takes in all events of a chunk, whose partials these are.
    pub(super) fn take(&mut self, layout: &Layout, chunk: &Chunk, partials: &[Accumulator]) {
        let (Some(first), Some(last)) = (chunk.first(), chunk.last()) else { return };
        self.widen(layout, first.time, last.time);
        for ((position, _), partial) in layout.lifetime_slots().zip(&mut self.partials) {
            partial.merge(&partials[position]);
        }
    }

    /// Adds what is here to `partial`, which is of the slot at `position`.
    pub(super) fn fold(&self, layout: &Layout, position: usize, partial: &mut Accumulator) {
        let mut slots = layout.lifetime_slots().zip(&self.partials);
        if let Some((_, base)) = slots.find(|((slot, _), _)| *slot == position) {
            partial.merge(base);
        }
    }

    /// Bytes held.
    pub(super) fn heap_bytes(&self) -> usize {
        self.partials.capacity() * size_of::<Accumulator>()
            + self.partials.iter().map(Accumulator::heap_bytes).sum::<usize>()
    }

    fn widen(&mut self, layout: &Layout, first: Instant, newest: Instant) {
        self.span = Some(match self.span {
            None => {
                self.partials = layout.lifetime_slots().map(|(_, slot)| slot.identity()).collect();
                (first, newest)
            }
            Some((earliest, latest)) => (earliest.min(first), latest.max(newest)),
        });
    }

    /// Appends the base as bytes: until when it holds, first and newest time, the partials.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.until.is_some()));
        self.until.iter().for_each(|until| put_signed(out, until.as_micros()));
        out.push(u8::from(self.span.is_some()));
        if let Some((first, newest)) = self.span {
            put_signed(out, first.as_micros());
            put_signed(out, newest.as_micros());
        }
        self.partials.iter().for_each(|partial| partial.encode(out));
    }

    /// Reads what [`encode`](Self::encode) wrote.
    pub(super) fn decode(layout: &Layout, bytes: &mut Reader<'_>) -> Result<Self, CodecError> {
        let instant = |bytes: &mut Reader<'_>| bytes.signed().map(Instant::from_micros);
        let mut base = Self::default();
        if bytes.flag()? {
            base.until = Some(instant(bytes)?);
        }
        if bytes.flag()? {
            let (first, newest) = (instant(bytes)?, instant(bytes)?);
            if first > newest || !base.holds(newest) {
                return Err(CodecError::Invalid("the times of forgotten events contradict each other"));
            }
            base.widen(layout, first, newest);
            for ((_, slot), partial) in layout.lifetime_slots().zip(&mut base.partials) {
                partial.decode(slot.field_type, bytes)?;
            }
        }
        Ok(base)
    }
}
