//! Decaying sums over ranges that slide.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Builder};

use crate::exact::WeightedSum;
use crate::pass::{Pass, Ranges, Sliding, slide};
use crate::{Instant, Lane};

use super::{Decays, EPOCHS, add_value};

/// The sums over every range of `pass`.
pub(super) fn sweep(decays: Decays, pass: &Pass<'_>) -> ArrayRef {
    let weights: Vec<_> =
        pass.times().iter().map(|time| decays.weight(Instant::from_micros(*time))).collect();
    let counting = counting(decays, pass, &weights);
    let lane = Lane::of(pass.values()).expect("the types of inputs were checked");
    let mut window = Window { weights: &weights, lane, sum: WeightedSum::default(), reference: 0 };
    let mut sums = Float64Builder::with_capacity(pass.ranges.len());
    let mut rows = pass.ranges.iter().zip(pass.at);
    slide(&counting, &mut window, |window, _| {
        let Some(((start, end), at)) = rows.next() else { return };
        let (epoch, weight) = decays.weight(Instant::from_micros(*at));
        // Where there are events and none counts, the sum is zero, whatever the reference is.
        let power = window.reference.saturating_sub(epoch);
        let value = (start < end).then(|| window.sum.over(weight, power));
        sums.append_option(value);
    });
    Arc::new(sums.finish())
}

/// Of each range the events that count: those that are not too many epochs back.
fn counting(decays: Decays, pass: &Pass<'_>, weights: &[(i64, u64)]) -> Ranges {
    let mut counting = Ranges::with_capacity(pass.ranges.len());
    let mut first = 0;
    for ((start, end), at) in pass.ranges.iter().zip(pass.at) {
        let oldest = decays.epoch(Instant::from_micros(*at)).saturating_sub(EPOCHS - 1);
        first = first.max(start);
        while first < end && weights[first].0 < oldest {
            first += 1;
        }
        counting.push(first, end.max(first));
    }
    counting
}

/// The sum of the events of a range.
struct Window<'a> {
    /// Epoch and double of each event's weight.
    weights: &'a [(i64, u64)],
    lane: Lane<'a>,
    sum: WeightedSum,
    /// The epoch whose power of two is one in the sum.
    reference: i64,
}

/// How far epochs may lie from the reference before that follows them.
const FARTHEST: u64 = 1 << 20;

impl Window<'_> {
    fn change(&mut self, events: Range<usize>, takes_away: bool) {
        for event in events {
            let (epoch, weight) = self.weights[event];
            let power = (epoch - self.reference) as i32;
            add_value(&mut self.sum, &self.lane, event, weight, power, takes_away);
        }
    }

    /// Makes `epoch` one that powers of two reach: whole limbs are moved, and no bit is lost.
    fn follow(&mut self, epoch: i64) {
        if self.sum == WeightedSum::default() {
            self.reference = epoch;
        } else if epoch.abs_diff(self.reference) > FARTHEST {
            let limbs = (epoch - self.reference) / 64;
            self.sum.scale(-limbs as i32);
            self.reference += limbs * 64;
        }
    }
}

impl Sliding for Window<'_> {
    fn clear(&mut self, _: Range<usize>) {
        self.sum = WeightedSum::default();
    }

    fn enter(&mut self, events: Range<usize>) {
        for event in events {
            self.follow(self.weights[event].0);
            self.change(event..event + 1, false);
        }
    }

    fn leave(&mut self, events: Range<usize>) {
        self.change(events, true);
    }
}
