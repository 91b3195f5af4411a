//! Keys of records as join keys: whom a record without a value is about.

use arrow::array::ArrayRef;
use serde::de::IgnoredAny;
use thalweg_core::FieldType;

use super::Field;
use super::bare::read_bare;
use super::column::Column;
use super::json::JsonReader;

/// Reads join keys out of records' keys.
///
/// A key that is a JSON object has them by name, written as in JSON sources. Any other key is the one join key there
/// is: the bytes of a text or binary one, else the value as a JSON source writes it, quotes left out or not.
///
/// ```
/// use thalweg_core::FieldType;
/// use thalweg_log::RecordKeys;
///
/// let mut keys = RecordKeys::new(&[("carrier".to_owned(), FieldType::String)]);
/// keys.push(Some(br#"{"carrier": "UA"}"#))?;
/// keys.push(Some(b"UA"))?;
/// assert_eq!(keys.finish()[0].len(), 2);
/// # Ok::<(), String>(())
/// ```
#[derive(Debug)]
pub struct RecordKeys {
    fields: Vec<Field>,
    reader: JsonReader,
    columns: Vec<Column>,
    rows: usize,
}

impl RecordKeys {
    /// A reader of join keys of these names and types.
    pub fn new(join_keys: &[(String, FieldType)]) -> Self {
        let fields: Vec<_> = join_keys.iter().map(|(name, of_type)| Field::new(name, *of_type)).collect();
        let columns = fields.iter().map(|field| Column::new(field.field_type)).collect();
        Self { reader: JsonReader::new(fields.clone()), fields, columns, rows: 0 }
    }

    /// Takes the key of the next record. A join key it does not have is null; all are, if it cannot be read.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn push(&mut self, key: Option<&[u8]>) -> Result<(), String> {
        let read = self.read(key);
        for column in &mut self.columns {
            if read.is_err() {
                column.truncate(self.rows);
            }
            if column.len() == self.rows {
                column.push_null();
            }
        }
        self.rows += 1;
        read
    }

    /// The join keys taken since the last call, a column each.
    pub fn finish(&mut self) -> Vec<ArrayRef> {
        self.rows = 0;
        self.columns.iter_mut().map(Column::finish).collect()
    }

    fn read(&mut self, key: Option<&[u8]>) -> Result<(), String> {
        let key = key.ok_or("the record has no key")?;
        if is_object(key) {
            return self.reader.read(key, &mut self.columns, self.rows);
        }
        match (self.fields.as_slice(), self.columns.as_mut_slice()) {
            ([field], [column]) => read_bare(field, key, column, self.rows)
                .map_err(|why| format!("the record's key is no `{}`: {why}", field.name)),
            _ => Err("the record's key is no JSON object".to_owned()),
        }
    }
}

fn is_object(key: &[u8]) -> bool {
    key.trim_ascii_start().starts_with(b"{") && serde_json::from_slice::<IgnoredAny>(key).is_ok()
}

#[cfg(test)]
mod tests {
    use arrow::array::RecordBatch;
    use arrow::datatypes::{Field as ArrowField, Schema};

    use super::*;
    use crate::format::test_support::columns_text;

    /// What a key is read as, each join key as text; or why it cannot be read.
    fn read(join_keys: &[(&str, FieldType)], key: &[u8]) -> Result<Vec<String>, String> {
        let named: Vec<_> = join_keys.iter().map(|(name, of_type)| ((*name).to_owned(), *of_type)).collect();
        let mut keys = RecordKeys::new(&named);
        keys.push(Some(key))?;
        let fields: Vec<_> =
            named.iter().map(|(name, of_type)| ArrowField::new(name, of_type.to_arrow(), true)).collect();
        let batch = RecordBatch::try_new(std::sync::Arc::new(Schema::new(fields)), keys.finish());
        Ok(columns_text(&batch.expect("a value of each join key")))
    }

    #[test]
    fn an_object_has_the_join_keys_by_name() {
        let keys = [("a", FieldType::String), ("b", FieldType::Int32)];
        assert_eq!(read(&keys, br#"{"b": 7, "a": "x", "c": []}"#), Ok(vec!["\"x\"".into(), "7".into()]));
        assert_eq!(read(&keys, br#"{"b": 7}"#), Ok(vec!["null".into(), "7".into()]));
        assert_eq!(read(&keys[..1], br#" {"a": "x"}"#), Ok(vec!["\"x\"".into()]));
        assert_eq!(read(&keys, b"x"), Err("the record's key is no JSON object".into()));
        assert!(read(&keys, br#"{"a": "x", "b": "y"}"#).is_err_and(|why| why.contains("`b`")));
    }

    #[test]
    fn a_bare_key_is_the_only_join_key() {
        for (of_type, key, value) in [
            (FieldType::String, &b"UA"[..], "\"UA\""),
            (FieldType::String, b"\"UA\"", "\"\\\"UA\\\"\""),
            (FieldType::String, b"{not JSON", "\"{not JSON\""),
            (FieldType::String, b"", "\"\""),
            (FieldType::Binary, &[0, 255], "[0, 255]"),
            (FieldType::Int64, b"-7", "-7"),
            (FieldType::Int32, b"null", "null"),
            (FieldType::Bool, b"true", "true"),
            (FieldType::Date, b"1970-01-02", "1"),
            (FieldType::Date, b"\"1970-01-02\"", "1"),
            (FieldType::Timestamp, b"1970-01-01T00:00:01Z", "1000000"),
            (FieldType::Timestamp, b"5", "5"),
        ] {
            assert_eq!(read(&[("k", of_type)], key), Ok(vec![value.to_owned()]), "{of_type} {key:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_null_and_spoils_only_itself() {
        let mut keys = RecordKeys::new(&[("k".to_owned(), FieldType::Int32)]);
        assert_eq!(keys.push(None), Err("the record has no key".into()));
        assert!(keys.push(Some(b"seven")).is_err());
        assert!(keys.push(Some(b"\xff")).is_err());
        assert_eq!(keys.push(Some(b"7")), Ok(()));
        let columns = keys.finish();
        assert_eq!((columns[0].len(), columns[0].null_count()), (4, 3));
        assert_eq!(keys.push(Some(b"8")), Ok(()));
        assert_eq!(keys.finish()[0].len(), 1);
    }
}
