//! The rows a training set is asked for.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, SchemaRef, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use thalweg_core::{FieldType, Instant, encode_keys};
use thalweg_definitions::{RequestKey, input_column, key_column};

use crate::{Boundary, Error};

/// Name of a spine's time column unless the request says otherwise, as in Feast.
pub const DEFAULT_TIMESTAMP_COLUMN: &str = "event_timestamp";

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// A checked spine: rows with an instant each, and the columns entity keys are read from.
#[derive(Debug)]
pub(crate) struct Spine {
    batch: RecordBatch,
    at: Vec<i64>,
}

impl Spine {
    /// Puts the batches of a spine together and reads its time column.
    ///
    /// # Errors
    /// Where the time column is missing, null somewhere or no time; where schemas differ.
    pub(crate) fn new(
        schema: SchemaRef,
        batches: &[RecordBatch],
        timestamp_column: &str,
        boundary: Boundary,
    ) -> Result<Self, Error> {
        refuse_duplicates(&schema)?;
        if let Some(other) = batches.iter().find(|batch| batch.schema().fields() != schema.fields()) {
            let reason =
                format!("one has columns {}, another {}", columns(&schema), columns(&other.schema()));
            return Err(Error::MixedSpine { reason });
        }
        let batch = concat_batches(&schema, batches)?;
        if batch.num_rows() > u32::MAX as usize {
            return Err(Error::TooManyRows { rows: batch.num_rows(), limit: u32::MAX as usize });
        }
        let purpose = "the instant each row is taken at";
        let times = column(&batch, timestamp_column, purpose)?;
        refuse_nulls(times, timestamp_column, purpose)?;
        let mut at = micros(times).ok_or_else(|| Error::ColumnType {
            column: timestamp_column.to_owned(),
            purpose: purpose.to_owned(),
            found: times.data_type().clone(),
            wanted: "a timestamp or a date (a text is never guessed to be a time)".to_owned(),
        })?;
        for at in &mut at {
            *at = boundary.instant(Instant::from_micros(*at)).as_micros();
        }
        Ok(Self { batch, at })
    }

    /// All rows as one batch, as they were given.
    pub(crate) fn batch(&self) -> &RecordBatch {
        &self.batch
    }

    /// Some of the rows.
    pub(crate) fn slice(&self, rows: Range<usize>) -> Self {
        let at = self.at[rows.clone()].to_vec();
        Self { batch: self.batch.slice(rows.start, rows.len()), at }
    }

    /// The instant each row is folded at, in microseconds, the boundary already applied.
    pub(crate) fn instants(&self) -> &[i64] {
        &self.at
    }

    /// The entity keys of all rows, read from `columns`, each with the type of its join key.
    ///
    /// # Errors
    /// Where a column is missing, null somewhere, or of a type that does not widen to the key's.
    pub(crate) fn keys(&self, columns: &[(String, FieldType)]) -> Result<BinaryArray, Error> {
        let parts = columns
            .iter()
            .map(|(name, field_type)| {
                let purpose = format!("the join key of type {field_type}");
                let given = column(&self.batch, name, &purpose)?;
                refuse_nulls(given, name, "an entity key")?;
                key_column(given, *field_type).map_err(|cause| Error::Key { column: name.clone(), cause })
            })
            .collect::<Result<Vec<ArrayRef>, Error>>()?;
        encode_keys(&parts)
            .map_err(|cause| Error::Decode { source_name: "spine".to_owned(), cause: cause.to_string() })
    }

    /// The column of a request input, in the type it is declared in; nulls stay.
    ///
    /// # Errors
    /// Where it is missing, or of a type that does not widen to the input's.
    pub(crate) fn input(&self, input: &RequestKey) -> Result<ArrayRef, Error> {
        let RequestKey { name, field_type } = input;
        let given = column(&self.batch, name, &format!("the request input of type {field_type}"))?;
        input_column(given, *field_type).map_err(|cause| Error::Input { column: name.clone(), cause })
    }

    /// See [`spine_hash`].
    pub(crate) fn hash(&self) -> Result<String, Error> {
        spine_hash(&self.batch)
    }
}

/// blake3 of a whole spine's schema and data, in hexadecimal: what a commit knows of the spine.
///
/// # Errors
/// Columns that Arrow cannot write.
pub fn spine_hash(spine: &RecordBatch) -> Result<String, Error> {
    let mut hasher = blake3::Hasher::new();
    let mut writer = arrow::ipc::writer::StreamWriter::try_new(&mut hasher, &spine.schema())?;
    writer.write(spine)?;
    writer.finish()?;
    drop(writer);
    Ok(hasher.finalize().to_hex().to_string())
}

fn columns(schema: &SchemaRef) -> String {
    let columns = schema.fields().iter().map(|field| format!("{} ({})", field.name(), field.data_type()));
    columns.collect::<Vec<_>>().join(", ")
}

fn refuse_duplicates(schema: &SchemaRef) -> Result<(), Error> {
    let mut seen = std::collections::BTreeSet::new();
    match schema.fields().iter().find(|field| !seen.insert(field.name())) {
        Some(field) => Err(Error::DuplicateColumn { column: field.name().clone() }),
        None => Ok(()),
    }
}

fn column<'a>(batch: &'a RecordBatch, name: &str, purpose: &str) -> Result<&'a ArrayRef, Error> {
    batch.column_by_name(name).ok_or_else(|| Error::MissingColumn {
        column: name.to_owned(),
        purpose: purpose.to_owned(),
        present: batch.schema().fields().iter().map(|field| field.name().clone()).collect(),
    })
}

fn refuse_nulls(array: &ArrayRef, column: &str, purpose: &str) -> Result<(), Error> {
    let Some(nulls) = array.logical_nulls().filter(|nulls| nulls.null_count() > 0) else { return Ok(()) };
    let row = nulls.iter().position(|valid| !valid).unwrap_or_default();
    Err(Error::NullInSpine {
        column: column.to_owned(),
        row,
        nulls: nulls.null_count(),
        purpose: purpose.to_owned(),
    })
}

/// Instants in microseconds, finer ones floored; `None` for what is no time.
fn micros(times: &ArrayRef) -> Option<Vec<i64>> {
    Some(match times.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => times
            .as_primitive::<TimestampSecondType>()
            .values()
            .iter()
            .map(|t| t.saturating_mul(1_000_000))
            .collect(),
        DataType::Timestamp(TimeUnit::Millisecond, _) => times
            .as_primitive::<TimestampMillisecondType>()
            .values()
            .iter()
            .map(|t| t.saturating_mul(1_000))
            .collect(),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            times.as_primitive::<TimestampMicrosecondType>().values().to_vec()
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => times
            .as_primitive::<TimestampNanosecondType>()
            .values()
            .iter()
            .map(|t| t.div_euclid(1_000))
            .collect(),
        DataType::Date32 => times
            .as_primitive::<Date32Type>()
            .values()
            .iter()
            .map(|&d| i64::from(d).saturating_mul(MICROS_PER_DAY))
            .collect(),
        DataType::Date64 => {
            times.as_primitive::<Date64Type>().values().iter().map(|t| t.saturating_mul(1_000)).collect()
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        Date32Array, Int64Array, StringArray, TimestampNanosecondArray, TimestampSecondArray,
    };
    use arrow::datatypes::{Field, Schema};

    use super::*;

    fn spine(columns: Vec<(&str, ArrayRef)>) -> Result<Spine, Error> {
        let batch = RecordBatch::try_from_iter(
            columns
                .into_iter()
                .map(|(name, array)| (name, array, true))
                .map(|(name, array, _)| (name, array)),
        )
        .expect("columns of one length");
        Spine::new(batch.schema(), std::slice::from_ref(&batch), "t", Boundary::Inclusive)
    }

    #[test]
    fn nanoseconds_are_floored_before_the_epoch_too_and_before_the_boundary() {
        let times: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![-1, 999, 1_000]));
        assert_eq!(spine(vec![("t", times.clone())]).expect("a spine").instants(), [-1, 0, 1]);
        let schema = Arc::new(Schema::new(vec![Field::new("t", times.data_type().clone(), true)]));
        let batch = RecordBatch::try_new(schema.clone(), vec![times]).expect("a batch");
        let exclusive = Spine::new(schema, &[batch], "t", Boundary::Exclusive).expect("a spine");
        assert_eq!(exclusive.instants(), [-2, -1, 0]);
    }

    #[test]
    fn times_past_what_an_instant_holds_stay_at_its_ends() {
        let ends = [i64::MIN, i64::MAX];
        let dates: ArrayRef = Arc::new(Date32Array::from(vec![i32::MIN, i32::MAX]));
        assert_eq!(spine(vec![("t", dates)]).expect("a spine").instants(), ends);
        let seconds: ArrayRef = Arc::new(TimestampSecondArray::from(ends.to_vec()));
        assert_eq!(spine(vec![("t", seconds)]).expect("a spine").instants(), ends);
    }

    #[test]
    fn what_is_no_spine_is_refused_in_words() {
        let text: ArrayRef = Arc::new(StringArray::from(vec!["2013-01-01"]));
        let number: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        let message = |columns| spine(columns).expect_err("no spine").to_string();
        assert_eq!(
            message(vec![("t", text.clone())]),
            "spine column `t` has type Utf8, but the instant each row is taken at needs a timestamp or a date (a text is never guessed to be a time); cast it before sending"
        );
        assert_eq!(
            message(vec![("time", number)]),
            "the spine has no column `t` (the instant each row is taken at); it has: time. Add it, or name another"
        );
        let holes: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![Some(1), None, None]));
        assert_eq!(
            message(vec![("t", holes)]),
            "spine column `t` is null in row 1 (2 such rows): a row needs the instant each row is taken at; drop or fill those rows"
        );
    }

    #[test]
    fn keys_must_be_there_and_of_the_keys_kind() {
        let times: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![0, 0]));
        let number: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None]));
        let spine = spine(vec![("t", times), ("number", number)]).expect("a spine");
        let key = |name: &str, field_type| spine.keys(&[(name.to_owned(), field_type)]);
        assert!(matches!(key("number", FieldType::Int64), Err(Error::NullInSpine { row: 1, nulls: 1, .. })));
        assert!(matches!(key("t", FieldType::Int32), Err(Error::Key { .. })));
        assert!(matches!(key("none", FieldType::Int32), Err(Error::MissingColumn { .. })));
    }
}
