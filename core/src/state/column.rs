//! One input column of a chunk.

use crate::FieldType;
use crate::codec::{CodecError, Reader, put_bytes, put_signed};
use crate::lane::{Cells, Lane, canonical_f32, canonical_f64};

use super::bits::Bits;

/// The values of one input for the events of a chunk, NaN always the canonical one. A null row holds zero,
/// false or no bytes.
#[derive(Clone, Debug)]
pub(super) struct Column {
    field_type: FieldType,
    cells: OwnedCells,
    /// Which rows hold a value; `None` while all do.
    valid: Option<Bits>,
}

#[derive(Clone, Debug)]
enum OwnedCells {
    Bool(Bits),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float32(Vec<f32>),
    Float64(Vec<f64>),
    Bytes { offsets: Vec<i32>, data: Vec<u8> },
}

impl Column {
    /// A column without rows.
    pub(super) fn new(field_type: FieldType) -> Self {
        let cells = match field_type {
            FieldType::Bool => OwnedCells::Bool(Bits::default()),
            FieldType::Int32 | FieldType::Date => OwnedCells::Int32(Vec::new()),
            FieldType::Int64 | FieldType::Timestamp => OwnedCells::Int64(Vec::new()),
            FieldType::Float32 => OwnedCells::Float32(Vec::new()),
            FieldType::Float64 => OwnedCells::Float64(Vec::new()),
            FieldType::String | FieldType::Binary => OwnedCells::Bytes { offsets: vec![0], data: Vec::new() },
        };
        Self { field_type, cells, valid: None }
    }

    /// The column's values.
    pub(super) fn lane(&self) -> Lane<'_> {
        let cells = match &self.cells {
            OwnedCells::Bool(bits) => Cells::Bool(bits.as_slice()),
            OwnedCells::Int32(values) => Cells::Int32(values),
            OwnedCells::Int64(values) => Cells::Int64(values),
            OwnedCells::Float32(values) => Cells::Float32(values),
            OwnedCells::Float64(values) => Cells::Float64(values),
            OwnedCells::Bytes { offsets, data } => Cells::Bytes { offsets, data },
        };
        Lane::new(self.field_type, cells, self.valid.as_ref().map(Bits::as_slice))
    }

    /// Bytes of text in the column.
    pub(super) fn text_bytes(&self) -> usize {
        match &self.cells {
            OwnedCells::Bytes { data, .. } => data.len(),
            _ => 0,
        }
    }

    /// Puts the value of `lane` at `row` before row `position`, of `rows` there are; the lane has the
    /// column's type, and the text in the column stays below 2³¹ bytes.
    pub(super) fn insert(&mut self, position: usize, rows: usize, lane: &Lane<'_>, row: usize) {
        let is_valid = lane.is_valid(row);
        if !is_valid && self.valid.is_none() {
            self.valid = Some(Bits::set(rows));
        }
        if let Some(valid) = &mut self.valid {
            insert_bit(valid, position, rows, is_valid);
        }
        match (&mut self.cells, lane.cells()) {
            (OwnedCells::Bool(bits), Cells::Bool(from)) => {
                insert_bit(bits, position, rows, is_valid && from.get(row));
            }
            (OwnedCells::Int32(values), Cells::Int32(from)) => {
                values.insert(position, if is_valid { from[row] } else { 0 });
            }
            (OwnedCells::Int64(values), Cells::Int64(from)) => {
                values.insert(position, if is_valid { from[row] } else { 0 });
            }
            (OwnedCells::Float32(values), Cells::Float32(from)) => {
                values.insert(position, if is_valid { canonical_f32(from[row]) } else { 0.0 });
            }
            (OwnedCells::Float64(values), Cells::Float64(from)) => {
                values.insert(position, if is_valid { canonical_f64(from[row]) } else { 0.0 });
            }
            (OwnedCells::Bytes { offsets, data }, cells @ Cells::Bytes { .. }) => {
                let bytes = if is_valid { cells.bytes(row) } else { &[] };
                insert_bytes(offsets, data, position, bytes);
            }
            _ => unreachable!("inputs have the types of the plan"),
        }
    }

    /// Takes off the rows from `position` on.
    pub(super) fn split_off(&mut self, position: usize) -> Self {
        let cells = match &mut self.cells {
            OwnedCells::Bool(bits) => OwnedCells::Bool(bits.split_off(position)),
            OwnedCells::Int32(values) => OwnedCells::Int32(values.split_off(position)),
            OwnedCells::Int64(values) => OwnedCells::Int64(values.split_off(position)),
            OwnedCells::Float32(values) => OwnedCells::Float32(values.split_off(position)),
            OwnedCells::Float64(values) => OwnedCells::Float64(values.split_off(position)),
            OwnedCells::Bytes { offsets, data } => {
                let start = offsets[position];
                let taken = offsets[position..].iter().map(|offset| offset - start).collect();
                offsets.truncate(position + 1);
                OwnedCells::Bytes { offsets: taken, data: data.split_off(start as usize) }
            }
        };
        let valid = self.valid.as_mut().map(|valid| valid.split_off(position));
        let mut taken = Self { field_type: self.field_type, cells, valid };
        self.tidy();
        taken.tidy();
        taken
    }

    /// Keeps no validity where every row is valid, so that equal columns are equal bytes.
    fn tidy(&mut self) {
        let rows = self.rows();
        if self.valid.as_ref().is_some_and(|valid| (0..rows).all(|row| valid.as_slice().get(row))) {
            self.valid = None;
        }
    }

    fn rows(&self) -> usize {
        match &self.cells {
            OwnedCells::Bool(bits) => bits.len(),
            OwnedCells::Int32(values) => values.len(),
            OwnedCells::Int64(values) => values.len(),
            OwnedCells::Float32(values) => values.len(),
            OwnedCells::Float64(values) => values.len(),
            OwnedCells::Bytes { offsets, .. } => offsets.len() - 1,
        }
    }

    /// Bytes held.
    pub(super) fn heap_bytes(&self) -> usize {
        let cells = match &self.cells {
            OwnedCells::Bool(bits) => bits.heap_bytes(),
            OwnedCells::Int32(values) => values.capacity() * 4,
            OwnedCells::Int64(values) => values.capacity() * 8,
            OwnedCells::Float32(values) => values.capacity() * 4,
            OwnedCells::Float64(values) => values.capacity() * 8,
            OwnedCells::Bytes { offsets, data } => offsets.capacity() * 4 + data.capacity(),
        };
        cells + self.valid.as_ref().map_or(0, Bits::heap_bytes)
    }

    /// Appends the column as bytes: the type's position among all types, whether there are nulls and if so
    /// which rows are valid (a bit each), then the values that are not null.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.push(type_tag(self.field_type));
        out.push(u8::from(self.valid.is_some()));
        if let Some(valid) = &self.valid {
            out.extend_from_slice(valid.as_bytes());
        }
        let lane = self.lane();
        let rows = || lane.valid_rows(0..self.rows());
        match lane.cells() {
            Cells::Bool(_) => {
                if let OwnedCells::Bool(bits) = &self.cells {
                    out.extend_from_slice(bits.as_bytes());
                }
            }
            Cells::Int32(values) => rows().for_each(|row| put_signed(out, values[row].into())),
            Cells::Int64(values) => rows().for_each(|row| put_signed(out, values[row])),
            Cells::Float32(values) => {
                rows().for_each(|row| out.extend_from_slice(&values[row].to_le_bytes()));
            }
            Cells::Float64(values) => {
                rows().for_each(|row| out.extend_from_slice(&values[row].to_le_bytes()));
            }
            cells @ Cells::Bytes { .. } => rows().for_each(|row| put_bytes(out, cells.bytes(row))),
        }
    }

    /// Reads what [`encode`](Self::encode) wrote of `rows` rows.
    pub(super) fn decode(
        field_type: FieldType,
        rows: usize,
        bytes: &mut Reader<'_>,
    ) -> Result<Self, CodecError> {
        if bytes.byte()? != type_tag(field_type) {
            return Err(CodecError::Invalid("a column has another type than the plan says"));
        }
        let valid = if bytes.flag()? { Some(decode_bits(rows, bytes)?) } else { None };
        let is_valid = |row: usize| valid.as_ref().is_none_or(|valid| valid.as_slice().get(row));
        if valid.is_some() && (0..rows).all(is_valid) {
            return Err(CodecError::Invalid("a column without nulls says that it has some"));
        }
        let mut column = Self { valid: None, ..Self::new(field_type) };
        match &mut column.cells {
            OwnedCells::Bool(bits) => {
                *bits = decode_bits(rows, bytes)?;
                if (0..rows).any(|row| bits.as_slice().get(row) && !is_valid(row)) {
                    return Err(CodecError::Invalid("a null is not written as false"));
                }
            }
            OwnedCells::Int32(values) => {
                *values = decode_values(rows, is_valid, || bytes.signed32())?;
            }
            OwnedCells::Int64(values) => *values = decode_values(rows, is_valid, || bytes.signed())?,
            OwnedCells::Float32(values) => {
                *values = decode_values(rows, is_valid, || bytes.float32())?;
            }
            OwnedCells::Float64(values) => {
                *values = decode_values(rows, is_valid, || bytes.float64())?;
            }
            OwnedCells::Bytes { offsets, data } => {
                for row in 0..rows {
                    if is_valid(row) {
                        data.extend_from_slice(match field_type {
                            FieldType::String => bytes.text()?.as_bytes(),
                            _ => bytes.bytes()?,
                        });
                    }
                    let end = i32::try_from(data.len())
                        .map_err(|_| CodecError::Invalid("a chunk has more than 2^31 - 1 bytes of text"))?;
                    offsets.push(end);
                }
            }
        }
        column.valid = valid;
        Ok(column)
    }
}

/// The byte that stands for a type, forever.
fn type_tag(field_type: FieldType) -> u8 {
    match field_type {
        FieldType::Bool => 0,
        FieldType::Int32 => 1,
        FieldType::Int64 => 2,
        FieldType::Float32 => 3,
        FieldType::Float64 => 4,
        FieldType::String => 5,
        FieldType::Binary => 6,
        FieldType::Date => 7,
        FieldType::Timestamp => 8,
    }
}

fn insert_bit(bits: &mut Bits, position: usize, rows: usize, bit: bool) {
    if position == rows { bits.push(bit) } else { bits.insert(position, bit) }
}

fn insert_bytes(offsets: &mut Vec<i32>, data: &mut Vec<u8>, position: usize, bytes: &[u8]) {
    let start = offsets[position];
    let length = bytes.len() as i32;
    offsets.insert(position + 1, start + length);
    offsets[position + 2..].iter_mut().for_each(|offset| *offset += length);
    if start as usize == data.len() {
        data.extend_from_slice(bytes);
    } else {
        data.splice(start as usize..start as usize, bytes.iter().copied());
    }
}

fn decode_bits(rows: usize, bytes: &mut Reader<'_>) -> Result<Bits, CodecError> {
    Bits::from_bytes(bytes.take(rows.div_ceil(8))?, rows)
        .ok_or(CodecError::Invalid("bits are set beyond the last row"))
}

fn decode_values<T: Default>(
    rows: usize,
    is_valid: impl Fn(usize) -> bool,
    mut next: impl FnMut() -> Result<T, CodecError>,
) -> Result<Vec<T>, CodecError> {
    (0..rows).map(|row| if is_valid(row) { next() } else { Ok(T::default()) }).collect()
}
