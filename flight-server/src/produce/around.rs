//! What rows say of their records beside the value: keys, headers and timestamps.

use std::borrow::Cow;
use std::fmt;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use thalweg_core::FieldType;
use thalweg_log::{RECORD_HEADERS, RECORD_KEY, RECORD_TIMESTAMP};

use super::payload::to_type;
use crate::Error;

/// Names and values of a record's headers, in order.
pub(super) type Headers = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// Lines as they are, or without what they say around the value.
pub(super) type Lines<'a> = Vec<Cow<'a, [u8]>>;

/// What rows say around their records' values.
#[derive(Debug, Default)]
pub(super) struct Around {
    /// The key of each row, if rows say so.
    pub(super) keys: Option<Vec<Option<Vec<u8>>>>,
    /// The timestamp of each row, if rows say so.
    pub(super) timestamps_ms: Option<Vec<Option<i64>>>,
    /// The headers of each row; none of any row, if it is empty.
    pub(super) headers: Vec<Headers>,
}

impl Around {
    /// What columns called `@key`, `@header.NAME` and `@timestamp` say; and the other columns.
    ///
    /// # Errors
    /// Timestamps that are none.
    pub(super) fn of_columns(rows: &RecordBatch) -> Result<(Self, RecordBatch), Error> {
        let (mut around, mut others) = (Self::default(), rows.clone());
        let names: Vec<String> = rows.schema().fields().iter().map(|field| field.name().clone()).collect();
        for name in names.iter().filter(|name| name.starts_with('@')) {
            let Ok(place) = others.schema().index_of(name) else { continue };
            if name == RECORD_KEY && around.keys.is_none() {
                around.keys = Some(bytes_of(&others.remove_column(place))?);
            } else if name == RECORD_TIMESTAMP && around.timestamps_ms.is_none() {
                let stamps = to_type(&others.remove_column(place), name, FieldType::Timestamp)?;
                let stamps = stamps.as_primitive::<TimestampMicrosecondType>().iter();
                around.timestamps_ms =
                    Some(stamps.map(|stamp| stamp.map(|micros| micros.div_euclid(1_000))).collect());
            } else if let Some(header) = name.strip_prefix(RECORD_HEADERS) {
                let values = bytes_of(&others.remove_column(place))?;
                around.headers.resize_with(rows.num_rows(), Headers::new);
                for (headers, value) in around.headers.iter_mut().zip(values) {
                    headers.extend(value.map(|value| (header.as_bytes().to_vec(), Some(value))));
                }
            }
        }
        Ok((around, others))
    }

    /// What members called `@key` and `@header.NAME` of JSON objects say; and the lines without them.
    ///
    /// A text is the key's or header's bytes, null is none, anything else its own JSON.
    ///
    /// # Errors
    /// Two keys in one line.
    pub(super) fn of_lines<'a>(lines: &[&'a [u8]]) -> Result<(Self, Lines<'a>), Error> {
        let (mut keys, mut headers) = (vec![None; lines.len()], vec![Headers::new(); lines.len()]);
        let (mut has_keys, mut values) = (false, Vec::with_capacity(lines.len()));
        for (row, line) in lines.iter().enumerate() {
            // Lines that are no objects are for the decoder to refuse, or for the dead letters.
            let members = may_say_more(line).then(|| serde_json::from_slice::<Members<'_>>(line).ok());
            let Some(Members(members)) = members.flatten() else {
                values.push(Cow::Borrowed(*line));
                continue;
            };
            let mut value = Vec::with_capacity(line.len());
            let mut key = None;
            for (name, text) in members {
                if name == RECORD_KEY {
                    if key.replace(bytes_in(text)).is_some() {
                        return Err(Error::invalid(format!("line {} of the batch has two keys", row + 1)));
                    }
                } else if let Some(header) = name.strip_prefix(RECORD_HEADERS) {
                    headers[row].push((header.as_bytes().to_vec(), bytes_in(text)));
                } else {
                    value.push(if value.is_empty() { b'{' } else { b',' });
                    let label = serde_json::to_vec(&name).map_err(|e| Error::internal(e.to_string()))?;
                    value.extend_from_slice(&label);
                    value.push(b':');
                    value.extend_from_slice(text.get().as_bytes());
                }
            }
            value.extend_from_slice(if value.is_empty() { b"{}" } else { b"}" });
            has_keys |= key.is_some();
            keys[row] = key.flatten();
            values.push(Cow::Owned(value));
        }
        let keys = has_keys.then_some(keys);
        Ok((Self { keys, timestamps_ms: None, headers }, values))
    }
}

/// Each value's bytes: texts and binary as they are, others spelt out.
fn bytes_of(column: &ArrayRef) -> Result<Vec<Option<Vec<u8>>>, Error> {
    if let Some(bytes) = column.as_binary_opt::<i32>() {
        return Ok(bytes.iter().map(|bytes| bytes.map(<[u8]>::to_vec)).collect());
    }
    let options = FormatOptions::default();
    let texts = ArrayFormatter::try_new(column.as_ref(), &options)?;
    let text = |row: usize| column.is_valid(row).then(|| texts.value(row).to_string().into_bytes());
    Ok((0..column.len()).map(text).collect())
}

fn bytes_in(text: &RawValue) -> Option<Vec<u8>> {
    match text.get() {
        "null" => None,
        text => Some(match serde_json::from_str::<String>(text) {
            Ok(text) => text.into_bytes(),
            Err(_) => text.as_bytes().to_vec(),
        }),
    }
}

fn may_say_more(line: &[u8]) -> bool {
    let has = |word: &str| line.windows(word.len()).any(|window| window == word.as_bytes());
    has(RECORD_KEY) || has(RECORD_HEADERS)
}

/// The members of a JSON object in their order, some of one name perhaps, their values as they are written.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> serde::Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reading;
        impl<'de> Visitor<'de> for Reading {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry::<String, &'de RawValue>()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Reading)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, StringArray};

    use super::*;

    fn text(bytes: &Option<Vec<u8>>) -> Option<&str> {
        bytes.as_deref().map(|bytes| std::str::from_utf8(bytes).expect("text"))
    }

    #[test]
    fn members_that_begin_so_are_not_in_the_value() {
        let lines: [&[u8]; 4] = [
            br#"{"n": 1.50, "@key": "k\"", "@header.a": "x", "@header.a": null, "n": 9007199254740993}"#,
            br#"{"@key": {"id": 7}, "@tombstone": false}"#,
            br#"{"n": "@key"}"#,
            br#"{"@key": "#,
        ];
        let (around, values) = Around::of_lines(&lines).expect("sound lines");
        let keys = around.keys.expect("some keys");
        assert_eq!(
            keys.iter().map(text).collect::<Vec<_>>(),
            [Some("k\""), Some(r#"{"id": 7}"#), None, None]
        );
        assert_eq!(around.headers[0], [(b"a".to_vec(), Some(b"x".to_vec())), (b"a".to_vec(), None)]);
        let values: Vec<_> = values.iter().map(|value| String::from_utf8_lossy(value)).collect();
        let wanted = [
            r#"{"n":1.50,"n":9007199254740993}"#,
            r#"{"@tombstone":false}"#,
            r#"{"n":"@key"}"#,
            r#"{"@key": "#,
        ];
        assert_eq!(values, wanted);
        let twice = Around::of_lines(&[br#"{"@key": 1, "@key": 2}"#]).expect_err("two keys").to_string();
        assert!(twice.contains("line 1 of the batch has two keys"), "{twice}");
        assert!(Around::of_lines(&lines[2..]).expect("sound lines").0.keys.is_none());
    }

    #[test]
    fn columns_that_begin_so_are_not_in_the_value() {
        let column = |values: Vec<Option<&str>>| Arc::new(StringArray::from(values)) as ArrayRef;
        let rows = RecordBatch::try_from_iter([
            ("@header.a", column(vec![Some("x"), None])),
            ("n", Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef),
            ("@key", Arc::new(Int64Array::from(vec![None, Some(7)])) as ArrayRef),
            ("@timestamp", column(vec![Some("1970-01-01T00:00:00.0019Z"), None])),
        ]);
        let (around, others) =
            Around::of_columns(&rows.expect("columns of one length")).expect("sound columns");
        assert_eq!(others.schema().fields().len(), 1);
        assert_eq!(around.keys.expect("keys").iter().map(text).collect::<Vec<_>>(), [None, Some("7")]);
        assert_eq!(around.timestamps_ms, Some(vec![Some(1), None]));
        assert_eq!(around.headers, [vec![(b"a".to_vec(), Some(b"x".to_vec()))], vec![]]);
    }
}
