//! Inputs without their nulls.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::compute::{filter, is_not_null};
use arrow::error::ArrowError;

use super::ranges::Ranges;

/// An input with only its values, so that aggregations never meet a null.
#[derive(Clone, Debug)]
pub(super) struct Compacted {
    /// The values that are not null.
    pub(super) values: ArrayRef,
    /// How many values stand before each position of the input, and in all; `None` if nothing is null.
    ranks: Option<Vec<u32>>,
}

impl Compacted {
    /// Leaves the nulls of `input` out.
    pub(super) fn of(input: &ArrayRef) -> Result<Self, ArrowError> {
        let Some(nulls) = input.nulls().filter(|nulls| nulls.null_count() > 0) else {
            return Ok(Self { values: Arc::clone(input), ranks: None });
        };
        let mut ranks = Vec::with_capacity(input.len() + 1);
        let mut rank = 0;
        for is_valid in nulls {
            ranks.push(rank);
            rank += u32::from(is_valid);
        }
        ranks.push(rank);
        Ok(Self { values: filter(input, &is_not_null(input)?)?, ranks: Some(ranks) })
    }

    /// Ranges of the input's positions as ranges of the values' positions.
    pub(super) fn translate<'a>(&self, ranges: &'a Ranges) -> Cow<'a, Ranges> {
        let Some(ranks) = &self.ranks else { return Cow::Borrowed(ranges) };
        let mut translated = Ranges::with_capacity(ranges.len());
        ranges.iter().for_each(|(start, end)| translated.push(ranks[start] as usize, ranks[end] as usize));
        Cow::Owned(translated)
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray, Int64Array};
    use arrow::datatypes::Int64Type;

    use super::*;

    #[test]
    fn ranges_follow_the_values() {
        let input: ArrayRef = Arc::new(Int64Array::from(vec![None, Some(7), None, Some(8), None]));
        let compacted = Compacted::of(&input).expect("an integer column");
        assert_eq!(compacted.values.as_primitive::<Int64Type>().values(), &[7, 8]);
        let ranges = Ranges { starts: vec![0, 0, 1, 4], ends: vec![1, 4, 2, 5] };
        let translated = compacted.translate(&ranges);
        assert_eq!(translated.starts, [0, 0, 0, 2]);
        assert_eq!(translated.ends, [0, 2, 1, 2]);
    }
}
