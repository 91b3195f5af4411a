//! The entities that the log has at an instant: the spine of a snapshot.

mod known;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BinaryArray, RecordBatch, TimestampMicrosecondArray};
use arrow::compute::{SortColumn, SortOptions, lexsort_to_indices, take_record_batch};
use arrow::datatypes::{Field, Schema, SchemaRef};
use thalweg_core::{FieldType, FoldPlan, Instant, KeyError, decode_keys, encode_keys};
use thalweg_definitions::{FeatureView, Fold, Layout, Repository};
use thalweg_log::Log;

use known::Known;

use crate::replay::Replay;
use crate::{AsOf, Boundary, Budget, Cancellation, Error, Features, Pin};

/// Whose entities are asked for, and when.
#[derive(Clone, Copy, Debug)]
pub struct EntitiesRequest<'a> {
    /// The features that a snapshot is of.
    pub features: &'a Features,
    /// The instant.
    pub at: Instant,
    /// Which of the events up to then are seen.
    pub as_of: AsOf,
    /// Whether events at that very instant take part.
    pub boundary: Boundary,
    /// Name of the column with the instant.
    pub timestamp_column: &'a str,
    /// The log prefix that is looked at.
    pub pin: &'a Pin,
}

/// One row for each entity that some view of the features knows at the instant (over a table, whose record is
/// shown): its join keys, in their order, and the instant.
///
/// The features may be of views with different join keys as long as some view has them all: its keys are the
/// entities, and the others are read by the part of the key that they need.
///
/// Time grows with the events; memory holds the keys, within `budget`.
///
/// # Errors
/// [`Error::SeveralEntities`] where no view has all the join keys; [`Error::NobodySays`] where on-demand features take
/// request inputs; what a training set of these features says.
pub fn entities(
    repository: &Repository,
    log: &dyn Log,
    request: &EntitiesRequest<'_>,
    budget: &Budget,
    cancellation: &Cancellation,
) -> Result<RecordBatch, Error> {
    if request.as_of == AsOf::Served {
        return Err(Error::NothingServes);
    }
    let references = request.features.resolve(repository)?;
    let layout = Layout::new(repository, &references, true)?;
    if let Some(input) = layout.request_inputs().first() {
        return Err(Error::NobodySays { input: input.name.clone() });
    }
    let keys = widest(&layout.folds)?;
    let schema = schema(&keys, request.timestamp_column)?;
    request.pin.check(log)?;
    let folds: Vec<_> = layout.folds.iter().filter(|fold| fold.key_columns.len() == keys.len()).collect();
    let views: Vec<_> = folds.iter().map(|fold| without_features(fold.view)).collect();
    let replay = Replay { repository, log, pin: request.pin, budget, cancellation };
    let latest = request.boundary.instant(request.at).as_micros();
    let views: Vec<_> = views.iter().collect();
    let found = replay.collect(&views, |known: &mut Known, view, selected| {
        let selection = &selected.selection;
        let oldest = views[view].plan.forget.map(|age| Instant::from_micros(latest).saturating_sub(age));
        let oldest = oldest.map(Instant::as_micros);
        let is_seen = |row: usize| match request.as_of {
            AsOf::EventTime | AsOf::Served => true,
            AsOf::Known => selected
                .append_times
                .as_ref()
                .is_some_and(|append_times| append_times.is_valid(row) && append_times.value(row) <= latest),
        };
        let is_visible = |row: usize| selection.times[row] <= latest && Some(selection.times[row]) > oldest;
        let mut seen = (0..selection.len()).filter(|&row| is_visible(row) && is_seen(row));
        let is_table = views[view].plan.shown.is_some();
        seen.try_for_each(|row| known.take(selection, row, is_table, budget))
    })?;
    let mut all: HashSet<Box<[u8]>> = HashSet::new();
    for (fold, found) in folds.iter().zip(found) {
        let known = found.into_iter().reduce(Known::merge).unwrap_or_default();
        all.extend(in_order_of(fold, &keys, known)?);
    }
    rows(schema, &keys, all, request.at)
}

/// The join keys that all others are a part of.
fn widest(folds: &[Fold<'_>]) -> Result<Vec<(String, FieldType)>, Error> {
    let widest = folds.iter().map(|fold| &fold.key_columns).rev().max_by_key(|columns| columns.len());
    let widest = widest.cloned().unwrap_or_default();
    let covered = |fold: &Fold<'_>| fold.key_columns.iter().all(|column| widest.contains(column));
    if folds.iter().all(covered) {
        return Ok(widest);
    }
    let name = |columns: &[(String, FieldType)]| {
        columns
            .iter()
            .map(|(name, field_type)| format!("{name}: {field_type}"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let keys: BTreeSet<_> = folds.iter().map(|fold| name(&fold.key_columns)).collect();
    Err(Error::SeveralEntities { keys: keys.into_iter().collect() })
}

fn schema(keys: &[(String, FieldType)], timestamp_column: &str) -> Result<SchemaRef, Error> {
    if keys.iter().any(|(name, _)| name == timestamp_column) {
        return Err(Error::NameClash { column: timestamp_column.to_owned() });
    }
    let keys = keys.iter().map(|(name, field_type)| Field::new(name, field_type.to_arrow(), false));
    let at = Field::new(timestamp_column, FieldType::Timestamp.to_arrow(), false);
    Ok(Arc::new(Schema::new(keys.chain([at]).collect::<Vec<_>>())))
}

/// The view as far as it says which events take part: nothing is computed of them.
fn without_features(view: &FeatureView) -> FeatureView {
    let plan = FoldPlan { inputs: Vec::new(), features: Vec::new(), ..view.plan.clone() };
    FeatureView { inputs: Vec::new(), columns: Vec::new(), plan, ..view.clone() }
}

/// Keys that `fold` knows with their parts in the order of `keys`.
fn in_order_of(fold: &Fold<'_>, keys: &[(String, FieldType)], known: Known) -> Result<Vec<Box<[u8]>>, Error> {
    if fold.key_columns == keys {
        return Ok(known.into_keys().collect());
    }
    let known = BinaryArray::from_iter_values(known.into_keys());
    let types: Vec<_> = fold.key_columns.iter().map(|(_, field_type)| *field_type).collect();
    let names = fold.key_columns.iter().map(|(name, _)| name);
    let columns: BTreeMap<&String, ArrayRef> = names.zip(decode_keys(&known, &types)?).collect();
    let parts: Vec<ArrayRef> = keys.iter().map(|(name, _)| columns[name].clone()).collect();
    Ok(encode_keys(&parts)?.iter().flatten().map(Box::from).collect())
}

fn rows(
    schema: SchemaRef,
    keys: &[(String, FieldType)],
    all: HashSet<Box<[u8]>>,
    at: Instant,
) -> Result<RecordBatch, Error> {
    let count = all.len();
    let bytes = all.iter().map(|key| key.len()).sum();
    if bytes > i32::MAX as usize {
        return Err(KeyError::TooLong { bytes }.into());
    }
    let all = BinaryArray::from_iter_values(all);
    let types: Vec<_> = keys.iter().map(|(_, field_type)| *field_type).collect();
    let mut columns = decode_keys(&all, &types)?;
    let sorted: Vec<_> = columns
        .iter()
        .map(|column| SortColumn { values: column.clone(), options: Some(SortOptions::default()) })
        .collect();
    let order = lexsort_to_indices(&sorted, None)?;
    let at = TimestampMicrosecondArray::from_value(at.as_micros(), count).with_timezone("UTC");
    columns.push(Arc::new(at));
    Ok(take_record_batch(&RecordBatch::try_new(schema, columns)?, &order)?)
}

#[cfg(test)]
mod tests;
