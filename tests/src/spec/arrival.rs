//! Records on their way into the log: in which partition, in which order, in which bytes.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::seq::SliceRandom;

use super::avro;
use super::file::{Example, Specification};
use super::json::to_json;
use super::record::{Headers, Record, RecordValue};
use super::yaml::Node;
use crate::generator::Chance;
use crate::harness::Outcome;

/// A record with its place.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Its topic.
    pub topic: String,
    /// Which record of that topic in the file, from 1.
    pub event: usize,
    /// Its partition.
    pub partition: i32,
    /// The record's timestamp, milliseconds since the epoch.
    pub timestamp_ms: i64,
    /// When the online store had applied it, microseconds since the epoch.
    pub applied: i64,
    /// The record's key.
    pub key: Option<Vec<u8>>,
    /// The record's headers.
    pub headers: Headers,
    /// The record's value.
    pub value: Option<Vec<u8>>,
}

/// The records of an example, in order of arrival, in the partitions that the file says.
///
/// # Errors
/// If no source reads a topic, or its format cannot say a record.
pub fn arrivals(specification: &Specification, example: &Example) -> Outcome<Vec<Arrival>> {
    let encoders: BTreeMap<&str, Encoder> = encoders(specification)?;
    let arrive = |record: &Record| {
        let encoder = encoders
            .get(record.topic.as_str())
            .ok_or_else(|| format!("no source reads the topic `{}`", record.topic))?;
        let value = match &record.value {
            RecordValue::Fields(node) => Some(encoder.encode(node, record.schema)?),
            RecordValue::Bytes(bytes) => Some(bytes.clone()),
            RecordValue::Tombstone => None,
        };
        Ok(Arrival {
            topic: record.topic.clone(),
            event: record.event,
            partition: record.partition.unwrap_or(0),
            timestamp_ms: record.timestamp_ms,
            applied: record.applied,
            key: record.key.clone(),
            headers: record.headers.clone(),
            value,
        })
    };
    example.records.iter().map(arrive).collect()
}

/// How the values of a topic are written.
enum Encoder<'a> {
    Json,
    /// JSON behind the number of a schema.
    FramedJson,
    Avro(serde_json::Value),
    /// Datums of the schemas of these numbers, which they name.
    Confluent(&'a BTreeMap<u32, serde_json::Value>),
    /// A format of which the runner writes no records: they must be given as bytes.
    Unknown(String),
}

impl Encoder<'_> {
    fn encode(&self, node: &Node, schema: Option<u32>) -> Outcome<Vec<u8>> {
        match self {
            Self::Json => Ok(to_json(node).into_bytes()),
            Self::FramedJson => {
                let number = schema.ok_or_else(|| node.wrong("a record with its `@schema`"))?;
                Ok([&[0_u8][..], &number.to_be_bytes(), to_json(node).as_bytes()].concat())
            }
            Self::Avro(schema) => avro::datum(schema, node),
            Self::Confluent(schemas) => {
                let number = schema.ok_or_else(|| node.wrong("a record with its `@schema`"))?;
                let schema =
                    schemas.get(&number).ok_or_else(|| node.wrong("the number of one of `schemas`"))?;
                let datum = avro::datum(schema, node)?;
                Ok([&[0_u8][..], &number.to_be_bytes(), &datum].concat())
            }
            Self::Unknown(format) => Err(format!(
                "line {}: give records of the format {format} as bytes, with `@base64`",
                node.line
            )),
        }
    }
}

/// How the records of each topic are written.
fn encoders(specification: &Specification) -> Outcome<BTreeMap<&str, Encoder<'_>>> {
    let definitions = &specification.defined;
    let sources = definitions.get("sources").map_or(Ok(&[][..]), |list| list.items("a list of sources"))?;
    let text =
        |source: &'_ Node, key| source.get(key).and_then(|node| node.text("a text").ok().map(str::to_owned));
    let mut all = BTreeMap::new();
    for source in sources {
        let encoder = match (text(source, "format").as_deref(), text(source, "encoding").as_deref()) {
            (Some("json"), Some("confluent")) => Encoder::FramedJson,
            (Some("json" | "debezium-json"), _) => Encoder::Json,
            (Some("avro"), None | Some("datum")) => match source.get("schema") {
                Some(schema) => Encoder::Avro(avro::schema(schema)?),
                None => Encoder::Unknown("avro without a schema".to_owned()),
            },
            (Some("avro"), Some("confluent")) => Encoder::Confluent(&specification.schemas),
            (format, encoding) => {
                Encoder::Unknown(format!("{} {}", format.unwrap_or(""), encoding.unwrap_or("")))
            }
        };
        if let Some(topic) = source.get("topic") {
            all.insert(topic.text("the name of a topic")?, encoder);
        }
    }
    Ok(all)
}

/// How many partitions it takes.
pub fn partitions(arrivals: &[Arrival]) -> i32 {
    arrivals.iter().map(|arrival| arrival.partition + 1).max().unwrap_or(1)
}

/// The records in so many partitions: in turn where these are two, else by what is in them.
pub fn spread(arrivals: &[Arrival], partitions: i32) -> Vec<Arrival> {
    let place = |(arrival, turn): (&Arrival, i32)| {
        let content =
            arrival.value.iter().flatten().fold(0_i32, |sum, byte| (sum * 31 + i32::from(*byte)) % 9_973);
        let partition = if partitions == 2 { turn % 2 } else { content % partitions };
        Arrival { partition, ..arrival.clone() }
    };
    arrivals.iter().zip(0..).map(place).collect()
}

/// The records in another order of arrival.
pub fn shuffled(arrivals: &[Arrival], seed: u64) -> Vec<Arrival> {
    let mut shuffled = arrivals.to_vec();
    shuffled.shuffle(&mut Chance::seed_from_u64(seed));
    shuffled
}

/// The records with the offsets they get when they are appended in this order.
pub fn with_offsets(arrivals: &[Arrival]) -> Vec<(&Arrival, i64)> {
    let mut next: BTreeMap<(&str, i32), i64> = BTreeMap::new();
    let mut placed = Vec::new();
    for arrival in arrivals {
        let next = next.entry((arrival.topic.as_str(), arrival.partition)).or_default();
        placed.push((arrival, *next));
        *next += 1;
    }
    placed
}
