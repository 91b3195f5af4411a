//! What comes back: the spine, the features, their statuses, as batches.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, StringArray};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use rayon::prelude::*;
use thalweg_core::Swept;
use thalweg_definitions::{AnswerColumn, Layout, status_column};

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
    all: RecordBatch,
}

impl TrainingSet {
    pub(crate) fn new(schema: SchemaRef, commit: Commit, all: RecordBatch) -> Self {
        Self { schema, commit, all }
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

/// The answer's columns for `spine`, some or all rows of one, in its order.
pub(crate) fn assemble(
    schema: &SchemaRef,
    spine: &RecordBatch,
    columns: &[AnswerColumn],
    swept: &[(Swept, Arc<Reading>)],
    statuses: bool,
) -> Result<RecordBatch, Error> {
    let in_spine_order = |column: &AnswerColumn| {
        let (swept, reading) = &swept[column.fold];
        take(&swept.columns[column.feature_index], &reading.position_of_row, None)
    };
    let mut arrays: Vec<ArrayRef> = spine.columns().to_vec();
    let values = columns.par_iter().map(in_spine_order).collect::<Result<Vec<_>, _>>()?;
    if statuses {
        let of_column = |column: &AnswerColumn| {
            let (swept, reading) = &swept[column.fold];
            let positions = reading.position_of_row.values().iter();
            let names =
                positions.map(|&position| swept.status(column.feature_index, position as usize).name());
            Arc::new(StringArray::from_iter_values(names)) as ArrayRef
        };
        let of_columns: Vec<ArrayRef> = columns.par_iter().map(of_column).collect();
        arrays.extend(values);
        arrays.extend(of_columns);
    } else {
        arrays.extend(values);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(spine.num_rows()));
    Ok(RecordBatch::try_new_with_options(schema.clone(), arrays, &options)?)
}
