//! Evaluating a compiled expression, so that a failing row costs its own value and nothing else.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, new_empty_array, new_null_array};
use arrow::compute::concat;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion_common::{DataFusionError, Result, internal_err};
use datafusion_physical_expr::PhysicalExpr;
use thalweg_core::FieldType;

use super::floats::with_one_nan;
use super::types::to_field_type;

/// What an expression gives for a batch.
#[derive(Clone, Debug)]
pub struct Evaluated {
    /// One value for each row of the batch, of exactly the result type's Arrow type; every NaN is canonical.
    pub column: ArrayRef,
    /// Rows on which the expression failed; they are null in the column.
    pub failed: u64,
}

/// An expression ready to run.
#[derive(Debug)]
pub(super) struct Program {
    /// The fields it reads, sorted by path.
    fields: Vec<String>,
    schema: SchemaRef,
    physical: Arc<dyn PhysicalExpr>,
    result_type: FieldType,
}

impl Program {
    /// `physical` over columns as in `schema`, whose values are made into `result_type`.
    pub(super) fn new(schema: SchemaRef, physical: Arc<dyn PhysicalExpr>, result_type: FieldType) -> Self {
        let fields = schema.fields().iter().map(|field| field.name().clone()).collect();
        Self { fields, schema, physical, result_type }
    }

    /// The type of the values.
    pub(super) fn result_type(&self) -> FieldType {
        self.result_type
    }

    /// Paths of the fields that are read, sorted.
    pub(super) fn fields(&self) -> &[String] {
        &self.fields
    }

    /// Evaluates on a row of nulls, to find at once what cannot be evaluated at all. That a row fails is no
    /// error here.
    pub(super) fn try_on_nulls(&self) -> Result<()> {
        let columns = self.schema.fields().iter().map(|field| new_null_array(field.data_type(), 1)).collect();
        match self.try_all(&self.rows(columns, 1)) {
            Err(
                error @ (DataFusionError::Internal(_)
                | DataFusionError::NotImplemented(_)
                | DataFusionError::Plan(_)
                | DataFusionError::SchemaError(..)),
            ) => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Evaluates on every row.
    pub(super) fn evaluate(&self, batch: &RecordBatch) -> Evaluated {
        let columns = self.fields.iter().map(|path| {
            let column = batch.column_by_name(path);
            Arc::clone(column.expect("the batch was decoded with every field that its expressions use"))
        });
        let rows = self.rows(columns.collect(), batch.num_rows());
        let mut parts = Vec::new();
        let failed = self.split(&rows, &mut parts);
        let column = match parts.as_slice() {
            [] => new_empty_array(&self.result_type.to_arrow()),
            [whole] => Arc::clone(whole),
            parts => {
                let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
                concat(&parts)
                    .expect("parts of one column have one type, and their lengths add up to a batch's")
            }
        };
        Evaluated { column, failed }
    }

    fn rows(&self, columns: Vec<ArrayRef>, rows: usize) -> RecordBatch {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
            .expect("the columns of a batch have the types of the fields they were decoded as")
    }

    /// Evaluates on the rows, halving them where that fails, and gives the values in order and how many rows
    /// failed by themselves.
    fn split(&self, rows: &RecordBatch, parts: &mut Vec<ArrayRef>) -> u64 {
        let count = rows.num_rows();
        if count == 0 {
            return 0;
        }
        match self.try_all(rows) {
            Ok(column) => {
                parts.push(column);
                0
            }
            Err(_) if count == 1 => {
                parts.push(new_null_array(&self.result_type.to_arrow(), 1));
                1
            }
            Err(_) => {
                let half = count / 2;
                self.split(&rows.slice(0, half), parts) + self.split(&rows.slice(half, count - half), parts)
            }
        }
    }

    /// Evaluates on all the rows, or fails.
    fn try_all(&self, rows: &RecordBatch) -> Result<ArrayRef> {
        let column = self.physical.evaluate(rows)?.into_array(rows.num_rows())?;
        if column.len() != rows.num_rows() {
            return internal_err!("{} values for {} rows", column.len(), rows.num_rows());
        }
        Ok(with_one_nan(to_field_type(&column, self.result_type)?))
    }
}
