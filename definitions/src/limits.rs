//! How large definitions may be.

use serde::{Deserialize, Serialize};

use crate::mistakes::{Mistakes, Place};

/// Limits on definitions, each named in the error of what exceeds it by its configuration key,
/// `limits.definitions.…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Bytes of one definition or schema file.
    pub file_bytes: usize,
    /// How many files there may be in all.
    pub files: usize,
    /// Bytes of one SQL expression.
    pub expression_bytes: usize,
    /// Fields of one source.
    pub fields_per_source: usize,
    /// Join keys of one entity.
    pub join_keys_per_entity: usize,
    /// Columns of one feature view.
    pub columns_per_view: usize,
    /// Columns of one feature service.
    pub columns_per_service: usize,
    /// The `n` of first_n and last_n, the `k` of top_k, the number of `percentiles`.
    pub list_length: u32,
    /// Distinct values that count_distinct, top_k and histogram tell apart: where there are more, they give NULL.
    pub distinct_values: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: 4 << 20,
            files: 10_000,
            expression_bytes: 10_000,
            fields_per_source: 5_000,
            join_keys_per_entity: 100,
            columns_per_view: 2_000,
            columns_per_service: 10_000,
            list_length: 10_000,
            distinct_values: 65_536,
        }
    }
}

impl Limits {
    /// Notes that there are `count` of `what` at `place` where that is more than `limit`, the one called
    /// `name`; says whether there are not.
    pub(crate) fn keeps(
        name: &str,
        limit: usize,
        count: usize,
        what: &str,
        place: &Place,
        mistakes: &mut Mistakes,
    ) -> bool {
        if count > limit {
            mistakes.add_with_help(place, format!("{what}: {count}"), Self::help(name, limit));
        }
        count <= limit
    }

    /// What to do about exceeding the limit `name`, which stands at `limit`.
    pub(crate) fn help(name: &str, limit: impl std::fmt::Display) -> String {
        format!("the limit is {limit}: limits.definitions.{name} in the configuration")
    }
}
