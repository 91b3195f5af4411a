//! What a record says outside of its value, as the oracle is given it.

use std::collections::BTreeMap;

use thalweg_core::Value;

use super::definitions::{KEY, TIMESTAMP};
use super::fields::{row_of_bytes, value_of_bytes};
use super::record::Record;
use crate::definition::Row;

/// The fields around the value of `record`; nothing if one that is declared cannot be what it is declared as.
pub fn around(declared: &BTreeMap<String, &'static str>, record: &Record) -> Option<Row> {
    let mut row = Row::from([(TIMESTAMP.to_owned(), Value::Timestamp(record.timestamp_ms * 1_000))]);
    if let Some(key) = &record.key {
        row.insert(KEY.to_owned(), alone(declared.get(KEY).copied().unwrap_or("string"), key)?);
        let inside = declared
            .iter()
            .filter_map(|(path, of_type)| Some((path.strip_prefix("@key.")?.to_owned(), *of_type)));
        let inside: BTreeMap<_, _> = inside.collect();
        if !inside.is_empty() {
            let fields = row_of_bytes(&inside, key)?.into_iter();
            row.extend(fields.map(|(path, value)| (format!("@key.{path}"), value)));
        }
    }
    for (path, of_type) in declared {
        let Some(name) = path.strip_prefix("@header.") else { continue };
        if let Some((_, Some(value))) = record.headers.iter().rfind(|(header, _)| header == name) {
            row.insert(path.clone(), alone(of_type, value)?);
        }
    }
    row.retain(|_, value| !value.is_null());
    Some(row)
}

/// The value that a key or a header is alone. What is no text is missing, where it should be.
fn alone(declared: &'static str, bytes: &[u8]) -> Option<Value> {
    if declared != "binary" && std::str::from_utf8(bytes).is_err() {
        return Some(Value::Null);
    }
    value_of_bytes(declared, bytes)
}
