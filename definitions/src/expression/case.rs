//! `case`, row by row: a branch is evaluated on exactly the rows that take it.
//!
//! This is what DataFusion's own expression does too. But that one looks at all of its parts again whenever
//! something asks for its type, and copies its parts to renumber columns, both of which doubles with every
//! level of nesting.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Datum, Scalar, UInt32Array, new_null_array};
use arrow::compute::kernels::cmp::eq;
use arrow::compute::kernels::zip::zip;
use arrow::compute::{and_not, filter_record_batch, interleave, prep_null_mask_filter};
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use arrow::record_batch::RecordBatch;
use datafusion_common::{Result, internal_err};
use datafusion_expr::ColumnarValue;
use datafusion_physical_expr::PhysicalExpr;

use super::logic::cannot_fail;

type Part = Arc<dyn PhysicalExpr>;

/// `case [base] when … then … else … end`. Values are of one type.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Case {
    /// What the conditions are compared with; without it they are booleans.
    base: Option<Part>,
    branches: Vec<(Part, Part)>,
    otherwise: Option<Part>,
    data_type: DataType,
}

/// The value of some rows.
struct Taken {
    /// The rows, rising.
    rows: UInt32Array,
    /// Their values, in the order of the rows; or one for all.
    values: ColumnarValue,
}

impl Case {
    /// The case with these parts, whose values are of type `data_type`.
    pub(super) fn new(
        base: Option<Part>,
        branches: Vec<(Part, Part)>,
        otherwise: Option<Part>,
        data_type: DataType,
    ) -> Self {
        Self { base, branches, otherwise, data_type }
    }

    /// The rows of `open` for which the condition of a branch holds.
    fn holds(
        &self,
        base: Option<&ArrayRef>,
        when: &Part,
        batch: &RecordBatch,
        open: &BooleanArray,
    ) -> Result<BooleanArray> {
        let value =
            if cannot_fail(when) { when.evaluate(batch)? } else { when.evaluate_selection(batch, open)? };
        let holds = match base {
            Some(base) => match &value {
                ColumnarValue::Scalar(scalar) => eq(base, &scalar.to_scalar()?)?,
                ColumnarValue::Array(column) => eq(base, column)?,
            },
            None => {
                let column = value.into_array(batch.num_rows())?;
                match column.as_boolean_opt() {
                    Some(column) => column.clone(),
                    None => {
                        return internal_err!("a condition gave {} instead of a boolean", column.data_type());
                    }
                }
            }
        };
        let holds = if holds.null_count() == 0 { holds } else { prep_null_mask_filter(&holds) };
        Ok(BooleanArray::new(holds.values() & open.values(), None))
    }

    /// The values of all rows, some of which have been taken, each by one branch; the others are null.
    fn together(&self, taken: &[Taken], rows: usize) -> Result<ArrayRef> {
        let null = new_null_array(&self.data_type, 1);
        let mut parts: Vec<&dyn Array> = vec![null.as_ref()];
        let mut places = vec![(0, 0); rows];
        let columns = taken
            .iter()
            .map(|part| match &part.values {
                ColumnarValue::Array(column) => Ok((Arc::clone(column), false)),
                ColumnarValue::Scalar(scalar) => Ok((scalar.to_array()?, true)),
            })
            .collect::<Result<Vec<_>>>()?;
        for (part, (column, one_for_all)) in taken.iter().zip(&columns) {
            let number = parts.len();
            parts.push(column.as_ref());
            for (position, row) in part.rows.values().iter().enumerate() {
                places[*row as usize] = (number, if *one_for_all { 0 } else { position });
            }
        }
        Ok(interleave(&parts, &places)?)
    }
}

/// The value of an expression on some of the rows of a batch; all of them, or at least one.
fn on_rows(expr: &Part, batch: &RecordBatch, rows: &BooleanArray) -> Result<ColumnarValue> {
    if rows.has_false() { expr.evaluate(&filter_record_batch(batch, rows)?) } else { expr.evaluate(batch) }
}

/// Both values as one column, if each is one for all its rows: those of `rows` have the first, others the
/// second.
fn of_two(rows: &BooleanArray, then: &ColumnarValue, other: &ColumnarValue) -> Result<Option<ArrayRef>> {
    let (ColumnarValue::Scalar(then), ColumnarValue::Scalar(other)) = (then, other) else {
        return Ok(None);
    };
    let (then, other): (Scalar<ArrayRef>, Scalar<ArrayRef>) = (then.to_scalar()?, other.to_scalar()?);
    Ok(Some(zip(rows, &then as &dyn Datum, &other as &dyn Datum)?))
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CASE")?;
        if let Some(base) = &self.base {
            write!(f, " {base}")?;
        }
        for (when, then) in &self.branches {
            write!(f, " WHEN {when} THEN {then}")?;
        }
        if let Some(otherwise) = &self.otherwise {
            write!(f, " ELSE {otherwise}")?;
        }
        f.write_str(" END")
    }
}

impl PhysicalExpr for Case {
    fn data_type(&self, _: &Schema) -> Result<DataType> {
        Ok(self.data_type.clone())
    }

    fn nullable(&self, _: &Schema) -> Result<bool> {
        Ok(true)
    }

    fn return_field(&self, _: &Schema) -> Result<FieldRef> {
        Ok(Arc::new(Field::new("case", self.data_type.clone(), true)))
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let rows = batch.num_rows();
        let base = self.base.as_ref().map(|base| base.evaluate(batch)?.into_array(rows)).transpose()?;
        let mut open = BooleanArray::from(vec![true; rows]);
        let mut taken: Vec<Taken> = Vec::new();
        for (when, then) in &self.branches {
            let holds = self.holds(base.as_ref(), when, batch, &open)?;
            if !holds.has_true() {
                continue;
            }
            let values = on_rows(then, batch, &holds)?;
            if !holds.has_false() {
                return Ok(values);
            }
            open = and_not(&open, &holds)?;
            if let (true, Some(otherwise)) = (self.branches.len() == 1, &self.otherwise) {
                let others = on_rows(otherwise, batch, &open)?;
                if let Some(column) = of_two(&holds, &values, &others)? {
                    return Ok(ColumnarValue::Array(column));
                }
                taken.push(Taken { rows: set_rows(&open), values: others });
                open = BooleanArray::from(vec![false; rows]);
            }
            taken.push(Taken { rows: set_rows(&holds), values });
            if !open.has_true() {
                break;
            }
        }
        if let (true, Some(otherwise)) = (open.has_true(), &self.otherwise) {
            let values = on_rows(otherwise, batch, &open)?;
            if !open.has_false() {
                return Ok(values);
            }
            taken.push(Taken { rows: set_rows(&open), values });
        }
        Ok(ColumnarValue::Array(self.together(&taken, rows)?))
    }

    fn children(&self) -> Vec<&Part> {
        let branches = self.branches.iter().flat_map(|(when, then)| [when, then]);
        self.base.iter().chain(branches).chain(&self.otherwise).collect()
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Part>) -> Result<Arc<dyn PhysicalExpr>> {
        if children.len() != self.children().len() {
            return internal_err!("a case was given {} parts", children.len());
        }
        let mut children = children.into_iter();
        let base = self.base.as_ref().and_then(|_| children.next());
        let mut branches = Vec::with_capacity(self.branches.len());
        for _ in &self.branches {
            if let (Some(when), Some(then)) = (children.next(), children.next()) {
                branches.push((when, then));
            }
        }
        Ok(Arc::new(Self { base, branches, otherwise: children.next(), data_type: self.data_type.clone() }))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn set_rows(mask: &BooleanArray) -> UInt32Array {
    UInt32Array::from_iter_values(mask.values().set_indices_u32())
}
