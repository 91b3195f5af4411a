//! Reading a tree: what was expected, and what was found instead.

use super::tree::{Content, Entry, Node};
use crate::mistakes::{Mistakes, Place, suggestion};

/// The keys a map may have.
pub(crate) struct Keys {
    /// Keys that mean something.
    pub known: &'static [&'static str],
    /// Keys that will mean something in a later version.
    pub later: &'static [&'static str],
}

impl Node {
    /// Whether nothing is written here.
    pub fn is_null(&self) -> bool {
        matches!(self.content, Content::Null)
    }

    /// Notes that this node is not `expected`, and gives nothing.
    pub fn unexpected<T>(&self, expected: &str, mistakes: &mut Mistakes) -> Option<T> {
        mistakes.add(&self.place, format!("expected {expected}, found {}", self.kind()));
        None
    }

    /// The text of this node; numbers and the like are texts too.
    pub fn text(&self, expected: &str, mistakes: &mut Mistakes) -> Option<&str> {
        match &self.content {
            Content::Scalar(scalar) => Some(&scalar.text),
            _ => self.unexpected(expected, mistakes),
        }
    }

    /// The items of this list.
    pub fn items(&self, expected: &str, mistakes: &mut Mistakes) -> Option<&[Node]> {
        match &self.content {
            Content::List(items) => Some(items),
            _ => self.unexpected(expected, mistakes),
        }
    }

    /// The items of this list, at least one.
    pub fn some_items(&self, expected: &str, mistakes: &mut Mistakes) -> Option<&[Node]> {
        let items = self.items(expected, mistakes)?;
        if items.is_empty() {
            mistakes.add(&self.place, format!("expected {expected}, found an empty list"));
            return None;
        }
        Some(items)
    }

    /// The entries of this map, whatever their keys.
    pub fn entries(&self, expected: &str, mistakes: &mut Mistakes) -> Option<&[Entry]> {
        match &self.content {
            Content::Map(entries) => Some(entries),
            _ => self.unexpected(expected, mistakes),
        }
    }

    /// The entries of this map, whatever their keys, at least one.
    pub fn some_entries(&self, expected: &str, mistakes: &mut Mistakes) -> Option<&[Entry]> {
        let entries = self.entries(expected, mistakes)?;
        if entries.is_empty() {
            mistakes.add(&self.place, format!("expected {expected}, found an empty map"));
            return None;
        }
        Some(entries)
    }

    /// The value of `key`, if this is a map that has it.
    pub fn peek(&self, key: &str) -> Option<&Node> {
        match &self.content {
            Content::Map(entries) => entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value),
            _ => None,
        }
    }
}

/// A map with certain keys.
#[derive(Clone, Copy)]
pub(crate) struct Map<'a> {
    /// Where it begins.
    pub place: &'a Place,
    what: &'static str,
    entries: &'a [Entry],
}

impl<'a> Map<'a> {
    /// Reads `node` as `what`, a map with `keys`; other keys are mistakes, and passed over.
    pub fn read(node: &'a Node, what: &'static str, keys: &Keys, mistakes: &mut Mistakes) -> Option<Self> {
        let entries = node.entries(&format!("{what}, as a map"), mistakes)?;
        for Entry { key, place, .. } in entries {
            let key = key.as_str();
            if keys.later.contains(&key) {
                mistakes.add(place, format!("`{key}` of {what} is not supported yet"));
            } else if !keys.known.contains(&key) {
                let help = if key == "<<" {
                    Some("merge keys are not part of YAML 1.2: write the keys out".to_owned())
                } else {
                    suggestion(key, keys.known.iter().copied())
                };
                mistakes.add_with_help(place, format!("unknown key `{key}` of {what}"), help);
            }
        }
        Some(Self { place: &node.place, what, entries })
    }

    /// The value of `key`, if it is there.
    pub fn get(&self, key: &str) -> Option<&'a Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The entry of `key`, if it is there.
    pub fn entry(&self, key: &str) -> Option<&'a Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// Whether the map has none but `keys`, of this version or a later one.
    pub fn has_only(&self, keys: &Keys) -> bool {
        let allowed = |key: &str| keys.known.contains(&key) || keys.later.contains(&key);
        self.entries.iter().all(|entry| allowed(&entry.key))
    }

    /// The value of `key`, without which the map is wrong.
    pub fn require(&self, key: &str, mistakes: &mut Mistakes) -> Option<&'a Node> {
        let found = self.get(key);
        if found.is_none() {
            mistakes.add(self.place, format!("`{key}` is missing from {}", self.what));
        }
        found
    }
}
