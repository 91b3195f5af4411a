//! The tree of a YAML document.

use crate::mistakes::Place;

/// A value in a YAML document, and where it begins.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Where it begins.
    pub place: Place,
    /// What it is.
    pub content: Content,
}

/// What a [`Node`] is.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// Nothing, `~` or `null`.
    Null,
    /// Text, numbers and all that is written like them: what it means is for its reader to say.
    Scalar(Scalar),
    /// `[a, b]`, or lines that begin with a dash.
    List(Vec<Node>),
    /// Keys and values, in the order of the file; no key appears twice.
    Map(Vec<Entry>),
}

/// A key of a map and its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub place: Place,
    /// The value.
    pub value: Node,
}

/// A piece of text.
#[derive(Clone, Debug)]
pub(crate) struct Scalar {
    /// The text, with quotes, escapes and line folding undone.
    pub text: String,
    /// Whether it was written without quotes.
    pub plain: bool,
    /// How places within the text are found in the file.
    pub origin: Origin,
}

/// How a place within a scalar's text is found in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The text stands in the file as it is, its first line from this line and column on, further lines from
    /// `indent` characters in.
    Verbatim {
        /// Line of the first character, from 1.
        line: usize,
        /// Column of the first character, from 1.
        column: usize,
        /// How many characters stand before the text in each further line.
        indent: usize,
    },
    /// The text was put together from what stands in the file: only its beginning is known.
    Folded,
}

impl Node {
    /// What kind of thing this is, in words.
    pub fn kind(&self) -> &'static str {
        match &self.content {
            Content::Null => "nothing",
            Content::Scalar(_) => "a text or number",
            Content::List(_) => "a list",
            Content::Map(_) => "a map",
        }
    }

    /// The place of `line` and `column` (both from 1) of this node's text, or the node's own where the text
    /// does not stand in the file as it is.
    pub fn place_within(&self, line: usize, column: usize) -> Place {
        let Content::Scalar(Scalar {
            origin: Origin::Verbatim { line: first, column: start, indent }, ..
        }) = &self.content
        else {
            return self.place.clone();
        };
        let before = if line <= 1 { start.saturating_sub(1) } else { *indent };
        Place {
            file: self.place.file.clone(),
            line: first.saturating_add(line.saturating_sub(1)),
            column: before.saturating_add(column.max(1)),
        }
    }
}
