//! Spines and keys from files: Parquet, CSV, Arrow IPC.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use arrow::ipc::reader::{FileReader, StreamReader};
use thalweg_core::FieldType;

use crate::Error;
use crate::flight::Rows;
use crate::produce::{FileKind, RowReader};

/// How an Arrow IPC file begins; a stream does not.
const ARROW_MAGIC: &[u8] = b"ARROW1";

/// The rows of the file at `path`, whose name tells what it is: `.csv`, whose columns take the types their values
/// tell; `.arrow`, `.feather` or `.ipc`; else Parquet.
///
/// # Errors
/// INVALID_ARGUMENT where it cannot be read.
pub(crate) fn read_spine(path: &Path) -> Result<Rows, Error> {
    let wrong = |cause: &dyn std::fmt::Display| {
        Error::invalid(format!("spine {} cannot be read: {cause}", path.display()))
    };
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    if matches!(extension.to_ascii_lowercase().as_str(), "arrow" | "feather" | "ipc") {
        let file = File::open(path).map_err(|cause| wrong(&cause))?;
        return arrow_rows(BufReader::new(file)).map_err(|cause| wrong(&cause));
    }
    if FileKind::of(path) != Some(FileKind::Csv) {
        let rows = RowReader::open(path, Some(FileKind::Parquet))?;
        let schema = rows.schema().clone();
        return Ok(Rows { schema, batches: rows.collect::<Result<_, _>>()? });
    }
    let file = File::open(path).map_err(|cause| wrong(&cause))?;
    csv_rows(BufReader::new(file)).map_err(|cause| wrong(&cause))
}

fn arrow_rows(mut file: BufReader<File>) -> Result<Rows, ArrowError> {
    let mut magic = Vec::new();
    file.by_ref().take(ARROW_MAGIC.len() as u64).read_to_end(&mut magic)?;
    file.rewind()?;
    if magic == ARROW_MAGIC {
        let reader = FileReader::try_new(file, None)?;
        return Ok(Rows { schema: reader.schema(), batches: reader.collect::<Result<_, _>>()? });
    }
    let reader = StreamReader::try_new(file, None)?;
    Ok(Rows { schema: reader.schema(), batches: reader.collect::<Result<_, _>>()? })
}

fn csv_rows(mut file: BufReader<File>) -> Result<Rows, ArrowError> {
    let format = arrow::csv::reader::Format::default().with_header(true);
    let (schema, _) = format.infer_schema(&mut file, None)?;
    file.rewind()?;
    let in_micros = |field: &Arc<Field>| match field.data_type() {
        DataType::Timestamp(_, _) => {
            Arc::new(field.as_ref().clone().with_data_type(FieldType::Timestamp.to_arrow()))
        }
        _ => field.clone(),
    };
    let schema = Arc::new(Schema::new(schema.fields().iter().map(in_micros).collect::<Vec<_>>()));
    let reader = arrow::csv::ReaderBuilder::new(schema.clone()).with_header(true).build(file)?;
    Ok(Rows { schema, batches: reader.collect::<Result<_, _>>()? })
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, RecordBatch};
    use arrow::ipc::writer::{FileWriter, StreamWriter};

    use super::*;

    #[test]
    fn arrow_files_and_streams_are_read() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let batch = RecordBatch::try_from_iter([("a", Arc::new(Int64Array::from(vec![1, 2])) as _)]);
        let batch = batch.expect("a column");
        let (file, stream) = (folder.path().join("file.arrow"), folder.path().join("stream.ipc"));
        let mut writer =
            FileWriter::try_new(File::create(&file).expect("a file"), &batch.schema()).expect("a writer");
        writer.write(&batch).and_then(|()| writer.finish()).expect("a file");
        let mut writer =
            StreamWriter::try_new(File::create(&stream).expect("a file"), &batch.schema()).expect("a writer");
        writer.write(&batch).and_then(|()| writer.finish()).expect("a stream");
        for path in [file, stream] {
            assert_eq!(read_spine(&path).expect("rows").batches, std::slice::from_ref(&batch));
        }
        let broken = folder.path().join("broken.arrow");
        std::fs::write(&broken, "ARROW1 and no more").expect("a file");
        assert_eq!(read_spine(&broken).map(|_| ()).expect_err("broken").kind, crate::Kind::InvalidArgument);
    }
}
