//! Change events of Debezium: a row before and after the change, and what surrounds it.
//!
//! The fields of a source are those of the row as it is after the change, or as it was before one that deletes it. What
//! stands around the row has names that begin with `@`: `@op`, `@ts_ms`, `@source.lsn`, `@before.price`.

mod avro;
mod json;
mod schema;

use thalweg_core::FieldType;

pub(super) use avro::{DebeziumAvro, fields_of};
pub(super) use json::DebeziumJson;
pub(super) use schema::with_instants;

use super::Field;

/// What the paths around the row begin with.
const ROOTS: [&str; 7] = ["before", "op", "source", "transaction", "ts_ms", "ts_ns", "ts_us"];

/// The field that says what kind of change it was.
pub const CHANGE_KIND: &str = "@op";

/// What a record was found to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// A row as it is now.
    Row,
    /// A row that was, and is no more.
    Delete,
}

/// Which part of a change has the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Image {
    Before,
    After,
}

impl Change {
    /// The change that `op` says.
    ///
    /// # Errors
    /// If it says no change of one row.
    fn of(op: &str) -> Result<(Self, Image), String> {
        match op {
            "c" | "r" | "u" => Ok((Self::Row, Image::After)),
            "d" => Ok((Self::Delete, Image::Before)),
            "t" => {
                Err("the whole table was truncated (`op` t), which says nothing of single rows".to_owned())
            }
            "m" => Err("a message and no row (`op` m)".to_owned()),
            other => Err(format!("there is no change of the kind `op` {other:?}: c, r, u and d are known")),
        }
    }
}

/// Why a change has no row.
fn no_image(image: Image) -> String {
    match image {
        Image::After => "there is no row in `after`".to_owned(),
        Image::Before => {
            "it deletes, and there is no row in `before`: have the database log old rows (in PostgreSQL, \
                          replica identity)"
                .to_owned()
        }
    }
}

/// Whether `path` may stand around the row of a change.
pub(super) fn is_around_row(path: &str) -> bool {
    let first = path.split('.').next().unwrap_or_default();
    ROOTS.contains(&first) && path.split('.').all(|part| !part.is_empty())
}

/// The fields around the row that every connector, or a common one, writes as the same type: they need no declaration in
/// JSON.
pub fn debezium_fields() -> Vec<Field> {
    [
        (CHANGE_KIND, "string"),
        ("@ts_ms", "timestamp_ms"),
        ("@ts_us", "timestamp"),
        ("@source.ts_ms", "timestamp_ms"),
        ("@source.ts_us", "timestamp"),
        ("@source.lsn", "int64"),
        ("@source.pos", "int64"),
        ("@source.file", "string"),
        ("@source.db", "string"),
        ("@source.schema", "string"),
        ("@source.table", "string"),
        ("@source.connector", "string"),
        ("@source.name", "string"),
    ]
    .iter()
    .map(|(name, of_type)| Field::declared(*name, of_type).unwrap_or(Field::new(*name, FieldType::String)))
    .collect()
}
