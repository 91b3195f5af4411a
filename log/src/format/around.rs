//! What stands around a record's value, its key, its headers and its timestamp, into columns.

use thalweg_core::FieldType;

use super::bare::read_bare;
use super::column::{Column, Scalar};
use super::field::FieldPlace;
use super::json::JsonReader;
use super::{Field, RECORD_KEY};
use crate::batch::Record;

/// Reads what is not in the value of a record, for the fields that stand for it.
#[derive(Debug)]
pub(super) struct AroundReader {
    fields: Vec<Field>,
    timestamp: Option<usize>,
    key: Option<usize>,
    /// Reads keys that are JSON objects, where a field lies in the key.
    key_fields: Option<JsonReader>,
    /// Names of headers, each with the number of its field.
    headers: Vec<(String, usize)>,
}

impl AroundReader {
    /// A reader that puts field `i` into column `i`, where that stands for something outside of the value.
    pub(super) fn new(fields: &[Field]) -> Self {
        let (mut timestamp, mut key, mut in_key, mut headers) = (None, None, false, Vec::new());
        for (number, field) in fields.iter().enumerate() {
            match field.place() {
                Some(FieldPlace::Timestamp) => timestamp = Some(number),
                Some(FieldPlace::Key) => key = Some(number),
                Some(FieldPlace::InKey(_)) => in_key = true,
                Some(FieldPlace::Header(name)) => headers.push((name.to_owned(), number)),
                Some(FieldPlace::Value(_) | FieldPlace::AroundRow(_)) | None => {}
            }
        }
        let key_fields = in_key.then(|| JsonReader::of_keys(fields.to_vec()));
        Self { fields: fields.to_vec(), timestamp, key, key_fields, headers }
    }

    /// Reads what is around the value of `record`. What is missing appends nothing to its column, or a null.
    ///
    /// # Errors
    /// What is wrong with the key or a header; columns may have got some of the values.
    pub(super) fn read(&self, record: &Record<'_>, columns: &mut [Column], row: usize) -> Result<(), String> {
        if let Some(column) = self.timestamp {
            columns[column].push(Scalar::Int64(record.timestamp_ms.saturating_mul(1_000)))?;
        }
        if let (Some(number), Some(key)) = (self.key, record.key) {
            self.read_alone(number, key, columns, row)?;
        }
        if let (Some(reader), Some(key)) = (&self.key_fields, record.key) {
            let named = |why| format!("the record's {RECORD_KEY}: {why}");
            reader.read(key, columns, row).map_err(named)?;
        }
        for (name, number) in &self.headers {
            let named = record.headers.filter(|(header, _)| *header == name.as_bytes());
            if let Some((_, Some(value))) = named.last() {
                self.read_alone(*number, value, columns, row)?;
            }
        }
        Ok(())
    }

    /// Reads bytes that are the value of a field. Those that are no text are as if they were not there, unless they
    /// need be none: the value may be sound and of use to others.
    fn read_alone(
        &self,
        number: usize,
        bytes: &[u8],
        columns: &mut [Column],
        row: usize,
    ) -> Result<(), String> {
        let (field, column) = (&self.fields[number], &mut columns[number]);
        if field.field_type != FieldType::Binary && std::str::from_utf8(bytes).is_err() {
            return Ok(());
        }
        read_bare(field, bytes, column, row).map_err(|why| format!("field `{}`: {why}", field.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::test_support::{columns_text, decode_records, record, spec};
    use crate::format::{Decoded, Format};

    /// A record's key and headers.
    type Around<'a> = (Option<&'a [u8]>, &'a [(&'a str, Option<&'a [u8]>)]);

    /// Records of `{}` with these keys and headers, decoded to the declared fields.
    fn read(declared: &[(&str, &str)], records: &[Around<'_>]) -> Decoded {
        let fields = declared.iter().map(|(name, of_type)| Field::declared(*name, of_type).expect("a type"));
        let records = records.iter().map(|(key, headers)| record(*key, Some(b"{}"), headers));
        decode_records(&spec(Format::Json, fields.collect()), &records.collect::<Vec<_>>())
    }

    fn reasons(decoded: &Decoded) -> Vec<&str> {
        decoded.dead.iter().map(|dead| dead.reason.as_str()).collect()
    }

    #[test]
    fn the_last_header_of_a_name_is_the_field() {
        let decoded = read(
            &[("@header.a", "string"), ("@header.a.b", "int32"), ("@header.at", "timestamp")],
            &[
                (None, &[("a", Some(b"1")), ("a", Some(b"2")), ("b", Some(b"3"))]),
                (None, &[("a.b", Some(b"-7")), ("at", Some(b"1970-01-01T00:00:00.5Z"))]),
                (None, &[("a", Some(b"x")), ("a", None), ("at", Some(b"5"))]),
                (None, &[("a", Some(b"\xff")), ("A", Some(b"x")), ("a.b", Some(b"\xff"))]),
            ],
        );
        assert_eq!(
            columns_text(&decoded.columns),
            [r#""2", null, null, null"#, "null, -7, null, null", "null, 500000, 5, null"]
        );
        assert_eq!(reasons(&decoded), [""; 0]);
    }

    #[test]
    fn a_header_that_is_not_what_it_is_declared_as_spoils_its_record() {
        let declared = [("@header.n", "int64"), ("@header.raw", "binary")];
        let decoded = read(
            &declared,
            &[
                (None, &[("n", Some(b"seven"))]),
                (None, &[("n", Some(b"")), ("raw", Some(b"\xff"))]),
                (None, &[("raw", Some(b"\xff\x00"))]),
            ],
        );
        assert_eq!(columns_text(&decoded.columns), ["null", "[255, 0]"]);
        let [first, second] = reasons(&decoded)[..] else { panic!("{:?}", decoded.dead) };
        assert_eq!(first, "field `@header.n`: seven is no int64");
        assert!(second.starts_with("field `@header.n`: "), "{second}");
    }

    #[test]
    fn keys_are_read_as_a_whole_and_field_by_field() {
        let declared = [("@key", "string"), ("@key.a", "int32"), ("@key.b.c", "string")];
        let decoded = read(
            &declared,
            &[
                (Some(br#"{"a": 1, "b": {"c": "x"}, "d": []}"#), &[]),
                (Some(br#"{"b": null}"#), &[]),
                (None, &[]),
                (Some(br#"{"a": "one"}"#), &[]),
                (Some(b"17"), &[]),
                (Some(b""), &[]),
                (Some(b"\xff"), &[]),
            ],
        );
        let wanted = [r#""{\"a\": 1, \"b\": {\"c\": \"x\"}, \"d\": []}", "{\"b\": null}", null"#];
        assert_eq!(columns_text(&decoded.columns)[..1], wanted);
        assert_eq!(columns_text(&decoded.columns)[1..], ["1, null, null", r#""x", null, null"#]);
        let wanted = [
            "the record's @key: field `@key.a`: \"one\" is no int32",
            "the record's @key: not the expected JSON: invalid type: integer `17`",
            "the record's @key: not the expected JSON: EOF",
            "the record's @key: not UTF-8",
        ];
        let found = reasons(&decoded);
        assert_eq!(found.len(), wanted.len());
        for (found, wanted) in found.iter().zip(wanted) {
            assert!(found.starts_with(wanted), "{found}");
        }
    }

    #[test]
    fn a_whole_key_may_be_of_any_type() {
        let keys: [(Option<&[u8]>, &[_]); 3] = [(Some(b"7"), &[]), (Some(b"x"), &[]), (None, &[])];
        let decoded = read(&[(RECORD_KEY, "int64")], &keys);
        assert_eq!(columns_text(&decoded.columns), ["7, null"]);
        assert_eq!(reasons(&decoded), ["field `@key`: x is no int64"]);
    }
}
