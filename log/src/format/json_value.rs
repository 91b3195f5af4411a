//! The text of one JSON value into a column.

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use thalweg_core::FieldType;

use super::column::{Column, Scalar};
use super::time::{parse_date, parse_instant};
use super::{Field, IntegerUnit};

/// Standard base64, the padding at the end optional.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How many characters of a value a reason shows.
const SHOWN_CHARS: usize = 60;

/// Reads the text of one JSON value as `field`'s type, into its column.
pub(super) fn read_value(field: &Field, text: &str, column: &mut Column, row: usize) -> Result<(), String> {
    if column.len() > row {
        return Err("appears twice".to_owned());
    }
    if text == "null" {
        column.push_null();
        return Ok(());
    }
    let wrong = || format!("{} is no {}", shown(text), field.type_name());
    match field.field_type {
        FieldType::Bool => column.push(Scalar::Bool(match text {
            "true" => true,
            "false" => false,
            _ => return Err(wrong()),
        })),
        FieldType::Int32 => column.push(Scalar::Int32(integer(field, text)?)),
        FieldType::Int64 => column.push(Scalar::Int64(integer(field, text)?)),
        FieldType::Float32 => {
            let value: f32 = float_text(text).and_then(|t| t.parse().ok()).ok_or_else(wrong)?;
            check_range(field, text, value.is_infinite())?;
            column.push(Scalar::Float32(value))
        }
        FieldType::Float64 => {
            let value: f64 = float_text(text).and_then(|t| t.parse().ok()).ok_or_else(wrong)?;
            check_range(field, text, value.is_infinite())?;
            column.push(Scalar::Float64(value))
        }
        FieldType::String => column.push(Scalar::String(&string(text)?.ok_or_else(wrong)?)),
        FieldType::Binary => {
            let text = string(text)?.ok_or_else(wrong)?;
            let bytes = BASE64.decode(text.as_bytes()).map_err(|e| format!("{} (base64): {e}", wrong()))?;
            column.push(Scalar::Binary(&bytes))
        }
        FieldType::Date => {
            let days = match string(text)? {
                None if field.unit == IntegerUnit::Days => Some(integer(field, text)?),
                written => written.and_then(|text| parse_date(&text)),
            };
            column.push(Scalar::Int32(days.ok_or_else(|| format!("{} (YYYY-MM-DD)", wrong()))?))
        }
        FieldType::Timestamp => {
            let micros = match string(text)? {
                Some(instant) => {
                    parse_instant(&instant).ok_or_else(|| format!("{} (RFC 3339, or an integer)", wrong()))?
                }
                None => integer::<i64>(field, text)?
                    .checked_mul(field.unit.micros())
                    .ok_or_else(|| out_of_range(field, text))?,
            };
            column.push(Scalar::Int64(micros))
        }
    }
}

/// An integer written as one: no fraction, no exponent.
fn integer<T: std::str::FromStr>(field: &Field, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| {
        if text.strip_prefix('-').unwrap_or(text).bytes().all(|b| b.is_ascii_digit()) {
            out_of_range(field, text)
        } else {
            format!("{} is no {}", shown(text), field.type_name())
        }
    })
}

/// What Rust's reader of floats takes for the value, which reads every JSON number, correctly rounded.
fn float_text(text: &str) -> Option<&str> {
    match text {
        r#""NaN""# => Some("NaN"),
        r#""Infinity""# => Some("inf"),
        r#""-Infinity""# => Some("-inf"),
        number if number.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => Some(number),
        _ => None,
    }
}

/// Refuses numbers so large that they round to infinity.
fn check_range(field: &Field, text: &str, is_infinite: bool) -> Result<(), String> {
    if is_infinite && !text.starts_with('"') { Err(out_of_range(field, text)) } else { Ok(()) }
}

fn out_of_range(field: &Field, text: &str) -> String {
    format!("{} is out of the range of {}", shown(text), field.type_name())
}

/// The string that a JSON text writes, or nothing if it writes something else.
fn string(text: &str) -> Result<Option<Cow<'_, str>>, String> {
    let Some(inner) = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')) else { return Ok(None) };
    if !inner.contains('\\') {
        return Ok(Some(Cow::Borrowed(inner)));
    }
    let unescaped = String::deserialize(&mut serde_json::Deserializer::from_str(text));
    unescaped.map(|text| Some(Cow::Owned(text))).map_err(|e| format!("{} is no text: {e}", shown(text)))
}

fn shown(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(SHOWN_CHARS) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Format;
    use crate::format::test_support::{columns_text, decode, spec};
    use proptest::prelude::*;

    /// What becomes of `{"a": text}` where `a` is declared as `type_name`: the value as text, or the reason.
    fn read(type_name: &str, text: &str) -> Result<String, String> {
        let field = Field::declared("a", type_name).expect("a type");
        let decoded = decode(&spec(Format::Json, vec![field]), &[format!(r#"{{"a": {text}}}"#).as_bytes()]);
        match decoded.dead.first() {
            Some(dead) => Err(dead.reason.clone()),
            None => Ok(columns_text(&decoded.columns).remove(0)),
        }
    }

    #[test]
    fn values_are_read_as_their_types() {
        for (type_name, text, value) in [
            ("bool", "true", "true"),
            ("bool", "false", "false"),
            ("bool", "null", "null"),
            ("int32", "-2147483648", "-2147483648"),
            ("int32", "-0", "0"),
            ("int64", "9223372036854775807", "9223372036854775807"),
            ("int64", "-9223372036854775808", "-9223372036854775808"),
            ("int64", "9007199254740993", "9007199254740993"),
            ("float32", "16777217", "16777216.0"),
            // Halfway between two floats, and a little more: by way of a double it would round down.
            ("float32", "1.000000059604644775390625", "1.0"),
            ("float32", "1.00000005960464477539062501", "1.0000001"),
            ("float32", "1e-46", "0.0"),
            ("float32", r#""-Infinity""#, "-inf"),
            ("float64", "5", "5.0"),
            ("float64", "-0.0", "-0.0"),
            ("float64", "-0", "-0.0"),
            ("float64", "2.2250738585072011e-308", "2.225073858507201e-308"),
            ("float64", "1.00000000000000011102230246251565404236316680908203126", "1.0000000000000002"),
            ("float64", "9223372036854775807999", "9.223372036854776e21"),
            ("float64", r#""NaN""#, "NaN"),
            ("float64", r#""Infinity""#, "inf"),
            ("string", r#""""#, r#""""#),
            ("string", r#""Zürich \u00fc\ud83d\ude00\n\"""#, r#""Zürich ü😀\n\"""#),
            ("binary", r#""AAH/""#, "[0, 1, 255]"),
            ("binary", r#""AA==""#, "[0]"),
            ("binary", r#""AA""#, "[0]"),
            ("binary", r#""""#, "[]"),
            ("date", r#""1970-01-02""#, "1"),
            ("timestamp", r#""1970-01-01T00:00:01.0000015Z""#, "1000001"),
            ("timestamp", r#""1970-01-01T00:00:01""#, "1000000"),
            ("timestamp", "-5", "-5"),
            ("timestamp_ms", "-5", "-5000"),
            ("timestamp_s", "9223372036854", "9223372036854000000"),
            ("timestamp_s", r#""1970-01-01T00:00:01+00:01""#, "-59000000"),
        ] {
            assert_eq!(read(type_name, text).as_deref(), Ok(value), "{type_name} {text}");
        }
    }

    #[test]
    fn values_of_other_types_are_refused_with_a_reason() {
        for (type_name, text, reason) in [
            ("bool", "1", "field `a`: 1 is no bool"),
            ("bool", r#""true""#, r#"field `a`: "true" is no bool"#),
            ("int32", "2147483648", "field `a`: 2147483648 is out of the range of int32"),
            ("int32", "5.0", "field `a`: 5.0 is no int32"),
            ("int32", r#""5""#, r#"field `a`: "5" is no int32"#),
            ("int64", "-9223372036854775809", "field `a`: -9223372036854775809 is out of the range of int64"),
            ("int64", "1e3", "field `a`: 1e3 is no int64"),
            ("int64", "[5]", "field `a`: [5] is no int64"),
            ("float32", "3.5e38", "field `a`: 3.5e38 is out of the range of float32"),
            ("float64", "1e400", "field `a`: 1e400 is out of the range of float64"),
            ("float64", r#""nan""#, r#"field `a`: "nan" is no float64"#),
            ("float64", r#""1.5""#, r#"field `a`: "1.5" is no float64"#),
            ("float64", "true", "field `a`: true is no float64"),
            ("string", "5", "field `a`: 5 is no string"),
            ("string", r#"{"b": 1}"#, r#"field `a`: {"b": 1} is no string"#),
            ("string", r#""\ud800""#, r#"field `a`: "\ud800" is no text"#),
            ("binary", r#""A!==""#, r#"field `a`: "A!==" is no binary (base64)"#),
            ("binary", "[0, 1]", "field `a`: [0, 1] is no binary"),
            ("date", "19000", "field `a`: 19000 is no date (YYYY-MM-DD)"),
            ("date", r#""2013-02-29""#, r#"field `a`: "2013-02-29" is no date (YYYY-MM-DD)"#),
            ("timestamp", "1.5", "field `a`: 1.5 is no timestamp"),
            (
                "timestamp",
                r#""yesterday""#,
                r#"field `a`: "yesterday" is no timestamp (RFC 3339, or an integer)"#,
            ),
            ("timestamp_s", "9223372036855", "field `a`: 9223372036855 is out of the range of timestamp_s"),
        ] {
            let found = read(type_name, text).expect_err("of another type");
            assert!(found.starts_with(reason), "{type_name} {text}: {found}");
        }
        let long = format!("\"{}\"", "ü".repeat(1_000));
        assert!(
            read("int32", &long).expect_err("text").contains(&format!("\"{}… is no int32", "ü".repeat(59)))
        );
    }

    #[test]
    fn integer_units_count_only_where_declared() {
        let field = Field { unit: IntegerUnit::Seconds, ..Field::new("a", FieldType::Int64) };
        let decoded = decode(&spec(Format::Json, vec![field]), &[br#"{"a": 7}"#]);
        assert_eq!(columns_text(&decoded.columns), ["7"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn floats_are_correctly_rounded(bits in any::<u64>(), digits in "[1-9][0-9]{0,30}", exponent in -360..330) {
            let text = format!("{digits}e{exponent}");
            for text in [text, format!("{:e}", f64::from_bits(bits & !(1 << 62)))] {
                let double: f64 = text.parse().expect("a number");
                let float: f32 = text.parse().expect("a number");
                if double.is_finite() {
                    prop_assert_eq!(read("float64", &text), Ok(format!("{double:?}")));
                }
                if float.is_finite() {
                    prop_assert_eq!(read("float32", &text), Ok(format!("{float:?}")));
                }
            }
        }
    }
}
