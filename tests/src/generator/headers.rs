//! Headers of records.

use rand::Rng;
use thalweg_core::Value;

use super::Chance;
use super::json::spell;
use crate::definition::{Row, Source};
use crate::spec::Headers;

/// The headers that a decoder of `source` must read as those of `row`: the last one of a name counts.
pub fn headers(chance: &mut Chance, source: &Source, row: &Row) -> Headers {
    let mut headers = Headers::new();
    for (path, declared) in &source.around {
        let Some(name) = path.strip_prefix("@header.") else { continue };
        if chance.random_bool(0.2) {
            headers.push((name.to_owned(), Some(b"an earlier one".to_vec())));
        }
        match row.get(path) {
            Some(Value::String(text)) => headers.push((name.to_owned(), Some(text.as_bytes().to_vec()))),
            Some(value) => {
                let spelt = spell(chance, value, declared);
                let bare = if chance.random_bool(0.5) { spelt.trim_matches('"') } else { &spelt };
                headers.push((name.to_owned(), Some(bare.as_bytes().to_vec())));
            }
            // As if it were not there: nothing, or what is no text.
            None if chance.random_bool(0.5) => headers.push((name.to_owned(), None)),
            None if chance.random_bool(0.5) => headers.push((name.to_owned(), Some(vec![0xff]))),
            None => headers.retain(|(header, _)| header != name),
        }
    }
    if chance.random_bool(0.1) {
        headers.push(("nobody_asked".to_owned(), None));
    }
    headers
}
