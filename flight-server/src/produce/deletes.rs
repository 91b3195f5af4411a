//! Rows that delete: of a table's rows those that are marked, which become records without a value.

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::{filter_record_batch, not};
use serde::Deserialize;
use thalweg_core::FieldType;
use thalweg_definitions::{Source, SourceKind};
use thalweg_log::encode_rows;

use super::payload::to_type;
use crate::{Error, Kind};

/// What marks a row that deletes: a column of booleans, or a member of a JSON object.
pub const TOMBSTONE: &str = "@tombstone";

/// Which rows delete; none has a mark where there is no mask.
#[derive(Debug)]
pub(super) struct Deletes(Option<BooleanArray>);

impl Deletes {
    /// The rows that the column of marks is true for, and all rows without that column.
    ///
    /// # Errors
    /// Marks that are no booleans.
    pub(super) fn of_column(source: &Source, rows: &RecordBatch) -> Result<(Self, RecordBatch), Error> {
        let place = rows.schema().index_of(TOMBSTONE).ok().filter(|_| source.kind == SourceKind::Table);
        let Some(place) = place else { return Ok((Self(None), rows.clone())) };
        let mut fields = rows.clone();
        let marks = to_type(&fields.remove_column(place), TOMBSTONE, FieldType::Bool)?;
        let marks = marks.as_boolean().iter().map(|mark| Some(mark.unwrap_or(false))).collect();
        Ok((Self(Some(marks)), fields))
    }

    /// The lines of JSON whose mark is true.
    ///
    /// # Errors
    /// A mark that is no boolean; one that is true, of a source that is a stream.
    pub(super) fn of_lines(source: &Source, lines: &[&[u8]]) -> Result<Self, Error> {
        let marks = Self::of_marked_lines(lines)?;
        if source.kind == SourceKind::Table {
            return Ok(marks);
        }
        match (0..lines.len()).find(|row| marks.contains(*row)) {
            None => Ok(Self(None)),
            Some(row) => Err(Error::invalid(format!(
                "line {} of the batch is marked `{TOMBSTONE}`, and source `{}` is a stream, in which nothing is deleted; \
                 leave the mark out, or declare the source `kind: table`",
                row + 1,
                source.name
            ))),
        }
    }

    fn of_marked_lines(lines: &[&[u8]]) -> Result<Self, Error> {
        let marks = lines.iter().zip(1..).map(|(line, number)| {
            // Lines that are no JSON are for the decoder to refuse, or for the dead letters.
            if !has(line, TOMBSTONE) || serde_json::from_slice::<serde::de::IgnoredAny>(line).is_err() {
                return Ok(Some(false));
            }
            let marked: Marked = serde_json::from_slice(line).map_err(|cause| {
                Error::invalid(format!(
                    "line {number} of the batch: `{TOMBSTONE}` must be true or false: {cause}"
                ))
            })?;
            Ok(Some(marked.tombstone))
        });
        Ok(Self(Some(marks.collect::<Result<_, Error>>()?)))
    }

    /// Whether the row at `row` deletes.
    pub(super) fn contains(&self, row: usize) -> bool {
        self.0.as_ref().is_some_and(|marks| marks.value(row))
    }

    /// The values of the rows in the source's format: none for those that delete.
    ///
    /// # Errors
    /// A value that the format cannot write, or needs and a row lacks; a registry that does not take the schema.
    pub(super) fn encode(
        &self,
        source: &Source,
        fields: &RecordBatch,
    ) -> Result<Vec<Option<Vec<u8>>>, Error> {
        let header = source.format.header(&source.topic);
        let header = header.map_err(|cause| Error::new(Kind::Unavailable, cause.to_string()))?;
        let encode = |fields: &RecordBatch| {
            let values = encode_rows(&source.format, &source.fields, fields)
                .map_err(|cause| Error::invalid(cause.to_string()))?;
            Ok::<_, Error>(match header.is_empty() {
                true => values,
                false => values.into_iter().map(|value| [header.as_slice(), &value].concat()).collect(),
            })
        };
        let Some(marks) = self.0.as_ref().filter(|marks| marks.true_count() > 0) else {
            return Ok(encode(fields)?.into_iter().map(Some).collect());
        };
        let mut values = encode(&filter_record_batch(fields, &not(marks)?)?)?.into_iter();
        Ok(marks.values().iter().map(|deletes| if deletes { None } else { values.next() }).collect())
    }

    /// Checks that each row that deletes has a key.
    ///
    /// # Errors
    /// The first one that has none.
    pub(super) fn check_keys(&self, keys: &[Option<Vec<u8>>]) -> Result<(), Error> {
        match (0..keys.len()).find(|row| self.contains(*row) && keys[*row].is_none()) {
            None => Ok(()),
            Some(row) => Err(Error::invalid(format!(
                "row {row} of the batch deletes and has no key, which says what; name the fields of the key (--key)"
            ))),
        }
    }
}

/// What is read of a line of JSON that may be marked.
#[derive(Deserialize)]
struct Marked {
    #[serde(rename = "@tombstone", default)]
    tombstone: bool,
}

fn has(line: &[u8], word: &str) -> bool {
    // Most lines have none of its first byte, which is found fast.
    line.contains(&word.as_bytes()[0]) && line.windows(word.len()).any(|window| window == word.as_bytes())
}
