//! `and` and `or` that stop, row by row, where the value is decided.
//!
//! DataFusion decides for a whole batch whether to evaluate the right side, so whether `x <> 0 and 1 / x > 2`
//! fails on a row would depend on the row's neighbours. Here a row with x = 0 never divides.

use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::compute::{and_kleene, not, or_kleene, prep_null_mask_filter};
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use arrow::record_batch::RecordBatch;
use datafusion_common::{Result, internal_err};
use datafusion_expr::ColumnarValue;
use datafusion_physical_expr::expressions::{
    BinaryExpr, Column, InListExpr, IsNotNullExpr, IsNullExpr, Literal, NotExpr,
};
use datafusion_physical_expr::{PhysicalExpr, ScalarFunctionExpr};

use super::case::Case;
use super::compare::FirstOf;
use super::floats::is_comparison;

/// A chain of `and`, or of `or`. An operand is evaluated on the rows that those before it leave open.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Lazy {
    is_and: bool,
    operands: Vec<Arc<dyn PhysicalExpr>>,
}

impl Lazy {
    /// The chain of `operands`; those that are such a chain themselves become part of it.
    pub(super) fn new(is_and: bool, operands: [&Arc<dyn PhysicalExpr>; 2]) -> Self {
        let mut chain = Vec::new();
        for operand in operands {
            match operand.downcast_ref::<Self>() {
                Some(inner) if inner.is_and == is_and => chain.extend(inner.operands.iter().cloned()),
                _ => chain.push(Arc::clone(operand)),
            }
        }
        Self { is_and, operands: chain }
    }

    fn word(&self) -> &'static str {
        if self.is_and { "AND" } else { "OR" }
    }

    /// The rows whose value is not decided by `value`: not false in a chain of `and`, not true in one of
    /// `or`.
    fn open_rows(&self, value: &BooleanArray) -> Result<BooleanArray> {
        let deciding = if self.is_and { not(value)? } else { value.clone() };
        let decided = if deciding.null_count() == 0 { deciding } else { prep_null_mask_filter(&deciding) };
        Ok(not(&decided)?)
    }
}

/// Whether evaluating `expr` cannot fail on any row, so that it may as well be evaluated on all of them.
pub(super) fn cannot_fail(expr: &Arc<dyn PhysicalExpr>) -> bool {
    let by_itself = expr.is::<Column>()
        || expr.is::<Literal>()
        || expr.is::<IsNullExpr>()
        || expr.is::<IsNotNullExpr>()
        || expr.is::<NotExpr>()
        || expr.is::<InListExpr>()
        || expr.is::<Lazy>()
        || expr.is::<FirstOf>()
        || expr.is::<Case>()
        || expr.downcast_ref::<BinaryExpr>().is_some_and(|binary| is_comparison(*binary.op()))
        || expr
            .downcast_ref::<ScalarFunctionExpr>()
            .is_some_and(|call| matches!(call.name(), "comparable_float" | "between"));
    by_itself && expr.children().into_iter().all(cannot_fail)
}

impl fmt::Display for Lazy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, operand) in self.operands.iter().enumerate() {
            let word = if position == 0 { String::new() } else { format!(" {} ", self.word()) };
            write!(f, "{word}({operand})")?;
        }
        Ok(())
    }
}

impl PhysicalExpr for Lazy {
    fn data_type(&self, _: &Schema) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn nullable(&self, _: &Schema) -> Result<bool> {
        Ok(true)
    }

    fn return_field(&self, _: &Schema) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(self.word(), DataType::Boolean, true)))
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let rows = batch.num_rows();
        let mut decided: Option<BooleanArray> = None;
        for operand in &self.operands {
            let so_far = match decided.take() {
                None => {
                    decided = Some(boolean(operand.evaluate(batch)?, rows)?);
                    continue;
                }
                Some(so_far) => so_far,
            };
            let open = self.open_rows(&so_far)?;
            if !open.has_true() {
                decided = Some(so_far);
                break;
            }
            let value = if cannot_fail(operand) {
                operand.evaluate(batch)?
            } else {
                // What this gives for the other rows does not matter: they are decided.
                operand.evaluate_selection(batch, &open)?
            };
            let value = boolean(value, rows)?;
            decided =
                Some(if self.is_and { and_kleene(&so_far, &value)? } else { or_kleene(&so_far, &value)? });
        }
        match decided {
            Some(value) => Ok(ColumnarValue::Array(Arc::new(value))),
            None => internal_err!("a chain of {} has no operands", self.word()),
        }
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        self.operands.iter().collect()
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        Ok(Arc::new(Self { is_and: self.is_and, operands: children }))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn boolean(value: ColumnarValue, rows: usize) -> Result<BooleanArray> {
    let column: ArrayRef = value.into_array(rows)?;
    match column.as_boolean_opt() {
        Some(column) => Ok(column.clone()),
        None => internal_err!("a condition gave {} instead of a boolean", column.data_type()),
    }
}
