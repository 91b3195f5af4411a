//! From the events of a YAML parser to a tree.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span};

use super::tree::{Content, Entry, Node, Origin, Scalar};
use crate::mistakes::{Mistakes, Place};

/// How deep lists and maps may stand in each other.
const DEEPEST: usize = 64;

/// How many nodes the aliases of one file may stand for in all.
const MOST_ALIASED: usize = 100_000;

/// How many bytes of text count as one node among those.
const TEXT_OF_A_VALUE: usize = 16;

/// Bytes of a line up to which places in it are found by counting characters.
const LONGEST_COUNTED: usize = 10_000;

/// The documents of `text`, a file called `file`; `None` with one mistake if it is not YAML or has an alias
/// that cannot be followed. Keys that appear twice are mistakes too, but leave a tree.
pub(crate) fn parse(file: &str, text: &str, mistakes: &mut Mistakes) -> Option<Vec<Node>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut builder = Builder::new(file, text);
    for event in Parser::new_from_str(text) {
        let taken = match event {
            Ok((event, span)) => builder.take(event, span, mistakes),
            Err(error) => Err((builder.place(*error.marker()), format!("not YAML: {}", error.info()))),
        };
        if let Err((place, message)) = taken {
            mistakes.add(&place, message);
            return None;
        }
    }
    Some(builder.documents)
}

/// Why building the tree cannot go on, and where.
type Halt = (Place, String);

/// A list or map that has begun and not ended.
struct Open {
    place: Place,
    anchor: usize,
    content: OpenContent,
}

enum OpenContent {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, seen: HashSet<String>, key: Option<(String, Place)> },
}

struct Builder<'a> {
    file: Rc<str>,
    /// The lines of the text, each with whether it is all ASCII.
    lines: Vec<(&'a str, bool)>,
    documents: Vec<Node>,
    open: Vec<Open>,
    anchored: HashMap<usize, Node>,
    aliased: usize,
}

impl<'a> Builder<'a> {
    fn new(file: &str, text: &'a str) -> Self {
        Self {
            file: file.into(),
            lines: text.lines().map(|line| (line, line.is_ascii())).collect(),
            documents: Vec::new(),
            open: Vec::new(),
            anchored: HashMap::new(),
            aliased: 0,
        }
    }

    fn place(&self, marker: Marker) -> Place {
        Place { file: Rc::clone(&self.file), line: marker.line(), column: marker.col() + 1 }
    }

    fn take(&mut self, event: Event<'_>, span: Span, mistakes: &mut Mistakes) -> Result<(), Halt> {
        let place = self.place(span.start);
        match event {
            Event::SequenceStart(anchor, tag) => {
                refuse_tag(tag.is_some(), &place)?;
                self.begin(place, anchor, OpenContent::List(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                refuse_tag(tag.is_some(), &place)?;
                let content = OpenContent::Map { entries: Vec::new(), seen: HashSet::new(), key: None };
                self.begin(place, anchor, content)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open { place, anchor, content }) => {
                    let content = match content {
                        OpenContent::List(items) => Content::List(items),
                        OpenContent::Map { entries, .. } => Content::Map(entries),
                    };
                    self.complete(Node { place, content }, anchor, mistakes)
                }
                None => Err((place, "not YAML: an end without a beginning".to_owned())),
            },
            Event::Scalar(text, style, anchor, tag) => {
                refuse_tag(tag.is_some(), &place)?;
                let content = self.scalar(&text, style, span.start);
                self.complete(Node { place, content }, anchor, mistakes)
            }
            Event::Alias(anchor) => {
                let node = self.follow(anchor, place)?;
                self.complete(node, 0, mistakes)
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn begin(&mut self, place: Place, anchor: usize, content: OpenContent) -> Result<(), Halt> {
        if self.open.len() == DEEPEST {
            return Err((place, too_deep()));
        }
        self.open.push(Open { place, anchor, content });
        Ok(())
    }

    /// A copy of what an alias stands for.
    fn follow(&mut self, anchor: usize, place: Place) -> Result<Node, Halt> {
        let Some(node) = self.anchored.get(&anchor) else {
            let message = "this alias stands inside what it refers to: a definition cannot contain itself";
            return Err((place, message.to_owned()));
        };
        let (size, depth) = measure(node);
        self.aliased += size;
        if self.aliased > MOST_ALIASED {
            let message = format!(
                "the aliases of this file stand for more than {MOST_ALIASED} values, {TEXT_OF_A_VALUE} bytes of \
                 text counting as one"
            );
            return Err((place, message));
        }
        if self.open.len() + depth > DEEPEST {
            return Err((place, too_deep()));
        }
        Ok(node.clone())
    }

    /// Puts a finished node where it belongs.
    fn complete(&mut self, node: Node, anchor: usize, mistakes: &mut Mistakes) -> Result<(), Halt> {
        if anchor != 0 {
            self.anchored.insert(anchor, node.clone());
        }
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.documents.push(node),
            Some(OpenContent::List(items)) => items.push(node),
            Some(OpenContent::Map { entries, seen, key }) => match (key.take(), node.content) {
                (Some((key, place)), content) => {
                    let value = Node { place: node.place, content };
                    if seen.insert(key.clone()) {
                        entries.push(Entry { key, place, value });
                    } else {
                        let first = entries.iter().find(|entry| entry.key == key);
                        let line = first.map_or(0, |first| first.place.line);
                        mistakes.add(
                            &place,
                            format!("the key `{key}` is here a second time; the first is in line {line}"),
                        );
                    }
                }
                (None, Content::Scalar(scalar)) => *key = Some((scalar.text, node.place)),
                (None, _) => return Err((node.place, "a key must be a text".to_owned())),
            },
        }
        Ok(())
    }

    fn scalar(&self, text: &str, style: ScalarStyle, start: Marker) -> Content {
        let plain = style == ScalarStyle::Plain;
        if plain && matches!(text, "" | "~" | "null" | "Null" | "NULL") {
            return Content::Null;
        }
        let origin = match style {
            ScalarStyle::Plain => self.verbatim(text, start, 0),
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => self.verbatim(text, start, 1),
            ScalarStyle::Literal => self.verbatim_block(text, start),
            ScalarStyle::Folded => Origin::Folded,
        };
        Content::Scalar(Scalar { text: text.to_owned(), plain, origin })
    }

    /// The origin of a text of one line that should stand `opening` characters after `start`.
    fn verbatim(&self, text: &str, start: Marker, opening: usize) -> Origin {
        let first = start.col() + opening;
        let stands_there = match self.lines.get(start.line() - 1) {
            Some((line, true)) => line.get(first..).is_some_and(|rest| rest.starts_with(text)),
            // Counting characters takes time that a file of one long line would pay once for each text.
            Some((line, false)) if line.len() <= LONGEST_COUNTED => {
                let mut rest = line.chars().skip(first);
                text.chars().all(|c| rest.next() == Some(c))
            }
            _ => false,
        };
        if stands_there {
            Origin::Verbatim { line: start.line(), column: first + 1, indent: 0 }
        } else {
            Origin::Folded
        }
    }

    /// The origin of a text whose lines should stand below the line of `start`, each after the same indent.
    fn verbatim_block(&self, text: &str, start: Marker) -> Origin {
        let first_line = text.lines().next().unwrap_or_default();
        // The parser marks a block by its indicator or by its first character.
        for line in [start.line() + 1, start.line()] {
            let before = self.lines.get(line - 1).and_then(|(there, _)| there.strip_suffix(first_line));
            let Some(indent) = before.filter(|before| before.trim().is_empty()).map(str::len) else {
                continue;
            };
            let stands_there = text
                .lines()
                .zip(&self.lines[line - 1..])
                .all(|(expected, (there, _))| expected.is_empty() || there.get(indent..) == Some(expected));
            if stands_there {
                return Origin::Verbatim { line, column: indent + 1, indent };
            }
        }
        Origin::Folded
    }
}

fn refuse_tag(tagged: bool, place: &Place) -> Result<(), Halt> {
    if tagged { Err((place.clone(), "YAML tags (`!…`) have no meaning here".to_owned())) } else { Ok(()) }
}

fn too_deep() -> String {
    format!("lists and maps stand more than {DEEPEST} deep in each other")
}

/// How many nodes there are in `node`, itself included and long texts counted as several, and how many lists
/// and maps deep it is.
fn measure(node: &Node) -> (usize, usize) {
    let size_of = |text: &str| 1 + text.len() / TEXT_OF_A_VALUE;
    let add =
        |(size, depth): (usize, usize), (more, deeper): (usize, usize)| (size + more, depth.max(deeper + 1));
    match &node.content {
        Content::Null => (1, 0),
        Content::Scalar(scalar) => (size_of(&scalar.text), 0),
        Content::List(items) => items.iter().map(measure).fold((1, 1), add),
        Content::Map(entries) => {
            let sizes = entries.iter().map(|entry| {
                let (size, depth) = measure(&entry.value);
                (size + size_of(&entry.key), depth)
            });
            sizes.fold((1, 1), add)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only_document(text: &str) -> Node {
        let mut mistakes = Mistakes::default();
        let mut documents = parse("f.yaml", text, &mut mistakes).expect("well-formed YAML");
        assert!(mistakes.is_empty(), "{mistakes}");
        assert_eq!(documents.len(), 1);
        documents.remove(0)
    }

    fn mistakes_of(text: &str) -> (bool, String) {
        let mut mistakes = Mistakes::default();
        let parsed = parse("f.yaml", text, &mut mistakes).is_some();
        (parsed, mistakes.to_string())
    }

    fn value<'a>(node: &'a Node, key: &str) -> &'a Node {
        let Content::Map(entries) = &node.content else { panic!("a map, not {}", node.kind()) };
        &entries.iter().find(|entry| entry.key == key).expect("the key is there").value
    }

    #[test]
    fn places_within_a_text_are_places_of_the_file() {
        let document = only_document(concat!(
            "plain: a + b\n",
            "quoted: \"a + b\"\n",
            "escaped: \"a\\tb\"\n",
            "literal: |\n",
            "  a +\n",
            "    b\n",
            "folded: >\n",
            "  a +\n",
            "  b\n",
        ));
        for (key, line, column, expected) in [
            ("plain", 1, 5, (1, 12)),
            ("quoted", 1, 5, (2, 14)),
            ("escaped", 1, 3, (3, 10)),
            ("literal", 1, 3, (5, 5)),
            ("literal", 2, 3, (6, 5)),
            ("folded", 1, 5, (8, 3)),
        ] {
            let place = value(&document, key).place_within(line, column);
            assert_eq!((place.line, place.column), expected, "{key}");
        }
    }

    #[test]
    fn aliases_are_followed_and_never_into_themselves() {
        let document = only_document("a: &x [1, 2]\nb: *x\n");
        let Content::List(items) = &value(&document, "b").content else { panic!("b is a list") };
        assert_eq!(items.len(), 2);
        assert_eq!(
            mistakes_of("a: &x\n  b: *x\n"),
            (
                false,
                "f.yaml:2:6: this alias stands inside what it refers to: a definition cannot contain itself"
                    .to_owned()
            )
        );
    }

    #[test]
    fn a_few_lines_cannot_stand_for_very_many_values() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for i in 1..9 {
            let items = vec![format!("*a{}", i - 1); 10].join(", ");
            text += &format!("a{i}: &a{i} [{items}]\n");
        }
        let (parsed, message) = mistakes_of(&text);
        assert!(!parsed);
        assert!(message.contains("the aliases of this file stand for more than 100000 values"), "{message}");
    }

    #[test]
    fn what_is_no_tree_of_texts_is_one_mistake() {
        let deep = "[".repeat(70) + &"]".repeat(70);
        for (text, expected) in [
            ("a: 1\na: 2\n", "f.yaml:2:1: the key `a` is here a second time; the first is in line 1"),
            ("a: !x 1\n", "f.yaml:1:4: YAML tags (`!…`) have no meaning here"),
            ("[a]: 1\n", "f.yaml:1:1: a key must be a text"),
            (deep.as_str(), "f.yaml:1:65: lists and maps stand more than 64 deep in each other"),
        ] {
            assert_eq!(mistakes_of(text).1, expected, "{text}");
        }
        let (parsed, message) = mistakes_of("a: [1, 2\nb: 3\n");
        assert!(!parsed && message.starts_with("f.yaml:2:") && message.contains(": not YAML: "), "{message}");
    }
}
