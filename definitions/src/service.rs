//! Feature services: named lists of features.

use std::collections::BTreeMap;

use crate::mistakes::{Mistakes, Place};
use crate::needs::Needs;
use crate::reference::{ReferenceError, check_alias, check_join_key, columns_of, note, split};
use crate::taken::{DeclaredViews, Taken};
use crate::yaml::{Content, Keys, Map, Node};
use crate::{FeatureRef, FeatureService, Limits};

/// What may be said of a feature service.
pub(crate) const KEYS: Keys = Keys { known: &["name", "features"], later: &[] };

const SELECTION_KEYS: Keys = Keys { known: &["view", "as", "columns", "join_key_map"], later: &[] };

/// Reads the service `name` from `map`.
pub(crate) fn read(
    name: String,
    map: Map<'_>,
    views: DeclaredViews<'_>,
    limits: &Limits,
    mistakes: &mut Mistakes,
) -> Option<FeatureService> {
    let known_so_far = mistakes.len();
    let node = map.require("features", mistakes)?;
    let items = node.some_items("a list of features, such as [\"view:*\"]", mistakes)?;
    let few_enough = |count, mistakes: &mut Mistakes| {
        let limit = limits.columns_per_service;
        Limits::keeps("columns_per_service", limit, count, "columns of a service", &node.place, mistakes)
    };
    if !few_enough(items.len(), mistakes) {
        return None;
    }
    let mut features = Features { views, list: Vec::new() };
    let read = items.iter().map(|item| features.read(item, mistakes)).filter(Option::is_some).count();
    features.refuse_repetitions(mistakes);
    if !few_enough(features.list.len(), mistakes) {
        return None;
    }
    let list: Vec<FeatureRef> = features.list.into_iter().map(|(feature, _)| feature).collect();
    if let Err(error) = Needs::of(&list, |view| views.get(view)) {
        mistakes.add(&node.place, error.to_string());
    }
    (read == items.len() && mistakes.len() == known_so_far).then_some(FeatureService { name, features: list })
}

/// The features of a service gathered so far, each with the place that asks for it.
struct Features<'a> {
    views: DeclaredViews<'a>,
    list: Vec<(FeatureRef, Place)>,
}

impl Features<'_> {
    /// Reads one item of the service's list.
    fn read(&mut self, node: &Node, mistakes: &mut Mistakes) -> Option<()> {
        match &node.content {
            Content::Scalar(scalar) => {
                let (view, column) = note(split(&scalar.text), &node.place, mistakes)?;
                let view = self.views.find(view, &node.place, mistakes)?;
                self.take(columns_of(view, None, column, &BTreeMap::new()), &node.place, mistakes)
            }
            Content::Map(_) => self.read_map(node, mistakes),
            Content::Null | Content::List(_) => {
                node.unexpected("a feature: \"view:column\", \"view:*\", or a map with `view`", mistakes)
            }
        }
    }

    fn read_map(&mut self, node: &Node, mistakes: &mut Mistakes) -> Option<()> {
        let map = Map::read(node, "a view in a service", &SELECTION_KEYS, mistakes)?;
        let alias = match map.get("as") {
            Some(node) => {
                let alias = node.text("a name for the view", mistakes)?;
                note(check_alias(alias), &node.place, mistakes)?;
                Some(alias)
            }
            None => None,
        };
        let named = map.require("view", mistakes)?;
        let view = self.views.find(named.text("the name of a view", mistakes)?, &named.place, mistakes)?;
        let join_key_map = match map.get("join_key_map") {
            Some(node) => read_join_key_map(node, view, mistakes)?,
            None => BTreeMap::new(),
        };
        let Some(columns) = map.get("columns") else {
            return self.take(columns_of(view, alias, "*", &join_key_map), &named.place, mistakes);
        };
        for column in columns.some_items("a list of columns", mistakes)? {
            let taken = columns_of(view, alias, column.text("a column", mistakes)?, &join_key_map);
            self.take(taken, &column.place, mistakes);
        }
        Some(())
    }

    fn take(
        &mut self,
        columns: Result<Vec<FeatureRef>, ReferenceError>,
        place: &Place,
        mistakes: &mut Mistakes,
    ) -> Option<()> {
        let columns = note(columns, place, mistakes)?;
        self.list.extend(columns.into_iter().map(|column| (column, place.clone())));
        Some(())
    }

    /// Notes each item that gives a column of a name that an earlier one has.
    fn refuse_repetitions(&self, mistakes: &mut Mistakes) {
        let mut first_of: BTreeMap<(&str, &str), &Place> = BTreeMap::new();
        let mut noted: Option<&Place> = None;
        for (feature, place) in &self.list {
            let (view, column) = (feature.view_name(), feature.column.as_str());
            let Some(first) = first_of.insert((view, column), place) else { continue };
            // One item may repeat many columns: its first one says enough.
            if noted == Some(place) {
                continue;
            }
            noted = Some(place);
            mistakes.add_with_help(
                place,
                format!("a second column of this service is called `{}`", feature.result_column()),
                format!(
                    "the first one is in line {}; take the view under another name, with `as`",
                    first.line
                ),
            );
        }
    }
}

fn read_join_key_map(
    node: &Node,
    view: Taken<'_>,
    mistakes: &mut Mistakes,
) -> Option<BTreeMap<String, String>> {
    let entries = node.some_entries("a map of join key to column of the request", mistakes)?;
    let mut join_key_map = BTreeMap::new();
    for entry in entries {
        note(check_join_key(view, &entry.key), &entry.place, mistakes);
        let column = entry.value.text("a column of the request", mistakes)?;
        join_key_map.insert(entry.key.clone(), column.to_owned());
    }
    Some(join_key_map)
}
