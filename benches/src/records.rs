//! Records with many fields, as payloads.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use thalweg_core::FieldType;
use thalweg_log::{DecoderSpec, Field, Format, NewRecord, encode_rows};

use crate::numbers::{delay, key};

/// What the fields are, by turns: six rounds of four make 24 fields.
const TURN: [(&str, FieldType, &str); 4] = [
    ("name", FieldType::String, r#""string""#),
    ("at", FieldType::Timestamp, r#"{"type": "long", "logicalType": "timestamp-micros"}"#),
    ("count", FieldType::Int64, r#""long""#),
    ("value", FieldType::Float64, r#"["null", "double"]"#),
];
const TURNS: usize = 6;

/// Records of 24 fields (six texts, instants, integers and doubles, of which some are null), written in a
/// format.
#[derive(Clone, Debug)]
pub struct WideRecords {
    /// How they are written.
    pub format: Format,
    /// All their fields.
    pub fields: Vec<Field>,
    /// A payload for each record.
    pub payloads: Vec<Vec<u8>>,
}

impl WideRecords {
    /// So many records as Avro datums.
    pub fn avro(count: usize, seed: u64) -> Self {
        let field = |(number, turn): (usize, &(&str, FieldType, &str))| {
            format!(r#"{{"name": "{}_{number}", "type": {}}}"#, turn.0, turn.2)
        };
        let fields: Vec<_> = (0..TURNS).flat_map(|n| TURN.iter().map(move |turn| field((n, turn)))).collect();
        let schema = format!(r#"{{"type": "record", "name": "Wide", "fields": [{}]}}"#, fields.join(", "));
        let (format, fields) = Format::avro(&schema).expect("a sound schema");
        Self::of(format, fields, count, seed)
    }

    /// The same records as JSON objects.
    pub fn json(count: usize, seed: u64) -> Self {
        let fields = (0..TURNS)
            .flat_map(|n| TURN.iter().map(move |turn| Field::new(format!("{}_{n}", turn.0), turn.1)));
        Self::of(Format::Json, fields.collect(), count, seed)
    }

    fn of(format: Format, fields: Vec<Field>, count: usize, seed: u64) -> Self {
        let mut random = SmallRng::seed_from_u64(seed);
        let columns = (0..TURNS).flat_map(|n| TURN.map(|turn| (format!("{}_{n}", turn.0), turn.1)));
        let columns: Vec<(String, ArrayRef)> =
            columns.map(|(name, field_type)| (name, column(field_type, count, &mut random))).collect();
        let rows =
            RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, c)| (name, c, true)));
        let payloads = encode_rows(&format, &fields, &rows.expect("columns of one length"));
        Self { payloads: payloads.expect("columns of the fields' types"), format, fields }
    }

    /// How to decode only these fields.
    pub fn spec(&self, in_use: &[&str]) -> DecoderSpec {
        let is_used = |field: &Field| in_use.contains(&field.name.as_str());
        let (fields, unused) = self.fields.iter().cloned().partition(is_used);
        DecoderSpec { format: self.format.clone(), fields, unused, tombstones: false, keep_payloads: false }
    }

    /// How to decode every field.
    pub fn spec_of_all(&self) -> DecoderSpec {
        let fields = self.fields.clone();
        DecoderSpec {
            format: self.format.clone(),
            fields,
            unused: Vec::new(),
            tombstones: false,
            keep_payloads: false,
        }
    }

    /// The records as a producer hands them over.
    pub fn to_append<'a>(&'a self) -> Vec<NewRecord<'a>> {
        let record = |(value, timestamp_ms): (&'a Vec<u8>, i64)| NewRecord {
            key: None,
            value: Some(value),
            timestamp_ms,
            headers: &[],
        };
        self.payloads.iter().zip(0..).map(record).collect()
    }

    /// Bytes of all payloads.
    pub fn bytes(&self) -> u64 {
        self.payloads.iter().map(|payload| payload.len() as u64).sum()
    }
}

fn column(field_type: FieldType, count: usize, random: &mut SmallRng) -> ArrayRef {
    let rows = 0..count;
    match field_type {
        FieldType::String => {
            let names: Vec<_> = rows.map(|_| format!("N{:05}", key(random, 4_000))).collect();
            Arc::new(StringArray::from(names))
        }
        FieldType::Timestamp => {
            let first = random.random_range(1_356_998_400_000_000..1_388_534_400_000_000_i64);
            let times = rows.zip(0..).map(|(_, n)| first + n * 60_000_000);
            Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC"))
        }
        FieldType::Int64 => {
            Arc::new(Int64Array::from_iter_values(rows.map(|_| random.random_range(0..5_000))))
        }
        _ => {
            let values = rows.map(|_| (!random.random_ratio(1, 20)).then(|| delay(random)));
            Arc::new(values.collect::<Float64Array>())
        }
    }
}

#[cfg(test)]
mod tests {
    use thalweg_log::{Decoder, Record};

    use super::*;

    #[test]
    fn every_record_can_be_decoded_from_either_format() {
        let (avro, json) = (WideRecords::avro(50, 1), WideRecords::json(50, 1));
        let decode = |records: &WideRecords| {
            let mut decoder =
                Decoder::new(&records.spec(&["name_0", "value_5"]), "wide", 0).expect("its own fields");
            for (offset, payload) in records.payloads.iter().enumerate() {
                decoder.push(&Record::of_value(offset as i64, payload));
            }
            decoder.finish(50)
        };
        let (from_avro, from_json) = (decode(&avro), decode(&json));
        assert!(
            from_avro.dead.is_empty() && from_json.dead.is_empty(),
            "{:?} {:?}",
            from_avro.dead,
            from_json.dead
        );
        assert_eq!(from_avro.columns.columns(), from_json.columns.columns());
        assert_eq!(avro.spec_of_all().fields.len(), 24);
    }
}
