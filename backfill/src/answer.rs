//! What comes back: the spine, the features, their statuses, as batches.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, StringArray};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use rayon::prelude::*;
use thalweg_core::{Status, Swept};
use thalweg_definitions::{AnswerColumn, FoldColumn, Layout, Origin, status_column};

use crate::on_demand::compute;
use crate::reading::Reading;
use crate::{Commit, Error};

/// Rows of each batch of an answer but the last. Part of what a commit id promises.
pub(crate) const ROWS_PER_BATCH: usize = 16_384;

/// An answer, ready to be streamed.
#[derive(Clone, Debug)]
pub struct TrainingSet {
    /// Spine columns, features, statuses.
    pub schema: SchemaRef,
    /// What the answer is a function of. Equal commit ids mean equal bytes.
    pub commit: Commit,
    /// For each on-demand feature view how often an expression failed on a row and gave null.
    pub failed_expressions: BTreeMap<String, u64>,
    all: RecordBatch,
}

impl TrainingSet {
    pub(crate) fn new(
        schema: SchemaRef,
        commit: Commit,
        all: RecordBatch,
        failed_expressions: BTreeMap<String, u64>,
    ) -> Self {
        Self { schema, commit, failed_expressions, all }
    }

    /// Rows in all: as many as the spine has.
    pub fn num_rows(&self) -> usize {
        self.all.num_rows()
    }

    /// All rows in the spine's order, in one batch.
    pub fn rows(&self) -> &RecordBatch {
        &self.all
    }

    /// All rows in the spine's order, batch by batch.
    pub fn batches(&self) -> impl Iterator<Item = RecordBatch> + use<> {
        batches(self.all.clone())
    }
}

/// The batches of `rows`, an answer or a slice of one. Their bounds belong to the commit.
pub fn batches(rows: RecordBatch) -> impl Iterator<Item = RecordBatch> + use<> {
    let starts = (0..rows.num_rows()).step_by(ROWS_PER_BATCH);
    starts.map(move |from| rows.slice(from, ROWS_PER_BATCH.min(rows.num_rows() - from)))
}

/// The spine's columns as given, the features, their statuses if asked for.
pub(crate) fn answer_schema(layout: &Layout<'_>, spine: &Schema, statuses: bool) -> Result<SchemaRef, Error> {
    let mut fields: Vec<Arc<Field>> = spine.fields().iter().cloned().collect();
    fields.extend(layout.columns.iter().map(|c| Arc::new(Field::new(&c.name, c.data_type.clone(), true))));
    if statuses {
        let status = |c: &AnswerColumn| Field::new(status_column(&c.name), DataType::Utf8, false);
        fields.extend(layout.columns.iter().map(|c| Arc::new(status(c))));
    }
    let mut names = BTreeSet::new();
    if let Some(twice) = fields.iter().find(|field| !names.insert(field.name().clone())) {
        return Err(Error::NameClash { column: twice.name().clone() });
    }
    Ok(Arc::new(Schema::new_with_metadata(fields, spine.metadata().clone())))
}

/// The answer's columns for `spine`, some or all rows of one, in its order, and for each on-demand feature
/// view how often an expression failed. `request` has the request inputs of these rows.
pub(crate) fn assemble(
    schema: &SchemaRef,
    spine: &RecordBatch,
    layout: &Layout<'_>,
    swept: &[(Swept, Arc<Reading>)],
    request: &BTreeMap<String, ArrayRef>,
    statuses: bool,
) -> Result<(RecordBatch, BTreeMap<String, u64>), Error> {
    let of_fold = |column: FoldColumn| {
        let (swept, reading) = &swept[column.fold];
        Ok::<_, Error>(take(&swept.columns[column.feature_index], &reading.position_of_row, None)?)
    };
    let rows = spine.num_rows();
    let computed = compute(layout, rows, of_fold, request)?;
    let in_spine_order = |(place, column): (usize, &AnswerColumn)| match column.origin {
        Origin::Fold(column) => of_fold(column),
        Origin::OnDemand { .. } => Ok(computed.columns[&place].clone()),
    };
    let mut arrays: Vec<ArrayRef> = spine.columns().to_vec();
    let values =
        layout.columns.par_iter().enumerate().map(in_spine_order).collect::<Result<Vec<_>, Error>>()?;
    let of_column = |(column, values): (&AnswerColumn, &ArrayRef)| match column.origin {
        Origin::Fold(column) => {
            let (swept, reading) = &swept[column.fold];
            let positions = reading.position_of_row.values().iter();
            let names =
                positions.map(|&position| swept.status(column.feature_index, position as usize).name());
            Arc::new(StringArray::from_iter_values(names)) as ArrayRef
        }
        Origin::OnDemand { .. } => {
            let names = (0..rows).map(|row| Status::of_computed(values.is_null(row)).name());
            Arc::new(StringArray::from_iter_values(names))
        }
    };
    let of_columns: Vec<ArrayRef> = match statuses {
        true => layout.columns.par_iter().zip(&values).map(of_column).collect(),
        false => Vec::new(),
    };
    arrays.extend(values);
    arrays.extend(of_columns);
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let all = RecordBatch::try_new_with_options(schema.clone(), arrays, &options)?;
    Ok((all, computed.failed))
}
