//! The registry of aggregations.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};

use crate::value::map_type;
use crate::{FieldType, TimeDelta};

use super::by::Bys;
use super::count::Counts;
use super::decay::Decays;
use super::distinct::Sketches;
use super::ends::EndsOf;
use super::extremes::Extremes;
use super::family::Family;
use super::moments::MomentsOf;
use super::parameters::{Missing, Nulls, Parameters};
use super::percentiles::Percentiles;
use super::quantiles::Quantiles;
use super::since::Sinces;
use super::values::ValueCountsOf;

/// What there is to know of an aggregation.
struct Entry {
    takes: Takes,
    gives: Gives,
    /// Which partial answers it.
    family: Family,
}

/// What an aggregation can be computed over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    /// Values of any type, or events alone.
    Events,
    /// Values of any type.
    Values,
    /// Values of any type, compared by values of any type.
    ValuesBy,
    /// Values of any type but floats.
    Discrete,
    /// Numbers.
    Numbers,
    /// Booleans.
    Truths,
}

/// What type an aggregation gives.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gives {
    /// A 64-bit integer.
    Int64,
    /// A double.
    Float64,
    /// A 64-bit integer for integers, a double for floats.
    Widest,
    /// A value of the input's type.
    Own,
    /// At most so many of them.
    ListOfOwn(u32),
    /// So many doubles.
    ListOfFloats(usize),
    /// A 64-bit integer for each value of the input's type.
    MapOfOwn,
}

/// Writes out the aggregations: name, variant with its parameters, and entry.
macro_rules! registry {
    ($(
        $(#[$doc:meta])* $name:literal $variant:ident $({ $($parameter:ident: $type:ty),+ })?
            => $takes:ident, $gives:expr, $family:expr;
    )+) => {
        /// How the values of the events in a window become one value.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum Aggregation {
            $(
                $(#[$doc])*
                $variant $({ $(
                    #[doc = concat!("See [`Parameters::", stringify!($parameter), "`].")]
                    $parameter: $type,
                )+ })?,
            )+
        }

        impl Aggregation {
            /// The names of all aggregations in definition files.
            pub const NAMES: &[&str] = &[$($name),+];

            /// The aggregation called `name`, if there is one, with its parameters.
            ///
            /// # Errors
            ///
            /// If it needs a parameter of which nothing is said.
            pub fn named(name: &str, parameters: &Parameters) -> Result<Option<Self>, Missing> {
                Ok(match name {
                    $($name => Some(Self::$variant $({ $(
                        $parameter: Clone::clone(&parameters.$parameter)
                            .ok_or(Missing { parameter: stringify!($parameter) })?,
                    )+ })?),)+
                    _ => None,
                })
            }

            /// Whether `parameter` means something to the aggregation called `name`: one of [`Parameters`], or `by`.
            pub fn has_parameter(name: &str, parameter: &str) -> bool {
                let (takes, parameters): (Takes, &[&str]) = match name {
                    $($name => (Takes::$takes, &[$($(stringify!($parameter)),+)?]),)+
                    _ => return false,
                };
                parameters.contains(&parameter) || (parameter == "by" && takes == Takes::ValuesBy)
            }

            /// The aggregation's name in definition files.
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => $name,)+
                }
            }

            /// Name and value of each of its parameters that is not what is understood where nothing is said.
            pub fn parameters(&self) -> Vec<(&'static str, String)> {
                let understood = Parameters::default();
                let mut said = Vec::new();
                match self {
                    $(Self::$variant $({ $($parameter),+ })? => {
                        $($(if understood.$parameter.as_ref() != Some($parameter) {
                            said.push((stringify!($parameter), $parameter.to_string()));
                        })+)?
                    })+
                }
                said
            }

            fn entry(&self) -> Entry {
                match *self {
                    $(Self::$variant $({ $(ref $parameter),+ })? => {
                        $($(let $parameter = Clone::clone($parameter);)+)?
                        Entry { takes: Takes::$takes, gives: $gives, family: $family.into() }
                    })+
                }
            }
        }
    };
}

registry! {
    /// Number of values; without an input, number of events.
    "count" Count => Events, Gives::Int64, Counts;
    /// Exact sum, correctly rounded for floats; null where an integer sum does not fit 64 bits.
    "sum" Sum => Numbers, Gives::Widest, MomentsOf { squares: false };
    /// Exact mean, correctly rounded.
    "avg" Avg => Numbers, Gives::Float64, MomentsOf { squares: false };
    /// Exact sample variance (n − 1), correctly rounded; null for fewer than two values.
    "variance" Variance => Numbers, Gives::Float64, MomentsOf { squares: true };
    /// Root of the exact sample variance, rounded once; null for fewer than two values.
    "stddev" Stddev => Numbers, Gives::Float64, MomentsOf { squares: true };
    /// Exact population variance (n), correctly rounded.
    "variance_pop" VariancePop => Numbers, Gives::Float64, MomentsOf { squares: true };
    /// Root of the exact population variance, rounded once.
    "stddev_pop" StddevPop => Numbers, Gives::Float64, MomentsOf { squares: true };
    /// Least value: false < true, −0.0 < 0.0, NaN above all, text by its UTF-8 bytes.
    "min" Min => Values, Gives::Own, Extremes::LEAST;
    /// Greatest value, in the order of [`Aggregation::Min`].
    "max" Max => Values, Gives::Own, Extremes::GREATEST;
    /// Value of the event whose second input is least, in the order of [`Aggregation::Min`]; of several the last
    /// in the total order.
    "min_by" MinBy => ValuesBy, Gives::Own, Bys::LEAST;
    /// Value of the event whose second input is greatest; of several the last in the total order.
    "max_by" MaxBy => ValuesBy, Gives::Own, Bys::GREATEST;
    /// Whether some value is true.
    "any" Any => Truths, Gives::Own, Extremes::GREATEST;
    /// Whether all values are true.
    "all" All => Truths, Gives::Own, Extremes::LEAST;
    /// Value of the first event in the total order.
    "first" First { nulls: Nulls } => Values, Gives::Own, EndsOf::earliest(1, nulls);
    /// Value of the last event in the total order.
    "last" Last { nulls: Nulls } => Values, Gives::Own, EndsOf::latest(1, nulls);
    /// Values of the first events, first event first.
    "first_n" FirstN { n: u32, nulls: Nulls } => Values, Gives::ListOfOwn(n), EndsOf::earliest(n, nulls);
    /// Values of the last events, last event first.
    "last_n" LastN { n: u32, nulls: Nulls } => Values, Gives::ListOfOwn(n), EndsOf::latest(n, nulls);
    /// Number of distinct values; −0.0 equals 0.0, and NaN equals NaN.
    "count_distinct" CountDistinct { limit: u32 } => Values, Gives::Int64, ValueCountsOf { limit };
    /// The most frequent values, most frequent first; of equally frequent ones the least first.
    "top_k" TopK { k: u32, limit: u32 } => Discrete, Gives::ListOfOwn(k), ValueCountsOf { limit };
    /// For each value how often it occurs, in the order of values.
    "histogram" Histogram { limit: u32 } => Discrete, Gives::MapOfOwn, ValueCountsOf { limit };
    /// Sum of values each of which counts half after every half-life: exact, rounded once.
    "exp_decay_sum" ExpDecaySum { half_life: TimeDelta } => Numbers, Gives::Float64, Decays { half_life };
    /// About how many distinct values there are: 2 % standard error, by HyperLogLog.
    "approx_count_distinct" ApproxCountDistinct => Values, Gives::Int64, Sketches;
    /// For each percentile a value within 1 % of the one at that rank, in the order of [`Aggregation::Min`].
    "approx_percentile" ApproxPercentile { percentiles: Percentiles }
        => Numbers, Gives::ListOfFloats(percentiles.len()), Quantiles;
    /// Microseconds from the first event to T; with an input, from the first that has a value.
    "time_since_first" TimeSinceFirst => Events, Gives::Int64, Sinces::FIRST;
    /// Microseconds from the last event to T; with an input, from the last that has a value.
    "time_since_last" TimeSinceLast => Events, Gives::Int64, Sinces::LAST;
}

/// Why an aggregation cannot be computed over an input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AggregationError {
    /// It needs values.
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
    /// Some are for what is true or false.
    #[error("{aggregation} is for bool, and the input has type {input}: write a comparison")]
    NotATruth {
        /// Name of the aggregation.
        aggregation: &'static str,
        /// Type of the input.
        input: FieldType,
    },
    /// Floats hardly ever repeat.
    #[error(
        "{aggregation} counts how often values repeat, and the input has type {input}: round it and cast it to an integer"
    )]
    NotDiscrete {
        /// Name of the aggregation.
        aggregation: &'static str,
        /// Type of the input.
        input: FieldType,
    },
    /// A list of no values.
    #[error("{aggregation} needs a list of at least one value")]
    EmptyList {
        /// Name of the aggregation.
        aggregation: &'static str,
    },
}

impl Aggregation {
    /// The Arrow type of the result over an input of type `input`, or over events alone.
    ///
    /// # Errors
    ///
    /// See [`AggregationError`].
    pub fn output(&self, input: Option<FieldType>) -> Result<DataType, AggregationError> {
        let aggregation = self.name();
        let Entry { takes, gives, .. } = self.entry();
        match (takes, input) {
            (Takes::Events, None) => return Ok(DataType::Int64),
            (_, None) => return Err(AggregationError::NoInput { aggregation }),
            (Takes::Numbers, Some(input)) if !input.is_number() => {
                return Err(AggregationError::NotANumber { aggregation, input });
            }
            (Takes::Truths, Some(input)) if input != FieldType::Bool => {
                return Err(AggregationError::NotATruth { aggregation, input });
            }
            (Takes::Discrete, Some(input)) if input.is_float() => {
                return Err(AggregationError::NotDiscrete { aggregation, input });
            }
            _ => {}
        }
        let input = input.expect("the case without an input is done");
        Ok(match gives {
            Gives::Int64 => DataType::Int64,
            Gives::Float64 => DataType::Float64,
            Gives::Widest if input.is_integer() => DataType::Int64,
            Gives::Widest => DataType::Float64,
            Gives::Own => input.to_arrow(),
            Gives::ListOfOwn(0) | Gives::ListOfFloats(0) => {
                return Err(AggregationError::EmptyList { aggregation });
            }
            Gives::ListOfOwn(_) => DataType::List(Arc::new(Field::new("item", input.to_arrow(), true))),
            Gives::ListOfFloats(_) => DataType::List(Arc::new(Field::new("item", DataType::Float64, true))),
            Gives::MapOfOwn => map_type(input),
        })
    }

    /// Whether it can do without an input.
    pub fn takes_events(&self) -> bool {
        self.entry().takes == Takes::Events
    }

    /// Whether it needs a second input, to compare events by.
    pub fn takes_by(&self) -> bool {
        self.entry().takes == Takes::ValuesBy
    }

    /// Whether nulls are values to it.
    pub const fn nulls(&self) -> Nulls {
        match self {
            Self::First { nulls } | Self::Last { nulls } => *nulls,
            Self::FirstN { nulls, .. } | Self::LastN { nulls, .. } => *nulls,
            _ => Nulls::Skip,
        }
    }

    /// The family whose partial answers this aggregation.
    pub(crate) fn family(&self) -> Family {
        self.entry().family
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_fixed_before_any_data_is_read() {
        let output = |aggregation: Aggregation, input| aggregation.output(input);
        let list = |n| Aggregation::LastN { n, nulls: Nulls::Skip };
        assert_eq!(output(Aggregation::Count, None), Ok(DataType::Int64));
        assert_eq!(output(Aggregation::Sum, Some(FieldType::Int32)), Ok(DataType::Int64));
        assert_eq!(output(Aggregation::Sum, Some(FieldType::Float32)), Ok(DataType::Float64));
        assert_eq!(output(Aggregation::Avg, Some(FieldType::Int64)), Ok(DataType::Float64));
        assert_eq!(output(Aggregation::Max, Some(FieldType::Float32)), Ok(DataType::Float32));
        assert_eq!(output(Aggregation::TimeSinceLast, Some(FieldType::String)), Ok(DataType::Int64));
        assert_eq!(
            output(Aggregation::Sum, Some(FieldType::Bool)),
            Err(AggregationError::NotANumber { aggregation: "sum", input: FieldType::Bool })
        );
        assert_eq!(
            output(Aggregation::All, Some(FieldType::Int64)),
            Err(AggregationError::NotATruth { aggregation: "all", input: FieldType::Int64 })
        );
        assert_eq!(
            output(Aggregation::Histogram { limit: 1 }, Some(FieldType::Float32)),
            Err(AggregationError::NotDiscrete { aggregation: "histogram", input: FieldType::Float32 })
        );
        assert_eq!(output(Aggregation::Min, None), Err(AggregationError::NoInput { aggregation: "min" }));
        let empty = AggregationError::EmptyList { aggregation: "last_n" };
        assert_eq!(output(list(0), Some(FieldType::Date)), Err(empty));
    }

    #[test]
    fn an_aggregation_is_its_name_and_what_is_said_of_its_parameters() {
        let percentiles = Percentiles::read(&["50"]).expect("a percentile");
        let said = Parameters {
            n: Some(5),
            k: Some(5),
            half_life: Some(TimeDelta::from_micros(5)),
            percentiles: Some(percentiles),
            nulls: Some(Nulls::Keep),
            limit: Some(5),
        };
        for name in Aggregation::NAMES {
            let aggregation = Aggregation::named(name, &said).expect("all is said").expect("a known name");
            assert_eq!(aggregation.name(), *name);
            for parameter in ["n", "k", "half_life", "percentiles", "nulls", "limit"] {
                let shown = aggregation.parameters().iter().any(|(name, _)| *name == parameter);
                assert_eq!(shown, Aggregation::has_parameter(name, parameter), "{parameter} of {name}");
            }
            assert_eq!(aggregation.takes_by(), Aggregation::has_parameter(name, "by"));
        }
        let plain = Parameters { n: Some(5), ..Parameters::default() };
        let last = Aggregation::named("last_n", &plain).expect("n is said").expect("a known name");
        assert_eq!(last.parameters(), [("n", "5".to_owned())]);
        let missing = Aggregation::named("last_n", &Parameters::default());
        assert_eq!(missing, Err(Missing { parameter: "n" }));
        assert_eq!(Aggregation::named("median", &plain), Ok(None));
    }
}
