//! Spines and keys from files and objects: Parquet, CSV, Arrow IPC.

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use bytes::Bytes;
use thalweg_core::FieldType;

use crate::arrow_file::arrow_rows;
use crate::flight::{Rows, Unfit, caught};
use crate::produce::{FileKind, RowReader};
use crate::{Error, Kind};

/// The rows of the file at `path`; see [`spine_of`].
///
/// # Errors
/// RESOURCE_EXHAUSTED where it has more than `limit` bytes; what [`spine_of`] says.
pub(crate) fn read_spine(path: &Path, limit: usize) -> Result<Rows, Error> {
    let name = path.display().to_string();
    let wrong = |cause: std::io::Error| unreadable(&name, &cause);
    let bytes = path.metadata().map_err(wrong)?.len();
    if bytes > limit as u64 {
        return Err(over(&name, &format!("{bytes} bytes"), limit));
    }
    let bytes = std::fs::read(path).map_err(wrong)?;
    spine_of(&name, bytes.into(), limit)
}

/// The rows in `bytes`, of which the end of `name` tells what they are: `.csv`, whose columns take the types their
/// values tell; `.arrow`, `.feather` or `.ipc`; else Parquet. They may take no more than `limit` bytes of memory,
/// however small they are packed.
///
/// # Errors
/// INVALID_ARGUMENT where they cannot be read; RESOURCE_EXHAUSTED where they take more.
pub(crate) fn spine_of(name: &str, bytes: Bytes, limit: usize) -> Result<Rows, Error> {
    let path = Path::new(name);
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    if matches!(extension.to_ascii_lowercase().as_str(), "arrow" | "feather" | "ipc") {
        return arrow_rows(&bytes, limit).map_err(|unfit| match unfit {
            Unfit::Spoilt(why) => unreadable(name, &why),
            Unfit::TooMuch(what) => over(name, &what, limit),
        });
    }
    let rows = caught(|| match FileKind::of(path) {
        Some(FileKind::Csv) => csv_rows(name, &bytes, limit),
        _ => parquet_rows(name, bytes.clone(), limit),
    });
    rows.unwrap_or_else(|| Err(unreadable(name, &"its parts contradict each other")))
}

fn parquet_rows(name: &str, bytes: Bytes, limit: usize) -> Result<Rows, Error> {
    let rows = RowReader::parquet(bytes, name)?;
    let schema = rows.schema().clone();
    Ok(Rows { schema, batches: within(name, rows, limit)? })
}

fn csv_rows(name: &str, bytes: &Bytes, limit: usize) -> Result<Rows, Error> {
    let wrong = |cause: ArrowError| unreadable(name, &cause);
    let format = arrow::csv::reader::Format::default().with_header(true);
    let (schema, _) = format.infer_schema(Cursor::new(bytes), None).map_err(wrong)?;
    let in_micros = |field: &Arc<Field>| match field.data_type() {
        DataType::Timestamp(_, _) => {
            Arc::new(field.as_ref().clone().with_data_type(FieldType::Timestamp.to_arrow()))
        }
        _ => field.clone(),
    };
    let schema = Arc::new(Schema::new(schema.fields().iter().map(in_micros).collect::<Vec<_>>()));
    let reader = arrow::csv::ReaderBuilder::new(schema.clone()).with_header(true);
    let reader = reader.build(Cursor::new(bytes)).map_err(wrong)?;
    let batches = within(name, reader.map(|batch| batch.map_err(wrong)), limit)?;
    Ok(Rows { schema, batches })
}

/// All of `batches`, as far as they take no more than `limit` bytes together.
fn within(
    name: &str,
    batches: impl Iterator<Item = Result<RecordBatch, Error>>,
    limit: usize,
) -> Result<Vec<RecordBatch>, Error> {
    let mut bytes = 0_usize;
    let within = |batch: Result<RecordBatch, Error>| {
        let batch = batch?;
        bytes = bytes.saturating_add(batch.get_array_memory_size());
        match bytes > limit {
            true => Err(over(name, &format!("at least {bytes} bytes once read"), limit)),
            false => Ok(batch),
        }
    };
    batches.map(within).collect()
}

fn unreadable(name: &str, cause: &dyn std::fmt::Display) -> Error {
    Error::invalid(format!("spine {name} cannot be read: {cause}"))
}

fn over(name: &str, what: &str, limit: usize) -> Error {
    Error::new(
        Kind::ResourceExhausted,
        format!(
            "spine {name} has {what}; the limit `limits.spine_bytes` is {limit}. Ask in parts, or raise the limit"
        ),
    )
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, StringArray};
    use parquet::arrow::ArrowWriter;

    use super::*;

    #[test]
    fn rows_are_measured_by_what_they_take_however_small_the_file_is() {
        let texts =
            StringArray::from_iter_values(std::iter::repeat_n("the same text again and again", 100_000));
        let batch = RecordBatch::try_from_iter([("a", Arc::new(texts) as ArrayRef)]).expect("a column");
        let mut file = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut file, batch.schema(), None).expect("a writer");
        writer.write(&batch).expect("rows");
        writer.close().expect("a file");
        let file = Bytes::from(file);
        assert!(file.len() < 100_000, "{} bytes", file.len());
        let rows = spine_of("a.parquet", file.clone(), 8 << 20).expect("rows");
        assert_eq!(rows.batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 100_000);
        let error = spine_of("a.parquet", file, 1 << 20).map(|_| ()).expect_err("three megabytes");
        assert_eq!(error.kind, Kind::ResourceExhausted);
        assert!(error.message.contains("`limits.spine_bytes` is 1048576"), "{error}");
    }

    #[test]
    fn what_is_no_spine_is_refused_in_words() {
        for (name, bytes) in
            [("a.arrow", "ARROW1 and no more"), ("a.parquet", "PAR1PAR1"), ("a.csv", "a,b\n1\n")]
        {
            let error = spine_of(name, Bytes::from_static(bytes.as_bytes()), 1 << 20).map(|_| ());
            assert_eq!(error.expect_err("not fit").kind, Kind::InvalidArgument, "{name}");
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("long.csv");
        std::fs::write(&path, "a\n1\n2\n3\n").expect("a file");
        assert_eq!(read_spine(&path, 1 << 20).expect("rows").batches[0].num_rows(), 3);
        assert_eq!(read_spine(&path, 5).map(|_| ()).expect_err("long").kind, Kind::ResourceExhausted);
    }
}
