//! The aggregations: how the values of a window become one.
//!
//! Every family of aggregations keeps a [`Partial`]: a commutative monoid over events, so that chunks
//! of a state, the past that is no longer kept as events, and late events can be merged in any grouping.
//! What is online found by merging partials is offline found by sliding over sorted columns; both end in the
//! same finishing functions.
//!
//! A new aggregation is a variant of [`Aggregation`] with its lines in the tables here, and, if no family
//! there is can answer it, a file with a new [`Partial`] named in `partial.rs`.

mod count;
mod ends;
mod extremes;
mod moments;
mod partial;

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};

pub(crate) use extremes::Ordered;
pub(crate) use moments::Moments;
pub(crate) use partial::{Accumulator, Family, Partial};

use crate::FieldType;

/// How the values of the events in a window become one value. Nulls are skipped by all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Aggregation {
    /// Number of values; without an input, number of events.
    Count,
    /// Exact sum, correctly rounded for floats; null where an integer sum does not fit 64 bits.
    Sum,
    /// Exact mean, correctly rounded.
    Avg,
    /// Least value: false < true, −0.0 < 0.0, NaN above all, text by its UTF-8 bytes.
    Min,
    /// Greatest value, in the order of [`Aggregation::Min`].
    Max,
    /// Exact sample variance (n − 1), correctly rounded; null for fewer than two values.
    Variance,
    /// Root of the exact sample variance, rounded once; null for fewer than two values.
    Stddev,
    /// Exact population variance (n), correctly rounded.
    VariancePop,
    /// Root of the exact population variance, rounded once.
    StddevPop,
    /// Value of the first event in the total order.
    First,
    /// Value of the last event in the total order.
    Last,
    /// Values of the first `n` events, first event first.
    FirstN {
        /// Length of the list where there are enough events, at least 1.
        n: u32,
    },
    /// Values of the last `n` events, last event first.
    LastN {
        /// Length of the list where there are enough events, at least 1.
        n: u32,
    },
}

/// Why an aggregation cannot be computed over an input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AggregationError {
    /// Only a count can do without an input.
    #[error("{aggregation} needs an input: say what to aggregate with `of`")]
    NoInput {
        /// Name of the aggregation.
        aggregation: &'static str,
    },
    /// Sums and what is made of them are for numbers.
    #[error(
        "{aggregation} is for numbers, and the input has type {input}: cast it, or use another aggregation"
    )]
    NotANumber {
        /// Name of the aggregation.
        aggregation: &'static str,
        /// Type of the input.
        input: FieldType,
    },
    /// A list of no values.
    #[error("{aggregation} needs an `n` of at least 1")]
    EmptyList {
        /// Name of the aggregation.
        aggregation: &'static str,
    },
}

impl Aggregation {
    /// The aggregation's name in definition files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Sum => "sum",
            Self::Avg => "avg",
            Self::Min => "min",
            Self::Max => "max",
            Self::Variance => "variance",
            Self::Stddev => "stddev",
            Self::VariancePop => "variance_pop",
            Self::StddevPop => "stddev_pop",
            Self::First => "first",
            Self::Last => "last",
            Self::FirstN { .. } => "first_n",
            Self::LastN { .. } => "last_n",
        }
    }

    /// The Arrow type of the result over an input of type `input` (`None`: events are counted).
    ///
    /// # Errors
    ///
    /// See [`AggregationError`].
    pub fn output(self, input: Option<FieldType>) -> Result<DataType, AggregationError> {
        let aggregation = self.name();
        let Some(input) = input else {
            return match self {
                Self::Count => Ok(DataType::Int64),
                _ => Err(AggregationError::NoInput { aggregation }),
            };
        };
        match self {
            Self::Count => Ok(DataType::Int64),
            Self::Sum | Self::Avg | Self::Variance | Self::Stddev | Self::VariancePop | Self::StddevPop
                if !input.is_number() =>
            {
                Err(AggregationError::NotANumber { aggregation, input })
            }
            Self::Sum if input.is_integer() => Ok(DataType::Int64),
            Self::Sum | Self::Avg | Self::Variance | Self::Stddev | Self::VariancePop | Self::StddevPop => {
                Ok(DataType::Float64)
            }
            Self::Min | Self::Max | Self::First | Self::Last => Ok(input.to_arrow()),
            Self::FirstN { n: 0 } | Self::LastN { n: 0 } => Err(AggregationError::EmptyList { aggregation }),
            Self::FirstN { .. } | Self::LastN { .. } => {
                Ok(DataType::List(Arc::new(Field::new("item", input.to_arrow(), true))))
            }
        }
    }

    /// Whether this is made of a sum, of values or of their squares.
    pub(crate) const fn is_moment(self) -> bool {
        matches!(self.family(), Family::Moments { .. })
    }

    /// Whether this is made of a sum of squares.
    pub(crate) const fn needs_squares(self) -> bool {
        matches!(self.family(), Family::Moments { squares: true })
    }

    /// The family whose partial answers this aggregation.
    pub(crate) const fn family(self) -> Family {
        match self {
            Self::Count => Family::Count,
            Self::Sum | Self::Avg => Family::Moments { squares: false },
            Self::Variance | Self::Stddev | Self::VariancePop | Self::StddevPop => {
                Family::Moments { squares: true }
            }
            Self::Min => Family::Least,
            Self::Max => Family::Greatest,
            Self::First => Family::Earliest { n: 1 },
            Self::Last => Family::Latest { n: 1 },
            Self::FirstN { n } => Family::Earliest { n },
            Self::LastN { n } => Family::Latest { n },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_fixed_before_any_data_is_read() {
        let output = |aggregation: Aggregation, input| aggregation.output(input);
        assert_eq!(output(Aggregation::Count, None), Ok(DataType::Int64));
        assert_eq!(output(Aggregation::Sum, Some(FieldType::Int32)), Ok(DataType::Int64));
        assert_eq!(output(Aggregation::Sum, Some(FieldType::Float32)), Ok(DataType::Float64));
        assert_eq!(output(Aggregation::Avg, Some(FieldType::Int64)), Ok(DataType::Float64));
        assert_eq!(output(Aggregation::Max, Some(FieldType::Float32)), Ok(DataType::Float32));
        assert_eq!(
            output(Aggregation::Sum, Some(FieldType::Bool)),
            Err(AggregationError::NotANumber { aggregation: "sum", input: FieldType::Bool })
        );
        assert_eq!(output(Aggregation::Last, None), Err(AggregationError::NoInput { aggregation: "last" }));
        assert_eq!(
            output(Aggregation::LastN { n: 0 }, Some(FieldType::Date)),
            Err(AggregationError::EmptyList { aggregation: "last_n" })
        );
    }
}
