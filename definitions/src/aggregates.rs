//! The aggregations of a feature, and their parameters.

use thalweg_core::{Aggregation, Missing, Nulls, Parameters, Percentiles, TimeDelta};

use crate::Limits;
use crate::mistakes::{Mistakes, Place, suggestion};
use crate::window::read_duration;
use crate::yaml::{Content, Map, Node};

/// The keys of a feature that are parameters of aggregations.
const PARAMETERS: [&str; 6] = ["n", "k", "by", "half_life", "percentiles", "nulls"];

/// What `aggregate` says.
pub(crate) struct Aggregates<'a> {
    /// The aggregations, each with the place of its name.
    pub aggregations: Vec<(Aggregation, &'a Place)>,
    /// Whether they were given as a list.
    pub listed: bool,
}

/// Reads the aggregations of the feature in `map`, with their parameters but for `by`. `None` with mistakes.
pub(crate) fn read<'a>(map: Map<'a>, limits: &Limits, mistakes: &mut Mistakes) -> Option<Aggregates<'a>> {
    let (names, listed) = read_names(map.require("aggregate", mistakes)?, mistakes)?;
    let known_so_far = mistakes.len();
    for entry in PARAMETERS.iter().filter_map(|parameter| map.entry(parameter)) {
        if !names.iter().any(|(name, _)| Aggregation::has_parameter(name, &entry.key)) {
            let takers: Vec<_> = Aggregation::NAMES
                .iter()
                .copied()
                .filter(|name| Aggregation::has_parameter(name, &entry.key))
                .collect();
            mistakes.add_with_help(
                &entry.place,
                format!("`{}` means nothing to this aggregation", entry.key),
                format!("{} take{} it", all_of(&takers), if takers.len() == 1 { "s" } else { "" }),
            );
        }
    }
    let parameters = Parameters {
        n: map.get("n").and_then(|node| read_length(node, "n", limits, mistakes)),
        k: map.get("k").and_then(|node| read_length(node, "k", limits, mistakes)),
        half_life: map.get("half_life").and_then(|node| read_half_life(node, mistakes)),
        percentiles: map.get("percentiles").and_then(|node| read_percentiles(node, limits, mistakes)),
        nulls: map.get("nulls").map_or(Some(Nulls::Skip), |node| read_nulls(node, mistakes)),
        limit: Some(limits.distinct_values),
    };
    if mistakes.len() > known_so_far {
        return None;
    }
    let mut aggregations = Vec::new();
    for (name, place) in &names {
        match Aggregation::named(name, &parameters) {
            Ok(aggregation) => aggregations.push((aggregation?, *place)),
            Err(Missing { parameter }) => {
                mistakes.add_with_help(place, format!("`{name}` needs `{parameter}`"), help_with(parameter));
            }
        }
    }
    (mistakes.len() == known_so_far).then_some(Aggregates { aggregations, listed })
}

/// The names that `aggregate` gives, all of them known, and whether they are a list.
fn read_names<'a>(node: &'a Node, mistakes: &mut Mistakes) -> Option<(Vec<(&'a str, &'a Place)>, bool)> {
    const EXPECTED: &str = "the name of an aggregation, or a list of them";
    let (items, listed) = match &node.content {
        Content::List(_) => (node.some_items(EXPECTED, mistakes)?, true),
        _ => (std::slice::from_ref(node), false),
    };
    let mut names = Vec::new();
    for item in items {
        let Some(written) = item.text(EXPECTED, mistakes) else { continue };
        if Aggregation::NAMES.contains(&written) {
            names.push((written, &item.place));
        } else {
            mistakes.add_with_help(
                &item.place,
                format!("unknown aggregation `{written}`"),
                suggestion(written, Aggregation::NAMES.iter().copied()),
            );
        }
    }
    (names.len() == items.len()).then_some((names, listed))
}

/// What to do about a parameter that is missing.
fn help_with(parameter: &str) -> String {
    match parameter {
        "n" => "say how many values to keep, such as n: 5".to_owned(),
        "k" => "say how many values to give, such as k: 5".to_owned(),
        "half_life" => "say after how long a value counts half, such as half_life: 7d".to_owned(),
        "percentiles" => "say which, such as percentiles: [50, 99.9]".to_owned(),
        _ => format!("say `{parameter}`"),
    }
}

/// Reads the length of a list.
fn read_length(node: &Node, name: &str, limits: &Limits, mistakes: &mut Mistakes) -> Option<u32> {
    let written = node.text("a whole number", mistakes)?;
    let Some(length) = written.parse::<u64>().ok().filter(|length| *length > 0) else {
        mistakes.add(&node.place, format!("`{name}` must be a whole number from 1 on; found `{written}`"));
        return None;
    };
    let limit = limits.list_length;
    let within = u32::try_from(length).ok().filter(|length| *length <= limit);
    if within.is_none() {
        let help = Limits::help("list_length", limit);
        mistakes.add_with_help(&node.place, format!("`{name}` is {length}: too long a list"), help);
    }
    within
}

fn read_half_life(node: &Node, mistakes: &mut Mistakes) -> Option<TimeDelta> {
    let half_life = read_duration(node, "after how long a value counts half, such as 7d", mistakes)?;
    if half_life == TimeDelta::ZERO {
        mistakes.add(&node.place, "`half_life` must be longer than zero");
        return None;
    }
    Some(half_life)
}

fn read_percentiles(node: &Node, limits: &Limits, mistakes: &mut Mistakes) -> Option<Percentiles> {
    const EXPECTED: &str = "a list of percentiles, such as [50, 99.9]";
    let items = node.some_items(EXPECTED, mistakes)?;
    let (limit, count) = (limits.list_length as usize, items.len());
    if !Limits::keeps("list_length", limit, count, "percentiles of a feature", &node.place, mistakes) {
        return None;
    }
    let texts: Vec<&str> = items.iter().map_while(|item| item.text(EXPECTED, mistakes)).collect();
    match Percentiles::read(&texts) {
        Ok(percentiles) => Some(percentiles).filter(|percentiles| percentiles.len() == count),
        Err(error) => {
            mistakes.add(&items[error.position].place, error.to_string());
            None
        }
    }
}

fn read_nulls(node: &Node, mistakes: &mut Mistakes) -> Option<Nulls> {
    let written = node.text("keep or skip", mistakes)?;
    let known = [Nulls::Keep, Nulls::Skip].into_iter().find(|nulls| nulls.to_string() == written);
    if known.is_none() {
        mistakes.add(&node.place, format!("`nulls` is keep or skip; found `{written}`"));
    }
    known
}

/// The items of a list in words: `a, b and c`.
fn all_of(items: &[&str]) -> String {
    match items.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => items.concat(),
    }
}
