//! Why a format, a set of fields or a batch of rows is refused.

use arrow::datatypes::DataType;
use thalweg_core::FieldType;

/// What is wrong with a format, with the fields asked of it, or with rows to be written in it.
///
/// A record that cannot be decoded is none of these: it becomes a [`DeadLetter`](super::DeadLetter).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// The text is no Avro schema.
    #[error("this is no valid Avro schema: {cause}")]
    BrokenSchema {
        /// What the schema's reader says.
        cause: String,
    },
    /// Values of a topic are records.
    #[error("the Avro schema is of type {found}; an event must be a record: wrap it in one")]
    NotARecord {
        /// Avro's name of the type that was found.
        found: String,
    },
    /// The schema is not that of changes as Debezium writes them.
    #[error("this is no schema of Debezium's changes: those are records with `before`, `after` and `op`")]
    NotChanges,
    /// Rows cannot be written in this format.
    #[error("rows cannot be written as {format}: give its records as they are, a JSON line each")]
    ReadOnly {
        /// The format.
        format: &'static str,
    },
    /// The text is no Protobuf schema.
    #[error("this is no valid Protobuf schema: {cause}")]
    BrokenProtobuf {
        /// What the schema's compiler says.
        cause: String,
    },
    /// The Protobuf schema has no such message, or several of which none was named.
    #[error("{}", which_message(message, known))]
    NoSuchMessage {
        /// The name that was given; empty if none was.
        message: String,
        /// The messages there are.
        known: String,
    },
    /// A path is empty, has an empty part, or begins with `@` and is not one of those there are.
    #[error(
        "`{field}` is no path of a field: write names with dots between them, or @key, @key.FIELD, @header.NAME or @timestamp"
    )]
    BadPath {
        /// The path.
        field: String,
    },
    /// `@timestamp` has a type of its own.
    #[error("field `{field}` is {declared}, but can only be timestamp")]
    BadTimestampType {
        /// The path.
        field: String,
        /// The type asked for.
        declared: FieldType,
    },
    /// Two fields of one name.
    #[error("field `{field}` is asked for twice")]
    FieldTwice {
        /// The path.
        field: String,
    },
    /// A field cannot be both a value and a record that holds other fields.
    #[error("field `{inner}` lies inside field `{outer}`, which therefore can have no value of its own")]
    FieldInsideField {
        /// The shorter path.
        outer: String,
        /// The longer path.
        inner: String,
    },
    /// The schema has no usable field of this path, or of another type.
    #[error("the schema has no field `{field}` that can be used; it has: {known}")]
    NoSuchField {
        /// The path.
        field: String,
        /// The paths there are.
        known: String,
    },
    /// The Avro schema gives the field another type.
    #[error("field `{field}` is asked for as {asked}, but the Avro schema makes it {found}")]
    OtherType {
        /// The path.
        field: String,
        /// The type asked for.
        asked: FieldType,
        /// The type it has.
        found: FieldType,
    },
    /// Rows to be written lack a column.
    #[error(
        "field `{field}` has no column, and the Avro schema gives it neither a default nor null: add the column"
    )]
    MissingColumn {
        /// The path.
        field: String,
    },
    /// A field that must be written has a type that no column has.
    #[error(
        "field `{field}` is {found} in the Avro schema, which rows of columns cannot hold, and it has no default"
    )]
    NotWritable {
        /// The path.
        field: String,
        /// Avro's name of its type.
        found: String,
    },
    /// A column of the rows to be written is of another type than its field.
    #[error("column `{field}` is {found}, but must be {expected}: cast it")]
    ColumnType {
        /// The path.
        field: String,
        /// The type its field has.
        expected: DataType,
        /// The type of the column.
        found: DataType,
    },
    /// The format cannot spell one value.
    #[error("row {row}, field `{field}`: {reason}")]
    Unwritable {
        /// Number of the row, from 0.
        row: usize,
        /// The path.
        field: String,
        /// What is wrong.
        reason: String,
    },
}

fn which_message(message: &str, known: &str) -> String {
    if message.is_empty() {
        format!("say which `message` of the Protobuf schema the records are: {known}")
    } else {
        format!("the Protobuf schema has no message `{message}`; it has: {known}")
    }
}
