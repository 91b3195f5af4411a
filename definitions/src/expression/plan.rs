//! From a checked syntax tree to a typed expression of DataFusion's planner.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::DataType;
use datafusion_common::config::ConfigOptions;
use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_common::{DFSchema, Result, TableReference, not_impl_err, plan_err};
use datafusion_expr::planner::{ContextProvider, ExprPlanner, TypePlanner};
use datafusion_expr::{AggregateUDF, Cast, Expr, HigherOrderUDF, ScalarUDF, TableSource, WindowUDF};
use datafusion_functions::datetime::planner::DatetimeFunctionPlanner;
use datafusion_functions::unicode::planner::UnicodeFunctionPlanner;
use datafusion_optimizer::analyzer::type_coercion::TypeCoercionRewriter;
use datafusion_sql::planner::{ParserOptions, PlannerContext, SqlToRel};
use datafusion_sql::sqlparser::ast::Expr as SqlExpr;
use thalweg_core::FieldType;

use super::element::ElementPlanner;
use super::floats::compare_canonical_floats;
use super::simple::in_simple_form;
use super::types::name_of;
use super::{functions, types};

/// Plans an expression over `schema`: resolved, with the type of every part settled, in the few forms that
/// the rest of this module knows.
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

/// What the planner may refer to: functions of the list, and nothing else.
struct Functions;

static PLANNERS: LazyLock<[Arc<dyn ExprPlanner>; 3]> = LazyLock::new(|| {
    [Arc::new(DatetimeFunctionPlanner), Arc::new(UnicodeFunctionPlanner), Arc::new(ElementPlanner)]
});
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
