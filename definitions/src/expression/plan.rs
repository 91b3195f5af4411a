//! From a checked syntax tree to a typed expression of DataFusion's planner.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::DataType;
use datafusion_common::config::ConfigOptions;
use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_common::{DFSchema, DataFusionError, Result, ScalarValue, TableReference, not_impl_err, plan_err};
use datafusion_expr::expr::{Case, InList, ScalarFunction};
use datafusion_expr::planner::{ContextProvider, ExprPlanner, TypePlanner};
use datafusion_expr::{
    AggregateUDF, Between, BinaryExpr, Expr, ExprSchemable, HigherOrderUDF, Operator, ScalarUDF, TableSource,
    WindowUDF,
};
use datafusion_functions::datetime::planner::DatetimeFunctionPlanner;
use datafusion_functions::unicode::planner::UnicodeFunctionPlanner;
use datafusion_optimizer::analyzer::type_coercion::TypeCoercionRewriter;
use datafusion_sql::planner::{ParserOptions, PlannerContext, SqlToRel};
use datafusion_sql::sqlparser::ast::Expr as SqlExpr;
use thalweg_core::FieldType;

use super::floats::{compare_canonical_floats, is_comparison};
use super::{functions, types};

/// Longest text that lpad and rpad may be asked for, in characters.
const SIZE: i64 = 1_024;

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
    compare_canonical_floats(coerced, schema)
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
        | (FieldType::Date, FieldType::Timestamp) => {
            Ok(Expr::Cast(datafusion_expr::Cast::new(Box::new(expr), to.to_arrow())))
        }
        _ => Err(format!("the expression gives {from} where {to} is needed: write cast(… as {to}) if that is meant")),
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
            Transformed::yes(Expr::Between(Between::new(Box::new(expr), negated, Box::new(low), Box::new(high))))
        }
        Expr::InList(InList { expr, list, negated }) => {
            let mut all = alike(std::iter::once(*expr).chain(list).collect::<Vec<_>>(), schema)?;
            let list = all.split_off(1);
            let expr = all.pop().map(Box::new).unwrap_or_default();
            Transformed::yes(Expr::InList(InList { expr, list, negated }))
        }
        Expr::Case(Case { expr: Some(base), when_then_expr, else_expr }) => {
            let (whens, thens): (Vec<_>, Vec<_>) = when_then_expr.into_iter().unzip();
            let compared = std::iter::once(*base).chain(whens.into_iter().map(|when| *when));
            let mut compared = alike(compared.collect::<Vec<_>>(), schema)?.into_iter().map(Box::new);
            let base = compared.next();
            Transformed::yes(Expr::Case(Case::new(base, compared.zip(thens).collect(), else_expr)))
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
                (_, last) => Expr::Case(Case::new(None, branches, last)),
            }
        }
        "nvl2" => {
            let (Some(tested), Some(then), Some(other), 3) =
                (arguments.next(), arguments.next(), arguments.next(), arity)
            else {
                return needs(3);
            };
            Expr::Case(Case::new(None, vec![(is_null(&tested), Box::new(other))], Some(Box::new(then))))
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
            let args: Vec<Expr> = arguments.collect();
            check_size(name, &args)?;
            if name.starts_with("to_timestamp")
                && let Some(first) = args.first()
                && first.get_type(schema)?.is_floating()
            {
                // The function makes an instant even of NaN.
                return plan_err!("{name} takes an integer, a text or a date: cast the float to bigint first");
            }
            let call = Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(&func), args));
            let instants = FieldType::Timestamp.to_arrow();
            return Ok(match call.get_type(schema)? {
                DataType::Timestamp(..) if call.get_type(schema)? != instants => {
                    Transformed::yes(Expr::ScalarFunction(ScalarFunction::new_udf(types::micros(), vec![call])))
                }
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

/// Operands of one comparison, where a text among values of another type is read as that type, if it is a
/// literal, and refused if not: comparing numbers as text, or guessing, would be worse.
fn alike<E: AsMut<[Expr]>>(mut operands: E, schema: &DFSchema) -> Result<E> {
    let types = operands.as_mut().iter().map(|operand| operand.get_type(schema)).collect::<Result<Vec<_>>>()?;
    let Some(other) = types.iter().find(|data_type| !is_text(data_type) && !data_type.is_null()) else {
        return Ok(operands);
    };
    for (operand, data_type) in operands.as_mut().iter_mut().zip(&types) {
        if !is_text(data_type) {
            continue;
        }
        let name = FieldType::from_arrow(other).map_or_else(|| other.to_string(), |field_type| field_type.to_string());
        let Expr::Literal(text, metadata) = operand else {
            return plan_err!("a text is compared with a value of type {name}: cast one of them");
        };
        let read = text.cast_to(other).map_err(|_| {
            DataFusionError::Plan(format!("`{text}` is compared with a value of type {name}, and is none"))
        })?;
        *operand = Expr::Literal(read, metadata.take());
    }
    Ok(operands)
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
