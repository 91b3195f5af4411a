//! Counts of values over ranges that slide.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, ListArray, UInt32Array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::take;
use arrow::datatypes::Field;
use arrow::error::ArrowError;

use crate::aggregation::Filled;
use crate::pass::{Pass, Ranked, Sliding, slide};
use crate::value::map_array;
use crate::{Aggregation, FieldType};

/// The values of `aggregations` over every range of `pass`.
pub(super) fn sweep(
    pass: &Pass<'_>,
    limit: u32,
    aggregations: &[&Aggregation],
) -> Result<Vec<Filled>, ArrowError> {
    let ranked = Ranked::of(pass.values());
    let mut counts = Counts {
        ranks: &ranked.ranks,
        counts: vec![0; ranked.holders.len()],
        distinct: 0,
        by_count: aggregations.iter().any(|a| matches!(a, Aggregation::TopK { .. })).then(BTreeSet::new),
        by_value: aggregations.iter().any(|a| matches!(a, Aggregation::Histogram { .. })).then(BTreeSet::new),
    };
    let mut outputs: Vec<_> = aggregations.iter().map(|aggregation| Output::of(aggregation)).collect();
    slide(pass.ranges, &mut counts, |counts, _| {
        outputs.iter_mut().for_each(|output| output.push(counts, limit as usize));
    });
    outputs.into_iter().map(|output| output.finish(pass.values(), &ranked.holders)).collect()
}

/// How often each value occurs in a range.
struct Counts<'a> {
    /// Which value each event has.
    ranks: &'a [u32],
    /// For each value how often it occurs.
    counts: Vec<u32>,
    /// How many values occur.
    distinct: usize,
    /// Those that occur, by their counts, most frequent first, where that is asked for.
    by_count: Option<BTreeSet<(Reverse<u32>, u32)>>,
    /// Those that occur in their order, where that is asked for.
    by_value: Option<BTreeSet<u32>>,
}

impl Counts<'_> {
    fn change(&mut self, event: usize, change: impl Fn(u32) -> u32) {
        let value = self.ranks[event];
        let count = &mut self.counts[value as usize];
        let before = std::mem::replace(count, change(*count));
        let after = *count;
        self.distinct = self.distinct + usize::from(before == 0) - usize::from(after == 0);
        if let Some(by_count) = &mut self.by_count {
            by_count.remove(&(Reverse(before), value));
            if after > 0 {
                by_count.insert((Reverse(after), value));
            }
        }
        match &mut self.by_value {
            Some(by_value) if before == 0 => drop(by_value.insert(value)),
            Some(by_value) if after == 0 => drop(by_value.remove(&value)),
            _ => {}
        }
    }
}

impl Sliding for Counts<'_> {
    fn clear(&mut self, range: Range<usize>) {
        self.leave(range);
    }

    fn enter(&mut self, events: Range<usize>) {
        events.for_each(|event| self.change(event, |count| count + 1));
    }

    fn leave(&mut self, events: Range<usize>) {
        events.for_each(|event| self.change(event, |count| count - 1));
    }
}

/// A result column in the making.
struct Output<'a> {
    aggregation: &'a Aggregation,
    /// How many values each row has; of a count of distinct values, that is all there is.
    lengths: Vec<usize>,
    is_valid: Vec<bool>,
    /// The values of all rows.
    values: Vec<u32>,
    /// How often each of them occurs.
    counts: Vec<i64>,
    overflows: u64,
}

impl<'a> Output<'a> {
    const fn of(aggregation: &'a Aggregation) -> Self {
        Self {
            aggregation,
            lengths: Vec::new(),
            is_valid: Vec::new(),
            values: Vec::new(),
            counts: Vec::new(),
            overflows: 0,
        }
    }

    fn push(&mut self, counts: &Counts<'_>, limit: usize) {
        let overflows = counts.distinct > limit;
        self.overflows += u64::from(overflows);
        let counts_values = matches!(self.aggregation, Aggregation::CountDistinct { .. });
        let is_valid = !overflows && (counts_values || counts.distinct > 0);
        self.is_valid.push(is_valid);
        let before = self.values.len();
        match self.aggregation {
            _ if !is_valid => {}
            Aggregation::CountDistinct { .. } => return self.lengths.push(counts.distinct),
            Aggregation::TopK { k, .. } => {
                let most_frequent = counts.by_count.iter().flatten().take(*k as usize);
                self.values.extend(most_frequent.map(|(_, value)| *value));
            }
            _ => {
                for value in counts.by_value.iter().flatten() {
                    self.values.push(*value);
                    self.counts.push(i64::from(counts.counts[*value as usize]));
                }
            }
        }
        self.lengths.push(self.values.len() - before);
    }

    /// The column, where `holders` names for each value an event of `values` that has it.
    fn finish(self, values: &ArrayRef, holders: &[u32]) -> Result<Filled, ArrowError> {
        let nulls = Some(NullBuffer::from(self.is_valid)).filter(|nulls| nulls.null_count() > 0);
        if let Aggregation::CountDistinct { .. } = self.aggregation {
            let counts = self.lengths.into_iter().map(|count| count as i64).collect::<Vec<_>>();
            let column: ArrayRef = Arc::new(Int64Array::new(counts.into(), nulls));
            return Ok(Filled { column, overflows: self.overflows });
        }
        if i32::try_from(self.values.len()).is_err() {
            return Err(ArrowError::OffsetOverflowError(self.values.len()));
        }
        let events: UInt32Array = self.values.iter().map(|value| holders[*value as usize]).collect();
        let items = take(values, &events, None)?;
        let offsets = OffsetBuffer::from_lengths(self.lengths);
        let column: ArrayRef = if let Aggregation::TopK { .. } = self.aggregation {
            let field = Arc::new(Field::new("item", values.data_type().clone(), true));
            Arc::new(ListArray::try_new(field, offsets, items, nulls)?)
        } else {
            let input = FieldType::from_arrow(values.data_type()).expect("the types of inputs were checked");
            Arc::new(map_array(input, offsets, items, self.counts, nulls)?)
        };
        Ok(Filled { column, overflows: self.overflows })
    }
}
