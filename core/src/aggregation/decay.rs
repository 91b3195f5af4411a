//! `exp_decay_sum`: a sum in which a value counts half after every half-life.
//!
//! An event at t has the weight W(t) = 2^⌊t/h⌋ · RN(2^frac(t/h)), where RN rounds to the nearest double, and the sum
//! at T is Σ x·W(t) / W(T). Weights are fixed once and for all by t, so that the sum is exact: of every half-life
//! (every ⌊t/h⌋, an *epoch*) the values times the doubles are summed exactly, epochs are put together by shifting
//! bits, and the quotient is rounded once. Events 2,200 epochs back or more count 0.

mod sweep;

use std::collections::BTreeMap;
use std::ops::Range;

use arrow::error::ArrowError;

use crate::codec::{CodecError, Reader, put_signed, put_unsigned};
use crate::exact::{WeightedSum, nearest_power_of_two};
use crate::lane::{Cells, Lane, Lanes};
use crate::pass::Pass;
use crate::{Aggregation, Instant, Order, TimeDelta, Value};

use super::{Filled, Kind, Partial, Types};

/// How many epochs, with that of T, count.
const EPOCHS: i64 = 2_200;

/// The families of decaying sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decays {
    /// After which time a value counts half.
    pub(super) half_life: TimeDelta,
}

impl Kind for Decays {
    type Partial = Decayed;

    fn identity(self, _: Types) -> Decayed {
        Decayed { of: self, any: false, epochs: BTreeMap::new() }
    }

    fn sweep(self, pass: &Pass<'_>, aggregations: &[&Aggregation]) -> Result<Vec<Filled>, ArrowError> {
        let column = sweep::sweep(self, pass);
        Ok(aggregations.iter().map(|_| column.clone().into()).collect())
    }
}

impl Decays {
    /// The epoch of `time` and, as a multiple of 2^−52, the double beside it.
    fn weight(self, time: Instant) -> (i64, u64) {
        let half_life = self.half_life.as_micros().max(1);
        let within = time.as_micros().rem_euclid(half_life);
        let mantissa = nearest_power_of_two(within.unsigned_abs(), half_life.unsigned_abs());
        (self.epoch(time), mantissa)
    }

    /// The epoch of `time`.
    fn epoch(self, time: Instant) -> i64 {
        time.as_micros().div_euclid(self.half_life.as_micros().max(1))
    }
}

/// Adds the value of `lane` at `row` to `sum` with this weight, or takes it away.
fn add_value(sum: &mut WeightedSum, lane: &Lane<'_>, row: usize, weight: u64, power: i32, takes_away: bool) {
    match lane.cells() {
        Cells::Int32(values) => sum.add_integer(values[row].into(), weight, power, takes_away),
        Cells::Int64(values) => sum.add_integer(values[row], weight, power, takes_away),
        Cells::Float32(values) => sum.add(values[row].into(), weight, power, takes_away),
        Cells::Float64(values) => sum.add(values[row], weight, power, takes_away),
        Cells::Bool(_) | Cells::Bytes { .. } => {}
    }
}

/// The exact sums of the epochs.
#[derive(Clone, Debug)]
pub(crate) struct Decayed {
    of: Decays,
    /// Whether there are values, whatever they count.
    any: bool,
    /// Of each epoch the sum of its values times the doubles of their weights.
    epochs: BTreeMap<i64, WeightedSum>,
}

impl Partial for Decayed {
    fn add(&mut self, lanes: &Lanes<'_>, rows: Range<usize>, order_of: &dyn Fn(usize) -> Order) {
        let Some(lane) = &lanes.values else { return };
        for row in lanes.rows(rows) {
            let (epoch, weight) = self.of.weight(order_of(row).time);
            self.any = true;
            add_value(self.epochs.entry(epoch).or_default(), lane, row, weight, 0, false);
        }
    }

    fn merge(&mut self, other: &Self) {
        self.any |= other.any;
        for (epoch, sum) in &other.epochs {
            self.epochs.entry(*epoch).or_default().merge(sum);
        }
    }

    fn finish(&self, _: &Aggregation, at: Instant) -> Value {
        if !self.any {
            return Value::Null;
        }
        let (epoch, weight) = self.of.weight(at);
        let mut sum = WeightedSum::default();
        for (other, of_epoch) in self.epochs.range(epoch.saturating_sub(EPOCHS - 1)..=epoch) {
            sum.merge_shifted(of_epoch, (other - epoch) as i32);
        }
        Value::Float64(sum.over(weight, 0))
    }

    fn forget(&mut self, horizon: Instant) {
        let oldest = self.of.epoch(horizon).saturating_sub(EPOCHS - 1);
        self.epochs = self.epochs.split_off(&oldest);
    }

    fn heap_bytes(&self) -> usize {
        let of_epoch = |sum: &WeightedSum| size_of::<(i64, WeightedSum)>() + sum.heap_bytes();
        self.epochs.values().map(of_epoch).sum()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.any));
        put_unsigned(out, self.epochs.len() as u64);
        let mut before = 0_i64;
        for (epoch, sum) in &self.epochs {
            put_signed(out, epoch.wrapping_sub(before));
            sum.encode(out);
            before = *epoch;
        }
    }

    fn decode(&mut self, _: Types, bytes: &mut Reader<'_>) -> Result<(), CodecError> {
        const DAMAGED: CodecError = CodecError::Invalid("a decaying sum is not well-formed");
        self.any = bytes.flag()?;
        let mut before = 0_i64;
        for _ in 0..bytes.count()? {
            let epoch = before.wrapping_add(bytes.signed()?);
            let follows = self.epochs.last_key_value().is_none_or(|(last, _)| *last < epoch);
            if !follows || !self.any {
                return Err(DAMAGED);
            }
            let sum = WeightedSum::decode(&mut bytes.0).map_err(|_| DAMAGED)?;
            self.epochs.insert(epoch, sum);
            before = epoch;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Float64Array};

    use super::*;
    use crate::Nulls;

    /// The sum at `at` of ones at `times`, with a half-life of 10.
    fn sum_of_ones(times: &[i64], at: i64) -> Value {
        let values: ArrayRef = Arc::new(Float64Array::from(vec![1.0; times.len()]));
        let lane = Lane::of(&values).expect("doubles");
        let lanes = Lanes { values: Some(lane), by: None, nulls: Nulls::Skip };
        let half_life = TimeDelta::from_micros(10);
        let mut sum = Decays { half_life }.identity(Types { values: None, by: None });
        for (row, time) in times.iter().enumerate() {
            let time = Instant::from_micros(*time);
            let order = Order { time, order_by: None, partition: 0, offset: 0 };
            sum.add(&lanes, row..row + 1, &|_| order);
        }
        sum.finish(&Aggregation::ExpDecaySum { half_life }, Instant::from_micros(at))
    }

    #[test]
    fn a_value_counts_half_after_every_half_life() {
        assert_eq!(sum_of_ones(&[], 0), Value::Null);
        for (at, expected) in [(3, 1.0), (13, 0.5), (33, 0.125)] {
            assert_eq!(sum_of_ones(&[3], at), Value::Float64(expected), "at {at}");
        }
        let Value::Float64(root) = sum_of_ones(&[3], 8) else { panic!("a double") };
        assert!((root - 0.5_f64.sqrt()).abs() < 1e-15, "{root}");
        assert_eq!(sum_of_ones(&[-20, -10, 0], 0), Value::Float64(1.75));
        assert_eq!(sum_of_ones(&[i64::MIN], i64::MAX), Value::Float64(0.0));
    }

    #[test]
    fn what_is_far_back_counts_nothing() {
        assert_eq!(sum_of_ones(&[0], 10 * 1_074), Value::Float64(5e-324));
        // One and half of the bit after its last: what is far back decides how that is rounded, while it counts.
        let with_tie = |epochs: i64| sum_of_ones(&[0, 10 * (epochs - 53), 10 * epochs], 10 * epochs);
        assert_eq!(with_tie(2_199), Value::Float64(1.0_f64.next_up()));
        assert_eq!(with_tie(2_200), Value::Float64(1.0));
    }
}
