//! One zero and one NaN: what comparisons of floats see.
//!
//! Arrow compares floats by their bits in IEEE total order, in which −0.0 < 0.0 and NaNs differ by sign and
//! payload. Here −0.0 = 0.0, NaN = NaN, and NaN stands above all. So whatever a comparison looks at is first
//! passed through [`comparable`]; in that form, total order says what is meant.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_common::{DFSchema, Result, ScalarValue, internal_err};
use datafusion_expr::expr::{Case, InList, ScalarFunction};
use datafusion_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, Operator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};

/// The one NaN of 64 bits: quiet, positive, no payload.
const NAN_64: f64 = f64::from_bits(0x7ff8_0000_0000_0000);
/// The one NaN of 32 bits.
const NAN_32: f32 = f32::from_bits(0x7fc0_0000);

/// A column in which every NaN is the canonical one. Columns of other types are given back as they are.
pub(super) fn with_one_nan(column: ArrayRef) -> ArrayRef {
    match column.data_type() {
        DataType::Float64 => mapped::<Float64Type>(&column, |x| x.is_nan(), one_nan_64),
        DataType::Float32 => mapped::<Float32Type>(&column, |x| x.is_nan(), one_nan_32),
        _ => column,
    }
}

/// A column as comparisons see it. Columns of other types are given back as they are.
pub(super) fn comparable(column: ArrayRef) -> ArrayRef {
    match column.data_type() {
        DataType::Float64 => mapped::<Float64Type>(&column, |x| x.is_nan() || x == 0.0, comparable_64),
        DataType::Float32 => mapped::<Float32Type>(&column, |x| x.is_nan() || x == 0.0, comparable_32),
        _ => column,
    }
}

fn one_nan_64(x: f64) -> f64 {
    if x.is_nan() { NAN_64 } else { x }
}

fn one_nan_32(x: f32) -> f32 {
    if x.is_nan() { NAN_32 } else { x }
}

fn comparable_64(x: f64) -> f64 {
    // Adding a positive zero turns −0.0 into 0.0 and changes no other number.
    if x.is_nan() { NAN_64 } else { x + 0.0 }
}

fn comparable_32(x: f32) -> f32 {
    if x.is_nan() { NAN_32 } else { x + 0.0 }
}

/// The column with `map` applied, without a copy where no value is `concerned`.
fn mapped<T: ArrowPrimitiveType>(
    column: &ArrayRef,
    concerned: impl Fn(T::Native) -> bool,
    map: impl Fn(T::Native) -> T::Native,
) -> ArrayRef {
    let values: &PrimitiveArray<T> = column.as_primitive();
    if values.values().iter().any(|value| concerned(*value)) {
        Arc::new(values.unary::<_, T>(map))
    } else {
        Arc::clone(column)
    }
}

/// What a float is changed into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Form {
    /// One zero, one NaN: equal floats have equal bits.
    Comparable,
    /// One NaN, two zeros: a value that only its order decides about, such as the greatest of some.
    OneNan,
}

/// A function of SQL that gives its float argument in a canonical form.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Canonical {
    form: Form,
    signature: Signature,
}

static COMPARABLE: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Canonical::function(Form::Comparable));
static ONE_NAN: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Canonical::function(Form::OneNan));

impl Canonical {
    fn function(form: Form) -> Arc<ScalarUDF> {
        let signature =
            Signature::uniform(1, vec![DataType::Float32, DataType::Float64], Volatility::Immutable);
        Arc::new(ScalarUDF::new_from_impl(Self { form, signature }))
    }
}

impl ScalarUDFImpl for Canonical {
    fn name(&self) -> &str {
        match self.form {
            Form::Comparable => "comparable_float",
            Form::OneNan => "one_nan",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        match arg_types {
            [float @ (DataType::Float32 | DataType::Float64)] => Ok(float.clone()),
            other => internal_err!("{} was given {other:?}", self.name()),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.as_slice() {
            [ColumnarValue::Scalar(scalar)] => {
                Ok(ColumnarValue::Scalar(canonical_scalar(scalar.clone(), self.form)))
            }
            [ColumnarValue::Array(column)] => {
                let column = match self.form {
                    Form::Comparable => comparable(Arc::clone(column)),
                    Form::OneNan => with_one_nan(Arc::clone(column)),
                };
                Ok(ColumnarValue::Array(column))
            }
            other => internal_err!("{} was given {} arguments", self.name(), other.len()),
        }
    }
}

fn canonical_scalar(scalar: ScalarValue, form: Form) -> ScalarValue {
    match (scalar, form) {
        (ScalarValue::Float64(x), Form::Comparable) => ScalarValue::Float64(x.map(comparable_64)),
        (ScalarValue::Float32(x), Form::Comparable) => ScalarValue::Float32(x.map(comparable_32)),
        (ScalarValue::Float64(x), Form::OneNan) => ScalarValue::Float64(x.map(one_nan_64)),
        (ScalarValue::Float32(x), Form::OneNan) => ScalarValue::Float32(x.map(one_nan_32)),
        (other, _) => other,
    }
}

/// Rewrites a coerced expression so that wherever it compares floats it compares their comparable forms.
///
/// This covers `=`, `<>`, `<`, `<=`, `>`, `>=`, `is [not] distinct from`, `in`, `case x when`, and `greatest`
/// and `least`, which give back one of their arguments: there a zero keeps its sign, and 0.0 is above −0.0.
/// What is left, `between` and `nullif`, sees to it by itself.
pub(super) fn compare_canonical_floats(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    let rewritten = expr.transform_up(|expr| {
        Ok(match expr {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_comparison(op) => {
                Transformed::yes(Expr::BinaryExpr(BinaryExpr {
                    left: boxed(*left, schema)?,
                    op,
                    right: boxed(*right, schema)?,
                }))
            }
            Expr::InList(InList { expr, list, negated }) => {
                let list = list.into_iter().map(|item| in_form(item, Form::Comparable, schema));
                let list = list.collect::<Result<_>>()?;
                Transformed::yes(Expr::InList(InList { expr: boxed(*expr, schema)?, list, negated }))
            }
            Expr::Case(Case { expr: Some(base), when_then_expr, else_expr }) => {
                let branches =
                    when_then_expr.into_iter().map(|(when, then)| Ok((boxed(*when, schema)?, then)));
                let when_then_expr = branches.collect::<Result<_>>()?;
                Transformed::yes(Expr::Case(Case {
                    expr: Some(boxed(*base, schema)?),
                    when_then_expr,
                    else_expr,
                }))
            }
            Expr::ScalarFunction(ScalarFunction { func, args })
                if matches!(func.name(), "greatest" | "least") =>
            {
                let args = args.into_iter().map(|arg| in_form(arg, Form::OneNan, schema));
                Transformed::yes(Expr::ScalarFunction(ScalarFunction {
                    func,
                    args: args.collect::<Result<_>>()?,
                }))
            }
            other => Transformed::no(other),
        })
    })?;
    Ok(rewritten.data)
}

/// Whether `op` compares values.
pub(super) fn is_comparison(op: Operator) -> bool {
    matches!(
        op,
        Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq
            | Operator::IsDistinctFrom
            | Operator::IsNotDistinctFrom
    )
}

fn boxed(expr: Expr, schema: &DFSchema) -> Result<Box<Expr>> {
    Ok(Box::new(in_form(expr, Form::Comparable, schema)?))
}

fn in_form(expr: Expr, form: Form, schema: &DFSchema) -> Result<Expr> {
    if !matches!(expr.get_type(schema)?, DataType::Float32 | DataType::Float64) {
        return Ok(expr);
    }
    if let Expr::Literal(scalar, metadata) = expr {
        return Ok(Expr::Literal(canonical_scalar(scalar, form), metadata));
    }
    let function = match form {
        Form::Comparable => Arc::clone(&COMPARABLE),
        Form::OneNan => Arc::clone(&ONE_NAN),
    };
    Ok(Expr::ScalarFunction(ScalarFunction::new_udf(function, vec![expr])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_floats_get_equal_bits() {
        for nan in [f64::NAN, -f64::NAN, f64::from_bits(0x7ff0_0000_0000_0001)] {
            assert_eq!(comparable_64(nan).to_bits(), 0x7ff8_0000_0000_0000);
        }
        for nan in [f32::NAN, -f32::NAN, f32::from_bits(0x7f80_0001)] {
            assert_eq!(comparable_32(nan).to_bits(), 0x7fc0_0000);
        }
        assert_eq!(comparable_64(-0.0).to_bits(), 0);
        assert_eq!(comparable_32(-0.0).to_bits(), 0);
        assert_eq!(one_nan_64(-0.0).to_bits(), (-0.0_f64).to_bits());
        for other in [5e-324, -5e-324, f64::MAX, f64::MIN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(comparable_64(other).to_bits(), other.to_bits());
        }
    }
}
