//! Runs of forgotten events that windows of one grain never tell apart.

use std::ops::Range;

use crate::aggregation::{Accumulator, Partial};
use crate::codec::{CodecError, Reader, put_signed, put_unsigned};
use crate::layout::{GrainOf, Layout};
use crate::window::Grain;
use crate::{Bounds, Instant};

use super::chunk::Chunk;

/// The stretches that forgotten events make up by one grain.
#[derive(Clone, Debug)]
pub(super) struct Stretches {
    grain: Grain,
    /// In order; no two of them belong together.
    stretches: Vec<Stretch>,
}

/// Some forgotten events of one grain.
#[derive(Clone, Debug)]
pub(super) struct Stretch {
    /// Time of the first event.
    first: Instant,
    /// Time of the last event.
    pub(super) last: Instant,
    /// For each slot of the grain, the fold of all events.
    partials: Box<[Accumulator]>,
}

impl Stretches {
    /// None yet.
    pub(super) const fn new(grain: Grain) -> Self {
        Self { grain, stretches: Vec::new() }
    }

    /// The partials of the stretch to which an event at `time` belongs, which may be a new one.
    pub(super) fn at(&mut self, of: &GrainOf, layout: &Layout, time: Instant) -> &mut [Accumulator] {
        let place = self.include(of, layout, time, time);
        &mut self.stretches[place].partials
    }

    /// Takes in all events of a chunk, whose partials are what `partials` gives.
    pub(super) fn take<'a>(
        &mut self,
        of: &GrainOf,
        layout: &Layout,
        chunk: &Chunk,
        partials: impl Fn() -> &'a [Accumulator],
    ) {
        let mut start = 0;
        while start < chunk.len() {
            let follows = |row: &usize| self.grain.joins(chunk.time(*row - 1), chunk.time(*row));
            let end = if self.grain == Grain::Whole {
                chunk.len()
            } else {
                (start + 1..chunk.len()).find(|row| !follows(row)).unwrap_or(chunk.len())
            };
            let place = self.include(of, layout, chunk.time(start), chunk.time(end - 1));
            let stretch = &mut self.stretches[place];
            for (slot, partial) in of.slots.iter().zip(&mut stretch.partials) {
                if end - start == chunk.len() {
                    partial.merge(&partials()[*slot]);
                } else {
                    chunk.fold(&layout.slots[*slot], start..end, partial);
                }
            }
            start = end;
        }
    }

    /// The place of the stretch to which events from `first` to `last` belong, which belong together. What they
    /// bring together becomes one.
    fn include(&mut self, of: &GrainOf, layout: &Layout, first: Instant, last: Instant) -> usize {
        let joins = |a: &Stretch, b: Instant| self.grain.joins(a.last.min(b), a.last.max(b));
        let start = self.stretches.partition_point(|stretch| stretch.last < first && !joins(stretch, first));
        let belongs = |s: &Stretch| s.first <= last || self.grain.joins(last, s.first);
        let end = start + self.stretches[start..].iter().take_while(|stretch| belongs(stretch)).count();
        if start == end {
            let identity = |slot: &usize| layout.slots[*slot].identity();
            let partials = of.slots.iter().map(identity).collect();
            self.stretches.insert(start, Stretch { first, last, partials });
            return start;
        }
        let (into, rest) = self.stretches[start..end].split_first_mut().expect("there is one at least");
        into.first = into.first.min(first);
        into.last = into.last.max(last);
        for stretch in rest {
            into.last = into.last.max(stretch.last);
            into.partials.iter_mut().zip(&stretch.partials).for_each(|(into, from)| into.merge(from));
        }
        self.stretches.drain(start + 1..end);
        start
    }

    /// Lets go of what counts nothing at `horizon` and later.
    pub(super) fn forget(&mut self, horizon: Instant) {
        self.stretches.iter_mut().flat_map(|stretch| &mut stretch.partials).for_each(|p| p.forget(horizon));
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.stretches.len()
    }

    /// Drops the stretches that end at `oldest` or before; says whether there were any.
    pub(super) fn drop_until(&mut self, oldest: Option<Instant>) -> bool {
        let dropped = self.stretches.partition_point(|stretch| Some(stretch.last) <= oldest);
        self.stretches.drain(..dropped);
        dropped > 0
    }

    /// The stretches within `bounds`, each of which is so as a whole or not at all.
    pub(super) fn within(&self, bounds: Bounds) -> Range<usize> {
        let start = self.stretches.partition_point(|stretch| Some(stretch.last) <= bounds.after);
        let end = self.stretches.partition_point(|stretch| Some(stretch.last) <= bounds.until);
        start..end.max(start)
    }

    /// The last stretch.
    pub(super) fn last(&self) -> Option<(usize, &Stretch)> {
        self.stretches.iter().enumerate().next_back()
    }

    /// Adds some stretches to `partial`, which is of the slot at `position` among those of the grain.
    pub(super) fn fold(&self, stretches: Range<usize>, position: usize, partial: &mut Accumulator) {
        self.stretches[stretches].iter().for_each(|stretch| partial.merge(&stretch.partials[position]));
    }

    /// Bytes held.
    pub(super) fn heap_bytes(&self) -> usize {
        let partial = |partial: &Accumulator| size_of_val(partial) + partial.heap_bytes();
        let partials =
            self.stretches.iter().flat_map(|stretch| &stretch.partials).map(partial).sum::<usize>();
        self.stretches.capacity() * size_of::<Stretch>() + partials
    }

    /// Appends the stretches as bytes: how many there are, then of each the times of its first and last event and
    /// its partials. Of the one stretch of all events its partials stand alone.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        if self.grain != Grain::Whole {
            put_unsigned(out, self.stretches.len() as u64);
        }
        for stretch in &self.stretches {
            if self.grain != Grain::Whole {
                put_signed(out, stretch.first.as_micros());
                put_signed(out, stretch.last.as_micros());
            }
            stretch.partials.iter().for_each(|partial| partial.encode(out));
        }
    }

    /// Reads what [`encode`](Self::encode) wrote of events between the two times of `span`.
    pub(super) fn decode(
        of: &GrainOf,
        layout: &Layout,
        span: (Instant, Instant),
        bytes: &mut Reader<'_>,
    ) -> Result<Self, CodecError> {
        const BAD_TIMES: CodecError = CodecError::Invalid("forgotten events are not in order");
        let is_whole = of.grain == Grain::Whole;
        let count = if is_whole { 1 } else { bytes.count()? };
        let mut read = Self::new(of.grain);
        for _ in 0..count {
            let instant = |bytes: &mut Reader<'_>| bytes.signed().map(Instant::from_micros);
            let (first, last) = if is_whole { span } else { (instant(bytes)?, instant(bytes)?) };
            let before = read.stretches.last();
            if before.is_some_and(|before| before.last >= first || of.grain.joins(before.last, first))
                || first > last
                || first < span.0
                || last > span.1
            {
                return Err(BAD_TIMES);
            }
            let decode = |slot: &usize| {
                let slot = &layout.slots[*slot];
                let mut partial = slot.identity();
                partial.decode(slot.types, bytes).map(|()| partial)
            };
            let partials = of.slots.iter().map(decode).collect::<Result<_, _>>()?;
            read.stretches.push(Stretch { first, last, partials });
        }
        Ok(read)
    }
}
