//! Columns being filled record by record, from which the traces of a bad record can be removed.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, BooleanBufferBuilder, Date32Array, Float32Array, Float64Array,
    Int32Array, Int64Array, NullBufferBuilder, StringArray, TimestampMicrosecondArray,
};
use arrow::buffer::{BooleanBuffer, Buffer, OffsetBuffer, ScalarBuffer};
use thalweg_core::FieldType;

/// One value on its way into a column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scalar<'a> {
    /// For bool columns.
    Bool(bool),
    /// For int32 columns; days since the epoch for dates.
    Int32(i32),
    /// For int64 columns; microseconds since the epoch for timestamps.
    Int64(i64),
    /// For float32 columns.
    Float32(f32),
    /// For float64 columns.
    Float64(f64),
    /// For string columns.
    String(&'a str),
    /// For binary columns.
    Binary(&'a [u8]),
}

/// A column of one field.
///
/// Arrow's own builders cannot take back what was appended, which a record that turns out bad halfway needs.
#[derive(Debug)]
pub(super) struct Column {
    field_type: FieldType,
    values: Values,
    nulls: NullBufferBuilder,
}

#[derive(Debug)]
enum Values {
    Bool(BooleanBufferBuilder),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float32(Vec<f32>),
    Float64(Vec<f64>),
    /// The values one after the other, and where each ends. For strings only whole texts are appended.
    Bytes {
        data: Vec<u8>,
        ends: Vec<i32>,
    },
}

impl Values {
    fn new(field_type: FieldType) -> Self {
        match field_type {
            FieldType::Bool => Self::Bool(BooleanBufferBuilder::new(0)),
            FieldType::Int32 | FieldType::Date => Self::Int32(Vec::new()),
            FieldType::Int64 | FieldType::Timestamp => Self::Int64(Vec::new()),
            FieldType::Float32 => Self::Float32(Vec::new()),
            FieldType::Float64 => Self::Float64(Vec::new()),
            FieldType::String | FieldType::Binary => Self::Bytes { data: Vec::new(), ends: Vec::new() },
        }
    }
}

impl Column {
    /// An empty column of this type.
    pub(super) fn new(field_type: FieldType) -> Self {
        Self { field_type, values: Values::new(field_type), nulls: NullBufferBuilder::new(0) }
    }

    /// Number of values, nulls among them.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.nulls.len()
    }

    /// The text of this number, if there is one; of columns of another type there is none.
    pub(super) fn text(&self, row: usize) -> Option<&str> {
        let Values::Bytes { data, ends } = &self.values else { return None };
        let start = row.checked_sub(1).map_or(0, |before| ends[before]);
        let bytes = data.get(start.cast_unsigned() as usize..(*ends.get(row)?).cast_unsigned() as usize)?;
        std::str::from_utf8(bytes).ok()
    }

    /// Bytes of text or binary values held.
    pub(super) fn data_bytes(&self) -> usize {
        match &self.values {
            Values::Bytes { data, .. } => data.len(),
            _ => 0,
        }
    }

    /// Appends a null.
    pub(super) fn push_null(&mut self) {
        match &mut self.values {
            Values::Bool(values) => values.append(false),
            Values::Int32(values) => values.push(0),
            Values::Int64(values) => values.push(0),
            Values::Float32(values) => values.push(0.0),
            Values::Float64(values) => values.push(0.0),
            Values::Bytes { ends, .. } => ends.push(ends.last().copied().unwrap_or(0)),
        }
        self.nulls.append_null();
    }

    /// Appends a value; NaNs become the one canonical NaN.
    ///
    /// # Errors
    /// If the value is of another type than the column, or the column's text would pass 2 GiB.
    #[inline]
    pub(super) fn push(&mut self, value: Scalar<'_>) -> Result<(), String> {
        match (&mut self.values, value) {
            (Values::Bool(values), Scalar::Bool(value)) => values.append(value),
            (Values::Int32(values), Scalar::Int32(value)) => values.push(value),
            (Values::Int64(values), Scalar::Int64(value)) => values.push(value),
            (Values::Float32(values), Scalar::Float32(value)) => {
                values.push(if value.is_nan() { f32::from_bits(0x7fc0_0000) } else { value });
            }
            (Values::Float64(values), Scalar::Float64(value)) => {
                values.push(if value.is_nan() { f64::from_bits(0x7ff8_0000_0000_0000) } else { value });
            }
            (Values::Bytes { data, ends }, Scalar::String(text)) => append(data, ends, text.as_bytes())?,
            (Values::Bytes { data, ends }, Scalar::Binary(bytes)) if self.field_type == FieldType::Binary => {
                append(data, ends, bytes)?;
            }
            (_, other) => return Err(format!("{other:?} is no {}", self.field_type)),
        }
        self.nulls.append_non_null();
        Ok(())
    }

    /// Forgets all but the first `len` values.
    pub(super) fn truncate(&mut self, len: usize) {
        match &mut self.values {
            Values::Bool(values) => values.truncate(len),
            Values::Int32(values) => values.truncate(len),
            Values::Int64(values) => values.truncate(len),
            Values::Float32(values) => values.truncate(len),
            Values::Float64(values) => values.truncate(len),
            Values::Bytes { data, ends } => {
                ends.truncate(len);
                data.truncate(ends.last().map_or(0, |end| end.cast_unsigned() as usize));
            }
        }
        self.nulls.truncate(len);
    }

    /// The values so far as an array of exactly the type's Arrow type; the column is empty afterwards.
    pub(super) fn finish(&mut self) -> ArrayRef {
        let nulls = self.nulls.finish();
        let values = std::mem::replace(&mut self.values, Values::new(self.field_type));
        match (values, self.field_type) {
            (Values::Bool(mut values), _) => {
                let values: BooleanBuffer = values.finish();
                Arc::new(BooleanArray::new(values, nulls))
            }
            (Values::Int32(values), FieldType::Date) => Arc::new(Date32Array::new(values.into(), nulls)),
            (Values::Int32(values), _) => Arc::new(Int32Array::new(values.into(), nulls)),
            (Values::Int64(values), FieldType::Timestamp) => {
                Arc::new(TimestampMicrosecondArray::new(values.into(), nulls).with_timezone("UTC"))
            }
            (Values::Int64(values), _) => Arc::new(Int64Array::new(values.into(), nulls)),
            (Values::Float32(values), _) => Arc::new(Float32Array::new(values.into(), nulls)),
            (Values::Float64(values), _) => Arc::new(Float64Array::new(values.into(), nulls)),
            (Values::Bytes { data, mut ends }, field_type) => {
                ends.insert(0, 0);
                let offsets = OffsetBuffer::new(ScalarBuffer::from(ends));
                let data = Buffer::from_vec(data);
                if field_type == FieldType::String {
                    Arc::new(StringArray::new(offsets, data, nulls))
                } else {
                    Arc::new(BinaryArray::new(offsets, data, nulls))
                }
            }
        }
    }
}

fn append(data: &mut Vec<u8>, ends: &mut Vec<i32>, bytes: &[u8]) -> Result<(), String> {
    let end = i32::try_from(data.len() + bytes.len())
        .map_err(|_| "a column of one batch would hold more than 2 GiB of text".to_owned())?;
    data.extend_from_slice(bytes);
    ends.push(end);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::{Float32Type, Float64Type};

    fn sample(field_type: FieldType) -> Scalar<'static> {
        match field_type {
            FieldType::Bool => Scalar::Bool(true),
            FieldType::Int32 | FieldType::Date => Scalar::Int32(-7),
            FieldType::Int64 | FieldType::Timestamp => Scalar::Int64(i64::MIN),
            FieldType::Float32 => Scalar::Float32(-0.0),
            FieldType::Float64 => Scalar::Float64(1e300),
            FieldType::String => Scalar::String("rîv"),
            FieldType::Binary => Scalar::Binary(b"\xff\x00"),
        }
    }

    #[test]
    fn what_is_taken_back_leaves_no_trace() {
        for field_type in FieldType::ALL {
            let value = sample(field_type);
            let fill = |column: &mut Column, disturbed: bool| {
                for row in 0..70 {
                    if disturbed {
                        column.push(value).expect("a value of the column's type");
                        column.push_null();
                        column.truncate(row);
                    }
                    if row % 3 == 0 { column.push_null() } else { column.push(value).expect("of its type") }
                }
                assert_eq!(column.len(), 70);
                column.finish()
            };
            let mut column = Column::new(field_type);
            let undisturbed = fill(&mut Column::new(field_type), false);
            assert_eq!(&fill(&mut column, true), &undisturbed);
            assert_eq!(&fill(&mut column, false), &undisturbed, "a finished column starts anew");
            assert_eq!(undisturbed.data_type(), &field_type.to_arrow());
            assert_eq!(undisturbed.null_count(), 24);
            assert_eq!((column.len(), column.data_bytes()), (0, 0));
        }
    }

    #[test]
    fn values_of_another_type_are_refused_and_change_nothing() {
        for field_type in FieldType::ALL {
            let mut column = Column::new(field_type);
            for other in FieldType::ALL {
                let same =
                    std::mem::discriminant(&sample(other)) == std::mem::discriminant(&sample(field_type));
                if !same && (field_type, other) != (FieldType::Binary, FieldType::String) {
                    column.push(sample(other)).expect_err("of another type");
                }
            }
            assert_eq!(column.len(), 0);
        }
    }

    #[test]
    fn there_is_one_nan() {
        let mut column = Column::new(FieldType::Float64);
        column.push(Scalar::Float64(f64::from_bits(0xfff0_0000_0000_0001))).expect("a double");
        assert_eq!(column.finish().as_primitive::<Float64Type>().value(0).to_bits(), 0x7ff8_0000_0000_0000);
        let mut column = Column::new(FieldType::Float32);
        column.push(Scalar::Float32(f32::from_bits(0xff80_0001))).expect("a float");
        assert_eq!(column.finish().as_primitive::<Float32Type>().value(0).to_bits(), 0x7fc0_0000);
    }
}
