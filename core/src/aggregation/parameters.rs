//! What a definition says of an aggregation, besides what it aggregates.

use crate::TimeDelta;

use super::percentiles::Percentiles;

/// Whether an aggregation sees nulls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Nulls {
    /// An event whose input is null takes no part.
    #[default]
    Skip,
    /// Null is a value like others.
    Keep,
}

impl std::fmt::Display for Nulls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Skip => "skip",
            Self::Keep => "keep",
        })
    }
}

/// How many distinct values are told apart where nothing else is said.
const DISTINCT_VALUES: u32 = 65_536;

/// The parameters that aggregations can have. The default is what is understood where nothing is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Length of a list of first or last values, at least 1.
    pub n: Option<u32>,
    /// How many of the most frequent values are given, at least 1.
    pub k: Option<u32>,
    /// After which time a value counts half.
    pub half_life: Option<TimeDelta>,
    /// Which percentiles are given.
    pub percentiles: Option<Percentiles>,
    /// Whether nulls are values.
    pub nulls: Option<Nulls>,
    /// How many distinct values are told apart; where there are more, there is no value.
    pub limit: Option<u32>,
}

impl Default for Parameters {
    fn default() -> Self {
        let nulls = Some(Nulls::Skip);
        Self { n: None, k: None, half_life: None, percentiles: None, nulls, limit: Some(DISTINCT_VALUES) }
    }
}

/// An aggregation cannot do without a parameter, and nothing is said of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Name of the parameter.
    pub parameter: &'static str,
}
