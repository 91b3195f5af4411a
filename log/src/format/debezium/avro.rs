//! Changes as Avro records.

use thalweg_core::FieldType;

use super::{Change, Image, no_image};
use crate::format::avro::AvroReader;
use crate::format::column::Column;
use crate::format::field::FieldPlace;
use crate::format::unread::Unread;
use crate::format::{AvroFraming, AvroSchema, Field, FormatError};

/// Reads changes, picking some fields of the row and of what is around it.
#[derive(Debug)]
pub(in crate::format) struct DebeziumAvro {
    /// Reads what kind of change it is, and whether the rows before and after it are there.
    kind: AvroReader,
    kind_columns: Vec<Column>,
    after: AvroReader,
    before: AvroReader,
}

/// The fields that a definition may use of changes with this schema: those of the row, and those around it.
pub(in crate::format) fn fields_of(schema: &AvroSchema) -> Vec<Field> {
    let named = |field: Field| {
        let name = match field.name.strip_prefix("after.") {
            Some(of_row) => of_row.to_owned(),
            None => format!("@{}", field.name),
        };
        Field { name, ..field }
    };
    schema.fields().into_iter().map(named).filter(|field| field.place().is_some()).collect()
}

impl DebeziumAvro {
    /// A reader that puts field `i` into column `i`, but for those of keys, headers and timestamps.
    ///
    /// # Errors
    /// If changes with this schema have not the fields, or of another type; or the schema is not one of changes.
    pub(in crate::format) fn new(
        schema: &AvroSchema,
        framing: &AvroFraming,
        fields: &[Field],
    ) -> Result<Self, FormatError> {
        let op = schema.fields().into_iter().find(|field| field.name == "op").ok_or_else(not_changes)?;
        let kind = [op, Field::new("before", FieldType::Bool), Field::new("after", FieldType::Bool)];
        let reader = |image: &str| {
            let inside = |field: &Field| Field { name: path_in(image, field), ..field.clone() };
            AvroReader::new(schema, framing, &fields.iter().map(inside).collect::<Vec<_>>())
        };
        Ok(Self {
            kind_columns: kind.iter().map(|field| Column::new(field.field_type)).collect(),
            kind: AvroReader::with_marks(schema, framing, &kind),
            after: reader("after")?,
            before: reader("before")?,
        })
    }

    /// Reads one change. A field inside of a null record appends nothing to its column.
    ///
    /// # Errors
    /// What is wrong with the payload, or that its schema is not known yet; columns may have got some of its values.
    pub(in crate::format) fn read(
        &mut self,
        payload: &[u8],
        columns: &mut [Column],
    ) -> Result<Change, Unread> {
        self.kind_columns.iter_mut().for_each(|column| column.truncate(0));
        self.kind.read(payload, &mut self.kind_columns)?;
        let [op, before, after] = self.kind_columns.as_slice() else {
            return Err(not_changes().to_string().into());
        };
        let op =
            op.text(0).ok_or_else(|| "not a change as Debezium writes it: its `op` is null".to_owned())?;
        let (change, image) = Change::of(op)?;
        let (reader, is_there) = match image {
            Image::After => (&mut self.after, after.len() > 0),
            Image::Before => (&mut self.before, before.len() > 0),
        };
        if !is_there {
            return Err(no_image(image).into());
        }
        reader.read(payload, columns)?;
        Ok(change)
    }
}

fn not_changes() -> FormatError {
    FormatError::NotChanges
}

/// Where a field is in the schema of changes whose row is in `image`.
fn path_in(image: &str, field: &Field) -> String {
    match field.place() {
        Some(FieldPlace::Value(path)) => format!("{image}.{path}"),
        Some(FieldPlace::AroundRow(path)) => path.to_owned(),
        _ => field.name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::test_support::{columns_text, decode, spec};
    use crate::format::{Format, debezium_avro};

    const SCHEMA: &str = r#"{"type": "record", "name": "Envelope", "namespace": "db.t", "fields": [
        {"name": "before", "default": null, "type": ["null", {"type": "record", "name": "Value", "fields": [
            {"name": "id", "type": "int"},
            {"name": "at", "type": ["null", {"type": "long", "connect.name": "io.debezium.time.MicroTimestamp"}]},
            {"name": "day", "type": {"type": "int", "connect.name": "io.debezium.time.Date"}}]}]},
        {"name": "after", "default": null, "type": ["null", "Value"]},
        {"name": "source", "type": {"type": "record", "name": "Source", "fields": [
            {"name": "ts_ms", "type": "long"}, {"name": "lsn", "type": ["null", "long"]}]}},
        {"name": "op", "type": "string"},
        {"name": "ts_ms", "type": ["null", "long"]}]}"#;

    fn format() -> (Format, Vec<Field>) {
        let schema = AvroSchema::changes(SCHEMA, &[]).expect("a schema of changes");
        debezium_avro(schema, AvroFraming::Datum)
    }

    #[test]
    fn the_fields_are_those_of_the_row_and_those_around_it() {
        let (_, fields) = format();
        let named: Vec<_> = fields.iter().map(|field| (field.name.as_str(), field.field_type)).collect();
        assert_eq!(
            named,
            [
                ("@before.id", FieldType::Int32),
                ("@before.at", FieldType::Timestamp),
                ("@before.day", FieldType::Date),
                ("id", FieldType::Int32),
                ("at", FieldType::Timestamp),
                ("day", FieldType::Date),
                ("@source.ts_ms", FieldType::Timestamp),
                ("@source.lsn", FieldType::Int64),
                ("@op", FieldType::String),
                ("@ts_ms", FieldType::Timestamp),
            ]
        );
    }

    #[test]
    fn the_row_is_the_one_after_the_change_or_the_one_that_was() {
        let (format, fields) = format();
        let changes: [&[u8]; 6] = [
            &[0, 2, 2, 2, 10, 4, 6, 2, 8, 2, b'c', 0],
            &[2, 14, 0, 0, 0, 6, 0, 2, b'd', 2, 4],
            &[0, 0, 6, 0, 2, b'd', 0],
            &[2, 14, 0, 0, 0, 6, 0, 2, b'u', 0],
            &[0, 0, 6, 0, 2, b'?', 0],
            &[0, 2, 2, 2, 10, 4, 6, 2, 8, 2, b'c'],
        ];
        let decoded = decode(&spec(format, fields), &changes);
        assert_eq!(
            columns_text(&decoded.columns),
            [
                "null, 7",
                "null, null",
                "null, 0",
                "1, 7",
                "5, null",
                "2, 0",
                "3000, 3000",
                "4, null",
                r#""c", "d""#,
                "null, 2000"
            ]
        );
        assert_eq!(decoded.deleted, [1]);
        let reasons: Vec<_> = decoded.dead.iter().map(|dead| (dead.offset, dead.reason.as_str())).collect();
        for (found, wanted) in reasons.iter().zip([
            (2, "it deletes, and there is no row in `before`"),
            (3, "there is no row in `after`"),
            (4, "there is no change of the kind `op` \"?\""),
            (5, "field `ts_ms`: cut short"),
        ]) {
            assert!(found.0 == wanted.0 && found.1.starts_with(wanted.1), "{found:?}");
        }
        assert_eq!(reasons.len(), 4);
    }

    #[test]
    fn what_is_no_schema_of_changes_is_refused() {
        let other = r#"{"type": "record", "name": "R", "fields": [{"name": "op", "type": "int"}]}"#;
        assert!(matches!(AvroSchema::changes(other, &[]), Err(FormatError::NotChanges)));
    }
}
