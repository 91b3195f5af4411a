//! Rows of fields as JSON, in the spellings that a JSON source allows.

use std::fmt::Write;

use rand::Rng;
use thalweg_core::Value;

use super::Chance;
use super::values::pick;
use crate::definition::{Row, Source};

/// The JSON object that a decoder of `source` must read as `row`.
pub fn json(chance: &mut Chance, source: &Source, row: &Row) -> Vec<u8> {
    let mut members = Vec::new();
    for (path, declared) in &source.fields {
        let text = match row.get(path) {
            Some(value) => spell(chance, value, declared),
            None if chance.random_bool(0.5) => continue,
            None => "null".to_owned(),
        };
        // Only one field of a source lies inside a record, so the record is written where it is met.
        members.push(match path.split_once('.') {
            Some((record, field)) => format!("\"{record}\":{{\"{field}\":{text}}}"),
            None => format!("\"{path}\":{text}"),
        });
    }
    if chance.random_bool(0.1) {
        members.push("\"nobody_asked\": [1, {\"a\": \"}\"}, null]".to_owned());
    }
    format!("{{{}}}", members.join(pick(chance, &[",", ", ", " ,\n"]))).into_bytes()
}

/// A value of a field that is declared as `declared`.
pub(super) fn spell(chance: &mut Chance, value: &Value, declared: &str) -> String {
    match value {
        Value::Bool(truth) => truth.to_string(),
        Value::Int32(n) => n.to_string(),
        Value::Int64(n) => n.to_string(),
        Value::Float32(x) if x.is_finite() => format!("{x:?}"),
        Value::Float64(x) if x.is_finite() => format!("{x:?}"),
        Value::Float32(x) => format!("\"{}\"", not_finite(f64::from(*x))),
        Value::Float64(x) => format!("\"{}\"", not_finite(*x)),
        Value::String(text) => serde_json::to_string(&**text).expect("a text"),
        Value::Binary(bytes) => format!("\"{}\"", base64(bytes)),
        Value::Date(days) => format!("\"{}\"", date(i64::from(*days))),
        Value::Timestamp(micros) => timestamp(chance, *micros, declared),
        Value::Null | Value::List(_) | Value::Map(_) => panic!("{value:?} is not spelt"),
    }
}

fn not_finite(x: f64) -> &'static str {
    match (x.is_nan(), x > 0.0) {
        (true, _) => "NaN",
        (false, true) => "Infinity",
        (false, false) => "-Infinity",
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits =
            three.iter().enumerate().fold(0, |bits, (n, byte)| bits | usize::from(*byte) << (16 - 8 * n));
        for digit in 0..4 {
            let shown = digit <= three.len();
            text.push(if shown { char::from(DIGITS[bits >> (18 - 6 * digit) & 63]) } else { '=' });
        }
    }
    text
}

/// An integer in the declared unit, or RFC 3339 where a year of four digits can say it.
fn timestamp(chance: &mut Chance, micros: i64, declared: &str) -> String {
    let in_four_digits = (-62_135_596_800_000_000..253_402_300_800_000_000).contains(&micros);
    if !in_four_digits || chance.random_bool(0.7) {
        return match declared {
            "timestamp_s" => micros.div_euclid(1_000_000),
            "timestamp_ms" => micros.div_euclid(1_000),
            _ => micros,
        }
        .to_string();
    }
    let (day, of_day) = (micros.div_euclid(86_400_000_000), micros.rem_euclid(86_400_000_000));
    let (second, micro) = (of_day / 1_000_000, of_day % 1_000_000);
    let mut text =
        format!("\"{}T{:02}:{:02}:{:02}", date(day), second / 3_600, second / 60 % 60, second % 60);
    match chance.random_range(0..3) {
        0 if micro == 0 => {}
        // Finer input is floored.
        1 => write!(text, ".{micro:06}{:03}", chance.random_range(0..1_000))
            .expect("a string takes everything"),
        _ => write!(text, ".{micro:06}").expect("a string takes everything"),
    }
    text + pick(chance, &["Z\"", "+00:00\""])
}

/// A day since the epoch as year, month and day (the civil calendar, by eras of 400 years that begin in March).
fn date(day: i64) -> String {
    let since = day + 719_468;
    let (era, of_era) = (since.div_euclid(146_097), since.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day_of_month = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day_of_month:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_days_are_spelt_as_everywhere() {
        assert_eq!(
            ["", "f", "fo", "foo", "foob"].map(|t| base64(t.as_bytes())),
            ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]
        );
        assert_eq!(
            [0, -1, 15_887, 11_016].map(date),
            ["1970-01-01", "1969-12-31", "2013-07-01", "2000-02-29"]
        );
    }
}
