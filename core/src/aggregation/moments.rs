//! `sum`, `avg`, `variance`, `stddev` and their population forms: exact sums, rounded once.

mod sweep;

use std::borrow::Cow;
use std::ops::Range;

use arrow::error::ArrowError;

use crate::codec::{CodecError, Reader, put_unsigned};
use crate::lane::{Cells, Lane, Lanes};
use crate::pass::Pass;
use crate::{Aggregation, ExactSquares, ExactSum, FieldType, Instant, Order, Value, exact};

use super::{Filled, Kind, Partial, Types};

/// The families of sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MomentsOf {
    /// Whether squares are summed, too.
    pub(super) squares: bool,
}

impl Kind for MomentsOf {
    type Partial = Moments;

    fn identity(self, types: Types) -> Moments {
        Moments::new(types.values, self.squares)
    }

    fn union(self, other: Self) -> Option<Self> {
        Some(Self { squares: self.squares || other.squares })
    }

    fn sweep(self, pass: &Pass<'_>, aggregations: &[&Aggregation]) -> Result<Vec<Filled>, ArrowError> {
        Ok(sweep::sweep(pass, self.squares, aggregations))
    }
}

/// How many values there are, their exact sum, and the exact sum of their squares where it is asked for.
///
/// Being exact, it can also take values out again: what enters a window and leaves it has never been there.
#[derive(Clone, Debug)]
pub(crate) struct Moments {
    count: u64,
    sum: Sum,
    squares: Option<ExactSquares>,
}

/// More values than a log can hold; so counts never overflow, and sums of integers never leave 128 bits.
const MOST_VALUES: u64 = 1 << 62;

/// An exact sum. That of 64-bit integers fits 128 bits for every number of events.
#[derive(Clone, Debug)]
enum Sum {
    Integer(i128),
    Float(ExactSum),
}

impl Moments {
    /// The moments of no values of type `input`, with squares or without.
    fn new(input: Option<FieldType>, squares: bool) -> Self {
        let sum = match input {
            Some(input) if input.is_integer() => Sum::Integer(0),
            _ => Sum::Float(ExactSum::new()),
        };
        Self { count: 0, sum, squares: squares.then(ExactSquares::new) }
    }

    /// Back to no values.
    fn clear(&mut self) {
        self.count = 0;
        match &mut self.sum {
            Sum::Integer(sum) => *sum = 0,
            Sum::Float(sum) => *sum = ExactSum::new(),
        }
        if let Some(squares) = &mut self.squares {
            *squares = ExactSquares::new();
        }
    }

    /// Takes in the values of `rows`.
    fn add_rows(&mut self, lane: &Lane<'_>, rows: Range<usize>) {
        self.count += lane.count(rows.clone()) as u64;
        match (lane.cells(), &mut self.sum) {
            (Cells::Float64(values), Sum::Float(sum)) => {
                each(lane, rows, values, |x| {
                    sum.add(x);
                    if let Some(squares) = &mut self.squares {
                        squares.add(x);
                    }
                });
            }
            (Cells::Float32(values), Sum::Float(sum)) => {
                each(lane, rows, values, |x| {
                    sum.add(x.into());
                    if let Some(squares) = &mut self.squares {
                        squares.add(x.into());
                    }
                });
            }
            (Cells::Int64(values), Sum::Integer(sum)) => {
                each(lane, rows, values, |x| {
                    *sum += i128::from(x);
                    if let Some(squares) = &mut self.squares {
                        squares.add_integer(x);
                    }
                });
            }
            (Cells::Int32(values), Sum::Integer(sum)) => {
                each(lane, rows, values, |x| {
                    *sum += i128::from(x);
                    if let Some(squares) = &mut self.squares {
                        squares.add_integer(x.into());
                    }
                });
            }
            _ => {}
        }
    }

    /// Takes out the values of `rows`, all of which were taken in before.
    fn subtract_rows(&mut self, lane: &Lane<'_>, rows: Range<usize>) {
        self.count -= lane.count(rows.clone()) as u64;
        match (lane.cells(), &mut self.sum) {
            (Cells::Float64(values), Sum::Float(sum)) => {
                each(lane, rows, values, |x| {
                    sum.subtract(x);
                    if let Some(squares) = &mut self.squares {
                        squares.subtract(x);
                    }
                });
            }
            (Cells::Float32(values), Sum::Float(sum)) => {
                each(lane, rows, values, |x| {
                    sum.subtract(x.into());
                    if let Some(squares) = &mut self.squares {
                        squares.subtract(x.into());
                    }
                });
            }
            (Cells::Int64(values), Sum::Integer(sum)) => {
                each(lane, rows, values, |x| {
                    *sum -= i128::from(x);
                    if let Some(squares) = &mut self.squares {
                        squares.subtract_integer(x);
                    }
                });
            }
            (Cells::Int32(values), Sum::Integer(sum)) => {
                each(lane, rows, values, |x| {
                    *sum -= i128::from(x);
                    if let Some(squares) = &mut self.squares {
                        squares.subtract_integer(x.into());
                    }
                });
            }
            _ => {}
        }
    }

    /// The sum of integers: null where there are none or where 64 bits do not hold it.
    fn integer_sum(&self) -> Option<i64> {
        match &self.sum {
            Sum::Integer(sum) if self.count > 0 => i64::try_from(*sum).ok(),
            _ => None,
        }
    }

    /// The value of any aggregation of this family that gives a float.
    fn float(&self, aggregation: &Aggregation) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        match aggregation {
            Aggregation::Sum => match &self.sum {
                Sum::Float(sum) => Some(sum.round()),
                Sum::Integer(_) => None,
            },
            Aggregation::Avg => Some(self.exact_sum().mean(self.count)),
            Aggregation::Variance => self.variance(1),
            Aggregation::VariancePop => self.variance(0),
            Aggregation::Stddev => self.stddev(1),
            Aggregation::StddevPop => self.stddev(0),
            _ => None,
        }
    }

    fn variance(&self, ddof: u64) -> Option<f64> {
        exact::variance(self.count, &self.exact_sum(), self.squares.as_ref()?, ddof)
    }

    fn stddev(&self, ddof: u64) -> Option<f64> {
        exact::stddev(self.count, &self.exact_sum(), self.squares.as_ref()?, ddof)
    }

    /// The sum in the exact digits that means and variances are made of.
    fn exact_sum(&self) -> Cow<'_, ExactSum> {
        match &self.sum {
            Sum::Float(sum) => Cow::Borrowed(sum),
            Sum::Integer(sum) => Cow::Owned((*sum).into()),
        }
    }
}

/// Calls `take` for the value at each of `rows` that holds one.
#[inline]
fn each<T: Copy>(lane: &Lane<'_>, rows: Range<usize>, values: &[T], mut take: impl FnMut(T)) {
    if lane.has_nulls() {
        lane.valid_rows(rows).for_each(|row| take(values[row]));
    } else {
        values[rows].iter().for_each(|value| take(*value));
    }
}

impl Partial for Moments {
    fn add(&mut self, lanes: &Lanes<'_>, rows: Range<usize>, _: &dyn Fn(usize) -> Order) {
        if let Some(lane) = &lanes.values {
            self.add_rows(lane, rows);
        }
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        match (&mut self.sum, &other.sum) {
            (Sum::Integer(sum), Sum::Integer(other)) => *sum += other,
            (Sum::Float(sum), Sum::Float(other)) => sum.merge(other),
            _ => unreachable!("sums over one input are of one kind"),
        }
        if let (Some(squares), Some(other)) = (&mut self.squares, &other.squares) {
            squares.merge(other);
        }
    }

    fn finish(&self, aggregation: &Aggregation, _: Instant) -> Value {
        match (aggregation, &self.sum) {
            (Aggregation::Sum, Sum::Integer(_)) => self.integer_sum().map_or(Value::Null, Value::Int64),
            _ => self.float(aggregation).map_or(Value::Null, Value::Float64),
        }
    }

    fn overflows(&self, aggregation: &Aggregation) -> bool {
        match &self.sum {
            Sum::Integer(sum) => *aggregation == Aggregation::Sum && i64::try_from(*sum).is_err(),
            Sum::Float(_) => false,
        }
    }

    fn heap_bytes(&self) -> usize {
        let sum = match &self.sum {
            Sum::Integer(_) => 0,
            Sum::Float(sum) => sum.heap_bytes(),
        };
        sum + self.squares.as_ref().map_or(0, ExactSquares::heap_bytes)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        put_unsigned(out, self.count);
        match &self.sum {
            Sum::Integer(sum) => out.extend_from_slice(&sum.to_le_bytes()),
            Sum::Float(sum) => sum.encode(out),
        }
        if let Some(squares) = &self.squares {
            squares.encode(out);
        }
    }

    fn decode(&mut self, _: Types, bytes: &mut Reader<'_>) -> Result<(), CodecError> {
        const DAMAGED: CodecError = CodecError::Invalid("an exact sum is not well-formed");
        self.count = bytes.unsigned()?;
        if self.count > MOST_VALUES {
            return Err(CodecError::Invalid("a sum is of more values than there can be"));
        }
        match &mut self.sum {
            Sum::Integer(sum) => {
                *sum = i128::from_le_bytes(bytes.array()?);
                if sum.unsigned_abs() > u128::from(self.count) << 63 {
                    return Err(CodecError::Invalid("a sum is greater than its values can be"));
                }
            }
            Sum::Float(sum) => *sum = ExactSum::decode(&mut bytes.0).map_err(|_| DAMAGED)?,
        }
        if let Some(squares) = &mut self.squares {
            *squares = ExactSquares::decode(&mut bytes.0).map_err(|_| DAMAGED)?;
        }
        Ok(())
    }
}
