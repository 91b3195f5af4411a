//! The aggregations.

use num_bigint::{BigInt, BigUint};
use thalweg_core::{Aggregation, FieldType, Percentile, Value};

use super::expression::{evaluate, is_true};
use super::number::{
    as_double, as_integer, nearest_power, nearest_quotient, nearest_quotient_of_squares,
    nearest_root_of_squares, quanta_of_double, quanta_of_integer,
};
use super::order::compare;
use super::visible::Placed;
use crate::definition::{Column, compares, keeps_nulls};

/// The one NaN there is.
const NAN: f64 = f64::from_bits(0x7ff8_0000_0000_0000);

/// What `column` gives at `at` for these events, which are in order.
pub fn fold(column: &Column, events: &[&Placed], at: i128) -> Value {
    let (feature, aggregation) = (column.feature, &column.aggregation);
    let passes = |event: &&&Placed| feature.filter.as_ref().is_none_or(|filter| is_true(filter, event.row));
    // Without an expression, every event has a value.
    let value = |event: &Placed| match &feature.of {
        Some((of, _)) => evaluate(of, event.row),
        None => Value::Bool(true),
    };
    let by = |event: &Placed| match &feature.by {
        Some(by) if compares(aggregation) => evaluate(by, event.row),
        _ => Value::Bool(true),
    };
    let all = events.iter().filter(passes).map(|event| (event.time, value(event), by(event)));
    let takes_part = |(_, value, by): &(i64, Value, Value)| {
        (keeps_nulls(aggregation) || !value.is_null()) && !by.is_null()
    };
    let folded: Vec<_> = all.filter(takes_part).collect();
    let input = feature.of.as_ref().map_or(FieldType::Bool, |(_, input)| *input);
    aggregate(aggregation, input, &folded, at)
}

/// What an aggregation gives for events in order: of each its time, its value and what it is compared by.
fn aggregate(aggregation: &Aggregation, input: FieldType, events: &[(i64, Value, Value)], at: i128) -> Value {
    if *aggregation == Aggregation::Count {
        return Value::Int64(events.len().try_into().expect("a count"));
    }
    let values: Vec<_> = events.iter().map(|(_, value, _)| value.clone()).collect();
    let is_over = |limit: u32| counts(&values).len() > limit as usize;
    let distinct = || Value::Int64(counts(&values).len().try_into().expect("a count"));
    match aggregation {
        Aggregation::CountDistinct { limit } if is_over(*limit) => return Value::Null,
        Aggregation::CountDistinct { .. } | Aggregation::ApproxCountDistinct => return distinct(),
        _ => {}
    }
    let (Some(first), Some(last)) = (events.first(), events.last()) else { return Value::Null };
    let since = |time: i64| Value::Int64(i64::try_from(at - i128::from(time)).unwrap_or(i64::MAX));
    let by = |(_, _, a): &&(i64, Value, Value), (_, _, b): &&(i64, Value, Value)| compare(a, b);
    match aggregation {
        Aggregation::Count | Aggregation::CountDistinct { .. } | Aggregation::ApproxCountDistinct => {
            unreachable!("done above")
        }
        // The value itself, which what is approximate must be near to: the first one that at least such a share of all
        // values does not exceed.
        Aggregation::ApproxPercentile { percentiles } => {
            let mut numbers: Vec<_> = values.iter().map(|value| Value::Float64(as_double(value))).collect();
            numbers.sort_by(compare);
            let at = |percentile: &Percentile| {
                let share = |n: &usize| {
                    *n as u64 * 1_000_000_000 >= u64::from(percentile.billionths()) * numbers.len() as u64
                };
                let rank = (1..=numbers.len()).find(share).expect("all of them are enough");
                numbers[rank - 1].clone()
            };
            Value::List(percentiles.iter().map(at).collect())
        }
        Aggregation::TopK { limit, .. } | Aggregation::Histogram { limit } if is_over(*limit) => Value::Null,
        Aggregation::Histogram { .. } => Value::Map(counts(&values)),
        Aggregation::TopK { k, .. } => {
            let mut ranking = counts(&values);
            ranking.sort_by(|(a, times), (b, other)| other.cmp(times).then(compare(a, b)));
            Value::List(ranking.into_iter().take(*k as usize).map(|(value, _)| value).collect())
        }
        Aggregation::Sum if input.is_integer() => {
            let sum: i128 = values.iter().filter_map(as_integer).sum();
            i64::try_from(sum).map_or(Value::Null, Value::Int64)
        }
        Aggregation::Sum => sum_over(&values, 1),
        Aggregation::Avg => sum_over(&values, values.len()),
        Aggregation::ExpDecaySum { half_life } => decayed(events, i128::from(half_life.as_micros()), at),
        Aggregation::Variance => deviation(&values, 1, nearest_quotient_of_squares),
        Aggregation::VariancePop => deviation(&values, 0, nearest_quotient_of_squares),
        Aggregation::Stddev => deviation(&values, 1, nearest_root_of_squares),
        Aggregation::StddevPop => deviation(&values, 0, nearest_root_of_squares),
        Aggregation::Min => values.into_iter().min_by(compare).expect("there is one"),
        Aggregation::Max => values.into_iter().max_by(compare).expect("there is one"),
        // Of several that are least, the first is given, of several that are greatest, the last.
        Aggregation::MinBy => events.iter().rev().min_by(by).expect("there is one").1.clone(),
        Aggregation::MaxBy => events.iter().max_by(by).expect("there is one").1.clone(),
        Aggregation::Any => Value::Bool(values.contains(&Value::Bool(true))),
        Aggregation::All => Value::Bool(!values.contains(&Value::Bool(false))),
        Aggregation::First { .. } => first.1.clone(),
        Aggregation::Last { .. } => last.1.clone(),
        Aggregation::FirstN { n, .. } => Value::List(values.into_iter().take(*n as usize).collect()),
        Aggregation::LastN { n, .. } => Value::List(values.into_iter().rev().take(*n as usize).collect()),
        Aggregation::TimeSinceFirst => since(first.0),
        Aggregation::TimeSinceLast => since(last.0),
    }
}

/// How often each value occurs, in the order of values; the two zeros of floats are one.
fn counts(values: &[Value]) -> Vec<(Value, i64)> {
    let mut distinct: Vec<_> = values.iter().map(without_sign_of_zero).collect();
    distinct.sort_by(compare);
    distinct.dedup();
    let times = |value: &Value| values.iter().filter(|other| without_sign_of_zero(other) == *value).count();
    distinct.into_iter().map(|value| (value.clone(), times(&value).try_into().expect("a count"))).collect()
}

fn without_sign_of_zero(value: &Value) -> Value {
    match value {
        Value::Float32(x) if *x == 0.0 => Value::Float32(0.0),
        Value::Float64(x) if *x == 0.0 => Value::Float64(0.0),
        value => value.clone(),
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
        Ok(exact) => nearest_quotient(&exact.iter().sum(), &divisor.into()),
        Err(special) => special,
    })
}

/// The sum of what is less than 2,200 half-lives back, each value times its weight, over the weight of `at`.
fn decayed(events: &[(i64, Value, Value)], half_life: i128, at: i128) -> Value {
    let weight = |time: i128| nearest_power(time.rem_euclid(half_life), half_life);
    let back = |time: i64| at.div_euclid(half_life) - i128::from(time).div_euclid(half_life);
    let counting: Vec<_> = events.iter().filter(|(time, _, _)| back(*time) < 2_200).collect();
    let values: Vec<_> = counting.iter().map(|(_, value, _)| value.clone()).collect();
    Value::Float64(match exactly(&values) {
        Ok(exact) => {
            let weighted = exact.iter().zip(&counting).map(|(x, (time, _, _))| {
                (x * BigInt::from(weight(i128::from(*time)))) << (2_200 - back(*time))
            });
            nearest_quotient(&weighted.sum(), &(weight(at) << 2_200))
        }
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
