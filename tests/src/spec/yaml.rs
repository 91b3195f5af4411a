//! YAML as specification files use it: a tree of texts that knows its lines.

use std::fmt;

use saphyr_parser::{Event, Parser, ScalarStyle};

use crate::harness::Outcome;

/// A part of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The line of the file it begins in, from 1.
    pub line: usize,
    /// What stands there.
    pub content: Content,
}

/// What can stand in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Nothing, or `null`.
    Null,
    /// A text, and whether it stands without quotes: only then can it be a number or a boolean.
    Scalar(String, bool),
    /// A list.
    List(Vec<Node>),
    /// Keys and what they have, in order.
    Map(Vec<(String, Node)>),
}

/// A list or map that has begun and not ended; a map with the key whose value comes next.
enum Open {
    List(Vec<Node>),
    Map(Vec<(String, Node)>, Option<String>),
}

/// Reads one document, which begins in line `first_line` of its file.
///
/// # Errors
/// If it is no YAML, has a key twice, or anchors and tags, which nothing here needs.
pub fn parse(text: &str, first_line: usize) -> Outcome<Node> {
    let mut open: Vec<(usize, Open)> = Vec::new();
    let mut document = None;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            format!("line {}: not YAML: {}", first_line - 1 + error.marker().line(), error.info())
        })?;
        let line = first_line - 1 + span.start.line();
        let finished = match event {
            Event::SequenceStart(0, None) => {
                open.push((line, Open::List(Vec::new())));
                continue;
            }
            Event::MappingStart(0, None) => {
                open.push((line, Open::Map(Vec::new(), None)));
                continue;
            }
            Event::Scalar(text, style, 0, None) => {
                let plain = style == ScalarStyle::Plain;
                match &*text {
                    "" | "~" | "null" if plain => Node { line, content: Content::Null },
                    _ => Node { line, content: Content::Scalar(text.into_owned(), plain) },
                }
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some((line, Open::List(items))) => Node { line, content: Content::List(items) },
                Some((line, Open::Map(entries, _))) => Node { line, content: Content::Map(entries) },
                None => return Err(format!("line {line}: an end without a beginning")),
            },
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => continue,
            _ => return Err(format!("line {line}: anchors, aliases and tags have no place here")),
        };
        match open.last_mut() {
            None => document = Some(finished),
            Some((_, Open::List(items))) => items.push(finished),
            Some((_, Open::Map(entries, key))) => match (key.take(), finished.content) {
                (Some(key), content) => entries.push((key, Node { line: finished.line, content })),
                (None, Content::Scalar(text, _)) if entries.iter().any(|(known, _)| *known == text) => {
                    return Err(format!("line {line}: `{text}` is here a second time"));
                }
                (None, Content::Scalar(text, _)) => *key = Some(text),
                (None, _) => return Err(format!("line {line}: a key must be a text")),
            },
        }
    }
    Ok(document.unwrap_or(Node { line: first_line, content: Content::Null }))
}

impl Node {
    /// The entries of a map.
    ///
    /// # Errors
    /// If it is none; `what` says what was expected.
    pub fn entries(&self, what: &str) -> Outcome<&[(String, Self)]> {
        match &self.content {
            Content::Map(entries) => Ok(entries),
            _ => Err(self.wrong(what)),
        }
    }

    /// The items of a list.
    ///
    /// # Errors
    /// If it is none; `what` says what was expected.
    pub fn items(&self, what: &str) -> Outcome<&[Self]> {
        match &self.content {
            Content::List(items) => Ok(items),
            _ => Err(self.wrong(what)),
        }
    }

    /// The text of a scalar, quoted or not.
    ///
    /// # Errors
    /// If it is none; `what` says what was expected.
    pub fn text(&self, what: &str) -> Outcome<&str> {
        match &self.content {
            Content::Scalar(text, _) => Ok(text),
            _ => Err(self.wrong(what)),
        }
    }

    /// What a map has under `key`, if it is a map and has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.content {
            Content::Map(entries) => entries.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// That something else was expected here.
    pub fn wrong(&self, what: &str) -> String {
        format!("line {}: expected {what}, found {self}", self.line)
    }
}

/// `text` in double quotes, as both YAML and JSON read it.
pub fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text")
}

/// `text` as a scalar that is read as a text again, whatever stands around it.
pub fn written(text: &str) -> String {
    let word = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !matches!(text, "null" | "true" | "false");
    if word { text.to_owned() } else { quoted(text) }
}

/// The node on one line, to be read as itself.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.content {
            Content::Null => f.write_str("null"),
            // A plain text that something around it could change is quoted; a number or boolean cannot be
            // changed.
            Content::Scalar(text, true)
                if text.chars().all(|c| c.is_ascii_alphanumeric() || "._+-".contains(c)) =>
            {
                f.write_str(text)
            }
            Content::Scalar(text, _) => f.write_str(&quoted(text)),
            Content::List(items) => {
                f.write_str("[")?;
                for (n, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if n == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            Content::Map(entries) => {
                f.write_str("{")?;
                for (n, (key, value)) in entries.iter().enumerate() {
                    write!(f, "{}{}: {value}", if n == 0 { "" } else { ", " }, quoted(key))?;
                }
                f.write_str("}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let text =
            "a: [1, -0.0, \"1\", null, ~, coalesce(a)]\nb:\n  c: case x, y\n  'd e': \"\\u0000\\\"\"\n";
        let node = parse(text, 10).expect("YAML");
        assert_eq!((node.line, node.get("b").expect("there").line), (10, 12));
        let again = parse(&node.to_string(), 1).expect("YAML");
        assert_eq!(again.to_string(), node.to_string());
        let a = again.get("a").expect("there").items("a list").expect("a list").to_vec();
        assert_eq!(a[1].content, Content::Scalar("-0.0".to_owned(), true));
        assert_eq!(a[2].content, Content::Scalar("1".to_owned(), false));
        assert_eq!((a[3].content.clone(), a[4].content.clone()), (Content::Null, Content::Null));
    }

    #[test]
    fn texts_stay_texts() {
        for text in
            ["", "null", "true", "7", "a b", "a: b", "#", "\u{0}", "𝄞", "é", "line\nbreak", "\\", "\u{fffd}"]
        {
            let line = format!("{{x: {}}}", written(text));
            let read = parse(&line, 1).expect("YAML");
            assert_eq!(read.get("x").expect("there").text("a text"), Ok(text), "{line}");
        }
    }

    #[test]
    fn what_is_no_plain_tree_is_refused() {
        for (text, expected) in [
            ("a: 1\na: 2\n", "line 6: `a` is here a second time"),
            ("a: &x 1\n", "line 5: anchors, aliases and tags have no place here"),
            ("[a]: 1\n", "line 5: a key must be a text"),
        ] {
            assert_eq!(parse(text, 5), Err(expected.to_owned()), "{text}");
        }
        assert!(parse("a: [1\nb: 2\n", 1).expect_err("no YAML").contains("not YAML"));
    }
}
