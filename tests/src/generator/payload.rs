//! Records' values: rows in the format of their source, and what is no row.

use rand::Rng;

use super::Chance;
use super::avro::{avro, named_avro};
use super::json::json;
use super::values::pick;
use crate::definition::{Format, Row, Source};

/// The value that a decoder of `source` must read as `row`.
pub fn payload(chance: &mut Chance, source: &Source, row: &Row) -> Vec<u8> {
    match source.format {
        Format::Json => json(chance, source, row),
        Format::Avro => avro(chance, source, row),
        Format::NamedAvro => named_avro(chance, source, row),
        Format::Debezium => panic!("changes are in no case"),
    }
}

/// Something that is no record of `source`, though it may begin like `row`; no value at all, now and then.
pub fn rubbish(chance: &mut Chance, source: &Source, row: &Row) -> Option<Vec<u8>> {
    const NO_JSON: [&[u8]; 9] =
        [b"", b"{", b"[]", b"null", b"7", b"{}{}", b"\xff\xfe", b"{\"flag\": tru}", b"{\"flag\": true} x"];
    if chance.random_bool(0.1) {
        return None;
    }
    match source.format {
        Format::Json if chance.random_bool(0.8) => Some(pick(chance, &NO_JSON).to_vec()),
        // Neither format can do without its last byte.
        _ => {
            let whole = payload(chance, source, row);
            Some(whole[..chance.random_range(0..whole.len())].to_vec())
        }
    }
}
