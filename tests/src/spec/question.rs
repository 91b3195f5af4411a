//! What the rows of a specification file ask, and what they expect, by the types of the definitions.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::DataType;
use thalweg_backfill::{AsOf, Features};
use thalweg_core::{FieldType, Status, Value};
use thalweg_definitions::{Layout, Repository, RequestKey};

use super::file::{Row, Specification};
use super::values::typed;
use crate::harness::{Outcome, failed};

/// What a row asks.
#[derive(Clone, Debug)]
pub struct Question {
    /// The features it names, or the service that has them.
    pub features: Features,
    /// The columns of the answer.
    pub columns: Vec<String>,
    /// The join keys.
    pub keys: BTreeMap<String, (FieldType, Value)>,
    /// The request inputs.
    pub inputs: BTreeMap<String, (FieldType, Value)>,
    /// The instant, as an inclusive one, microseconds since the epoch.
    pub at: i64,
    /// The instant as the file has it.
    pub written_at: i64,
    /// Which events are seen.
    pub as_of: AsOf,
    /// Whether it must be refused.
    pub refused: bool,
}

/// What a cell expects.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    /// The column's name.
    pub column: String,
    /// The value; any, if none.
    pub value: Option<Value>,
    /// The status.
    pub status: Status,
    /// The type of the column.
    pub data_type: DataType,
}

/// A row, what it asks, and what it expects.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    /// The row.
    pub row: &'a Row,
    /// What it asks.
    pub question: Question,
    /// What each of its cells expects.
    pub expected: Vec<Expected>,
}

/// What `row` asks and expects.
///
/// # Errors If it names a column that there is not, does not give just the join keys its columns take, or
/// expects a value of another type.
pub fn asked<'a>(
    specification: &Specification,
    repository: &Arc<Repository>,
    row: &'a Row,
) -> Outcome<Asked<'a>> {
    let at_line = |message: String| format!("line {}: {message}", row.line);
    let features = features(repository, row).map_err(at_line)?;
    let chosen = features.resolve(repository).map_err(failed("the columns of a row"))?;
    let layout = Layout::new(repository, &chosen, true).map_err(failed("the columns of a row"))?;
    // What is refused has no values.
    let answered = row.cells.iter().filter(|_| row.refused.is_none());
    let expected = answered.map(|cell| {
        let column = layout.columns.iter().find(|column| column.name == cell.column);
        let data_type =
            column.ok_or_else(|| at_line(format!("no column `{}`", cell.column)))?.data_type.clone();
        let value = cell.value.as_ref().map(|node| typed(node, &data_type)).transpose()?;
        let implied = if value == Some(Value::Null) { Status::NullValue } else { Status::Present };
        Ok(Expected { column: cell.column.clone(), value, status: cell.status.unwrap_or(implied), data_type })
    });
    let given = |needed: Vec<RequestKey>| {
        let given = needed.into_iter().map(|RequestKey { name, field_type }| {
            let given = row.keys.iter().find(|(given, _)| *given == name);
            let (_, node) = given.ok_or_else(|| at_line(format!("the row has no `{name}`")))?;
            let value = typed(node, &field_type.to_arrow())?;
            Ok((name, (field_type, value)))
        });
        given.collect::<Outcome<BTreeMap<_, _>>>()
    };
    let keys = given(repository.request_keys(&chosen).map_err(failed("the join keys of a row"))?)?;
    let inputs = given(repository.request_inputs(&chosen).map_err(failed("the request inputs of a row"))?)?;
    let is_used = |name: &str| keys.contains_key(name) || inputs.contains_key(name);
    if let Some((unused, _)) = row.keys.iter().find(|(name, _)| !is_used(name)) {
        return Err(at_line(format!("`{unused}` is no join key and no request input of the row's columns")));
    }
    let at = if specification.exclusive { row.at.saturating_sub(1) } else { row.at };
    let columns = layout.columns.iter().map(|column| column.name.clone()).collect();
    let (as_of, refused) = (row.as_of, row.refused.is_some());
    let question = Question { features, columns, keys, inputs, at, written_at: row.at, as_of, refused };
    Ok(Asked { row, question, expected: expected.collect::<Outcome<_>>()? })
}

/// The columns of the row as `view:column`, or the service that has them under these names.
fn features(repository: &Repository, row: &Row) -> Outcome<Features> {
    let of_view = |column: &str| {
        let (view, column) = column.split_once("__")?;
        match repository.on_demand_view(view) {
            Some(view) => view.feature(column).map(drop)?,
            None => repository.view(view)?.column(column).map(drop)?,
        }
        Some(format!("{view}:{column}"))
    };
    let references: Option<Vec<_>> = row.cells.iter().map(|cell| of_view(&cell.column)).collect();
    if let Some(references) = references {
        return Ok(Features::List(references));
    }
    let has_all = |names: Vec<String>| row.cells.iter().all(|cell| names.contains(&cell.column));
    let service = repository
        .services
        .iter()
        .find(|service| has_all(service.features.iter().map(|feature| feature.result_column()).collect()));
    match service {
        Some(service) => Ok(Features::Service(service.name.clone())),
        None => {
            let columns: Vec<_> = row.cells.iter().map(|cell| cell.column.as_str()).collect();
            Err(format!("no views and no service have the columns {}", columns.join(", ")))
        }
    }
}
