//! Datums into columns.

use std::sync::Arc;

use super::cursor::{Cursor, Fault};
use super::shape::{NESTED_TYPES, Shape, ShapeId, Shapes, TimestampUnit};
use super::{AvroFraming, AvroSchema, Checked};
use crate::format::column::{Column, Scalar};
use crate::format::{Field, FormatError};

/// Reads datums of one schema, picking some fields and checking all.
#[derive(Debug)]
pub(in crate::format) struct AvroReader {
    schema: Arc<Checked>,
    header: Vec<u8>,
    root: Step,
}

/// What to do with the next value of a datum.
#[derive(Debug)]
enum Step {
    /// Check it and go on.
    Check(ShapeId),
    /// Put it into the column of this number.
    Keep { shape: ShapeId, column: usize },
    /// Read the branch of a union that is null or something else; null keeps nothing.
    Nullable { null_branch: u8, inner: Box<Step> },
    /// Read the fields of a record.
    Record(Vec<(String, Step)>),
}

impl AvroReader {
    /// A reader that puts field `i` into column `i`, but for those that stand for something outside the value.
    ///
    /// # Errors
    /// If the schema has not the fields, or of another type.
    pub(in crate::format) fn new(
        schema: &AvroSchema,
        framing: AvroFraming,
        fields: &[Field],
    ) -> Result<Self, FormatError> {
        schema.check_fields(fields)?;
        let root = plan(&schema.0.shapes, Shapes::ROOT, "", fields);
        Ok(Self { schema: schema.0.clone(), header: schema.header(framing), root })
    }

    /// Reads one datum. A field inside of a null record appends nothing to its column.
    ///
    /// # Errors
    /// What is wrong with the payload; columns may have got some of its values.
    pub(in crate::format) fn read(&self, payload: &[u8], columns: &mut [Column]) -> Result<(), String> {
        if !payload.starts_with(&self.header) {
            return Err(self.wrong_header(payload));
        }
        let mut cursor = Cursor::new(payload, self.header.len());
        self.step(&self.root, &mut cursor, columns).map_err(|fault| fault.to_string())?;
        match cursor.left() {
            0 => Ok(()),
            left => Err(cursor.fault(format_args!("{left} bytes are left over after the datum")).to_string()),
        }
    }

    fn wrong_header(&self, payload: &[u8]) -> String {
        let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
        match payload.get(..self.header.len()) {
            Some(found) if found[..2] == self.header[..2] => format!(
                "written with another schema: its fingerprint is {}, the source's is {}",
                hex(&found[2..]),
                hex(&self.header[2..])
            ),
            _ => "not in single-object encoding: it must begin with c301 and the schema's fingerprint"
                .to_owned(),
        }
    }

    fn step(&self, step: &Step, cursor: &mut Cursor<'_>, columns: &mut [Column]) -> Result<(), Fault> {
        match step {
            Step::Check(shape) => self.check(*shape, cursor, 0),
            Step::Keep { shape, column } => {
                let scalar = self.scalar(*shape, cursor)?;
                columns[*column].push(scalar).map_err(|reason| cursor.fault(reason))
            }
            Step::Nullable { null_branch, inner } => {
                if cursor.choice(2, "union branch")? == usize::from(*null_branch) {
                    return Ok(());
                }
                self.step(inner, cursor, columns)
            }
            Step::Record(fields) => {
                for (name, step) in fields {
                    self.step(step, cursor, columns).map_err(|fault| fault.inside(name))?;
                }
                Ok(())
            }
        }
    }

    /// Reads a value of a type that columns know.
    fn scalar<'a, 'v: 'a>(&'a self, id: ShapeId, cursor: &mut Cursor<'v>) -> Result<Scalar<'a>, Fault> {
        Ok(match self.schema.shapes.get(id) {
            Shape::Boolean => Scalar::Bool(cursor.boolean()?),
            Shape::Int | Shape::Date => Scalar::Int32(cursor.int()?),
            Shape::Long => Scalar::Int64(cursor.long()?),
            Shape::Timestamp(unit) => {
                let count = cursor.long()?;
                let micros = match unit {
                    TimestampUnit::Millis => count.checked_mul(1_000),
                    TimestampUnit::Micros => Some(count),
                    TimestampUnit::Nanos => Some(count.div_euclid(1_000)),
                };
                Scalar::Int64(micros.ok_or_else(|| {
                    cursor.fault(format_args!("{count} milliseconds are out of the range of timestamp"))
                })?)
            }
            Shape::Float => Scalar::Float32(f32::from_le_bytes(cursor.array("a float")?)),
            Shape::Double => Scalar::Float64(f64::from_le_bytes(cursor.array("a double")?)),
            Shape::Bytes => Scalar::Binary(cursor.sized("bytes")?),
            Shape::String => Scalar::String(cursor.text()?),
            Shape::Fixed(size) => Scalar::Binary(cursor.bytes(*size, "a fixed")?),
            Shape::Enum(symbols) => Scalar::String(&symbols[cursor.choice(symbols.len(), "enum symbol")?]),
            other => return Err(cursor.fault(format_args!("a column cannot hold the type {}", other.name()))),
        })
    }

    /// Reads a value of any type and keeps nothing of it.
    fn check(&self, id: ShapeId, cursor: &mut Cursor<'_>, depth: usize) -> Result<(), Fault> {
        if depth == NESTED_TYPES {
            return Err(cursor.fault(format_args!("values lie more than {NESTED_TYPES} deep in each other")));
        }
        match self.schema.shapes.get(id) {
            Shape::Null => Ok(()),
            Shape::Record { fields, .. } => fields.iter().try_for_each(|field| {
                self.check(field.shape, cursor, depth + 1).map_err(|fault| fault.inside(&field.name))
            }),
            Shape::Union(branches) => {
                let branch = cursor.choice(branches.len(), "union branch")?;
                self.check(branches[branch], cursor, depth + 1)
            }
            Shape::Array(items) => self.check_blocks(cursor, |cursor| self.check(*items, cursor, depth + 1)),
            Shape::Map(values) => self.check_blocks(cursor, |cursor| {
                cursor.text()?;
                self.check(*values, cursor, depth + 1)
            }),
            _ => self.scalar(id, cursor).map(drop),
        }
    }

    /// Reads the blocks of an array or a map.
    fn check_blocks<'v>(
        &self,
        cursor: &mut Cursor<'v>,
        mut item: impl FnMut(&mut Cursor<'v>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        loop {
            let count = cursor.long()?;
            if count == 0 {
                return Ok(());
            }
            // A negative count is followed by the bytes its items take.
            let end = if count > 0 { None } else { Some(self.block_end(cursor)?) };
            for _ in 0..count.unsigned_abs() {
                let before = cursor.position();
                item(cursor)?;
                if cursor.position() == before {
                    // Items without bytes (nulls) all are: there is nothing to be found in the rest, however many.
                    break;
                }
            }
            if end.is_some_and(|end| end != cursor.position()) {
                return Err(cursor.fault("a block is not as long as it says"));
            }
        }
    }

    fn block_end(&self, cursor: &mut Cursor<'_>) -> Result<usize, Fault> {
        let bytes = cursor.long()?;
        match usize::try_from(bytes) {
            Ok(length) if length <= cursor.left() => Ok(cursor.position() + length),
            _ => Err(cursor
                .fault(format_args!("cut short: a block of {bytes} bytes, but {} are left", cursor.left()))),
        }
    }
}

/// The steps for a value at `path`. The fields were checked against the schema.
fn plan(shapes: &Shapes, id: ShapeId, path: &str, fields: &[Field]) -> Step {
    let (inner, null_branch) = match shapes.nullable(id) {
        Some(nullable) => (nullable.inner, Some(nullable.null_branch)),
        None => (id, None),
    };
    let step = match shapes.get(inner) {
        Shape::Record { fields: members, .. } if holds_any(path, fields) => Step::Record(
            members
                .iter()
                .map(|member| {
                    let path =
                        if path.is_empty() { member.name.clone() } else { format!("{path}.{}", member.name) };
                    (member.name.clone(), plan(shapes, member.shape, &path, fields))
                })
                .collect(),
        ),
        _ => match fields.iter().position(|field| field.name == path) {
            Some(column) => Step::Keep { shape: inner, column },
            None => return Step::Check(id),
        },
    };
    match null_branch {
        Some(null_branch) => Step::Nullable { null_branch, inner: Box::new(step) },
        None => step,
    }
}

/// Whether some field lies inside the record at `path`.
pub(super) fn holds_any(path: &str, fields: &[Field]) -> bool {
    path.is_empty()
        || fields.iter().any(|field| field.name.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
}
