//! The meaning of a planned expression, as text.

use std::fmt::Write;

use arrow::datatypes::DataType;
use datafusion_common::{DFSchema, Result, ScalarValue, plan_err};
use datafusion_expr::expr::{Case, InList, Like};
use datafusion_expr::{BinaryExpr, Expr, Operator};

/// Writes `expr` so that equal texts mean equal values: every operation by name with its operands in
/// parentheses, every field and literal with its type, floats by their bits.
///
/// It knows all forms that an expression may have once it is planned, and refuses every other: nothing
/// unknown is evaluated, or left out of a hash.
pub(super) fn canonical(expr: &Expr, schema: &DFSchema) -> Result<String> {
    let mut text = String::new();
    write_expr(&mut text, expr, schema)?;
    Ok(text)
}

fn write_expr(text: &mut String, expr: &Expr, schema: &DFSchema) -> Result<()> {
    let negation = |negated: bool| if negated { "not_" } else { "" };
    match expr {
        Expr::Column(column) => {
            let (_, field) = schema.qualified_field_from_column(column)?;
            push(text, format_args!("field(\"{}\":{})", column.name.escape_default(), field.data_type()));
            Ok(())
        }
        Expr::Literal(scalar, _) => write_literal(text, scalar),
        Expr::Not(operand) => call(text, "not", [&**operand], schema),
        Expr::Negative(operand) => call(text, "negative", [&**operand], schema),
        Expr::IsNull(operand) => call(text, "is_null", [&**operand], schema),
        Expr::IsNotNull(operand) => call(text, "is_not_null", [&**operand], schema),
        Expr::IsTrue(operand) => call(text, "is_true", [&**operand], schema),
        Expr::IsNotTrue(operand) => call(text, "is_not_true", [&**operand], schema),
        Expr::IsFalse(operand) => call(text, "is_false", [&**operand], schema),
        Expr::IsNotFalse(operand) => call(text, "is_not_false", [&**operand], schema),
        Expr::IsUnknown(operand) => call(text, "is_unknown", [&**operand], schema),
        Expr::IsNotUnknown(operand) => call(text, "is_not_unknown", [&**operand], schema),
        Expr::BinaryExpr(BinaryExpr { op: op @ (Operator::And | Operator::Or), .. }) => {
            call(text, &op.to_string().to_lowercase(), chain(expr, *op), schema)
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            call(text, &format!("{op}").replace(' ', "_"), [&**left, &**right], schema)
        }
        Expr::InList(InList { expr, list, negated }) => {
            call(text, &format!("{}in", negation(*negated)), std::iter::once(&**expr).chain(list), schema)
        }
        Expr::Like(Like { negated, expr, pattern, escape_char, case_insensitive }) => {
            let name = if *case_insensitive { "ilike" } else { "like" };
            call(text, &format!("{}{name}{escape_char:?}", negation(*negated)), [&**expr, &**pattern], schema)
        }
        Expr::Case(Case { expr, when_then_expr, else_expr }) => {
            let name = match (expr.is_some(), else_expr.is_some()) {
                (false, false) => "case",
                (true, false) => "case_of",
                (false, true) => "case_else",
                (true, true) => "case_of_else",
            };
            let branches = when_then_expr.iter().flat_map(|(when, then)| [&**when, &**then]);
            call(text, name, expr.as_deref().into_iter().chain(branches).chain(else_expr.as_deref()), schema)
        }
        Expr::Cast(cast) => call(text, &format!("cast[{}]", cast.field.data_type()), [&*cast.expr], schema),
        Expr::TryCast(cast) => {
            call(text, &format!("try_cast[{}]", cast.field.data_type()), [&*cast.expr], schema)
        }
        Expr::ScalarFunction(function) => call(text, function.name(), &function.args, schema),
        other => plan_err!("`{other}` is not supported in an expression"),
    }
}

/// The operands of a chain of `and`, or of `or`, in order.
fn chain(expr: &Expr, op: Operator) -> Vec<&Expr> {
    let (mut operands, mut open) = (Vec::new(), vec![expr]);
    while let Some(next) = open.pop() {
        match next {
            Expr::BinaryExpr(BinaryExpr { left, op: inner, right }) if *inner == op => {
                open.extend([&**right, &**left])
            }
            operand => operands.push(operand),
        }
    }
    operands
}

fn call<'a>(
    text: &mut String,
    name: &str,
    operands: impl IntoIterator<Item = &'a Expr>,
    schema: &DFSchema,
) -> Result<()> {
    text.push_str(name);
    text.push('(');
    for (position, operand) in operands.into_iter().enumerate() {
        if position > 0 {
            text.push_str(", ");
        }
        write_expr(text, operand, schema)?;
    }
    text.push(')');
    Ok(())
}

fn write_literal(text: &mut String, scalar: &ScalarValue) -> Result<()> {
    let data_type = scalar.data_type();
    if scalar.is_null() {
        push(text, format_args!("null:{data_type}"));
        return Ok(());
    }
    match scalar {
        ScalarValue::Float64(Some(x)) => push(text, format_args!("{:#018x}:{data_type}", x.to_bits())),
        ScalarValue::Float32(Some(x)) => push(text, format_args!("{:#010x}:{data_type}", x.to_bits())),
        ScalarValue::Utf8(Some(s)) | ScalarValue::LargeUtf8(Some(s)) | ScalarValue::Utf8View(Some(s)) => {
            push(text, format_args!("\"{}\":{data_type}", s.escape_default()));
        }
        ScalarValue::Binary(Some(bytes)) => push(text, format_args!("{bytes:02x?}:{data_type}")),
        ScalarValue::IntervalMonthDayNano(Some(span)) => {
            push(text, format_args!("{}m{}d{}n:{data_type}", span.months, span.days, span.nanoseconds));
        }
        ScalarValue::TimestampMicrosecond(Some(micros), _) => {
            push(text, format_args!("{micros}:{data_type}"))
        }
        ScalarValue::Date32(Some(days)) => push(text, format_args!("{days}:{data_type}")),
        _ if data_type == DataType::Boolean || data_type.is_integer() => {
            push(text, format_args!("{scalar}:{data_type}"));
        }
        other => return plan_err!("a literal of type {} is not supported", other.data_type()),
    }
    Ok(())
}

fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("a String takes whatever is written to it");
}
