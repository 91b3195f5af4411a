//! What is left of events that are no longer kept.

use std::ops::Range;

use smallvec::SmallVec;

use crate::aggregation::{Accumulator, Partial};
use crate::codec::{CodecError, Reader, put_signed};
use crate::layout::{GrainOf, Layout};
use crate::{Bounds, FoldPlan, Instant, Lane, Order};

use super::chunk::Chunk;
use super::stretches::{Stretch, Stretches};

/// The fold of a key's events that are forgotten: for every grain of the plan's windows stretches of events that
/// none of them tells apart, with their partials; and when the first and the newest event happened, which
/// statuses need forever.
#[derive(Clone, Debug, Default)]
pub(super) struct Base {
    /// Events at this time or before belong here as they come; `None` while nothing was forgotten.
    until: Option<Instant>,
    /// Times of the first and the newest event here.
    span: Option<(Instant, Instant)>,
    /// For each of [`Layout::grains`]; none at all before the first event.
    grains: SmallVec<[Stretches; 1]>,
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

    /// The time of the newest event here.
    pub(super) fn newest(&self) -> Option<Instant> {
        self.span.map(|(_, newest)| newest)
    }

    /// Takes in one event.
    pub(super) fn add(&mut self, plan: &FoldPlan, order: Order, inputs: &[Lane<'_>], row: usize) {
        let layout = Layout::of(plan);
        self.widen(&layout, order.time, order.time);
        for (of, stretches) in layout.grains.iter().zip(&mut self.grains) {
            let partials = stretches.at(of, &layout, order.time);
            for (slot, partial) in of.slots.iter().map(|slot| &layout.slots[*slot]).zip(partials) {
                let lanes = slot.reads.lanes(|input| inputs[input]);
                partial.add(&lanes, row..row + 1, &|_| order);
            }
        }
    }

    /// Takes in all events of a chunk, whose partials are what `partials` gives.
    pub(super) fn take<'a>(
        &mut self,
        layout: &Layout,
        chunk: &Chunk,
        partials: impl Fn() -> &'a [Accumulator] + Copy,
    ) {
        let (Some(first), Some(last)) = (chunk.first(), chunk.last()) else { return };
        self.widen(layout, first.time, last.time);
        for (of, stretches) in layout.grains.iter().zip(&mut self.grains) {
            stretches.take(of, layout, chunk, partials);
        }
    }

    /// Whether there may be anything to drop.
    pub(super) fn has_many(&self) -> bool {
        self.grains.iter().any(|stretches| stretches.len() > 1)
    }

    /// Drops what lies at `oldest` or before of the grain at `grain`; says whether there was anything.
    pub(super) fn drop_until(&mut self, grain: usize, oldest: Option<Instant>) -> bool {
        self.grains.get_mut(grain).is_some_and(|stretches| stretches.drop_until(oldest))
    }

    /// Lets go of what counts nothing at `horizon` and later.
    pub(super) fn forget(&mut self, horizon: Instant) {
        self.grains.iter_mut().for_each(|stretches| stretches.forget(horizon));
    }

    /// The stretches of the grain at `grain` within `bounds`.
    pub(super) fn within(&self, grain: usize, bounds: Bounds) -> Range<usize> {
        self.grains.get(grain).map_or(0..0, |stretches| stretches.within(bounds))
    }

    /// The last stretch of the grain at `grain`.
    pub(super) fn last(&self, grain: usize) -> Option<(usize, &Stretch)> {
        self.grains.get(grain)?.last()
    }

    /// Adds some of the stretches of the grain at `grain` to `partial`, which is of the slot at `slot`.
    pub(super) fn fold(
        &self,
        layout: &Layout,
        grain: usize,
        stretches: Range<usize>,
        slot: usize,
        partial: &mut Accumulator,
    ) {
        let position = layout.grains[grain].slots.iter().position(|known| *known == slot);
        if let (Some(position), Some(of_grain)) = (position, self.grains.get(grain)) {
            of_grain.fold(stretches, position, partial);
        }
    }

    /// Bytes held.
    pub(super) fn heap_bytes(&self) -> usize {
        self.grains.iter().map(Stretches::heap_bytes).sum()
    }

    fn widen(&mut self, layout: &Layout, first: Instant, newest: Instant) {
        self.span = Some(match self.span {
            None => {
                self.grains = layout.grains.iter().map(|of| Stretches::new(of.grain)).collect();
                (first, newest)
            }
            Some((earliest, latest)) => (earliest.min(first), latest.max(newest)),
        });
    }

    /// Appends the base as bytes: until when it holds, first and newest time, the stretches of each grain.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.until.is_some()));
        self.until.iter().for_each(|until| put_signed(out, until.as_micros()));
        out.push(u8::from(self.span.is_some()));
        if let Some((first, newest)) = self.span {
            put_signed(out, first.as_micros());
            put_signed(out, newest.as_micros());
        }
        self.grains.iter().for_each(|stretches| stretches.encode(out));
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
            base.span = Some((first, newest));
            let read = |of: &GrainOf| Stretches::decode(of, layout, (first, newest), bytes);
            base.grains = layout.grains.iter().map(read).collect::<Result<_, _>>()?;
        }
        Ok(base)
    }
}
