//! Datums into columns.

use super::confluent::NamedSchemas;
use super::cursor::{Cursor, Fault};
use super::plan::{Node, NodeId, Plan};
use super::shape::NESTED_TYPES;
use super::{AvroFraming, AvroSchema};
use crate::format::column::{Column, Scalar};
use crate::format::unread::Unread;
use crate::format::{Field, FormatError};

/// Reads datums as those of one schema, picking some fields and checking all.
#[derive(Debug)]
pub(in crate::format) struct AvroReader(Kind);

#[derive(Debug)]
enum Kind {
    /// Of that schema they are.
    Same(SameSchema),
    /// They name the schemas they are of.
    Named(NamedSchemas),
}

impl AvroReader {
    /// A reader that puts field `i` into column `i`, but for those that stand for something outside the
    /// value.
    ///
    /// # Errors
    /// If the schema has not the fields, or of another type.
    pub(in crate::format) fn new(
        schema: &AvroSchema,
        framing: &AvroFraming,
        fields: &[Field],
    ) -> Result<Self, FormatError> {
        schema.check_fields(fields)?;
        Ok(Self::with_marks(schema, framing, fields))
    }

    /// A reader of fields, some of which may be records: their columns get a true where the record is there. All are in
    /// the schema, or they get nothing.
    pub(in crate::format) fn with_marks(
        schema: &AvroSchema,
        framing: &AvroFraming,
        fields: &[Field],
    ) -> Self {
        let shapes = &schema.0.shapes;
        Self(match framing {
            AvroFraming::Confluent(schemas) => Kind::Named(NamedSchemas::new(schema, schemas, fields)),
            AvroFraming::Datum | AvroFraming::SingleObject => Kind::Same(SameSchema {
                header: schema.header(framing),
                plan: Plan::new(shapes, shapes, fields),
            }),
        })
    }

    /// Reads one datum. A field inside of a null record appends nothing to its column.
    ///
    /// # Errors
    /// What is wrong with the payload, or that its schema is not known yet; columns may have got some of its values.
    pub(in crate::format) fn read(&mut self, payload: &[u8], columns: &mut [Column]) -> Result<(), Unread> {
        match &mut self.0 {
            Kind::Same(reader) => Ok(reader.read(payload, columns)?),
            Kind::Named(reader) => reader.read(payload, columns),
        }
    }
}

/// Reads datums of one schema.
#[derive(Debug)]
struct SameSchema {
    header: Vec<u8>,
    plan: Plan,
}

impl SameSchema {
    fn read(&self, payload: &[u8], columns: &mut [Column]) -> Result<(), String> {
        if !payload.starts_with(&self.header) {
            return Err(self.wrong_header(payload));
        }
        self.plan.read(payload, self.header.len(), columns)
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
}

impl Plan {
    /// Reads the datum that follows the first `header` bytes of `payload`.
    ///
    /// # Errors
    /// What is wrong with it; columns may have got some of its values.
    pub(super) fn read(&self, payload: &[u8], header: usize, columns: &mut [Column]) -> Result<(), String> {
        let mut cursor = Cursor::new(payload, header);
        self.step(Self::ROOT, &mut cursor, columns, 0).map_err(|fault| fault.to_string())?;
        match cursor.left() {
            0 => Ok(()),
            left => Err(cursor.fault(format_args!("{left} bytes are left over after the datum")).to_string()),
        }
    }

    fn step(
        &self,
        id: NodeId,
        cursor: &mut Cursor<'_>,
        columns: &mut [Column],
        depth: usize,
    ) -> Result<(), Fault> {
        if depth == NESTED_TYPES {
            return Err(cursor.fault(format_args!("values lie more than {NESTED_TYPES} deep in each other")));
        }
        match self.get(id) {
            Node::Leaf(leaf, wanted) => {
                if let Some(scalar) = leaf.read(cursor)? {
                    for column in wanted {
                        columns[*column].push(scalar).map_err(|reason| cursor.fault(reason))?;
                    }
                }
                Ok(())
            }
            Node::Record { fields, defaults, mark } => {
                if let Some(column) = mark {
                    columns[*column].push(Scalar::Bool(true)).map_err(|reason| cursor.fault(reason))?;
                }
                for (name, node) in fields {
                    self.step(*node, cursor, columns, depth + 1).map_err(|fault| fault.inside(name))?;
                }
                for (name, datum, node) in defaults {
                    let mut cursor = Cursor::new(datum, 0);
                    self.step(*node, &mut cursor, columns, depth + 1).map_err(|fault| fault.inside(name))?;
                }
                Ok(())
            }
            Node::Union(branches) => {
                let branch = cursor.choice(branches.len(), "union branch")?;
                self.step(branches[branch], cursor, columns, depth + 1)
            }
            Node::Items(items) => blocks(cursor, |cursor| self.step(*items, cursor, columns, depth + 1)),
            Node::Entries(values) => blocks(cursor, |cursor| {
                cursor.text()?;
                self.step(*values, cursor, columns, depth + 1)
            }),
            Node::Refuse(why) => Err(cursor.fault(why)),
        }
    }
}

/// Reads the blocks of an array or a map.
fn blocks<'v>(
    cursor: &mut Cursor<'v>,
    mut item: impl FnMut(&mut Cursor<'v>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    loop {
        let count = cursor.long()?;
        if count == 0 {
            return Ok(());
        }
        // A negative count is followed by the bytes its items take.
        let end = if count > 0 { None } else { Some(block_end(cursor)?) };
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

fn block_end(cursor: &mut Cursor<'_>) -> Result<usize, Fault> {
    let bytes = cursor.long()?;
    match usize::try_from(bytes) {
        Ok(length) if length <= cursor.left() => Ok(cursor.position() + length),
        _ => {
            Err(cursor
                .fault(format_args!("cut short: a block of {bytes} bytes, but {} are left", cursor.left())))
        }
    }
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
