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
    /// A reader that puts field `i` into column `i`, but for those that stand for something outside the
    /// value.
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
                    // Items without bytes (nulls) all are: there is nothing to be found in the rest, however
                    // many.
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

#[cfg(test)]
mod tests {
    use crate::format::test_support::{columns_text, decode, spec};
    use crate::format::{AvroFraming, Format};

    /// What becomes of `payload` as the record `{a: schema}`: the value as text, or the reason.
    fn read(schema: &str, payload: &[u8]) -> Result<String, String> {
        let record =
            format!(r#"{{"type": "record", "name": "R", "fields": [{{"name": "a", "type": {schema}}}]}}"#);
        let (format, fields) = Format::avro(&record).expect("a sound schema");
        let decoded = decode(&spec(format, fields), &[payload]);
        match decoded.dead.first() {
            Some(dead) => Err(dead.reason.clone()),
            None => Ok(columns_text(&decoded.columns).pop().unwrap_or_default()),
        }
    }

    const ARRAY: &str = r#"{"type": "array", "items": "int"}"#;
    const NULLS: &str = r#"{"type": "array", "items": "null"}"#;
    const MAP: &str = r#"{"type": "map", "values": "boolean"}"#;
    const ENUM: &str = r#"{"type": "enum", "name": "E", "symbols": ["X", "Y"]}"#;
    const FIXED: &str = r#"{"type": "fixed", "name": "F", "size": 2}"#;
    const MILLIS: &str = r#"{"type": "long", "logicalType": "timestamp-millis"}"#;
    const NANOS: &str = r#"{"type": "long", "logicalType": "timestamp-nanos"}"#;
    const LIST: &str = r#"{"type": "record", "name": "L", "fields": [{"name": "v", "type": "int"}, {"name": "next", "type": ["null", "L"]}]}"#;
    /// Ten bytes, the longest integer.
    const MAX: [u8; 10] = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];

    #[test]
    fn datums_are_read_to_their_last_byte() {
        for (schema, payload, value) in [
            (r#""boolean""#, &[1][..], "true"),
            (r#""int""#, &[0xff, 0xff, 0xff, 0xff, 0x0f], "-2147483648"),
            (r#""int""#, &[0x80, 0x00], "0"),
            (r#""long""#, &MAX, "9223372036854775807"),
            (r#""float""#, &[0, 0, 0, 0x80], "-0.0"),
            (r#""double""#, &[1, 0, 0, 0, 0, 0, 0xf0, 0xff], "NaN"),
            (r#""string""#, &[4, 0xc3, 0xbc], "\"ü\""),
            (r#""bytes""#, &[4, 0xff, 0], "[255, 0]"),
            (r#"["null", "int"]"#, &[2, 4], "2"),
            (r#"["int", "null"]"#, &[2], "null"),
            (ENUM, &[2], "\"Y\""),
            (FIXED, &[1, 2], "[1, 2]"),
            (MILLIS, &[1], "-1000"),
            (NANOS, &[1], "-1"),
            (ARRAY, &[4, 2, 2, 3, 4, 2, 2, 0], ""),
            (MAP, &[2, 2, b'k', 1, 0], ""),
            // A quintillion nulls take no time.
            (NULLS, &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0], ""),
            (LIST, &[2, 2, 4, 2, 6, 0], "1"),
        ] {
            assert_eq!(read(schema, payload).as_deref(), Ok(value), "{schema} {payload:?}");
        }
    }

    #[test]
    fn spoilt_datums_are_refused_with_a_reason() {
        let block = [0x03, 0x08, 2, 2, 0];
        for (schema, payload, reason) in [
            (r#""boolean""#, &[2][..], "field `a`: a boolean is 0 or 1, not 2, at byte 1 of 1"),
            (r#""int""#, &[0x80], "field `a`: cut short: an integer that does not end, at byte 0 of 1"),
            (r#""int""#, &[0x80, 0x80, 0x80, 0x80, 0x10], "field `a`: 2147483648 is out of the range of int"),
            (r#""int""#, &[2, 0, 0], "2 bytes are left over after the datum, at byte 1 of 3"),
            (r#""long""#, &[0xff; 11], "field `a`: an integer of more than 64 bits"),
            (r#""double""#, &[0; 7], "field `a`: cut short: a double of 8 bytes, but 7 are left"),
            (r#""string""#, &[8, b'x'], "field `a`: cut short: a string of 4 bytes, but 1 are left"),
            (r#""string""#, &[2, 0xff], "field `a`: a string that is not UTF-8"),
            (r#""bytes""#, &[1], "field `a`: bytes cannot be -1 bytes long"),
            (r#""bytes""#, &MAX, "field `a`: cut short: bytes of 9223372036854775807 bytes, but 0 are left"),
            (r#"["null", "int"]"#, &[4, 2], "field `a`: union branch 2 of 2"),
            (r#"["null", "int"]"#, &[1, 2], "field `a`: union branch -1 of 2"),
            (ENUM, &[4], "field `a`: enum symbol 2 of 2"),
            (FIXED, &[1], "field `a`: cut short: a fixed of 2 bytes, but 1 are left"),
            (MILLIS, &MAX, "field `a`: 9223372036854775807 milliseconds are out of the range of timestamp"),
            (ARRAY, &[4, 2, 0x80], "field `a`: cut short: an integer that does not end"),
            (ARRAY, &MAX, "field `a`: cut short: an integer that does not end"),
            (ARRAY, &[3, 1, 2, 2, 0], "field `a`: cut short: a block of -1 bytes"),
            (ARRAY, &[3, 8, 2, 0], "field `a`: cut short: a block of 4 bytes, but 2 are left"),
            (ARRAY, &[3, 2, 2, 2, 0], "field `a`: a block is not as long as it says"),
            (ARRAY, &block, "field `a`: cut short: a block of 4 bytes, but 3 are left"),
            (MAP, &[2, 2, 0xff, 1, 0], "field `a`: a string that is not UTF-8"),
            (LIST, &[2, 2, 4, 4], "field `a.next.next`: union branch 2 of 2"),
            (LIST, &[2; 4_000], "field `a"),
        ] {
            let found = read(schema, payload).expect_err("spoilt");
            assert!(found.starts_with(reason), "{schema} {payload:?}: {found}");
        }
        let deep = read(LIST, &[2; 4_000]).expect_err("too deep");
        assert!(deep.contains("values lie more than 512 deep in each other"), "{deep}");
    }

    #[test]
    fn single_objects_must_be_of_the_schema() {
        let (format, fields) =
            Format::avro(r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}]}"#)
                .expect("a sound schema");
        let spec = spec(format.with_framing(AvroFraming::SingleObject), fields);
        let Format::Avro { schema, .. } = &spec.format else { panic!("it is Avro") };
        let sound = [&[0xc3, 1][..], &schema.fingerprint().to_le_bytes(), &[14]].concat();
        let mut other = sound.clone();
        other[9] ^= 1;
        let decoded = decode(&spec, &[&sound, &[14], &other, &sound[..10], &sound[..5]]);
        assert_eq!(columns_text(&decoded.columns), ["7"]);
        let reasons: Vec<_> = decoded.dead.iter().map(|dead| dead.reason.as_str()).collect();
        for (reason, wanted) in reasons.iter().zip([
            "not in single-object encoding: it must begin with c301",
            "written with another schema: its fingerprint is ",
            "field `a`: cut short",
            "not in single-object encoding",
        ]) {
            assert!(reason.starts_with(wanted), "{reason}");
        }
        assert_eq!(reasons.len(), 4);
    }
}
