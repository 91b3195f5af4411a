//! Messages into columns.

use std::collections::HashMap;

use prost_reflect::{Kind, MessageDescriptor, Value};

use super::registered::Headers;
use super::schema::Single;
use super::wire::{Wire, take_field, zigzag};
use super::{ProtobufFraming, ProtobufSchema};
use crate::format::column::{Column, Scalar};
use crate::format::unread::Unread;
use crate::format::{Field, FormatError};

/// Reads messages of one schema, picking some fields.
#[derive(Debug)]
pub(in crate::format) struct ProtobufReader {
    headers: Option<Headers>,
    messages: Vec<Message>,
    columns: Vec<Absent>,
}

/// A message that has, or holds, fields that are picked.
#[derive(Debug, Default)]
struct Message {
    /// What to do with fields, by their numbers, in order of these.
    slots: Vec<(u32, String, Slot)>,
}

/// What to do with a field.
#[derive(Debug)]
enum Slot {
    Scalar(usize, Type),
    Timestamp(usize),
    Wrapped(usize, Type),
    Message(usize),
}

/// How a value is written.
#[derive(Debug)]
enum Type {
    Double,
    Float,
    Int32,
    Sint32,
    Sfixed32,
    Int64,
    Sint64,
    Sfixed64,
    Uint32,
    Fixed32,
    Uint64,
    Fixed64,
    Bool,
    String,
    Bytes,
    Enum(HashMap<i32, String>),
}

/// What stands for a field that was not written.
#[derive(Debug)]
enum Absent {
    /// Nothing.
    Null,
    /// The zero of its type, where the message of this number is there.
    Default(usize, Cell<'static>),
    /// The first of an enum's names, in the same way.
    Name(usize, String),
}

/// A value on its way into a column.
#[derive(Clone, Copy, Debug)]
enum Cell<'a> {
    Scalar(Scalar<'a>),
    /// A number of an enum that has no name.
    Nameless(i32),
}

impl ProtobufReader {
    /// A reader that puts field `i` into column `i`, but for those that stand for something outside the value.
    ///
    /// # Errors
    /// If the message has not the fields, or of another type.
    pub(in crate::format) fn new(
        schema: &ProtobufSchema,
        framing: &ProtobufFraming,
        fields: &[Field],
    ) -> Result<Self, FormatError> {
        schema.check_fields(fields)?;
        let headers = match framing {
            ProtobufFraming::Message => None,
            ProtobufFraming::Confluent(schemas) => Some(Headers::new(schemas, schema.message())),
        };
        let columns = fields.iter().map(|_| Absent::Null).collect();
        let mut reader = Self { headers, messages: Vec::new(), columns };
        reader.plan(schema.descriptor(), "", fields);
        Ok(reader)
    }

    /// Reads one message. A field that is not there appends nothing to its column.
    ///
    /// # Errors
    /// What is wrong with the payload, or that its schema is not known yet; columns may have got some of its values.
    pub(in crate::format) fn read(&mut self, payload: &[u8], columns: &mut [Column]) -> Result<(), Unread> {
        let message = match &mut self.headers {
            Some(headers) => headers.behind(payload)?,
            None => payload,
        };
        let mut found = Found { cells: vec![None; columns.len()], present: vec![false; self.messages.len()] };
        self.message(0, message, &mut found)?;
        for ((cell, absent), column) in found.cells.iter().zip(&self.columns).zip(columns) {
            match (cell, absent) {
                (Some(cell), _) => cell.push(column)?,
                (None, Absent::Default(message, zero)) if found.present[*message] => zero.push(column)?,
                (None, Absent::Name(message, name)) if found.present[*message] => {
                    column.push(Scalar::String(name))?;
                }
                (None, _) => {}
            }
        }
        Ok(())
    }

    fn message<'v, 's: 'v>(
        &'s self,
        number: usize,
        bytes: &'v [u8],
        found: &mut Found<'v>,
    ) -> Result<(), String> {
        found.present[number] = true;
        let slots = &self.messages[number].slots;
        let mut rest = bytes;
        while let Some((field, wire)) = take_field(&mut rest)? {
            let Ok(place) = slots.binary_search_by_key(&field, |(number, _, _)| *number) else { continue };
            let (_, path, slot) = &slots[place];
            let named = |why: String| format!("field `{path}`: {why}");
            match (slot, wire) {
                (Slot::Message(inner), Wire::Sized(bytes)) => self.message(*inner, bytes, found)?,
                (Slot::Timestamp(column), Wire::Sized(bytes)) => {
                    found.cells[*column] = Some(Cell::Scalar(Scalar::Int64(instant(bytes).map_err(named)?)));
                }
                (Slot::Wrapped(column, of), Wire::Sized(bytes)) => {
                    found.cells[*column] = Some(unwrapped(of, bytes).map_err(named)?);
                }
                (Slot::Scalar(column, of), wire) => {
                    found.cells[*column] = Some(of.read(wire).map_err(named)?);
                }
                _ => return Err(named("it is no message".to_owned())),
            }
        }
        Ok(())
    }

    /// Plans the message at the path `prefix`; gives its number.
    fn plan(&mut self, message: &MessageDescriptor, prefix: &str, fields: &[Field]) -> usize {
        let number = self.messages.len();
        self.messages.push(Message::default());
        for field in message.fields() {
            let path = format!("{prefix}{}", field.name());
            let inside = format!("{path}.");
            let column = fields.iter().position(|field| field.name == path);
            let holds_any = || fields.iter().any(|field| field.name.starts_with(&inside));
            let slot = match (Single::of(&field), column) {
                (Some(Single::Message(inner)), _) if holds_any() => {
                    Slot::Message(self.plan(&inner, &inside, fields))
                }
                (Some(Single::Timestamp), Some(column)) => Slot::Timestamp(column),
                (Some(Single::Wrapped(kind)), Some(column)) => Slot::Wrapped(column, Type::of(&kind)),
                (Some(Single::Scalar(kind)), Some(column)) => {
                    if !field.supports_presence() {
                        self.columns[column] = absent(number, &kind);
                    }
                    Slot::Scalar(column, Type::of(&kind))
                }
                _ => continue,
            };
            self.messages[number].slots.push((field.number(), path, slot));
        }
        self.messages[number].slots.sort_by_key(|(number, _, _)| *number);
        number
    }
}

/// What was found in a message so far. The last of several values counts.
struct Found<'v> {
    cells: Vec<Option<Cell<'v>>>,
    /// Which messages are there.
    present: Vec<bool>,
}

impl Cell<'_> {
    fn push(&self, column: &mut Column) -> Result<(), String> {
        match self {
            Self::Scalar(scalar) => column.push(*scalar),
            Self::Nameless(number) => column.push(Scalar::String(&number.to_string())),
        }
    }
}

impl Type {
    fn of(kind: &Kind) -> Self {
        match kind {
            Kind::Double => Self::Double,
            Kind::Float => Self::Float,
            Kind::Int32 => Self::Int32,
            Kind::Int64 => Self::Int64,
            Kind::Uint32 => Self::Uint32,
            Kind::Uint64 => Self::Uint64,
            Kind::Sint32 => Self::Sint32,
            Kind::Sint64 => Self::Sint64,
            Kind::Fixed32 => Self::Fixed32,
            Kind::Fixed64 => Self::Fixed64,
            Kind::Sfixed32 => Self::Sfixed32,
            Kind::Sfixed64 => Self::Sfixed64,
            Kind::Bool => Self::Bool,
            Kind::String => Self::String,
            Kind::Bytes | Kind::Message(_) => Self::Bytes,
            Kind::Enum(of) => {
                let mut by_number = HashMap::new();
                for value in of.values() {
                    // Of several names of one number the first one counts.
                    by_number.entry(value.number()).or_insert_with(|| value.name().to_owned());
                }
                Self::Enum(by_number)
            }
        }
    }

    fn read<'v, 's: 'v>(&'s self, wire: Wire<'v>) -> Result<Cell<'v>, String> {
        Ok(Cell::Scalar(match (self, wire) {
            (Self::Double, Wire::Fixed64(bytes)) => Scalar::Float64(f64::from_le_bytes(bytes)),
            (Self::Float, Wire::Fixed32(bytes)) => Scalar::Float32(f32::from_le_bytes(bytes)),
            // A negative int32 is written with 64 bits; more than it has are cut off, as everybody does.
            (Self::Int32, Wire::Varint(bits)) => Scalar::Int32(bits as i32),
            (Self::Sint32, Wire::Varint(bits)) => Scalar::Int32(zigzag(bits & 0xffff_ffff) as i32),
            (Self::Sfixed32, Wire::Fixed32(bytes)) => Scalar::Int32(i32::from_le_bytes(bytes)),
            (Self::Int64, Wire::Varint(bits)) => Scalar::Int64(bits.cast_signed()),
            (Self::Sint64, Wire::Varint(bits)) => Scalar::Int64(zigzag(bits)),
            (Self::Sfixed64, Wire::Fixed64(bytes)) => Scalar::Int64(i64::from_le_bytes(bytes)),
            (Self::Uint32, Wire::Varint(bits)) => Scalar::Int64(i64::from(bits as u32)),
            (Self::Fixed32, Wire::Fixed32(bytes)) => Scalar::Int64(u32::from_le_bytes(bytes).into()),
            (Self::Uint64, Wire::Varint(bits)) => Scalar::Int64(unsigned(bits)?),
            (Self::Fixed64, Wire::Fixed64(bytes)) => Scalar::Int64(unsigned(u64::from_le_bytes(bytes))?),
            (Self::Bool, Wire::Varint(bits)) => Scalar::Bool(bits != 0),
            (Self::String, Wire::Sized(bytes)) => {
                Scalar::String(std::str::from_utf8(bytes).map_err(|_| "a string that is not UTF-8")?)
            }
            (Self::Bytes, Wire::Sized(bytes)) => Scalar::Binary(bytes),
            (Self::Enum(names), Wire::Varint(bits)) => match names.get(&(bits as i32)) {
                Some(name) => Scalar::String(name),
                None => return Ok(Cell::Nameless(bits as i32)),
            },
            _ => return Err("it is written as another type than the schema has for its number".to_owned()),
        }))
    }
}

/// What stands for a field of this kind that was not written, in the message of this number.
fn absent(message: usize, kind: &Kind) -> Absent {
    let zero = match kind {
        Kind::Double => Scalar::Float64(0.0),
        Kind::Float => Scalar::Float32(0.0),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Scalar::Int32(0),
        Kind::Bool => Scalar::Bool(false),
        Kind::String => Scalar::String(""),
        Kind::Bytes | Kind::Message(_) => Scalar::Binary(&[]),
        Kind::Enum(of) => {
            let Value::EnumNumber(number) = kind.default_value() else { return Absent::Null };
            let name = of.get_value(number).map(|value| value.name().to_owned());
            return name.map_or(Absent::Null, |name| Absent::Name(message, name));
        }
        _ => Scalar::Int64(0),
    };
    Absent::Default(message, Cell::Scalar(zero))
}

fn unsigned(number: u64) -> Result<i64, String> {
    i64::try_from(number).map_err(|_| format!("{number} is out of the range of int64"))
}

/// Microseconds since the epoch of a `google.protobuf.Timestamp`.
fn instant(bytes: &[u8]) -> Result<i64, String> {
    let (mut seconds, mut nanos, mut rest) = (0_i64, 0_i64, bytes);
    while let Some((field, wire)) = take_field(&mut rest)? {
        match (field, wire) {
            (1, Wire::Varint(bits)) => seconds = bits.cast_signed(),
            (2, Wire::Varint(bits)) => nanos = i64::from(bits as i32),
            _ => {}
        }
    }
    let micros =
        seconds.checked_mul(1_000_000).and_then(|micros| micros.checked_add(nanos.div_euclid(1_000)));
    micros.ok_or_else(|| format!("{seconds} seconds are out of the range of timestamp"))
}

/// The value in a wrapper; the zero of its type, if it has none.
fn unwrapped<'v, 's: 'v>(of: &'s Type, bytes: &'v [u8]) -> Result<Cell<'v>, String> {
    let (mut value, mut rest) = (None, bytes);
    while let Some((field, wire)) = take_field(&mut rest)? {
        if field == 1 {
            value = Some(of.read(wire)?);
        }
    }
    let zero = match of {
        Type::Double => Scalar::Float64(0.0),
        Type::Float => Scalar::Float32(0.0),
        Type::Int32 => Scalar::Int32(0),
        Type::Bool => Scalar::Bool(false),
        Type::String => Scalar::String(""),
        Type::Bytes => Scalar::Binary(&[]),
        _ => Scalar::Int64(0),
    };
    Ok(value.unwrap_or(Cell::Scalar(zero)))
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
