//! The aggregations.

use num_bigint::{BigInt, BigUint};
use thalweg_core::{Aggregation, FieldType, Value};

use super::expression::{evaluate, is_true};
use super::number::{
    as_double, as_integer, nearest_quotient, nearest_quotient_of_squares, nearest_root_of_squares,
    quanta_of_double, quanta_of_integer,
};
use super::order::compare;
use crate::definition::{Column, Row};

/// The one NaN there is.
const NAN: f64 = f64::from_bits(0x7ff8_0000_0000_0000);

/// What `column` gives for these events, which are in order.
pub fn fold(column: &Column, events: &[&Row]) -> Value {
    let filter = column.feature.filter.as_ref();
    let passing = events.iter().filter(|row| filter.is_none_or(|filter| is_true(filter, row)));
    let Some((expression, input)) = &column.feature.of else {
        assert_eq!(column.aggregation, Aggregation::Count, "only rows are counted without an input");
        return Value::Int64(passing.count().try_into().expect("a count"));
    };
    let values = passing.map(|row| evaluate(expression, row)).filter(|value| !value.is_null()).collect();
    aggregate(column.aggregation, *input, values)
}

fn aggregate(aggregation: Aggregation, input: FieldType, values: Vec<Value>) -> Value {
    if aggregation == Aggregation::Count {
        return Value::Int64(values.len().try_into().expect("a count"));
    }
    let Some(last) = values.last().cloned() else { return Value::Null };
    match aggregation {
        Aggregation::Count => unreachable!("done above"),
        Aggregation::Sum if input.is_integer() => {
            let sum: i128 = values.iter().filter_map(as_integer).sum();
            i64::try_from(sum).map_or(Value::Null, Value::Int64)
        }
        Aggregation::Sum => sum_over(&values, 1),
        Aggregation::Avg => sum_over(&values, values.len()),
        Aggregation::Variance => deviation(&values, 1, nearest_quotient_of_squares),
        Aggregation::VariancePop => deviation(&values, 0, nearest_quotient_of_squares),
        Aggregation::Stddev => deviation(&values, 1, nearest_root_of_squares),
        Aggregation::StddevPop => deviation(&values, 0, nearest_root_of_squares),
        Aggregation::Min => values.into_iter().min_by(compare).expect("there is one"),
        Aggregation::Max => values.into_iter().max_by(compare).expect("there is one"),
        Aggregation::First => values.into_iter().next().expect("there is one"),
        Aggregation::Last => last,
        Aggregation::FirstN { n } => Value::List(values.into_iter().take(n as usize).collect()),
        Aggregation::LastN { n } => Value::List(values.into_iter().rev().take(n as usize).collect()),
    }
}

/// The numbers exactly, in quanta, or what infinities and NaN among them make of any sum.
fn exactly(values: &[Value]) -> Result<Vec<BigInt>, f64> {
    let has = |special: f64| values.iter().any(|value| as_double(value) == special);
    if values.iter().any(|value| as_double(value).is_nan()) || (has(f64::INFINITY) && has(f64::NEG_INFINITY))
    {
        return Err(NAN);
    }
    if let Some(infinity) = [f64::INFINITY, f64::NEG_INFINITY].into_iter().find(|infinity| has(*infinity)) {
        return Err(infinity);
    }
    let quanta =
        |value| as_integer(value).map_or_else(|| quanta_of_double(as_double(value)), quanta_of_integer);
    Ok(values.iter().map(quanta).collect())
}

/// The sum over `divisor`.
fn sum_over(values: &[Value], divisor: usize) -> Value {
    Value::Float64(match exactly(values) {
        Ok(exact) => nearest_quotient(&exact.iter().sum(), divisor),
        Err(special) => special,
    })
}

/// The sum of the squared distances from the mean over n − `lost`, as `nearest` rounds it.
fn deviation(values: &[Value], lost: usize, nearest: fn(&BigUint, &BigUint) -> f64) -> Value {
    if values.len() <= lost {
        return Value::Null;
    }
    let Ok(exact) = exactly(values) else { return Value::Float64(NAN) };
    let (n, sum) = (exact.len(), exact.iter().sum::<BigInt>());
    // Everything times n, so that the mean is whole.
    let squares: BigInt = exact.iter().map(|x| (x * n - &sum).pow(2)).sum();
    Value::Float64(nearest(squares.magnitude(), &(BigUint::from(n) * n * (n - lost))))
}
