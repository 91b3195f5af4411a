//! Rows of fields as Avro datums, by the encoding's specification.

use rand::Rng;
use thalweg_core::Value;

use super::Chance;
use super::values::pick;
use crate::definition::{Row, Source, Writing};

/// The datum of the source's schema that says `row`.
pub fn avro(chance: &mut Chance, source: &Source, row: &Row) -> Vec<u8> {
    datum(chance, source, row, Writing::Same)
}

/// A datum that says `row`, of one of several schemas, behind the number of that.
pub fn named_avro(chance: &mut Chance, source: &Source, row: &Row) -> Vec<u8> {
    let writing = pick(chance, &Writing::ALL);
    [&[0_u8][..], &writing.number(source).to_be_bytes(), &datum(chance, source, row, writing)].concat()
}

fn datum(chance: &mut Chance, source: &Source, row: &Row, writing: Writing) -> Vec<u8> {
    let mut datum = Vec::new();
    if writing == Writing::WithMore {
        push_long(&mut datum, 1);
        push_bytes(&mut datum, b"more");
    }
    for (path, declared) in writing.fields(source) {
        // A field within a record that is null is null, too.
        if path.contains('.') {
            let record_is_there = row.contains_key(path) || chance.random_bool(0.5);
            push_long(&mut datum, i64::from(record_is_there));
            if !record_is_there {
                continue;
            }
        }
        match row.get(path) {
            None => push_long(&mut datum, 0),
            Some(given) => {
                push_long(&mut datum, 1);
                value(&mut datum, given, declared);
            }
        }
    }
    datum
}

fn value(datum: &mut Vec<u8>, given: &Value, declared: &str) {
    match given {
        Value::Bool(truth) => datum.push(u8::from(*truth)),
        Value::Int32(n) | Value::Date(n) => push_long(datum, i64::from(*n)),
        Value::Int64(n) => push_long(datum, *n),
        Value::Timestamp(micros) if declared == "timestamp_ms" => push_long(datum, micros.div_euclid(1_000)),
        Value::Timestamp(micros) => push_long(datum, *micros),
        Value::Float32(x) => datum.extend(x.to_le_bytes()),
        Value::Float64(x) => datum.extend(x.to_le_bytes()),
        Value::String(text) => push_bytes(datum, text.as_bytes()),
        Value::Binary(given) => push_bytes(datum, given),
        Value::Null | Value::List(_) | Value::Map(_) => panic!("{given:?} is not written"),
    }
}

/// Appends bytes or a string.
pub fn push_bytes(datum: &mut Vec<u8>, given: &[u8]) {
    push_long(datum, i64::try_from(given.len()).expect("a short text"));
    datum.extend(given);
}

/// Appends an int or long: zigzag, seven bits a byte, the least first.
pub fn push_long(datum: &mut Vec<u8>, n: i64) {
    let mut rest = ((n << 1) ^ (n >> 63)).cast_unsigned();
    while rest > 0x7f {
        datum.push(u8::try_from(rest & 0x7f).expect("seven bits") | 0x80);
        rest >>= 7;
    }
    datum.push(u8::try_from(rest).expect("seven bits"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longs_are_as_in_the_specification() {
        for (n, expected) in [(0, &[0][..]), (-1, &[1]), (1, &[2]), (-64, &[0x7f]), (64, &[0x80, 1])] {
            let mut datum = Vec::new();
            push_long(&mut datum, n);
            assert_eq!(datum, expected, "{n}");
        }
    }
}
