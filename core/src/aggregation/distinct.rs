//! `approx_count_distinct`: about how many distinct values there are, by HyperLogLog.
//!
//! The first bits of a value's hash choose a register; the register keeps the longest run of zeros with which the
//! rest of a hash has begun, more or less the logarithm of how many distinct values it has seen (Flajolet, Fusy,
//! Gandouet and Meunier, 2007). Registers are greatest values, so that merging them is exact in any order, and
//! equal values are one. How many registers hold which run is all that the estimate needs; it is Ertl's ("New
//! cardinality estimation algorithms for HyperLogLog sketches", 2017, algorithm 6), which needs no tables.

mod estimate;
mod sweep;

use std::ops::Range;

use arrow::error::ArrowError;
use xxhash_rust::xxh3::xxh3_64;

use crate::codec::{CodecError, Reader, put_unsigned};
use crate::lane::{Cells, Lane, Lanes, canonical_f64};
use crate::pass::Pass;
use crate::{Aggregation, Instant, Order, Value};

use super::{Filled, Kind, Partial, Types};
use estimate::Runs;

/// Bits of a hash that choose a register. The standard error is 1.04 / √registers: 1.6 %.
const REGISTER_BITS: u32 = 12;
/// How many registers there are.
const REGISTERS: usize = 1 << REGISTER_BITS;
/// The longest run: all the other bits are zero, and one more.
const LONGEST: u8 = (u64::BITS - REGISTER_BITS) as u8 + 1;
/// Up to so many registers in use are kept as a list.
const SPARSE: usize = 512;

/// The family of approximate counts of distinct values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sketches;

impl Kind for Sketches {
    type Partial = Sketch;

    fn identity(self, _: Types) -> Sketch {
        Sketch::Sparse(Vec::new())
    }

    fn sweep(self, pass: &Pass<'_>, aggregations: &[&Aggregation]) -> Result<Vec<Filled>, ArrowError> {
        let column = sweep::sweep(pass);
        Ok(aggregations.iter().map(|_| column.clone().into()).collect())
    }
}

/// What the hash of a value says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    /// The register it chooses.
    register: u16,
    /// The run it begins with: zeros, and the one after them.
    run: u8,
}

impl Mark {
    /// The mark of the value of `lane` at `row`. Zeros of floats are one value, NaN are one.
    fn of(lane: &Lane<'_>, row: usize) -> Self {
        let integer = |value: i64| xxh3_64(&value.to_le_bytes());
        let float = |value: f64| xxh3_64(&canonical_f64(value + 0.0).to_le_bytes());
        let hash = match lane.cells() {
            Cells::Bool(bits) => integer(bits.get(row).into()),
            Cells::Int32(values) => integer(values[row].into()),
            Cells::Int64(values) => integer(values[row]),
            Cells::Float32(values) => float(values[row].into()),
            Cells::Float64(values) => float(values[row]),
            cells @ Cells::Bytes { .. } => xxh3_64(cells.bytes(row)),
        };
        let rest = hash << REGISTER_BITS | 1 << (REGISTER_BITS - 1);
        Self { register: (hash >> (u64::BITS - REGISTER_BITS)) as u16, run: rest.leading_zeros() as u8 + 1 }
    }
}

/// The registers.
#[derive(Clone, Debug)]
pub(crate) enum Sketch {
    /// Those in use, in order, while they are few.
    Sparse(Vec<(u16, u8)>),
    /// All of them.
    Dense(Box<[u8]>),
}

impl Sketch {
    fn take(&mut self, mark: Mark) {
        match self {
            Self::Sparse(registers) => {
                match registers.binary_search_by_key(&mark.register, |(register, _)| *register) {
                    Ok(place) => registers[place].1 = registers[place].1.max(mark.run),
                    Err(place) => registers.insert(place, (mark.register, mark.run)),
                }
                if registers.len() > SPARSE {
                    let mut dense = vec![0; REGISTERS].into_boxed_slice();
                    registers.iter().for_each(|(register, run)| dense[usize::from(*register)] = *run);
                    *self = Self::Dense(dense);
                }
            }
            Self::Dense(registers) => {
                let register = &mut registers[usize::from(mark.register)];
                *register = mark.run.max(*register);
            }
        }
    }

    /// The registers in use.
    fn marks(&self) -> impl Iterator<Item = Mark> {
        let (sparse, dense) = match self {
            Self::Sparse(registers) => (Some(registers), None),
            Self::Dense(registers) => (None, Some(registers)),
        };
        let sparse =
            sparse.into_iter().flatten().map(|(register, run)| Mark { register: *register, run: *run });
        let dense = dense.into_iter().flat_map(|registers| registers.iter().zip(0..));
        sparse.chain(dense.filter(|(run, _)| **run > 0).map(|(run, register)| Mark { register, run: *run }))
    }
}

impl Partial for Sketch {
    fn add(&mut self, lanes: &Lanes<'_>, rows: Range<usize>, _: &dyn Fn(usize) -> Order) {
        let Some(lane) = &lanes.values else { return };
        lanes.rows(rows).for_each(|row| self.take(Mark::of(lane, row)));
    }

    fn merge(&mut self, other: &Self) {
        other.marks().for_each(|mark| self.take(mark));
    }

    fn finish(&self, _: &Aggregation, _: Instant) -> Value {
        let mut runs = Runs::new();
        self.marks().for_each(|mark| runs.change(0, mark.run));
        Value::Int64(runs.estimate())
    }

    fn heap_bytes(&self) -> usize {
        match self {
            Self::Sparse(registers) => registers.capacity() * size_of::<(u16, u8)>(),
            Self::Dense(registers) => registers.len(),
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Sparse(registers) => {
                put_unsigned(out, registers.len() as u64);
                let mut next = 0;
                for (register, run) in registers {
                    put_unsigned(out, u64::from(register - next));
                    out.push(*run);
                    next = register + 1;
                }
            }
            Self::Dense(registers) => {
                put_unsigned(out, REGISTERS as u64);
                out.extend_from_slice(registers);
            }
        }
    }

    fn decode(&mut self, _: Types, bytes: &mut Reader<'_>) -> Result<(), CodecError> {
        const DAMAGED: CodecError = CodecError::Invalid("a count of distinct values is not well-formed");
        let count = bytes.count()?;
        if count == REGISTERS {
            let registers: Box<[u8]> = bytes.take(REGISTERS)?.into();
            let used = registers.iter().filter(|run| **run > 0).count();
            if used <= SPARSE || registers.iter().any(|run| *run > LONGEST) {
                return Err(DAMAGED);
            }
            *self = Self::Dense(registers);
            return Ok(());
        }
        let mut registers = Vec::new();
        let mut next = 0;
        for _ in 0..count {
            let register = bytes.unsigned()?.checked_add(next).ok_or(DAMAGED)?;
            let run = bytes.byte()?;
            if count > SPARSE || register >= REGISTERS as u64 || !(1..=LONGEST).contains(&run) {
                return Err(DAMAGED);
            }
            registers.push((register as u16, run));
            next = register + 1;
        }
        *self = Self::Sparse(registers);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array};

    use super::*;

    /// What a sketch of the integers of `range` says.
    fn estimate(range: Range<i64>) -> i64 {
        let count = (range.end - range.start) as usize;
        let values: ArrayRef = Arc::new(Int64Array::from_iter_values(range));
        let lane = Lane::of(&values).expect("integers");
        let mut sketch = Sketches.identity(Types { values: None, by: None });
        (0..count).for_each(|row| sketch.take(Mark::of(&lane, row)));
        match sketch.finish(&Aggregation::ApproxCountDistinct, Instant::MIN) {
            Value::Int64(estimate) => estimate,
            other => panic!("{other:?} is no count"),
        }
    }

    #[test]
    fn few_values_are_counted_almost_exactly() {
        assert_eq!(estimate(0..0), 0);
        for count in [1, 2, 5, 10] {
            assert_eq!(estimate(0..count), count);
        }
        for count in [50, 100, 200] {
            assert!((estimate(0..count) - count).abs() <= count / 25, "{count}: {}", estimate(0..count));
        }
    }

    /// The bound that is promised, measured: the root of the mean square of the relative errors of many counts.
    #[test]
    fn the_standard_error_is_below_two_percent() {
        for count in [300_i64, 1_000, 3_000, 10_000, 30_000] {
            let trials = 3_000_000 / count.max(10_000);
            let error = |trial: i64| {
                let start = trial << 40;
                (estimate(start..start + count) - count) as f64 / count as f64
            };
            let errors: Vec<f64> = (0..trials).map(error).collect();
            let mean_square = errors.iter().map(|error| error * error).sum::<f64>() / trials as f64;
            assert!(mean_square.sqrt() < 0.02, "{count} values: {}", mean_square.sqrt());
        }
    }
}
