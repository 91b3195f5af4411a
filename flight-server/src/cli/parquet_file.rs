//! Answers as Parquet files.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Field, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{
    ArrowColumnWriter, ArrowLeafColumn, ArrowRowGroupWriterFactory, compute_leaves,
};
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use rayon::prelude::*;

use crate::Error;

/// Rows of each row group but the last: what a reader takes at a time, and what the writer holds in memory,
/// encoded.
const ROWS_PER_GROUP: usize = 1 << 20;

/// A Parquet file in the making, its columns encoded side by side. It takes its name once it is whole.
pub(super) struct ParquetFile {
    file: SerializedFileWriter<File>,
    groups: ArrowRowGroupWriterFactory,
    /// The leaves of the row group in the making; none before its first row.
    leaves: Vec<ArrowColumnWriter>,
    rows_in_group: usize,
    rows: u64,
    schema: SchemaRef,
    temporary: PathBuf,
    path: PathBuf,
}

impl ParquetFile {
    /// Begins the file that will be at `path`.
    ///
    /// # Errors
    /// INVALID_ARGUMENT where no file can be made there, or Parquet has no place for a type of `schema`.
    pub(super) fn create(path: &Path, schema: SchemaRef) -> Result<Self, Error> {
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(".part");
        let temporary = PathBuf::from(temporary);
        let refused = |cause: &dyn std::fmt::Display| {
            Error::invalid(format!("{} cannot be written: {cause}", path.display()))
        };
        let file = File::create(&temporary).map_err(|cause| refused(&cause))?;
        let properties =
            WriterProperties::builder().set_compression(Compression::ZSTD(Default::default())).build();
        let (file, groups) = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties))
            .and_then(ArrowWriter::into_serialized_writer)
            .map_err(|cause| refused(&cause))?;
        let path = path.to_owned();
        Ok(Self { file, groups, leaves: Vec::new(), rows_in_group: 0, rows: 0, schema, temporary, path })
    }

    /// Appends the rows of `batch`.
    ///
    /// # Errors
    /// INTERNAL where the file cannot be written.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        let mut from = 0;
        while from < batch.num_rows() {
            let rows = (batch.num_rows() - from).min(ROWS_PER_GROUP - self.rows_in_group);
            self.encode(&batch.slice(from, rows)).map_err(|cause| self.failed(&cause))?;
            from += rows;
        }
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    /// Writes `text` under `key` among what the file says of itself.
    pub(super) fn note(&mut self, key: &str, text: String) {
        self.file.append_key_value_metadata(KeyValue::new(key.to_owned(), text));
    }

    /// Ends the file, gives it its name, and says how many rows it has.
    ///
    /// # Errors
    /// INTERNAL where the file cannot be written.
    pub(super) fn finish(mut self) -> Result<u64, Error> {
        self.end_group().map_err(|cause| self.failed(&cause))?;
        self.file.finish().map_err(|cause| self.failed(&cause))?;
        std::fs::rename(&self.temporary, &self.path).map_err(|cause| self.failed(&cause))?;
        Ok(self.rows)
    }

    fn encode(&mut self, batch: &RecordBatch) -> Result<(), ParquetError> {
        if self.leaves.is_empty() {
            self.leaves = self.groups.create_column_writers(self.file.flushed_row_groups().len())?;
        }
        let columns: Vec<(&Arc<Field>, &ArrayRef)> =
            self.schema.fields().iter().zip(batch.columns()).collect();
        let leaves = columns
            .par_iter()
            .map(|(field, column)| compute_leaves(field, column))
            .collect::<Result<Vec<Vec<ArrowLeafColumn>>, _>>()?;
        let leaves: Vec<ArrowLeafColumn> = leaves.into_iter().flatten().collect();
        self.leaves.par_iter_mut().zip(&leaves).try_for_each(|(writer, leaf)| writer.write(leaf))?;
        self.rows_in_group += batch.num_rows();
        if self.rows_in_group == ROWS_PER_GROUP { self.end_group() } else { Ok(()) }
    }

    fn end_group(&mut self) -> Result<(), ParquetError> {
        if self.leaves.is_empty() {
            return Ok(());
        }
        let leaves = std::mem::take(&mut self.leaves);
        let chunks =
            leaves.into_par_iter().map(ArrowColumnWriter::close).collect::<Result<Vec<_>, ParquetError>>()?;
        let mut group = self.file.next_row_group()?;
        for chunk in chunks {
            chunk.append_to_row_group(&mut group)?;
        }
        group.close()?;
        self.rows_in_group = 0;
        Ok(())
    }

    fn failed(&self, cause: &dyn std::fmt::Display) -> Error {
        Error::internal(format!("{} cannot be written: {cause}", self.path.display()))
    }
}

impl Drop for ParquetFile {
    fn drop(&mut self) {
        // Once the file has its name there is nothing to remove; before that nobody wants what there is.
        let _ = std::fs::remove_file(&self.temporary);
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, ListArray, StringArray};
    use arrow::compute::concat_batches;
    use arrow::datatypes::Int64Type;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;

    fn written(batches: &[RecordBatch], schema: SchemaRef) -> (u64, usize, RecordBatch) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("answer.parquet");
        let mut file = ParquetFile::create(&path, Arc::clone(&schema)).expect("a file");
        batches.iter().for_each(|batch| file.write(batch).expect("written"));
        assert!(!path.exists(), "the file has its name only when it is whole");
        let rows = file.finish().expect("finished");
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&path).expect("the file is there"));
        let reader = reader.expect("a Parquet file");
        let groups = reader.metadata().num_row_groups();
        let read: Vec<_> = reader.build().expect("readable").collect::<Result<_, _>>().expect("batches");
        (rows, groups, concat_batches(&schema, &read).expect("one schema"))
    }

    #[test]
    fn nested_columns_and_nulls_come_back_over_several_row_groups() {
        let count = ROWS_PER_GROUP as i64 + 10;
        let numbers = Int64Array::from_iter((0..count).map(|n| (n % 3 > 0).then_some(n)));
        let texts = StringArray::from_iter_values((0..count).map(|n| (n % 100).to_string()));
        let lists = (0..count).map(|n| (n % 5 > 0).then(|| vec![Some(n), None]));
        let lists = ListArray::from_iter_primitive::<Int64Type, _, _>(lists);
        let columns: [(&str, ArrayRef); 3] =
            [("number", Arc::new(numbers)), ("list", Arc::new(lists)), ("text", Arc::new(texts))];
        let all =
            RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true)))
                .expect("columns of one length");
        let batches = [all.slice(0, 1000), all.slice(1000, all.num_rows() - 1000)];
        assert_eq!(written(&batches, all.schema()), (count as u64, 2, all));
    }

    #[test]
    fn an_answer_without_rows_is_a_file_with_a_schema() {
        let columns: [(&str, ArrayRef); 1] = [("number", Arc::new(Int64Array::from(vec![1])))];
        let one =
            RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true)));
        let none = one.expect("a column").slice(0, 0);
        assert_eq!(written(&[], none.schema()), (0, 0, none));
    }
}
