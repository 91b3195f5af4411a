//! From a planned expression to one that can be evaluated.
//!
//! DataFusion's own planner is not used for the tree as a whole, only for its leaves and simple operators:
//! here arithmetic is checked, `and`, `or`, `case` and `coalesce` are ours, and every form is one we know.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::Schema;
use datafusion_common::config::ConfigOptions;
use datafusion_common::{DFSchema, Result, ScalarValue, plan_err};
use datafusion_expr::expr::{self, InList, Like, ScalarFunction};
use datafusion_expr::{BinaryExpr, Expr, ExprSchemable, Operator};
use datafusion_physical_expr::expressions::{
    self, Column, Literal, cast, in_list, is_not_null, is_null, like, lit, negative, not, try_cast,
};
use datafusion_physical_expr::{PhysicalExpr, ScalarFunctionExpr};

use super::case::Case;
use super::compare::FirstOf;
use super::logic::Lazy;

static OPTIONS: LazyLock<Arc<ConfigOptions>> = LazyLock::new(|| Arc::new(ConfigOptions::default()));

/// The expression to evaluate on batches of `schema`.
pub(super) fn physical(expr: &Expr, schema: &DFSchema) -> Result<Arc<dyn PhysicalExpr>> {
    let columns: &Schema = schema.as_arrow();
    let part = |expr: &Expr| physical(expr, schema);
    let parts = |exprs: &[Expr]| exprs.iter().map(part).collect::<Result<Vec<_>>>();
    match expr {
        Expr::Column(column) => Ok(Arc::new(Column::new(&column.name, schema.index_of_column(column)?))),
        Expr::Literal(scalar, _) => Ok(Arc::new(Literal::new(scalar.clone()))),
        Expr::Not(operand) => not(part(operand)?),
        Expr::Negative(operand) => negative(part(operand)?, columns),
        Expr::IsNull(operand) => is_null(part(operand)?),
        Expr::IsNotNull(operand) => is_not_null(part(operand)?),
        Expr::IsTrue(operand) => Ok(is(part(operand)?, Some(true), true)),
        Expr::IsNotTrue(operand) => Ok(is(part(operand)?, Some(true), false)),
        Expr::IsFalse(operand) => Ok(is(part(operand)?, Some(false), true)),
        Expr::IsNotFalse(operand) => Ok(is(part(operand)?, Some(false), false)),
        Expr::IsUnknown(operand) => Ok(is(part(operand)?, None, true)),
        Expr::IsNotUnknown(operand) => Ok(is(part(operand)?, None, false)),
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let (left, right) = (part(left)?, part(right)?);
            Ok(match op {
                Operator::And => Arc::new(Lazy::new(true, [&left, &right])),
                Operator::Or => Arc::new(Lazy::new(false, [&left, &right])),
                _ => Arc::new(expressions::BinaryExpr::new(left, *op, right).with_fail_on_overflow(true)),
            })
        }
        Expr::InList(InList { expr, list, negated }) => in_list(part(expr)?, parts(list)?, negated, columns),
        Expr::Like(Like { negated, expr, pattern, escape_char: None | Some('\\'), case_insensitive }) => {
            like(*negated, *case_insensitive, part(expr)?, part(pattern)?, columns)
        }
        Expr::Like(_) => plan_err!("the escape character of like is the backslash; it cannot be another one"),
        Expr::Case(case) => physical_case(expr, case, schema),
        Expr::Cast(expr::Cast { expr, field }) => cast(part(expr)?, columns, field.data_type().clone()),
        Expr::TryCast(expr::TryCast { expr, field }) => {
            try_cast(part(expr)?, columns, field.data_type().clone())
        }
        Expr::ScalarFunction(ScalarFunction { func, args }) => {
            let args = parts(args)?;
            if func.name() == "coalesce" {
                return Ok(Arc::new(FirstOf::new(args, expr.get_type(schema)?)));
            }
            Ok(Arc::new(ScalarFunctionExpr::try_new(Arc::clone(func), args, columns, Arc::clone(&OPTIONS))?))
        }
        other => plan_err!("`{other}` is not supported in an expression"),
    }
}

fn physical_case(expr: &Expr, case: &expr::Case, schema: &DFSchema) -> Result<Arc<dyn PhysicalExpr>> {
    let part = |expr: &Expr| physical(expr, schema);
    let base = case.expr.as_deref().map(part).transpose()?;
    let branches = case.when_then_expr.iter().map(|(when, then)| Ok((part(when)?, part(then)?)));
    let branches = branches.collect::<Result<_>>()?;
    let otherwise = case.else_expr.as_deref().map(part).transpose()?;
    Ok(Arc::new(Case::new(base, branches, otherwise, expr.get_type(schema)?)))
}

/// Whether a boolean is, or is not, `wanted`; never null.
fn is(operand: Arc<dyn PhysicalExpr>, wanted: Option<bool>, positive: bool) -> Arc<dyn PhysicalExpr> {
    let op = if positive { Operator::IsNotDistinctFrom } else { Operator::IsDistinctFrom };
    Arc::new(expressions::BinaryExpr::new(operand, op, lit(ScalarValue::Boolean(wanted))))
}
