//! JSON objects into columns.
//!
//! serde_json finds its way through the object and hands over the text of each value in use, which is then read as
//! its field's type: no tree of values is built, integers and floats are read from their own digits (exact, and
//! correctly rounded for float32 as for float64), and a reason can show what was found. arrow-json is not used:
//! it takes numbers for text and text for numbers, truncates fractions, lets the last of two equal names win, and an
//! error leaves a whole batch without saying which record it was.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use thalweg_core::FieldType;

use super::Field;
use super::column::{Column, Scalar};
use super::time::{parse_date, parse_instant};

/// Standard base64, the padding at the end optional.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How many characters of a value a reason shows.
const SHOWN_CHARS: usize = 60;

/// Reads JSON objects, picking some fields.
#[derive(Debug)]
pub(super) struct JsonReader {
    root: Object,
    fields: Vec<Field>,
}

/// The members of an object that are, or hold, fields; sorted by name.
#[derive(Debug, Default)]
struct Object {
    members: Vec<Member>,
}

#[derive(Debug)]
struct Member {
    name: String,
    path: String,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// The field of this number.
    Field(usize),
    Object(Object),
}

impl JsonReader {
    /// A reader that puts field `i` into column `i`, but for those that stand for something outside the value. The
    /// fields must not clash.
    pub(super) fn new(fields: Vec<Field>) -> Self {
        let mut root = Object::default();
        for (number, field) in fields.iter().enumerate().filter(|(_, field)| !field.is_outside_value()) {
            root.insert("", &field.name, number);
        }
        Self { root, fields }
    }

    /// Reads one object. A field that is missing appends nothing to its column, a null appends a null.
    ///
    /// # Errors
    /// What is wrong with the payload; columns may have got some of its values.
    pub(super) fn read(&self, payload: &[u8], columns: &mut [Column], row: usize) -> Result<(), String> {
        let text = std::str::from_utf8(payload)
            .map_err(|e| format!("not UTF-8: byte {} is no part of a character", e.valid_up_to()))?;
        let at = Cell::new("");
        let mut json = serde_json::Deserializer::from_str(text);
        let members =
            Members { object: &self.root, fields: &self.fields, columns, row, at: &at, may_be_null: false };
        members.deserialize(&mut json).and_then(|()| json.end()).map_err(|e| match at.get() {
            "" => format!("not the expected JSON: {e}"),
            path => format!("field `{path}`: {e}"),
        })
    }
}

impl Object {
    fn insert(&mut self, inside: &str, path: &str, number: usize) {
        let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
        let full = if inside.is_empty() { name.to_owned() } else { format!("{inside}.{name}") };
        let place = self.members.binary_search_by(|m| m.name.as_str().cmp(name));
        let kind = match rest {
            None => Kind::Field(number),
            Some(_) => Kind::Object(Self::default()),
        };
        let place = place.unwrap_or_else(|place| {
            self.members.insert(place, Member { name: name.to_owned(), path: full.clone(), kind });
            place
        });
        if let (Some(rest), Kind::Object(object)) = (rest, &mut self.members[place].kind) {
            object.insert(&full, rest, number);
        }
    }

    fn member(&self, name: &str) -> Option<&Member> {
        let place = self.members.binary_search_by(|m| m.name.as_str().cmp(name)).ok()?;
        self.members.get(place)
    }
}

/// Reads the members of one object into columns.
struct Members<'a, 'c> {
    object: &'a Object,
    fields: &'a [Field],
    columns: &'c mut [Column],
    row: usize,
    /// Path of the member being read, for reasons; empty between members.
    at: &'c Cell<&'a str>,
    may_be_null: bool,
}

impl<'de> DeserializeSeed<'de> for Members<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Members<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        if self.may_be_null {
            Ok(())
        } else {
            Err(E::invalid_type(serde::de::Unexpected::Other("null"), &self))
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(member) = map.next_key_seed(Name(self.object))? {
            let Some(member) = member else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let outer = self.at.replace(&member.path);
            match &member.kind {
                Kind::Field(number) => {
                    let text: &RawValue = map.next_value()?;
                    read_value(&self.fields[*number], text.get(), &mut self.columns[*number], self.row)
                        .map_err(A::Error::custom)?;
                }
                Kind::Object(object) => map.next_value_seed(Members {
                    object,
                    fields: self.fields,
                    columns: &mut *self.columns,
                    row: self.row,
                    at: self.at,
                    may_be_null: true,
                })?,
            }
            self.at.set(outer);
        }
        Ok(())
    }
}

/// Finds the member of an object that a name stands for.
struct Name<'a>(&'a Object);

impl<'de, 'a> DeserializeSeed<'de> for Name<'a> {
    type Value = Option<&'a Member>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'a> Visitor<'_> for Name<'a> {
    type Value = Option<&'a Member>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.member(name))
    }
}

/// Reads the text of one JSON value as `field`'s type, into its column.
fn read_value(field: &Field, text: &str, column: &mut Column, row: usize) -> Result<(), String> {
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
            let days = string(text)?.and_then(|text| parse_date(&text));
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
