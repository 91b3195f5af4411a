//! Features: what is aggregated, how, and over which windows.

use thalweg_core::{Aggregation, FeatureColumn, Nulls, Window};

use crate::Limits;
use crate::aggregates::{self, Aggregates};
use crate::declarations::check_name;
use crate::inputs::Inputs;
use crate::mistakes::{Mistakes, Place};
use crate::naming::column_name;
use crate::sql::{Compiled, Scope};
use crate::window::{self, NamedWindow};
use crate::yaml::{Content, Entry, Keys, Map, Node};

const KEYS: Keys = Keys {
    known: &["aggregate", "of", "where", "windows", "n", "k", "by", "half_life", "percentiles", "nulls"],
    later: &[],
};

/// A column of a feature, and where the definition asks for it.
pub(crate) struct PlacedColumn {
    /// The column.
    pub column: FeatureColumn,
    /// Where the feature's name stands.
    pub place: Place,
}

/// Reads one entry of a view's `features`; its expressions become inputs of the view. `None` with mistakes.
pub(crate) fn read(
    entry: &Entry,
    scope: Option<Scope<'_>>,
    limits: &Limits,
    inputs: &mut Inputs,
    mistakes: &mut Mistakes,
) -> Option<Vec<PlacedColumn>> {
    let known_so_far = mistakes.len();
    check_name(&entry.key, &entry.place, mistakes);
    let feature = match &entry.value.content {
        Content::Scalar(_) => read_short(&entry.value, scope, mistakes),
        Content::Map(_) => read_long(&entry.value, scope, limits, mistakes),
        Content::Null | Content::List(_) => {
            entry.value.unexpected("a feature: an SQL expression, or a map with `aggregate`", mistakes)
        }
    };
    let Feature { aggregations, listed, windows, reads } = feature?;
    if mistakes.len() > known_so_far {
        return None;
    }
    let mut columns = Vec::new();
    for aggregation in aggregations {
        let (input, by) = reads.positions(&aggregation, inputs);
        let unnamed = windows.is_none().then_some((Window::Lifetime, None));
        let named = windows.iter().flatten().map(|named| (named.window, Some(named.suffix.as_str())));
        columns.extend(unnamed.into_iter().chain(named).map(|(window, suffix)| {
            let name = column_name(&entry.key, listed.then_some(&aggregation), suffix);
            let column = FeatureColumn { name, aggregation: aggregation.clone(), input, by, window };
            PlacedColumn { column, place: entry.place.clone() }
        }));
    }
    Some(columns)
}

/// A feature that was read.
struct Feature {
    aggregations: Vec<Aggregation>,
    /// Whether the aggregations were given as a list.
    listed: bool,
    /// The windows, if they were given.
    windows: Option<Vec<NamedWindow>>,
    reads: Reads,
}

/// The expressions of a feature.
#[derive(Default)]
struct Reads {
    /// What is aggregated.
    of: Option<Compiled>,
    /// What events are compared by.
    by: Option<Compiled>,
    /// The feature's own condition.
    condition: Option<Compiled>,
    /// What is true of every event.
    always: Option<Compiled>,
}

impl Reads {
    /// The positions of the first and the second input of `aggregation`.
    ///
    /// Where the feature has a condition and counts events, or keeps nulls, the condition itself is an input: true
    /// for the events that take part, else null.
    fn positions(&self, aggregation: &Aggregation, inputs: &mut Inputs) -> (Option<usize>, Option<usize>) {
        let mut position = |expression: &Option<Compiled>| {
            expression.clone().map(|expression| inputs.position(expression, self.condition.clone()))
        };
        let condition = if self.condition.is_some() { &self.always } else { &None };
        let input = position(if self.of.is_some() { &self.of } else { condition });
        let by = match (aggregation.takes_by(), aggregation.nulls()) {
            (true, _) => position(&self.by),
            (false, Nulls::Keep) => position(condition),
            (false, Nulls::Skip) => None,
        };
        (input, by)
    }
}

/// A bare expression: its last value.
fn read_short(node: &Node, scope: Option<Scope<'_>>, mistakes: &mut Mistakes) -> Option<Feature> {
    let reads = Reads { of: Some(scope?.compile(node, mistakes)?), ..Reads::default() };
    let aggregations = vec![Aggregation::Last { nulls: Nulls::Skip }];
    Some(Feature { aggregations, listed: false, windows: None, reads })
}

fn read_long(
    node: &Node,
    scope: Option<Scope<'_>>,
    limits: &Limits,
    mistakes: &mut Mistakes,
) -> Option<Feature> {
    let map = Map::read(node, "a feature", &KEYS, mistakes)?;
    let aggregates = aggregates::read(map, limits, mistakes);
    let windows = map.get("windows").map(|node| read_windows(node, mistakes));
    let condition = map.get("where").map(|node| scope?.compile_condition(node, mistakes));
    let of = map.get("of").map(|node| scope?.compile(node, mistakes));
    let by = map.get("by").map(|node| scope?.compile(node, mistakes));

    let Aggregates { aggregations, listed } = aggregates?;
    let needs_of = |aggregation: &Aggregation| !aggregation.takes_events();
    note_missing(&aggregations, "of", of.is_some(), needs_of, mistakes);
    note_missing(&aggregations, "by", by.is_some(), Aggregation::takes_by, mistakes);
    if let Some(Some(of)) = &of {
        for (aggregation, place) in &aggregations {
            if let Err(error) = aggregation.output(Some(of.field_type)) {
                mistakes.add(place, error.to_string());
            }
        }
    }
    let reads = Reads {
        of: given(of)?,
        by: given(by)?,
        condition: given(condition)?,
        always: scope.as_ref().map(Scope::always_true),
    };
    let aggregations = aggregations.into_iter().map(|(aggregation, _)| aggregation).collect();
    Some(Feature { aggregations, listed, windows: given(windows)?, reads })
}

/// What a key says, if it is there; `None` if what it says is a mistake.
fn given<T>(read: Option<Option<T>>) -> Option<Option<T>> {
    read.map_or(Some(None), |read| read.map(Some))
}

/// Notes the first aggregation that `needs` the key `key`, where that is not there.
fn note_missing(
    aggregations: &[(Aggregation, &Place)],
    key: &str,
    is_there: bool,
    needs: impl Fn(&Aggregation) -> bool,
    mistakes: &mut Mistakes,
) {
    let Some((needy, place)) = aggregations.iter().find(|(aggregation, _)| !is_there && needs(aggregation))
    else {
        return;
    };
    let name = needy.name();
    let help = match key {
        "by" => {
            format!("say what to compare events by: {{aggregate: {name}, of: some_field, by: another_field}}")
        }
        _ => format!("say what to aggregate: {{aggregate: {name}, of: some_field}}"),
    };
    mistakes.add_with_help(place, format!("`{name}` needs `{key}`"), help);
}

fn read_windows(node: &Node, mistakes: &mut Mistakes) -> Option<Vec<NamedWindow>> {
    let items = node.some_items("a list of windows, such as [1h, 7d]", mistakes)?;
    let windows: Vec<_> = items.iter().filter_map(|item| window::read(item, mistakes)).collect();
    (windows.len() == items.len()).then_some(windows)
}
