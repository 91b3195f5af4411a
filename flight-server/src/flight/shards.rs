//! Training sets in several streams.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use serde::{Deserialize, Serialize};

use super::spine::Rows;
use crate::Error;

/// The column that says where in the spine a row stands.
const ROW_COLUMN: &str = "_row";

/// The configuration key of the limit, as errors name it.
const LIMIT_KEY: &str = "limits.shards";

/// In which order rows come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The spine's: one stream is to be read after the other.
    #[default]
    Spine,
    /// Each row says where it stands, in a column `_row` after those of the spine: streams may be read in any order.
    Any,
}

/// One of several streams that together are a training set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shard {
    /// Which, from 0 on.
    pub number: usize,
    /// Of how many.
    pub of: usize,
}

impl Shard {
    /// All shards where so many are wanted; none where none are.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for no shards; RESOURCE_EXHAUSTED for more than `limit`.
    pub(super) fn all(wanted: Option<usize>, limit: usize) -> Result<Vec<Option<Self>>, Error> {
        match wanted {
            None => Ok(vec![None]),
            Some(0) => Err(Error::invalid("`shards` is the number of streams wanted, at least 1")),
            Some(of) if of > limit => Err(Error::new(
                crate::Kind::ResourceExhausted,
                format!(
                    "{of} shards are asked for; the limit `{LIMIT_KEY}` is {limit}. Ask for fewer, or raise it"
                ),
            )),
            Some(of) => Ok((0..of).map(|number| Some(Self { number, of })).collect()),
        }
    }
}

/// `rows` with the column that says where each stands.
///
/// # Errors
/// INVALID_ARGUMENT where there is such a column.
pub(super) fn numbered(rows: Rows) -> Result<Rows, Error> {
    let Rows { schema, batches } = rows;
    if schema.column_with_name(ROW_COLUMN).is_some() {
        return Err(Error::invalid(format!(
            "with `order: any` the answer has a column `{ROW_COLUMN}` of its own, and the spine has one, too; rename it"
        )));
    }
    let mut fields: Vec<Arc<Field>> = schema.fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new(ROW_COLUMN, DataType::Int64, false)));
    let schema = Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()));
    let mut next = 0;
    let batches = batches
        .into_iter()
        .map(|batch| {
            let from = next;
            next += batch.num_rows() as i64;
            let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(from..next));
            let columns = batch.columns().iter().cloned().chain([numbers]).collect();
            RecordBatch::try_new(schema.clone(), columns)
        })
        .collect::<Result<_, _>>()?;
    Ok(Rows { schema, batches })
}
