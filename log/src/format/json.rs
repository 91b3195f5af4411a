//! JSON objects into columns.
//!
//! serde_json finds its way through the object and hands over the text of each value in use, which is then
//! read as its field's type: no tree of values is built, integers and floats are read from their own digits
//! (exact, and correctly rounded for float32 as for float64), and a reason can show what was found.
//! arrow-json is not used: it takes text for numbers, truncates the fractions of integers, lets the last of
//! two equal names win, and its errors spoil a whole batch without saying which record they are about.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::column::Column;
use super::field::FieldPlace;
use super::json_value::read_value;
use super::{Field, RECORD_KEY_FIELDS};

/// Reads JSON objects, picking some fields.
#[derive(Debug)]
pub(super) struct JsonReader {
    root: Object,
    fields: Vec<Field>,
}

/// The members of an object that are, or hold, fields; sorted by name, shorter names first, so that looking
/// one up mostly compares lengths.
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
    /// A reader that puts field `i` into column `i`, but for those that stand for something outside the
    /// value. The fields must not clash.
    pub(super) fn new(fields: Vec<Field>) -> Self {
        Self::over(fields, "", |place| match place {
            FieldPlace::Value(path) => Some(path),
            _ => None,
        })
    }

    /// A reader of records' keys that puts field `i` into column `i`, where that lies in the key.
    pub(super) fn of_keys(fields: Vec<Field>) -> Self {
        Self::over(fields, RECORD_KEY_FIELDS, |place| match place {
            FieldPlace::InKey(path) => Some(path),
            _ => None,
        })
    }

    /// A reader of change events that puts field `i` into column `i`, where that lies around the row.
    pub(super) fn around_row(fields: Vec<Field>) -> Self {
        Self::over(fields, "@", |place| match place {
            FieldPlace::AroundRow(path) => Some(path),
            _ => None,
        })
    }

    /// A reader of the fields that have a path in its objects. `prefix` is what their names have before it.
    fn over(
        fields: Vec<Field>,
        prefix: &str,
        path_of: impl for<'f> Fn(FieldPlace<'f>) -> Option<&'f str>,
    ) -> Self {
        let mut root = Object::default();
        for (number, field) in fields.iter().enumerate() {
            if let Some(path) = field.place().and_then(&path_of) {
                root.insert(prefix, path, number);
            }
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
    fn insert(&mut self, prefix: &str, path: &str, number: usize) {
        let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
        let full = format!("{prefix}{name}");
        let place = self.place(name);
        let kind = match rest {
            None => Kind::Field(number),
            Some(_) => Kind::Object(Self::default()),
        };
        let place = place.unwrap_or_else(|place| {
            self.members.insert(place, Member { name: name.to_owned(), path: full.clone(), kind });
            place
        });
        if let (Some(rest), Kind::Object(object)) = (rest, &mut self.members[place].kind) {
            object.insert(&format!("{full}."), rest, number);
        }
    }

    fn member(&self, name: &str) -> Option<&Member> {
        self.members.get(self.place(name).ok()?)
    }

    /// Where the member of this name is, or would be.
    fn place(&self, name: &str) -> Result<usize, usize> {
        self.members
            .binary_search_by(|m| m.name.len().cmp(&name.len()).then_with(|| m.name.as_str().cmp(name)))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Format;
    use crate::format::test_support::{columns_text, decode, spec};
    use proptest::prelude::*;
    use thalweg_core::FieldType;

    /// What becomes of an object whose member `a` is declared as `type_name`: its value as text, or the
    /// reason.
    fn read_object(type_name: &str, payload: &[u8]) -> Result<String, String> {
        let field = Field::declared("a", type_name).expect("a type");
        let decoded = decode(&spec(Format::Json, vec![field]), &[payload]);
        match decoded.dead.first() {
            Some(dead) => Err(dead.reason.clone()),
            None => Ok(columns_text(&decoded.columns).remove(0)),
        }
    }

    #[test]
    fn payloads_that_are_no_object_are_refused_with_a_reason() {
        let deep = [b"[".repeat(100_000), b"]".repeat(100_000)].concat();
        for (payload, reason) in [
            (&b"{"[..], "not the expected JSON: EOF while parsing"),
            (b" ", "not the expected JSON: EOF while parsing"),
            (b"null", "not the expected JSON: invalid type: null, expected an object"),
            (b"17", "not the expected JSON: invalid type: integer `17`, expected an object"),
            (b"\"{}\"", "not the expected JSON: invalid type: string \"{}\", expected an object"),
            (b"[{\"a\": 1}]", "not the expected JSON: invalid type: sequence, expected an object"),
            (b"{\"a\": 1} {\"a\": 2}", "not the expected JSON: trailing characters"),
            (b"{\"a\": 1},", "not the expected JSON: trailing characters"),
            (b"{\"a\": 1,}", "not the expected JSON: trailing comma"),
            (b"{'a': 1}", "not the expected JSON: key must be a string"),
            (b"{\"b\": 01}", "not the expected JSON: invalid number"),
            (b"{\"b\": nan}", "not the expected JSON: expected ident"),
            (b"{\"a\": }", "field `a`: expected value"),
            (b"{\"a\": 1, \"a\": 1}", "field `a`: appears twice"),
            (b"{\"a\": null, \"\\u0061\": 1}", "field `a`: appears twice"),
            (b"{\"b\": \"\xff\"}", "not UTF-8: byte 7 is no part of a character"),
            (b"\xef\xbb\xbf{}", "not the expected JSON: expected value"),
            (&deep, "not the expected JSON: "),
        ] {
            let found = read_object("int32", payload).expect_err("no object");
            assert!(
                found.starts_with(reason),
                "{}: {found}",
                String::from_utf8_lossy(&payload[..payload.len().min(40)])
            );
        }
        // What is not in use may be anything, however deep.
        assert_eq!(
            read_object("int32", &[b"{\"b\": ", &deep[..], b", \"a\": 1}"].concat()).as_deref(),
            Ok("1")
        );
    }

    #[test]
    fn paths_reach_into_objects() {
        let fields = ["a.b.c", "a.b.d", "a.e", "f"].map(|name| Field::new(name, FieldType::Int32));
        let payloads: Vec<&[u8]> = vec![
            br#"{"f": 4, "a": {"e": 3, "x": {"c": 9}, "b": {"d": 2, "c": 1}}, "c": 8}"#,
            br#"{"a": {"b": null, "e": 3}}"#,
            br#"{"a": null}"#,
            br#"{"a": {}}"#,
            br#"{"a": 5}"#,
            br#"{"a": {"b": {"c": "x"}}}"#,
            br#"{"a": {"b": [1]}, "f": 4}"#,
        ];
        let decoded = decode(&spec(Format::Json, fields.to_vec()), &payloads);
        assert_eq!(
            columns_text(&decoded.columns),
            ["1, null, null, null", "2, null, null, null", "3, 3, null, null", "4, null, null, null"]
        );
        let reasons: Vec<_> = decoded.dead.iter().map(|dead| dead.reason.as_str()).collect();
        assert_eq!(
            reasons,
            [
                "field `a`: invalid type: integer `5`, expected an object at line 1 column 7",
                "field `a.b.c`: \"x\" is no int32 at line 1 column 22",
                "field `a.b`: invalid type: sequence, expected an object at line 1 column 13",
            ]
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn any_bytes_are_borne(bytes in prop::collection::vec(any::<u8>(), 1..200), cut in 0_usize..60) {
            let json = br#"{"a": -1.5e3, "b": ["x\u0041", {"c": null}], "d": {"e": "NaN"}}"#;
            let mut spoilt = json[..cut].to_vec();
            spoilt.extend(&bytes);
            let fields = vec![Field::new("a", FieldType::Float64), Field::new("d.e", FieldType::Float32)];
            let spec = spec(Format::Json, fields);
            let decoded = decode(&spec, &[&bytes, json, &spoilt]);
            prop_assert_eq!(decoded.dead.len() + decoded.num_rows(), 3);
            prop_assert!(decoded.offsets.contains(&1));
        }
    }
}
