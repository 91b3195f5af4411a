//! Files of rows: JSON lines, CSV, Parquet, from disk or from standard input.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{BinaryArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::payload::RAW_COLUMN;
use crate::Error;

/// Rows of one batch.
const ROWS_PER_BATCH: usize = 8_192;

/// The longest line of a JSON lines file.
const LONGEST_LINE_BYTES: u64 = 64 << 20;

/// What a file of rows is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum FileKind {
    /// One JSON value a line. The lines are taken as they are.
    Jsonl,
    /// Comma-separated values with a header line; an empty cell is null.
    Csv,
    /// Apache Parquet.
    Parquet,
}

impl FileKind {
    /// The kind a file's name tells.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "jsonl" | "ndjson" | "json" => Some(Self::Jsonl),
            "csv" => Some(Self::Csv),
            "parquet" | "pq" => Some(Self::Parquet),
            _ => None,
        }
    }
}

/// Rows of a file, a bounded batch at a time.
pub struct RowReader {
    schema: SchemaRef,
    batches: Box<dyn Iterator<Item = Result<RecordBatch, Error>> + Send>,
}

impl RowReader {
    /// Opens the file at `path`, or standard input for `-`; `kind` where the name does not tell.
    ///
    /// CSV cells are read as text and take their types from the source's fields later; JSON lines
    /// come as one binary column, [`RAW_COLUMN`].
    ///
    /// # Errors
    /// A file that is not there, not readable, or not of its kind.
    pub fn open(path: &Path, kind: Option<FileKind>) -> Result<Self, Error> {
        let name = path.display().to_string();
        let kind = kind.or_else(|| FileKind::of(path)).ok_or_else(|| {
            Error::invalid(format!(
                "cannot tell what {name} is written in; say so with --format jsonl, csv or parquet"
            ))
        })?;
        let unreadable = |cause: std::io::Error| Error::invalid(format!("{name} cannot be read: {cause}"));
        let standard_input = path == Path::new("-");
        if kind == FileKind::Parquet {
            return if standard_input {
                let mut bytes = Vec::new();
                std::io::stdin().read_to_end(&mut bytes).map_err(unreadable)?;
                Self::parquet(Bytes::from(bytes), &name)
            } else {
                Self::parquet(File::open(path).map_err(unreadable)?, &name)
            };
        }
        let input: Box<dyn Read + Send> = if standard_input {
            Box::new(std::io::stdin())
        } else {
            Box::new(File::open(path).map_err(unreadable)?)
        };
        let input = BufReader::with_capacity(1 << 20, input);
        if kind == FileKind::Csv { Self::csv(input, &name) } else { Ok(Self::jsonl(input, name)) }
    }

    /// Schema of every batch.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The rows of a Parquet file, which messages call `name`.
    ///
    /// # Errors
    /// What is no such file.
    pub fn parquet<R: parquet::file::reader::ChunkReader + 'static>(
        input: R,
        name: &str,
    ) -> Result<Self, Error> {
        let wrong =
            |cause: parquet::errors::ParquetError| Error::invalid(format!("{name} is not Parquet: {cause}"));
        let reader = ParquetRecordBatchReaderBuilder::try_new(input)
            .and_then(|builder| builder.with_batch_size(ROWS_PER_BATCH).build())
            .map_err(wrong)?;
        let schema = arrow::array::RecordBatchReader::schema(&reader);
        let name = name.to_owned();
        let batches = reader.map(move |batch| {
            batch.map_err(|cause| Error::invalid(format!("{name} cannot be read on: {cause}")))
        });
        Ok(Self { schema, batches: Box::new(batches) })
    }

    fn csv(mut input: impl BufRead + Send + 'static, name: &str) -> Result<Self, Error> {
        let wrong = |cause: &dyn std::fmt::Display| Error::invalid(format!("{name} is no CSV: {cause}"));
        let mut header = String::new();
        input.read_line(&mut header).map_err(|cause| wrong(&cause))?;
        let format = arrow::csv::reader::Format::default().with_header(true);
        let (inferred, _) = format.infer_schema(header.as_bytes(), Some(0)).map_err(|cause| wrong(&cause))?;
        let text = |field: &Arc<Field>| Field::new(field.name(), DataType::Utf8, true);
        let schema = Arc::new(Schema::new(inferred.fields().iter().map(text).collect::<Vec<_>>()));
        let reader = arrow::csv::ReaderBuilder::new(schema.clone())
            .with_batch_size(ROWS_PER_BATCH)
            .build(input)
            .map_err(|cause| wrong(&cause))?;
        let name = name.to_owned();
        let batches = reader.map(move |batch| {
            batch.map_err(|cause| Error::invalid(format!("{name} cannot be read on: {cause}")))
        });
        Ok(Self { schema, batches: Box::new(batches) })
    }

    fn jsonl(mut input: impl BufRead + Send + 'static, name: String) -> Self {
        let schema = Arc::new(Schema::new(vec![Field::new(RAW_COLUMN, DataType::Binary, false)]));
        let of_batches = schema.clone();
        let batches = std::iter::from_fn(move || match read_lines(&mut input) {
            Ok(lines) if lines.is_empty() => None,
            Ok(lines) => {
                let lines = BinaryArray::from_iter_values(lines);
                Some(RecordBatch::try_new(of_batches.clone(), vec![Arc::new(lines)]).map_err(Error::from))
            }
            Err(cause) => Some(Err(Error::invalid(format!("{name} cannot be read on: {cause}")))),
        });
        Self { schema, batches: Box::new(batches) }
    }
}

impl Iterator for RowReader {
    type Item = Result<RecordBatch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.batches.next()
    }
}

/// Up to a batch of lines that are not blank, without their ends.
fn read_lines(input: &mut impl BufRead) -> std::io::Result<Vec<Vec<u8>>> {
    let mut lines = Vec::new();
    while lines.len() < ROWS_PER_BATCH {
        let mut line = Vec::new();
        if input.take(LONGEST_LINE_BYTES).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        if line.len() as u64 == LONGEST_LINE_BYTES {
            return Err(std::io::Error::other(format!("a line is longer than {LONGEST_LINE_BYTES} bytes")));
        }
        let trimmed = line.trim_ascii();
        if !trimmed.is_empty() {
            lines.push(trimmed.to_vec());
        }
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(name: &str, content: &[u8]) -> Result<Vec<RecordBatch>, Error> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(name);
        std::fs::write(&path, content).expect("a file");
        RowReader::open(&path, None)?.collect()
    }

    #[test]
    fn json_lines_are_taken_as_they_are_and_blank_ones_left_out() {
        let batches = rows("a.jsonl", b"{\"a\":1}\r\n\n nonsense \n{}").expect("lines");
        let lines: Vec<&[u8]> =
            arrow::array::AsArray::as_binary::<i32>(batches[0].column(0)).iter().flatten().collect();
        assert_eq!(lines, [&b"{\"a\":1}"[..], b"nonsense", b"{}"]);
    }

    #[test]
    fn csv_cells_stay_text_and_empty_ones_are_null() {
        let batches = rows("a.csv", b"a,b\n1,x\n,\"y,z\"\n").expect("cells");
        assert_eq!(batches[0].num_rows(), 2);
        assert_eq!(batches[0].column(0).null_count(), 1);
        assert_eq!(*batches[0].column(1).data_type(), DataType::Utf8);
    }

    #[test]
    fn what_is_no_such_file_is_refused_in_words() {
        let message = |name, content: &[u8]| rows(name, content).expect_err("not readable").to_string();
        assert!(message("a.parquet", b"PAR").contains("is not Parquet"));
        assert!(message("a.txt", b"x").contains("say so with --format"));
        assert!(message("a.csv", b"a,b\n1\n").contains("cannot be read on"));
    }
}
