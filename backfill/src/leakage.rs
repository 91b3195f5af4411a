//! What a training set as of event time tells of what nobody could know.

use arrow::array::{Array, ArrayRef, RecordBatch, UInt64Array};
use arrow::compute::take;
use rayon::prelude::*;
use thalweg_core::Instant;

use crate::commit::ManifestFeature;
use crate::fold::Foldable;
use crate::replayed::{ROWS_PER_SLICE, read, rows_of};
use crate::training_set::{Prepared, refuse_unknown_append_times};
use crate::{AsOf, Budget, Cancellation, Error};

/// Rows shown of each feature that leaks.
const EXAMPLES: usize = 3;

/// Rows that are compared one by one.
const FEW: usize = 16;

/// For each feature of a training set, in how many rows its value as of event time is another than as of what
/// was known.
#[derive(Clone, Debug)]
pub struct Leakage {
    /// Rows of the spine.
    pub rows: u64,
    /// The features in the order of the answer, those that do not leak too.
    pub features: Vec<FeatureLeakage>,
}

/// In which rows one feature leaks. Values are compared bit for bit; a status alone is no value.
#[derive(Clone, Debug)]
pub struct FeatureLeakage {
    /// Name of the column in the answer.
    pub name: String,
    /// `view:column`.
    pub feature: String,
    /// How many rows leak.
    pub rows: u64,
    /// The first of them, in the spine's order.
    pub examples: Vec<LeakingRow>,
}

/// A row that leaks. Columns have one row.
#[derive(Clone, Debug)]
pub struct LeakingRow {
    /// Which row of the spine, from 0.
    pub row: u64,
    /// Its entity key, by the names of the spine's columns.
    pub keys: Vec<(String, ArrayRef)>,
    /// Its instant, as the spine has it.
    pub at: Instant,
    /// What the feature is as of event time.
    pub event_time: ArrayRef,
    /// What it is as of what was known.
    pub known: ArrayRef,
}

impl Prepared<'_> {
    /// Counts the rows whose values as of event time are others than as of what was known, whatever the request is
    /// as of. The log is replayed once; of the answers, memory holds a slice at a time.
    ///
    /// # Errors
    /// [`Error::UnknownAppendTime`]; what [`run`](Self::run) says.
    pub fn leakage(&self, budget: &Budget, cancellation: &Cancellation) -> Result<Leakage, Error> {
        refuse_unknown_append_times(self.repository, &self.layout.folds, AsOf::Known)?;
        let events = read(self, true, budget, cancellation)?;
        let sorted = events.par_iter().zip(&self.keys);
        let sorted = sorted.map(|(events, keys)| Foldable::sorted(events, keys.index.len()));
        let sorted = sorted.collect::<Result<Vec<_>, Error>>()?;
        let entering: Vec<_> = events.into_iter().map(Foldable::Known).collect();
        let none = |feature: &ManifestFeature| FeatureLeakage {
            name: feature.name.clone(),
            feature: feature.feature.clone(),
            rows: 0,
            examples: Vec::new(),
        };
        let features = &self.commit.manifest.features;
        let mut leakage =
            Leakage { rows: self.num_rows() as u64, features: features.iter().map(none).collect() };
        for from in (0..self.num_rows()).step_by(ROWS_PER_SLICE) {
            let rows = from..self.num_rows().min(from + ROWS_PER_SLICE);
            let (event_time, _) = rows_of(self, &sorted, rows.clone(), cancellation)?;
            let (known, _) = rows_of(self, &entering, rows, cancellation)?;
            leakage
                .features
                .par_iter_mut()
                .zip(features)
                .try_for_each(|(leakage, feature)| self.count(leakage, feature, from, &event_time, &known))?;
        }
        Ok(leakage)
    }

    /// Adds the leaking rows of two slices, whose rows are those of the spine from `from` on.
    fn count(
        &self,
        leakage: &mut FeatureLeakage,
        feature: &ManifestFeature,
        from: usize,
        event_time: &RecordBatch,
        known: &RecordBatch,
    ) -> Result<(), Error> {
        let column = |batch: &RecordBatch| {
            batch.column_by_name(&feature.name).cloned().expect("an answer has all of its columns")
        };
        let (event_time, known) = (column(event_time), column(known));
        let mut differing = Vec::new();
        find_differences(&event_time, &known, 0, event_time.len(), &mut differing);
        leakage.rows += differing.len() as u64;
        let one = |values: &ArrayRef, row: usize| take(values, &UInt64Array::from(vec![row as u64]), None);
        for row in differing.into_iter().take(EXAMPLES - leakage.examples.len()) {
            let in_spine = from + row;
            let key = |column: &String| {
                let values = self.spine.batch().column_by_name(column);
                Ok((column.clone(), one(values.expect("keys were read from the spine"), in_spine)?))
            };
            let at = self.commit.manifest.boundary.asked(self.spine.instants()[in_spine]);
            leakage.examples.push(LeakingRow {
                row: in_spine as u64,
                keys: feature.key_columns.iter().map(key).collect::<Result<_, Error>>()?,
                at: Instant::from_micros(at),
                event_time: one(&event_time, row)?,
                known: one(&known, row)?,
            });
        }
        Ok(())
    }
}

/// Adds to `found` where `a` and `b` differ within `len` rows from `from` on: halves that are equal are left
/// at once.
fn find_differences(a: &ArrayRef, b: &ArrayRef, from: usize, len: usize, found: &mut Vec<usize>) {
    let differ = |from: usize, len: usize| a.slice(from, len).to_data() != b.slice(from, len).to_data();
    if len <= FEW {
        found.extend((from..from + len).filter(|row| differ(*row, 1)));
    } else if differ(from, len) {
        find_differences(a, b, from, len / 2, found);
        find_differences(a, b, from + len / 2, len - len / 2, found);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, Int64Array, ListArray};
    use arrow::datatypes::Float64Type;

    use super::*;

    fn differing(a: ArrayRef, b: ArrayRef) -> Vec<usize> {
        let mut found = Vec::new();
        find_differences(&a, &b, 0, a.len(), &mut found);
        found
    }

    #[test]
    fn values_differ_where_their_bits_do() {
        let floats = |values: [Option<f64>; 6]| Arc::new(Float64Array::from(values.to_vec())) as ArrayRef;
        let a = floats([Some(0.0), Some(f64::NAN), None, None, Some(1.0), Some(0.1)]);
        let b = floats([Some(-0.0), Some(f64::NAN), None, Some(0.0), None, Some(0.1)]);
        assert_eq!(differing(a, b), [0, 3, 4]);
        let list = |value: f64| {
            let lists = [Some(vec![Some(value), None]), None];
            Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>(lists)) as ArrayRef
        };
        assert_eq!(differing(list(0.0), list(0.0)), [0_usize; 0]);
        assert_eq!(differing(list(0.0), list(-0.0)), [0]);
    }

    #[test]
    fn every_difference_in_a_long_column_is_found() {
        let a: ArrayRef = Arc::new(Int64Array::from_iter_values(0..10_000));
        let wrong = [0, 15, 16, 17, 4_999, 5_000, 9_999];
        let other = |n: i64| if wrong.contains(&(n as usize)) { -1 } else { n };
        let b: ArrayRef = Arc::new(Int64Array::from_iter_values((0..10_000).map(other)));
        assert_eq!(differing(a, b), wrong);
    }
}
