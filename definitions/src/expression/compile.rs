//! All the steps from a text to an expression.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{Field as Column, Schema};
use datafusion_common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion_common::{DFSchema, DataFusionError, Result};
use datafusion_expr::{Expr, ExprSchemable};
use thalweg_core::FieldType;

use super::canonical::canonical;
use super::evaluate::Program;
use super::names::Names;
use super::parse::parse;
use super::physical::physical;
use super::plan::{plan, widen};
use super::{Expression, ExpressionError, types};

/// Stack for compiling, in bytes. The parser recurses as deep as the text has it, before anything is refused;
/// the memory is only touched where that happens.
const STACK_BYTES: usize = 128 << 20;

/// Compiles `sql`, and has it give `wanted` if that is said.
pub(super) fn compile(
    sql: &str,
    names: &Names,
    wanted: Option<FieldType>,
) -> std::result::Result<Expression, ExpressionError> {
    let compiled = std::thread::scope(|scope| {
        let thread =
            std::thread::Builder::new().name("compile-expression".to_owned()).stack_size(STACK_BYTES);
        let running = thread.spawn_scoped(scope, || compile_here(sql, names, wanted));
        running.map(|thread| thread.join())
    });
    match compiled {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => std::panic::resume_unwind(panic),
        Err(error) => {
            let message =
                format!("no thread could be started to compile the expression ({error}): free some memory");
            Err(ExpressionError::new(message, None))
        }
    }
}

fn compile_here(
    sql: &str,
    names: &Names,
    wanted: Option<FieldType>,
) -> std::result::Result<Expression, ExpressionError> {
    let parsed = parse(sql, names)?;
    let schema = schema_of(names.columns()).map_err(planner_error)?;
    let planned = plan(parsed, &schema).map_err(planner_error)?;
    let given = planned.get_type(&schema).map_err(planner_error)?;
    let given = types::result_type(&given).map_err(|message| ExpressionError::new(message, None))?;
    let result_type = wanted.unwrap_or(given);
    let planned =
        widen(planned, given, result_type).map_err(|message| ExpressionError::new(message, None))?;
    let canonical = canonical(&planned, &schema).map_err(planner_error)?;

    let used = fields_used(&planned).map_err(planner_error)?;
    let schema =
        schema_of(names.columns().filter(|column| used.contains(column.name()))).map_err(planner_error)?;
    let physical = physical(&planned, &schema).map_err(planner_error)?;
    let program = Program::new(Arc::clone(schema.inner()), physical, result_type);
    program.try_on_nulls().map_err(planner_error)?;
    Ok(Expression { program: Arc::new(program), canonical: canonical.into() })
}

/// The schema of a batch with these columns, in order of their names.
fn schema_of<'a>(columns: impl Iterator<Item = &'a Column>) -> Result<DFSchema> {
    let mut columns: Vec<Column> = columns.cloned().collect();
    columns.sort_by(|a, b| a.name().cmp(b.name()));
    DFSchema::try_from(Schema::new(columns))
}

fn fields_used(expr: &Expr) -> Result<BTreeSet<String>> {
    let mut used = BTreeSet::new();
    expr.apply(|part| {
        if let Expr::Column(column) = part {
            used.insert(column.name.clone());
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(used)
}

/// What the planner says, without its names for kinds of errors, and in our words where its own are long.
fn planner_error(error: DataFusionError) -> ExpressionError {
    let mut error = &error;
    while let DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) = error {
        error = inner;
    }
    let message = error.strip_backtrace();
    let kinds = [
        "Error during planning: ",
        "This feature is not implemented: ",
        "Execution error: ",
        "Internal error: ",
    ];
    let kinds = kinds.into_iter().chain(["Arrow error: ", "Parser error: ", "Invalid argument error: "]);
    let message = kinds.fold(message.as_str(), |message, kind| message.strip_prefix(kind).unwrap_or(message));
    if let Some(message) = own_words(message).or_else(|| unmatched_call(message)) {
        return ExpressionError::new(message, None);
    }
    let message = message.split("\nThis issue was likely caused by").next().unwrap_or(message).trim();
    let mut chars = message.chars();
    let message = chars.next().map(|first| first.to_lowercase().chain(chars).collect::<String>());
    ExpressionError::new(message.unwrap_or_default(), None)
}

/// What one of our own functions says about its arguments' types, out of what the planner makes of it.
fn own_words(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("user-defined coercion failed with: ")?;
    let (ours, _) = rest.split_once(" No function matches")?;
    let ours = ours.strip_prefix("Error during planning: ").unwrap_or(ours);
    Some(ours.trim_end_matches('.').to_owned())
}

/// The planner's message on a call with arguments that a function does not take, in short.
fn unmatched_call(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("No function matches the given name and argument types '")?;
    let (call, rest) = rest.split_once('\'')?;
    let (_, candidates) = rest.split_once("Candidate functions:")?;
    let candidates: Vec<_> = candidates.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    Some(format!("there is no `{call}`, but there is {}: cast the arguments", candidates.join(", ")))
}
