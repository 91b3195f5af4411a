//! Debezium's changes, as the oracle reads them.

use std::collections::BTreeMap;

use super::fields::row;
use super::record::RecordValue;
use super::yaml::Node;
use crate::definition::Row;

/// The fields around a row that need no declaration.
pub const KNOWN: [(&str, &str); 6] = [
    ("@op", "string"),
    ("@ts_ms", "timestamp_ms"),
    ("@ts_us", "timestamp"),
    ("@source.ts_ms", "timestamp_ms"),
    ("@source.ts_us", "timestamp"),
    ("@source.lsn", "int64"),
];

/// The change itself, which may stand in the `payload` of what is written.
fn change(node: &Node) -> &Node {
    node.get("payload").filter(|_| node.get("op").is_none()).unwrap_or(node)
}

/// Whether a change deletes.
pub fn is_delete(value: &RecordValue) -> bool {
    let RecordValue::Fields(node) = value else { return false };
    change(node).get("op").is_some_and(|op| op.text("op") == Ok("d"))
}

/// The row of a change, `before` one that deletes and `after` another, and what is `declared` or known around it.
pub fn row_of(
    fields: &BTreeMap<String, &'static str>,
    declared: &BTreeMap<String, &'static str>,
    node: &Node,
) -> Option<Row> {
    let change = change(node);
    let image = match change.get("op")?.text("op").ok()? {
        "d" => "before",
        "c" | "r" | "u" => "after",
        _ => return None,
    };
    let mut all = row(fields, change.get(image)?)?;
    let known = KNOWN.iter().map(|(path, of_type)| ((*path).to_owned(), *of_type));
    let declared = declared.iter().map(|(path, of_type)| (path.clone(), *of_type));
    let around = known
        .chain(declared)
        .filter_map(|(path, of_type)| Some((path.strip_prefix('@')?.to_owned(), of_type)));
    let around = around
        .filter(|(path, _)| ["op", "ts_", "source.", "before."].iter().any(|root| path.starts_with(root)));
    let around = row(&around.collect(), change)?;
    all.extend(around.into_iter().map(|(path, value)| (format!("@{path}"), value)));
    Some(all)
}
