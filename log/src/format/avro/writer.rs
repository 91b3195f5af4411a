//! Rows into datums.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{
    Date32Type, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType,
};

use super::default::{write_default, write_long, write_sized};
use super::plan::holds_any;
use super::shape::{Nullable, RecordField, Shape, ShapeId, Shapes, TimestampUnit};
use super::{AvroFraming, AvroSchema};
use crate::format::encode::columns_of;
use crate::format::{Field, FormatError};

/// One datum per row. Fields without a column take their default, or null.
///
/// # Errors
/// If a field has neither column nor default nor null, or a value cannot be written as its type.
pub(in crate::format) fn encode_avro(
    schema: &AvroSchema,
    framing: &AvroFraming,
    fields: &[Field],
    rows: &RecordBatch,
) -> Result<Vec<Vec<u8>>, FormatError> {
    schema.check_fields(fields)?;
    let columns = columns_of(fields, rows)?;
    let present: Vec<Field> = columns.iter().map(|(field, _)| (*field).clone()).collect();
    let arrays: Vec<ArrayRef> = columns.into_iter().map(|(_, array)| array).collect();
    let shapes = &schema.0.shapes;
    let plan = Planner { shapes, fields: &present }.plan("", Shapes::ROOT, None)?;
    let header = schema.header(framing);
    (0..rows.num_rows())
        .map(|row| {
            let mut out = header.clone();
            write(&plan, shapes, &arrays, row, &mut out)?;
            Ok(out)
        })
        .collect()
}

/// How to write a value.
enum Plan {
    /// The same bytes in every row.
    Constant(Vec<u8>),
    /// The value of a column.
    Column { path: String, column: usize, shape: ShapeId, nullable: Option<Nullable> },
    /// A record; null, if it can be, where all of its columns are.
    Record { fields: Vec<Plan>, columns: Vec<usize>, nullable: Option<Nullable> },
}

struct Planner<'a> {
    shapes: &'a Shapes,
    /// The fields that have columns, in the columns' order.
    fields: &'a [Field],
}

impl Planner<'_> {
    fn plan(&self, path: &str, id: ShapeId, field: Option<&RecordField>) -> Result<Plan, FormatError> {
        let nullable = self.shapes.nullable(id);
        let inner = nullable.map_or(id, |nullable| nullable.inner);
        if let Some(column) = self.fields.iter().position(|field| field.name == path) {
            return Ok(Plan::Column { path: path.to_owned(), column, shape: inner, nullable });
        }
        if let Shape::Record { fields, .. } = self.shapes.get(inner)
            && holds_any(path, self.fields)
        {
            return self.record(path, fields, nullable);
        }
        if let Some(default) = field.and_then(|field| field.default.as_ref()) {
            let mut bytes = Vec::new();
            return match write_default(self.shapes, id, default, &mut bytes) {
                Ok(()) => Ok(Plan::Constant(bytes)),
                Err(reason) => Err(FormatError::BrokenSchema { cause: format!("field `{path}`: {reason}") }),
            };
        }
        match self.shapes.get(id) {
            Shape::Null => Ok(Plan::Constant(Vec::new())),
            Shape::Union(branches) => {
                let null = branches.iter().position(|b| matches!(self.shapes.get(*b), Shape::Null));
                let null = null.ok_or_else(|| self.cannot_fill(path, id))?;
                let mut bytes = Vec::new();
                write_long(null as i64, &mut bytes);
                Ok(Plan::Constant(bytes))
            }
            Shape::Record { fields, .. } => self.record(path, fields, None),
            _ => Err(self.cannot_fill(path, id)),
        }
    }

    fn record(
        &self,
        path: &str,
        fields: &[RecordField],
        nullable: Option<Nullable>,
    ) -> Result<Plan, FormatError> {
        let inside = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        let plans = fields.iter().map(|field| self.plan(&inside(&field.name), field.shape, Some(field)));
        let prefix = inside("");
        let columns = self.fields.iter().enumerate().filter(|(_, field)| field.name.starts_with(&prefix));
        Ok(Plan::Record {
            fields: plans.collect::<Result<_, _>>()?,
            columns: columns.map(|(column, _)| column).collect(),
            nullable,
        })
    }

    fn cannot_fill(&self, path: &str, id: ShapeId) -> FormatError {
        let field = path.to_owned();
        match self.shapes.get(id) {
            shape if shape.field_type().is_some() => FormatError::MissingColumn { field },
            shape => FormatError::NotWritable { field, found: shape.name().to_owned() },
        }
    }
}

fn write(
    plan: &Plan,
    shapes: &Shapes,
    arrays: &[ArrayRef],
    row: usize,
    out: &mut Vec<u8>,
) -> Result<(), FormatError> {
    match plan {
        Plan::Constant(bytes) => out.extend_from_slice(bytes),
        Plan::Column { path, column, shape, nullable } => {
            let array = &arrays[*column];
            let unwritable = |reason| FormatError::Unwritable { row, field: path.clone(), reason };
            if array.is_null(row) {
                let null = nullable
                    .ok_or_else(|| unwritable("is null, which the Avro schema does not allow".into()))?;
                write_long(null.null_branch.into(), out);
            } else {
                if let Some(nullable) = nullable {
                    write_long(i64::from(1 - nullable.null_branch), out);
                }
                write_scalar(shapes.get(*shape), array, row, out).map_err(unwritable)?;
            }
        }
        Plan::Record { fields, columns, nullable } => {
            if let Some(nullable) = nullable {
                let is_null = columns.iter().all(|column| arrays[*column].is_null(row));
                let branch = if is_null { nullable.null_branch } else { 1 - nullable.null_branch };
                write_long(branch.into(), out);
                if is_null {
                    return Ok(());
                }
            }
            fields.iter().try_for_each(|field| write(field, shapes, arrays, row, out))?;
        }
    }
    Ok(())
}

/// Appends a value of a column that has the shape's type.
fn write_scalar(shape: &Shape, array: &ArrayRef, row: usize, out: &mut Vec<u8>) -> Result<(), String> {
    match shape {
        Shape::Boolean => out.push(u8::from(array.as_boolean().value(row))),
        Shape::Int => write_long(array.as_primitive::<Int32Type>().value(row).into(), out),
        Shape::Date => write_long(array.as_primitive::<Date32Type>().value(row).into(), out),
        Shape::Long => write_long(array.as_primitive::<Int64Type>().value(row), out),
        Shape::Timestamp(unit) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
            write_long(in_unit(micros, *unit)?, out);
        }
        Shape::Float => out.extend(array.as_primitive::<Float32Type>().value(row).to_le_bytes()),
        Shape::Double => out.extend(array.as_primitive::<Float64Type>().value(row).to_le_bytes()),
        Shape::Bytes => write_sized(array.as_binary::<i32>().value(row), out),
        Shape::String => write_sized(array.as_string::<i32>().value(row).as_bytes(), out),
        Shape::Fixed { size, .. } => {
            let bytes = array.as_binary::<i32>().value(row);
            if bytes.len() != *size {
                return Err(format!("has {} bytes, but the Avro schema wants {size}", bytes.len()));
            }
            out.extend_from_slice(bytes);
        }
        Shape::Enum { symbols, .. } => {
            let symbol = array.as_string::<i32>().value(row);
            let number = symbols.iter().position(|s| s == symbol).ok_or_else(|| {
                format!("{symbol:?} is none of the Avro schema's symbols: {}", symbols.join(", "))
            })?;
            write_long(number as i64, out);
        }
        other => return Err(format!("a column cannot hold the type {}", other.name())),
    }
    Ok(())
}

/// An instant as a count of the schema's unit; refused where the unit cannot tell it exactly.
fn in_unit(micros: i64, unit: TimestampUnit) -> Result<i64, String> {
    match unit {
        TimestampUnit::Micros => Ok(micros),
        TimestampUnit::Millis if micros % 1_000 == 0 => Ok(micros / 1_000),
        TimestampUnit::Millis => Err(format!(
            "{micros} microseconds are finer than the Avro schema's milliseconds: round them first"
        )),
        TimestampUnit::Nanos => micros.checked_mul(1_000).ok_or_else(|| {
            format!("{micros} microseconds are beyond the range of the Avro schema's nanoseconds")
        }),
    }
}
