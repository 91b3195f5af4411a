//! The things of one kind that the files of a repository declare, by name.

use std::collections::BTreeMap;

use crate::mistakes::{Mistakes, Place, suggestion};
use crate::naming::why_not_a_name;
use crate::yaml::Map;

/// Everything declared of one kind, each with its definition, or without where that has mistakes: what refers
/// to it then is neither wrong nor right, and nobody should hear of it.
pub(crate) struct Declarations<T> {
    kind: &'static str,
    declared: BTreeMap<String, Declared<T>>,
    complete: bool,
}

struct Declared<T> {
    place: Place,
    definition: Option<T>,
}

impl<T> Declarations<T> {
    /// None yet, of things called `kind`. They are not `complete` where files or sections could not be read.
    pub fn new(kind: &'static str, complete: bool) -> Self {
        Self { kind, declared: BTreeMap::new(), complete }
    }

    /// Takes in what `item` declares, read by `define`, under the name it gives itself. A second thing of one
    /// name is a mistake; its definition is checked all the same.
    pub fn declare(
        &mut self,
        item: Map<'_>,
        mistakes: &mut Mistakes,
        define: impl FnOnce(String, &mut Mistakes) -> Option<T>,
    ) {
        let named = read_name(item, mistakes);
        let Some((name, place)) = named else {
            self.complete = false;
            define(String::new(), mistakes);
            return;
        };
        let definition = define(name.clone(), mistakes);
        match self.declared.get(&name) {
            Some(first) => mistakes.add_with_help(
                &place,
                format!("a second {} is called `{name}`", self.kind),
                format!("the first one is at {}", first.place),
            ),
            None => {
                self.declared.insert(name, Declared { place, definition });
            }
        }
    }

    /// Notes that something of this kind may be declared in what could not be read.
    pub fn note_incomplete(&mut self) {
        self.complete = false;
    }

    /// What `reference` names, written at `place`; a name nobody declared is a mistake.
    pub fn find(&self, reference: &str, place: &Place, mistakes: &mut Mistakes) -> Option<&T> {
        if let Some(declared) = self.declared.get(reference) {
            return declared.definition.as_ref();
        }
        if self.complete {
            mistakes.add_with_help(
                place,
                format!("there is no {} `{reference}`", self.kind),
                suggestion(reference, self.declared.keys().map(String::as_str)),
            );
        }
        None
    }

    /// The definition of `name`, if there is a good one.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.declared.get(name)?.definition.as_ref()
    }

    /// Where `name` is declared, well or badly.
    pub fn place(&self, name: &str) -> Option<&Place> {
        self.declared.get(name).map(|declared| &declared.place)
    }

    /// The names that are declared.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.declared.keys().map(String::as_str)
    }

    /// Whether nothing else of this kind may be declared in what could not be read.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// The definitions, sorted by name.
    pub fn into_definitions(self) -> Vec<T> {
        self.declared.into_values().filter_map(|declared| declared.definition).collect()
    }
}

/// The name `item` gives itself.
fn read_name(item: Map<'_>, mistakes: &mut Mistakes) -> Option<(String, Place)> {
    let node = item.require("name", mistakes)?;
    let name = node.text("a name", mistakes)?;
    check_name(name, &node.place, mistakes);
    Some((name.to_owned(), node.place.clone()))
}

/// Whether `name`, written at `place`, can be a name; it is a mistake if not.
pub(crate) fn check_name(name: &str, place: &Place, mistakes: &mut Mistakes) -> bool {
    let reason = why_not_a_name(name);
    let good = reason.is_none();
    if let Some(reason) = reason {
        mistakes.add_with_help(place, format!("`{name}` cannot be a name"), reason);
    }
    good
}
