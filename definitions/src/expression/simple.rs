//! Replacing what has another, simpler form, and refusing what the planner lets pass and we do not.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion_common::tree_node::Transformed;
use datafusion_common::{DFSchema, DataFusionError, Result, ScalarValue, plan_err};
use datafusion_expr::expr::{Case, InList, ScalarFunction};
use datafusion_expr::{Between, BinaryExpr, Cast, Expr, ExprSchemable, Operator, ScalarUDF};
use thalweg_core::FieldType;

use super::compare::between;
use super::floats::is_comparison;
use super::types::name_of;
use super::{date_trunc, functions, types};

/// Longest text that lpad and rpad may be asked for, in characters.
const SIZE: i64 = 1_024;

/// The parts of an instant that `date_part` and `extract` give.
const PARTS: [&str; 15] = [
    "year",
    "isoyear",
    "quarter",
    "month",
    "week",
    "day",
    "hour",
    "minute",
    "second",
    "millisecond",
    "microsecond",
    "dow",
    "isodow",
    "doy",
    "epoch",
];

/// The simpler form of one part of an expression, whose own parts are in simple form already. Types are not
/// settled yet.
pub(super) fn in_simple_form(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    Ok(match expr {
        Expr::Alias(alias) => Transformed::yes(*alias.expr),
        Expr::Literal(ScalarValue::UInt64(Some(number)), _) => {
            return plan_err!("`{number}` is beyond int64");
        }
        // Zero minus an integer is checked arithmetic; the planner's own negation wraps.
        Expr::Negative(operand) if operand.get_type(schema)?.is_integer() => {
            let zero = Expr::Literal(ScalarValue::new_zero(&operand.get_type(schema)?)?, None);
            Transformed::yes(binary(zero, Operator::Minus, *operand))
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_comparison(op) => {
            let [left, right] = alike([*left, *right], schema)?;
            Transformed::yes(binary(left, op, right))
        }
        Expr::Between(Between { expr, negated, low, high }) => {
            let operands = alike(vec![*expr, *low, *high], schema)?;
            let inside = Expr::ScalarFunction(ScalarFunction::new_udf(between(), operands));
            Transformed::yes(if negated { Expr::Not(Box::new(inside)) } else { inside })
        }
        Expr::InList(InList { expr, list, negated }) => {
            let mut all = alike(std::iter::once(*expr).chain(list).collect::<Vec<_>>(), schema)?;
            let list = all.split_off(1);
            let expr = all.pop().map(Box::new).unwrap_or_default();
            Transformed::yes(Expr::InList(InList { expr, list, negated }))
        }
        Expr::Case(Case { expr: None, when_then_expr, else_expr }) => {
            for (when, _) in &when_then_expr {
                let given = when.get_type(schema)?;
                if given != DataType::Boolean && !given.is_null() {
                    return plan_err!(
                        "what follows `when` must be true or false, and is {}",
                        name_of(&given)
                    );
                }
            }
            Transformed::yes(Expr::Case(case_of_one_type(None, when_then_expr, else_expr, schema)?))
        }
        Expr::Case(Case { expr: Some(base), when_then_expr, else_expr }) => {
            let (whens, thens): (Vec<_>, Vec<_>) = when_then_expr.into_iter().unzip();
            let compared = std::iter::once(*base).chain(whens.into_iter().map(|when| *when));
            let mut compared = alike(compared.collect::<Vec<_>>(), schema)?.into_iter().map(Box::new);
            let base = compared.next();
            Transformed::yes(Expr::Case(case_of_one_type(
                base,
                compared.zip(thens).collect(),
                else_expr,
                schema,
            )?))
        }
        Expr::ScalarFunction(ScalarFunction { func, args }) => simple_call(func, args, schema)?,
        other => Transformed::no(other),
    })
}

fn simple_call(func: Arc<ScalarUDF>, mut args: Vec<Expr>, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match func.name() {
        "nvl2" => return nvl2(args, schema).map(Transformed::yes),
        "date_trunc" => args = date_trunc_arguments(args, schema)?,
        "date_part" => check_date_part(&args, schema)?,
        "coalesce" | "greatest" | "least" | "nullif" => args = alike(args, schema)?,
        name => {
            check_size(name, &args)?;
            check_instant(name, &args, schema)?;
        }
    }
    let call = Expr::ScalarFunction(ScalarFunction::new_udf(func, args));
    let given = call.get_type(schema)?;
    if matches!(given, DataType::Timestamp(..)) && given != FieldType::Timestamp.to_arrow() {
        let micros = ScalarFunction::new_udf(types::micros(), vec![call]);
        return Ok(Transformed::yes(Expr::ScalarFunction(micros)));
    }
    Ok(Transformed::yes(call))
}

/// `nvl2(x, a, b)`: a where x is not null, else b.
fn nvl2(args: Vec<Expr>, schema: &DFSchema) -> Result<Expr> {
    let Ok([tested, then, other]) = <[Expr; 3]>::try_from(args) else {
        return plan_err!("nvl2 takes 3 arguments");
    };
    let branches = vec![(Box::new(Expr::IsNull(Box::new(tested))), Box::new(other))];
    Ok(Expr::Case(case_of_one_type(None, branches, Some(Box::new(then)), schema)?))
}

/// Refuses to make an instant of a float: the functions would make one even of NaN.
fn check_instant(name: &str, args: &[Expr], schema: &DFSchema) -> Result<()> {
    match args.first() {
        Some(first) if name.starts_with("to_timestamp") && first.get_type(schema)?.is_floating() => {
            plan_err!("{name} takes an integer, a text or a date: cast the float to bigint first")
        }
        _ => Ok(()),
    }
}

fn binary(left: Expr, op: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)))
}

/// Refuses a call that could make a text of any length.
fn check_size(name: &str, args: &[Expr]) -> Result<()> {
    let Some(position) = functions::size_argument(name) else {
        return Ok(());
    };
    match args.get(position) {
        Some(Expr::Literal(ScalarValue::Int64(Some(size)), _)) if *size <= SIZE => Ok(()),
        None => Ok(()),
        Some(_) => plan_err!("the size given to {name} must be a literal, and not above {SIZE}"),
    }
}

/// Checks what `date_trunc` is to floor to, and makes a date its midnight.
fn date_trunc_arguments(args: Vec<Expr>, schema: &DFSchema) -> Result<Vec<Expr>> {
    let Ok([grain, instant]) = <[Expr; 2]>::try_from(args) else {
        return plan_err!("date_trunc takes 2 arguments: date_trunc('hour', a_timestamp)");
    };
    let Expr::Literal(ScalarValue::Utf8(Some(name)), _) = &grain else {
        return plan_err!("what date_trunc floors to must be a literal, such as 'hour'");
    };
    date_trunc::check_grain(name).map_err(DataFusionError::Plan)?;
    match instant.get_type(schema)? {
        DataType::Timestamp(..) => Ok(vec![grain, instant]),
        DataType::Date32 => {
            let midnight = Cast::new(Box::new(instant), FieldType::Timestamp.to_arrow());
            Ok(vec![grain, Expr::Cast(midnight)])
        }
        _ => plan_err!("date_trunc takes a timestamp or a date"),
    }
}

/// Checks which part of an instant `date_part` is to give.
fn check_date_part(args: &[Expr], schema: &DFSchema) -> Result<()> {
    let [part, instant] = args else {
        return plan_err!("date_part takes 2 arguments: date_part('hour', a_timestamp)");
    };
    let Expr::Literal(ScalarValue::Utf8(Some(name)), _) = part else {
        return plan_err!("the part that date_part gives must be a literal, such as 'hour'");
    };
    if !PARTS.contains(&name.to_lowercase().as_str()) {
        return plan_err!("date_part knows {}, and no `{name}`", PARTS.join(", "));
    }
    match instant.get_type(schema)? {
        DataType::Timestamp(..) | DataType::Date32 | DataType::Null => Ok(()),
        _ => plan_err!("date_part takes a timestamp or a date"),
    }
}

/// A `case` whose branches are [`alike`].
fn case_of_one_type(
    base: Option<Box<Expr>>,
    when_then_expr: Vec<(Box<Expr>, Box<Expr>)>,
    else_expr: Option<Box<Expr>>,
    schema: &DFSchema,
) -> Result<Case> {
    let (whens, thens): (Vec<_>, Vec<_>) = when_then_expr.into_iter().unzip();
    let has_else = else_expr.is_some();
    let values: Vec<Expr> = thens.into_iter().chain(else_expr).map(|value| *value).collect();
    let mut values = alike(values, schema)?;
    let else_expr = if has_else { values.pop().map(Box::new) } else { None };
    Ok(Case::new(base, whens.into_iter().zip(values.into_iter().map(Box::new)).collect(), else_expr))
}

/// Makes dates among instants instants. The planner would bring both together as nanoseconds, which fails for
/// years after 2262.
fn of_one_time(values: &mut [Expr], schema: &DFSchema) -> Result<()> {
    let types = values.iter().map(|value| value.get_type(schema)).collect::<Result<Vec<_>>>()?;
    if !types.iter().any(|data_type| matches!(data_type, DataType::Timestamp(..))) {
        return Ok(());
    }
    for (value, data_type) in values.iter_mut().zip(&types) {
        if *data_type == DataType::Date32 {
            let midnight = Cast::new(Box::new(std::mem::take(value)), FieldType::Timestamp.to_arrow());
            *value = Expr::Cast(midnight);
        }
    }
    Ok(())
}

/// Values that are compared, or of which one is given: a date among instants is its midnight, and a text
/// among values of another type is read as that type, if it is a literal, and refused if not: to compare
/// numbers as text, or to guess, would be worse.
fn alike<E: AsMut<[Expr]>>(mut operands: E, schema: &DFSchema) -> Result<E> {
    of_one_time(operands.as_mut(), schema)?;
    let types =
        operands.as_mut().iter().map(|operand| operand.get_type(schema)).collect::<Result<Vec<_>>>()?;
    let Some(other) = types.iter().find(|data_type| !is_text(data_type) && !data_type.is_null()) else {
        return Ok(operands);
    };
    for (operand, data_type) in operands.as_mut().iter_mut().zip(&types) {
        if !is_text(data_type) {
            continue;
        }
        let Expr::Literal(text, metadata) = operand else {
            return plan_err!("a text stands beside a value of type {}: cast one of them", name_of(other));
        };
        let read = text.cast_to(other).map_err(|_| {
            let message = format!("`{text}` stands beside a value of type {}, and is none", name_of(other));
            DataFusionError::Plan(message)
        })?;
        *operand = Expr::Literal(read, metadata.take());
    }
    Ok(operands)
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}
