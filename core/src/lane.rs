//! Columns as typed slices.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{
    Date32Type, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType,
};

use crate::{FieldType, Nulls, Value};

/// One input column, as slices that inner loops run over: borrowed from an Arrow array, or from the state of
/// a key.
#[derive(Clone, Copy, Debug)]
pub struct Lane<'a> {
    field_type: FieldType,
    cells: Cells<'a>,
    valid: Option<BitSlice<'a>>,
}

/// The values of a lane. What stands at a null row is of no meaning.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cells<'a> {
    /// Booleans.
    Bool(BitSlice<'a>),
    /// 32-bit integers and dates.
    Int32(&'a [i32]),
    /// 64-bit integers and timestamps.
    Int64(&'a [i64]),
    /// Single precision.
    Float32(&'a [f32]),
    /// Double precision.
    Float64(&'a [f64]),
    /// Text and bytes: value i is `data[offsets[i]..offsets[i + 1]]`.
    Bytes {
        /// One more than there are rows.
        offsets: &'a [i32],
        /// All values' bytes.
        data: &'a [u8],
    },
}

impl<'a> Cells<'a> {
    /// Row `row` of [`Cells::Bytes`]; no bytes where the cells are of another kind.
    pub(crate) fn bytes(&self, row: usize) -> &'a [u8] {
        match self {
            Self::Bytes { offsets, data } => &data[offsets[row] as usize..offsets[row + 1] as usize],
            _ => &[],
        }
    }
}

/// Bits, least significant first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BitSlice<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> BitSlice<'a> {
    /// The bits of `bytes` from the bit `offset` on.
    pub(crate) const fn new(bytes: &'a [u8], offset: usize) -> Self {
        Self { bytes, offset }
    }

    /// The bit at `index`.
    #[inline]
    pub(crate) fn get(self, index: usize) -> bool {
        let bit = self.offset + index;
        self.bytes[bit / 8] >> (bit % 8) & 1 == 1
    }
}

impl<'a> From<&'a BooleanBuffer> for BitSlice<'a> {
    fn from(buffer: &'a BooleanBuffer) -> Self {
        Self::new(buffer.values(), buffer.offset())
    }
}

impl<'a> Lane<'a> {
    /// The lane over `array`, or `None` if its type is not exactly the Arrow type of a field type.
    pub fn of(array: &'a ArrayRef) -> Option<Self> {
        let field_type = FieldType::from_arrow(array.data_type())?;
        let cells = match field_type {
            FieldType::Bool => Cells::Bool(array.as_boolean().values().into()),
            FieldType::Int32 => Cells::Int32(array.as_primitive::<Int32Type>().values()),
            FieldType::Int64 => Cells::Int64(array.as_primitive::<Int64Type>().values()),
            FieldType::Float32 => Cells::Float32(array.as_primitive::<Float32Type>().values()),
            FieldType::Float64 => Cells::Float64(array.as_primitive::<Float64Type>().values()),
            FieldType::String => {
                let text = array.as_string::<i32>();
                Cells::Bytes { offsets: text.value_offsets(), data: text.value_data() }
            }
            FieldType::Binary => {
                let bytes = array.as_binary::<i32>();
                Cells::Bytes { offsets: bytes.value_offsets(), data: bytes.value_data() }
            }
            FieldType::Date => Cells::Int32(array.as_primitive::<Date32Type>().values()),
            FieldType::Timestamp => Cells::Int64(array.as_primitive::<TimestampMicrosecondType>().values()),
        };
        let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
        Some(Self { field_type, cells, valid: nulls.map(|nulls| nulls.inner().into()) })
    }

    /// A lane over slices that a chunk of a state owns.
    pub(crate) const fn new(field_type: FieldType, cells: Cells<'a>, valid: Option<BitSlice<'a>>) -> Self {
        Self { field_type, cells, valid }
    }

    /// The type of the values.
    pub const fn field_type(&self) -> FieldType {
        self.field_type
    }

    /// Whether there is a value at `row`.
    #[inline]
    pub fn is_valid(&self, row: usize) -> bool {
        self.valid.is_none_or(|valid| valid.get(row))
    }

    /// The values as slices, whatever is null.
    pub(crate) const fn cells(&self) -> Cells<'a> {
        self.cells
    }

    /// Bytes of text at `row`; none where the type has none.
    pub(crate) fn text_bytes(&self, row: usize) -> usize {
        if self.is_valid(row) { self.cells.bytes(row).len() } else { 0 }
    }

    /// Whether some row may be null.
    pub(crate) const fn has_nulls(&self) -> bool {
        self.valid.is_some()
    }

    /// The rows in `rows` that hold a value.
    pub(crate) fn valid_rows(&self, rows: Range<usize>) -> impl DoubleEndedIterator<Item = usize> + '_ {
        rows.filter(|row| self.is_valid(*row))
    }

    /// How many of `rows` hold a value.
    pub(crate) fn count(&self, rows: Range<usize>) -> usize {
        match self.valid {
            None => rows.len(),
            Some(_) => self.valid_rows(rows).count(),
        }
    }

    /// The value at `row`, owned; NaN as the canonical one.
    pub fn value(&self, row: usize) -> Value {
        if !self.is_valid(row) {
            return Value::Null;
        }
        match self.cells {
            Cells::Bool(bits) => Value::Bool(bits.get(row)),
            Cells::Int32(values) if self.field_type == FieldType::Date => Value::Date(values[row]),
            Cells::Int32(values) => Value::Int32(values[row]),
            Cells::Int64(values) if self.field_type == FieldType::Timestamp => Value::Timestamp(values[row]),
            Cells::Int64(values) => Value::Int64(values[row]),
            Cells::Float32(values) => Value::Float32(canonical_f32(values[row])),
            Cells::Float64(values) => Value::Float64(canonical_f64(values[row])),
            cells @ Cells::Bytes { .. } => match self.field_type {
                FieldType::String => Value::String(String::from_utf8_lossy(cells.bytes(row)).into()),
                _ => Value::Binary(cells.bytes(row).into()),
            },
        }
    }
}

/// The lanes that an aggregation reads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lanes<'a> {
    /// The first input; none where events alone are folded.
    pub(crate) values: Option<Lane<'a>>,
    /// The second.
    pub(crate) by: Option<Lane<'a>>,
    /// Whether an event whose first input is null takes part.
    pub(crate) nulls: Nulls,
}

impl Lanes<'_> {
    /// Of `rows` those of events that take part.
    pub(crate) fn rows(&self, rows: Range<usize>) -> impl DoubleEndedIterator<Item = usize> + '_ {
        let skipped = self.values.as_ref().filter(|_| self.nulls == Nulls::Skip);
        let holds = |lane: Option<&Lane<'_>>, row| lane.is_none_or(|lane| lane.is_valid(row));
        rows.filter(move |row| holds(skipped, *row) && holds(self.by.as_ref(), *row))
    }
}

/// `value`, with the canonical NaN for any NaN.
#[inline]
pub(crate) const fn canonical_f32(value: f32) -> f32 {
    if value.is_nan() { f32::NAN } else { value }
}

/// `value`, with the canonical NaN for any NaN.
#[inline]
pub(crate) const fn canonical_f64(value: f64) -> f64 {
    if value.is_nan() { f64::NAN } else { value }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{BooleanArray, Date32Array, Float64Array, Int64Array, StringArray};

    use super::*;

    fn values(array: ArrayRef) -> Vec<Value> {
        let lane = Lane::of(&array).expect("the type of a field");
        (0..array.len()).map(|row| lane.value(row)).collect()
    }

    #[test]
    fn lanes_see_through_slices_and_nulls() {
        let booleans = BooleanArray::from(vec![Some(true), None, Some(false), Some(true)]);
        assert_eq!(
            values(Arc::new(booleans.slice(1, 3))),
            [Value::Null, Value::Bool(false), Value::Bool(true)]
        );
        let text = StringArray::from(vec![Some("a"), Some("bc"), None, Some("")]);
        assert_eq!(
            values(Arc::new(text.slice(1, 3))),
            [Value::String("bc".into()), Value::Null, Value::String("".into())]
        );
        assert_eq!(values(Arc::new(Date32Array::from(vec![7]))), [Value::Date(7)]);
    }

    #[test]
    fn every_nan_is_the_canonical_one() {
        let odd = f64::from_bits(0xFFF8_0000_0000_0001);
        assert_eq!(values(Arc::new(Float64Array::from(vec![odd]))), [Value::Float64(f64::NAN)]);
    }

    #[test]
    fn other_arrow_types_make_no_lane() {
        let array: ArrayRef = Arc::new(arrow::array::UInt8Array::from(vec![1]));
        assert!(Lane::of(&array).is_none());
        let array: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None]));
        let lane = Lane::of(&array).expect("the type of a field");
        assert!(lane.has_nulls());
        assert_eq!(lane.count(0..2), 1);
    }
}
