//! Records of a specification file.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::file::read_instant;
use super::yaml::{Content, Node};
use crate::harness::Outcome;

/// A record as it is written.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its topic.
    pub topic: String,
    /// Which of its topic it is, from 1.
    pub event: usize,
    /// The partition, where it is said.
    pub partition: Option<i32>,
    /// The record's timestamp, milliseconds since the epoch.
    pub timestamp_ms: i64,
    /// When the online store had applied it, microseconds since the epoch: from the beginning, unless said.
    pub applied: i64,
    /// The record's key.
    pub key: Option<Vec<u8>>,
    /// The record's headers, in order.
    pub headers: Headers,
    /// The number of the schema it was written with, where it names it.
    pub schema: Option<u32>,
    /// The record's value.
    pub value: RecordValue,
}

/// Names and values of headers.
pub type Headers = Vec<(String, Option<Vec<u8>>)>;

/// A record's value as it is written.
#[derive(Clone, Debug)]
pub enum RecordValue {
    /// Fields, and perhaps entries that begin with `@` and are not in the value.
    Fields(Node),
    /// Bytes, whatever they are.
    Bytes(Vec<u8>),
    /// No value.
    Tombstone,
}

/// The records under `events`.
pub fn records(events: &Node) -> Outcome<Vec<Record>> {
    let mut all = Vec::new();
    for (topic, of_topic) in events.entries("a map of topic to its records")? {
        for (node, event) in of_topic.items("a list of records")?.iter().zip(1..) {
            all.push(record(topic, event, node)?);
        }
    }
    Ok(all)
}

fn record(topic: &str, event: usize, node: &Node) -> Outcome<Record> {
    let mut record = Record {
        topic: topic.to_owned(),
        event,
        partition: None,
        timestamp_ms: 0,
        applied: i64::MIN,
        key: None,
        headers: Vec::new(),
        schema: None,
        value: RecordValue::Fields(node.clone()),
    };
    let (mut fields, mut instead) = (false, None);
    for (key, value) in node.entries("a record")? {
        match key.as_str() {
            "@partition" => {
                let number =
                    value.text("a partition")?.parse().ok().filter(|number| (0..100).contains(number));
                record.partition = Some(number.ok_or_else(|| value.wrong("a partition, from 0 on"))?);
            }
            "@timestamp" => record.timestamp_ms = read_instant(value)?.div_euclid(1_000),
            "@applied" => record.applied = read_instant(value)?,
            "@key" => record.key = Some(value.text("the record's key")?.as_bytes().to_vec()),
            "@headers" => {
                for one in value.items("a list of headers")? {
                    for (name, value) in one.entries("a header as a map of name to value")? {
                        record.headers.push((name.clone(), header(value)?));
                    }
                }
            }
            "@schema" => {
                let number = value.text("the number of a schema")?.parse();
                record.schema = Some(number.map_err(|_| value.wrong("the number of a schema"))?);
            }
            "@raw" => instead = Some(RecordValue::Bytes(value.text("bytes as text")?.as_bytes().to_vec())),
            "@base64" => {
                instead = Some(RecordValue::Bytes(base64(value)?));
            }
            "@tombstone" => instead = Some(RecordValue::Tombstone),
            other if other.starts_with('@') => {
                return Err(format!("line {}: `{other}` means nothing here", value.line));
            }
            _ => fields = true,
        }
    }
    match instead {
        Some(_) if fields => {
            Err(format!("line {}: a record has fields, or something instead of them", node.line))
        }
        Some(value) => Ok(Record { value, ..record }),
        None => Ok(record),
    }
}

/// The value of a header: a text, bytes in base64, or none.
fn header(node: &Node) -> Outcome<Option<Vec<u8>>> {
    match (&node.content, node.get("base64")) {
        (Content::Null, _) => Ok(None),
        (_, Some(bytes)) => base64(bytes).map(Some),
        _ => Ok(Some(node.text("the value of a header")?.as_bytes().to_vec())),
    }
}

fn base64(node: &Node) -> Outcome<Vec<u8>> {
    BASE64_STANDARD.decode(node.text("bytes in base64")?).map_err(|_| node.wrong("bytes in base64"))
}
