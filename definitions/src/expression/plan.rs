//! From a checked syntax tree to a typed expression of DataFusion's planner.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::DataType;
use datafusion_common::config::ConfigOptions;
use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_common::{
    DFSchema, DataFusionError, Result, ScalarValue, TableReference, not_impl_err, plan_err,
};
use datafusion_expr::expr::{Case, InList, ScalarFunction};
use datafusion_expr::planner::{ContextProvider, ExprPlanner, TypePlanner};
use datafusion_expr::{
    AggregateUDF, Between, BinaryExpr, Cast, Expr, ExprSchemable, HigherOrderUDF, Operator, ScalarUDF,
    TableSource, WindowUDF,
};
use datafusion_functions::datetime::planner::DatetimeFunctionPlanner;
use datafusion_functions::unicode::planner::UnicodeFunctionPlanner;
use datafusion_optimizer::analyzer::type_coercion::TypeCoercionRewriter;
use datafusion_sql::planner::{ParserOptions, PlannerContext, SqlToRel};
use datafusion_sql::sqlparser::ast::Expr as SqlExpr;
use thalweg_core::FieldType;

use super::floats::{compare_canonical_floats, is_comparison};
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

/// Plans an expression over `schema`: resolved, with the type of every part settled, in the few forms that the
/// rest of this module knows.
pub(super) fn plan(sql: SqlExpr, schema: &DFSchema) -> Result<Expr> {
    let options = ParserOptions::new()
        .with_parse_float_as_decimal(false)
        .with_enable_ident_normalization(false)
        .with_map_string_types_to_utf8view(false);
    let planner = SqlToRel::new_with_options(&Functions, options);
    let planned = planner.sql_to_expr(sql, schema, &mut PlannerContext::new())?;
    let simple = planned.transform_up(|expr| in_simple_form(expr, schema))?.data;
    let coerced = simple.rewrite(&mut TypeCoercionRewriter::new(schema))?.data;
    let folded = coerced.transform_up(without_literal_cast)?.data;
    compare_canonical_floats(folded, schema)
}

/// Casts a literal once and for all. One that cannot be cast would fail on every row.
fn without_literal_cast(expr: Expr) -> Result<Transformed<Expr>> {
    let Expr::Cast(cast) = &expr else {
        return Ok(Transformed::no(expr));
    };
    let Expr::Literal(scalar, metadata) = cast.expr.as_ref() else {
        return Ok(Transformed::no(expr));
    };
    let to = cast.field.data_type();
    match scalar.cast_to(to) {
        Ok(literal) => Ok(Transformed::yes(Expr::Literal(literal, metadata.clone()))),
        Err(_) => plan_err!("`{scalar}` is no {}", name_of(to)),
    }
}

/// `expr` cast to a field's type. Only casts that lose nothing on the rows on which they succeed, and that a
/// reader expects, are made without being asked for.
pub(super) fn widen(expr: Expr, from: FieldType, to: FieldType) -> std::result::Result<Expr, String> {
    match (from, to) {
        (from, to) if from == to => Ok(expr),
        (FieldType::Int32, FieldType::Int64)
        | (FieldType::Int64, FieldType::Int32)
        | (FieldType::Float32, FieldType::Float64)
        | (FieldType::Int32, FieldType::Float64)
        | (FieldType::Date, FieldType::Timestamp) => Ok(Expr::Cast(Cast::new(Box::new(expr), to.to_arrow()))),
        _ => Err(format!(
            "the expression gives {from} where {to} is needed: write cast(… as {to}) if that is meant"
        )),
    }
}

/// Replaces what has another, simpler form, and refuses what the planner lets pass and we do not. Called from
/// the leaves up, before types are settled.
fn in_simple_form(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
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
            let [expr, low, high] = alike([*expr, *low, *high], schema)?;
            Transformed::yes(Expr::Between(Between::new(
                Box::new(expr),
                negated,
                Box::new(low),
                Box::new(high),
            )))
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
            Transformed::yes(Expr::Case(case_of_one_time(None, when_then_expr, else_expr, schema)?))
        }
        Expr::Case(Case { expr: Some(base), when_then_expr, else_expr }) => {
            let (whens, thens): (Vec<_>, Vec<_>) = when_then_expr.into_iter().unzip();
            let compared = std::iter::once(*base).chain(whens.into_iter().map(|when| *when));
            let mut compared = alike(compared.collect::<Vec<_>>(), schema)?.into_iter().map(Box::new);
            let base = compared.next();
            Transformed::yes(Expr::Case(case_of_one_time(
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

fn simple_call(func: Arc<ScalarUDF>, args: Vec<Expr>, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let arity = args.len();
    let is_null = |expr: &Expr| Box::new(Expr::IsNull(Box::new(expr.clone())));
    let is_not_null = |expr: &Expr| Box::new(Expr::IsNotNull(Box::new(expr.clone())));
    let null = || Box::new(Expr::Literal(ScalarValue::Null, None));
    let needs = |count: usize| plan_err!("{} takes {count} arguments, not {arity}", func.name());
    let mut arguments = args.into_iter();
    let simple = match func.name() {
        "coalesce" | "nvl" => {
            if arity == 0 || (func.name() == "nvl" && arity != 2) {
                return needs(if func.name() == "nvl" { 2 } else { 1 });
            }
            let last = arguments.next_back().map(Box::new);
            let branches: Vec<_> = arguments.map(|arg| (is_not_null(&arg), Box::new(arg))).collect();
            match (branches.is_empty(), last) {
                (true, Some(only)) => *only,
                (_, last) => Expr::Case(case_of_one_time(None, branches, last, schema)?),
            }
        }
        "nvl2" => {
            let (Some(tested), Some(then), Some(other), 3) =
                (arguments.next(), arguments.next(), arguments.next(), arity)
            else {
                return needs(3);
            };
            let branches = vec![(is_null(&tested), Box::new(other))];
            Expr::Case(case_of_one_time(None, branches, Some(Box::new(then)), schema)?)
        }
        "nullif" => {
            let (Some(value), Some(hidden), 2) = (arguments.next(), arguments.next(), arity) else {
                return needs(2);
            };
            let [left, right] = alike([value.clone(), hidden], schema)?;
            let equal = Box::new(binary(left, Operator::Eq, right));
            Expr::Case(Case::new(None, vec![(equal, null())], Some(Box::new(value))))
        }
        name => {
            let mut args: Vec<Expr> = arguments.collect();
            check_size(name, &args)?;
            match name {
                "date_trunc" => args = date_trunc_arguments(args, schema)?,
                "date_part" => check_date_part(&args, schema)?,
                "greatest" | "least" => args = alike(args, schema)?,
                _ => {}
            }
            if name.starts_with("to_timestamp")
                && let Some(first) = args.first()
                && first.get_type(schema)?.is_floating()
            {
                // The function makes an instant even of NaN.
                return plan_err!(
                    "{name} takes an integer, a text or a date: cast the float to bigint first"
                );
            }
            let call = Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(&func), args));
            let instants = FieldType::Timestamp.to_arrow();
            return Ok(match call.get_type(schema)? {
                DataType::Timestamp(..) if call.get_type(schema)? != instants => Transformed::yes(
                    Expr::ScalarFunction(ScalarFunction::new_udf(types::micros(), vec![call])),
                ),
                _ => Transformed::no(call),
            });
        }
    };
    Ok(Transformed::yes(simple))
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

/// A `case` whose branches do not mix dates and instants, which the planner would bring together as
/// nanoseconds.
fn case_of_one_time(
    base: Option<Box<Expr>>,
    when_then_expr: Vec<(Box<Expr>, Box<Expr>)>,
    else_expr: Option<Box<Expr>>,
    schema: &DFSchema,
) -> Result<Case> {
    let (whens, thens): (Vec<_>, Vec<_>) = when_then_expr.into_iter().unzip();
    let has_else = else_expr.is_some();
    let mut values: Vec<Expr> = thens.into_iter().chain(else_expr).map(|value| *value).collect();
    of_one_time(&mut values, schema)?;
    let else_expr = if has_else { values.pop().map(Box::new) } else { None };
    Ok(Case::new(base, whens.into_iter().zip(values.into_iter().map(Box::new)).collect(), else_expr))
}

/// Makes dates among instants instants.
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

/// Operands of one comparison, where a date among instants is its midnight, and a text among values of another
/// type is read as that type, if it is a literal, and refused if not: comparing numbers as text, or guessing,
/// would be worse.
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
            return plan_err!("a text is compared with a value of type {}: cast one of them", name_of(other));
        };
        let read = text.cast_to(other).map_err(|_| {
            let message =
                format!("`{text}` is compared with a value of type {}, and is none", name_of(other));
            DataFusionError::Plan(message)
        })?;
        *operand = Expr::Literal(read, metadata.take());
    }
    Ok(operands)
}

/// The name of a type, as a definition has it where it can.
fn name_of(data_type: &DataType) -> String {
    FieldType::from_arrow(data_type)
        .map_or_else(|| data_type.to_string(), |field_type| field_type.to_string())
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// What the planner may refer to: functions of the list, and nothing else.
struct Functions;

static PLANNERS: LazyLock<[Arc<dyn ExprPlanner>; 2]> =
    LazyLock::new(|| [Arc::new(DatetimeFunctionPlanner), Arc::new(UnicodeFunctionPlanner)]);
static OPTIONS: LazyLock<ConfigOptions> = LazyLock::new(ConfigOptions::default);

impl ContextProvider for Functions {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>> {
        not_impl_err!("there is no table {name}")
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        PLANNERS.as_slice()
    }

    fn get_type_planner(&self) -> Option<Arc<dyn TypePlanner>> {
        Some(Arc::new(types::CastTypes))
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        functions::function(&name.to_lowercase())
    }

    fn get_higher_order_meta(&self, _: &str) -> Option<Arc<HigherOrderUDF>> {
        None
    }

    fn get_aggregate_meta(&self, _: &str) -> Option<Arc<AggregateUDF>> {
        None
    }

    fn get_window_meta(&self, _: &str) -> Option<Arc<WindowUDF>> {
        None
    }

    fn get_variable_type(&self, _: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        &OPTIONS
    }

    fn udf_names(&self) -> Vec<String> {
        functions::names().map(str::to_owned).collect()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udaf_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udwf_names(&self) -> Vec<String> {
        Vec::new()
    }
}
