//! `min` and `max`; of truths these are `all` and `any`.

use std::cmp::Ordering;
use std::ops::Range;

use arrow::error::ArrowError;

use crate::codec::{CodecError, Reader, put_value};
use crate::lane::{BitSlice, Cells, Lanes, canonical_f32, canonical_f64};
use crate::pass::{Pass, best, pick};
use crate::{Aggregation, Instant, Order, Value};

use super::{Filled, Kind, Partial, Types};

/// The families of the least and of the greatest value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extremes {
    better: Ordering,
}

impl Extremes {
    /// The least value.
    pub(crate) const LEAST: Self = Self { better: Ordering::Less };
    /// The greatest value.
    pub(crate) const GREATEST: Self = Self { better: Ordering::Greater };
}

impl Kind for Extremes {
    type Partial = Extreme;

    fn identity(self, _: Types) -> Extreme {
        Extreme { better: self.better, best: Value::Null }
    }

    fn sweep(self, pass: &Pass<'_>, aggregations: &[&Aggregation]) -> Result<Vec<Filled>, ArrowError> {
        let column = pick(pass.values(), best(pass.values(), pass.ranges, self.better))?;
        Ok(aggregations.iter().map(|_| column.clone().into()).collect())
    }
}

/// The least or the greatest value seen.
#[derive(Clone, Debug)]
pub(crate) struct Extreme {
    better: Ordering,
    best: Value,
}

impl Extreme {
    fn offer(&mut self, value: Value) {
        if !value.is_null() && (self.best.is_null() || compare(&value, &self.best) == self.better) {
            self.best = value;
        }
    }
}

/// Values that have an order among their kind: false < true, −0.0 < 0.0, NaN above all, text by bytes.
///
/// Asked of rows of a column, so that a search over it compares without making values of them.
pub(crate) trait Ordered: Copy {
    /// How the values at two rows compare.
    fn compare(self, a: usize, b: usize) -> Ordering;
}

impl Ordered for BitSlice<'_> {
    #[inline]
    fn compare(self, a: usize, b: usize) -> Ordering {
        self.get(a).cmp(&self.get(b))
    }
}

impl Ordered for &[i32] {
    #[inline]
    fn compare(self, a: usize, b: usize) -> Ordering {
        self[a].cmp(&self[b])
    }
}

impl Ordered for &[i64] {
    #[inline]
    fn compare(self, a: usize, b: usize) -> Ordering {
        self[a].cmp(&self[b])
    }
}

impl Ordered for &[f32] {
    #[inline]
    fn compare(self, a: usize, b: usize) -> Ordering {
        compare_f32(self[a], self[b])
    }
}

impl Ordered for &[f64] {
    #[inline]
    fn compare(self, a: usize, b: usize) -> Ordering {
        compare_f64(self[a], self[b])
    }
}

/// The offsets and the data of [`Cells::Bytes`].
impl Ordered for (&[i32], &[u8]) {
    #[inline]
    fn compare(self, a: usize, b: usize) -> Ordering {
        let (offsets, data) = self;
        let bytes = |row: usize| &data[offsets[row] as usize..offsets[row + 1] as usize];
        bytes(a).cmp(bytes(b))
    }
}

/// The order of singles: numbers as usual, −0.0 below 0.0, every NaN equal and above all.
fn compare_f32(a: f32, b: f32) -> Ordering {
    canonical_f32(a).total_cmp(&canonical_f32(b))
}

/// The order of doubles: numbers as usual, −0.0 below 0.0, every NaN equal and above all.
fn compare_f64(a: f64, b: f64) -> Ordering {
    canonical_f64(a).total_cmp(&canonical_f64(b))
}

/// How two values of one type compare.
pub(super) fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Int32(a), Value::Int32(b)) | (Value::Date(a), Value::Date(b)) => a.cmp(b),
        (Value::Int64(a), Value::Int64(b)) | (Value::Timestamp(a), Value::Timestamp(b)) => a.cmp(b),
        (Value::Float32(a), Value::Float32(b)) => compare_f32(*a, *b),
        (Value::Float64(a), Value::Float64(b)) => compare_f64(*a, *b),
        (Value::String(a), Value::String(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Value::Binary(a), Value::Binary(b)) => a.cmp(b),
        _ => unreachable!("values of one input are of one type"),
    }
}

/// The row of `rows` with the best value: the one that compares as `better` to all others.
fn best_row(values: impl Ordered, rows: impl Iterator<Item = usize>, better: Ordering) -> Option<usize> {
    rows.reduce(|best, row| if values.compare(row, best) == better { row } else { best })
}

impl Partial for Extreme {
    fn add(&mut self, lanes: &Lanes<'_>, rows: Range<usize>, _: &dyn Fn(usize) -> Order) {
        let Some(lane) = &lanes.values else { return };
        let rows = lane.valid_rows(rows);
        let best = match lane.cells() {
            Cells::Bool(bits) => best_row(bits, rows, self.better),
            Cells::Int32(values) => best_row(values, rows, self.better),
            Cells::Int64(values) => best_row(values, rows, self.better),
            Cells::Float32(values) => best_row(values, rows, self.better),
            Cells::Float64(values) => best_row(values, rows, self.better),
            Cells::Bytes { offsets, data } => best_row((offsets, data), rows, self.better),
        };
        if let Some(row) = best {
            self.offer(lane.value(row));
        }
    }

    fn merge(&mut self, other: &Self) {
        if !other.best.is_null() && (self.best.is_null() || compare(&other.best, &self.best) == self.better) {
            self.best = other.best.clone();
        }
    }

    fn finish(&self, _: &Aggregation, _: Instant) -> Value {
        self.best.clone()
    }

    fn heap_bytes(&self) -> usize {
        self.best.heap_bytes()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(!self.best.is_null()));
        put_value(out, &self.best);
    }

    fn decode(&mut self, types: Types, bytes: &mut Reader<'_>) -> Result<(), CodecError> {
        self.best = match (bytes.flag()?, types.values) {
            (false, _) => Value::Null,
            (true, Some(input)) => bytes.value(input)?,
            (true, None) => return Err(CodecError::Invalid("there is an extreme of no input")),
        };
        Ok(())
    }
}
