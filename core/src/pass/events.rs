//! The events that take part in an aggregation.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use arrow::array::{Array, ArrayRef};
use arrow::buffer::NullBuffer;
use arrow::compute::filter;
use arrow::error::ArrowError;

use crate::Nulls;
use crate::plan::Reads;

use super::Ranges;

/// Events without those that take no part, so that aggregations never meet a null they skip.
#[derive(Clone, Debug)]
pub(crate) struct Events<'a> {
    /// Values of the first input; none where events alone are folded.
    pub(super) values: Option<ArrayRef>,
    /// Values of the second.
    pub(super) by: Option<ArrayRef>,
    /// Times of all events.
    all_times: &'a [i64],
    /// Which of all events take part; none if all do.
    kept: Option<Kept>,
    /// Times of those that take part, once they are asked for.
    times: OnceLock<Vec<i64>>,
}

#[derive(Clone, Debug)]
struct Kept {
    valid: NullBuffer,
    /// How many events that take part stand before each event, and in all.
    ranks: Vec<u32>,
}

impl<'a> Events<'a> {
    /// Of the events at `times` with these `inputs` the ones that take part in what reads so.
    pub(crate) fn of(reads: Reads, times: &'a [i64], inputs: &[ArrayRef]) -> Result<Self, ArrowError> {
        let values = reads.input.map(|input| &inputs[input]);
        let by = reads.by.map(|input| &inputs[input]);
        let skipped = values.filter(|_| reads.nulls == Nulls::Skip);
        let valid = [skipped, by]
            .into_iter()
            .flatten()
            .fold(None, |valid: Option<NullBuffer>, input| NullBuffer::union(valid.as_ref(), input.nulls()));
        let valid = valid.filter(|valid| valid.null_count() > 0);
        let keep = |input: &ArrayRef| match &valid {
            None => Ok(Arc::clone(input)),
            Some(valid) => filter(input, &valid.inner().clone().into()),
        };
        Ok(Self {
            values: values.map(keep).transpose()?,
            by: by.map(keep).transpose()?,
            all_times: times,
            kept: valid.map(|valid| Kept { ranks: ranks(&valid), valid }),
            times: OnceLock::new(),
        })
    }

    /// Ranges of all events as ranges of the events that take part.
    pub(crate) fn translate<'r>(&self, ranges: &'r Ranges) -> Cow<'r, Ranges> {
        let Some(Kept { ranks, .. }) = &self.kept else { return Cow::Borrowed(ranges) };
        let mut translated = Ranges::with_capacity(ranges.len());
        ranges.iter().for_each(|(start, end)| translated.push(ranks[start] as usize, ranks[end] as usize));
        Cow::Owned(translated)
    }

    /// When the events that take part happened.
    pub(super) fn times(&self) -> &[i64] {
        let Some(Kept { valid, .. }) = &self.kept else { return self.all_times };
        let kept = || valid.valid_indices().map(|event| self.all_times[event]).collect();
        self.times.get_or_init(kept)
    }
}

fn ranks(valid: &NullBuffer) -> Vec<u32> {
    let mut ranks = Vec::with_capacity(valid.len() + 1);
    let mut rank = 0;
    for is_valid in valid {
        ranks.push(rank);
        rank += u32::from(is_valid);
    }
    ranks.push(rank);
    ranks
}

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray, Int64Array};
    use arrow::datatypes::Int64Type;

    use super::*;

    fn column(values: impl IntoIterator<Item = Option<i64>>) -> ArrayRef {
        Arc::new(values.into_iter().collect::<Int64Array>())
    }

    #[test]
    fn ranges_follow_the_values() {
        let inputs = [column([None, Some(7), None, Some(8), None])];
        let reads = Reads { input: Some(0), by: None, nulls: Nulls::Skip };
        let events = Events::of(reads, &[10, 11, 12, 13, 14], &inputs).expect("an integer column");
        let values = events.values.as_ref().expect("an input");
        assert_eq!(values.as_primitive::<Int64Type>().values(), &[7, 8]);
        assert_eq!(events.times(), [11, 13]);
        let ranges = Ranges { starts: vec![0, 0, 1, 4], ends: vec![1, 4, 2, 5] };
        let translated = events.translate(&ranges);
        assert_eq!(translated.starts, [0, 0, 0, 2]);
        assert_eq!(translated.ends, [0, 2, 1, 2]);
    }

    #[test]
    fn an_event_takes_part_where_both_inputs_do_and_nulls_can_be_kept() {
        let inputs = [column([None, Some(7), None, Some(8)]), column([Some(1), Some(2), None, None])];
        let seen = |nulls| {
            let reads = Reads { input: Some(0), by: Some(1), nulls };
            Events::of(reads, &[1, 2, 3, 4], &inputs).expect("integer columns").times().to_vec()
        };
        assert_eq!(seen(Nulls::Skip), [2]);
        assert_eq!(seen(Nulls::Keep), [1, 2]);
    }
}
