//! Features: what is aggregated, how, and over which windows.

use thalweg_core::{Aggregation, FeatureColumn, Window};

use crate::declarations::check_name;
use crate::inputs::Inputs;
use crate::mistakes::{Mistakes, Place, suggestion};
use crate::naming::column_name;
use crate::sql::Scope;
use crate::window::{self, NamedWindow};
use crate::yaml::{Content, Entry, Keys, Map, Node};

/// Parameters of aggregations of a later version are known here too: the aggregation's own mistake says
/// enough.
const KEYS: Keys = Keys {
    known: &["aggregate", "of", "where", "windows", "n", "k", "by", "half_life", "percentiles", "nulls"],
    later: &[],
};

/// Keys that mean something only in a later version.
const LATER_KEYS: [&str; 5] = ["k", "by", "half_life", "percentiles", "nulls"];

/// Aggregations of this version; `n` of the lists is yet to be filled in.
const AGGREGATIONS: [Aggregation; 13] = [
    Aggregation::Count,
    Aggregation::Sum,
    Aggregation::Avg,
    Aggregation::Variance,
    Aggregation::Stddev,
    Aggregation::VariancePop,
    Aggregation::StddevPop,
    Aggregation::Min,
    Aggregation::Max,
    Aggregation::First,
    Aggregation::Last,
    Aggregation::FirstN { n: 0 },
    Aggregation::LastN { n: 0 },
];

/// Aggregations that will mean something in a later version.
const LATER_AGGREGATIONS: [&str; 12] = [
    "min_by",
    "max_by",
    "any",
    "all",
    "count_distinct",
    "top_k",
    "histogram",
    "exp_decay_sum",
    "time_since_last",
    "time_since_first",
    "approx_count_distinct",
    "approx_percentile",
];

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
    limit_of_n: u32,
    inputs: &mut Inputs,
    mistakes: &mut Mistakes,
) -> Option<Vec<PlacedColumn>> {
    let known_so_far = mistakes.len();
    check_name(&entry.key, &entry.place, mistakes);
    let feature = match &entry.value.content {
        Content::Scalar(_) => read_short(&entry.value, scope, inputs, mistakes),
        Content::Map(_) => read_long(&entry.value, scope, limit_of_n, inputs, mistakes),
        Content::Null | Content::List(_) => {
            entry.value.unexpected("a feature: an SQL expression, or a map with `aggregate`", mistakes)
        }
    };
    let Feature { aggregations, listed, windows, input } = feature?;
    if mistakes.len() > known_so_far {
        return None;
    }
    let columns = aggregations.iter().flat_map(|&aggregation| {
        let listed = listed.then_some(aggregation);
        let unnamed = windows.is_none().then_some((Window::Lifetime, None));
        let named = windows.iter().flatten().map(|named| (named.window, Some(named.suffix.as_str())));
        unnamed.into_iter().chain(named).map(move |(window, suffix)| {
            let name = column_name(&entry.key, listed, suffix);
            PlacedColumn {
                column: FeatureColumn { name, aggregation, input, window },
                place: entry.place.clone(),
            }
        })
    });
    Some(columns.collect())
}

/// A feature that was read.
struct Feature {
    aggregations: Vec<Aggregation>,
    /// Whether the aggregations were given as a list.
    listed: bool,
    /// The windows, if they were given.
    windows: Option<Vec<NamedWindow>>,
    /// Position of the input among those of the view.
    input: Option<usize>,
}

/// A bare expression: its last value.
fn read_short(
    node: &Node,
    scope: Option<Scope<'_>>,
    inputs: &mut Inputs,
    mistakes: &mut Mistakes,
) -> Option<Feature> {
    let compiled = scope?.compile(node, mistakes)?;
    let input = Some(inputs.position(compiled, None));
    Some(Feature { aggregations: vec![Aggregation::Last], listed: false, windows: None, input })
}

fn read_long(
    node: &Node,
    scope: Option<Scope<'_>>,
    limit_of_n: u32,
    inputs: &mut Inputs,
    mistakes: &mut Mistakes,
) -> Option<Feature> {
    let map = Map::read(node, "a feature", &KEYS, mistakes)?;
    let aggregates = map.require("aggregate", mistakes).and_then(|node| read_aggregates(node, mistakes));
    let windows = map.get("windows").map(|node| read_windows(node, mistakes));
    let condition = map.get("where").map(|node| scope?.compile_condition(node, mistakes));
    let of = map.get("of").map(|node| (node, scope.and_then(|scope| scope.compile(node, mistakes))));

    let Aggregates { mut named, listed, later } = aggregates?;
    if later {
        return None;
    }
    for entry in LATER_KEYS.iter().filter_map(|key| map.entry(key)) {
        mistakes.add(&entry.place, format!("`{}` of a feature is not supported yet", entry.key));
    }
    fill_in_n(map, &mut named, limit_of_n, mistakes);
    if of.is_none()
        && let Some((needy, place)) = named.iter().find(|(aggregation, _)| *aggregation != Aggregation::Count)
    {
        let name = needy.name();
        mistakes.add_with_help(
            place,
            format!("`{name}` needs `of`"),
            format!("say what to aggregate: {{aggregate: {name}, of: some_field}}"),
        );
    }
    if let Some((_, Some(of))) = &of {
        for (aggregation, place) in named.iter().filter(|(aggregation, _)| !takes_n(*aggregation)) {
            if let Err(error) = aggregation.output(Some(of.field_type)) {
                mistakes.add(place, error.to_string());
            }
        }
    }

    let condition = condition.map_or(Some(None), |compiled| compiled.map(Some))?;
    let input = match (of, condition) {
        (Some((_, of)), condition) => Some(inputs.position(of?, condition)),
        (None, Some(condition)) => Some(inputs.position(scope?.always_true(), Some(condition))),
        (None, None) => None,
    };
    let windows = windows.map_or(Some(None), |windows| windows.map(Some))?;
    let aggregations = named.into_iter().map(|(aggregation, _)| aggregation).collect();
    Some(Feature { aggregations, listed, windows, input })
}

/// What `aggregate` says.
struct Aggregates<'a> {
    named: Vec<(Aggregation, &'a Place)>,
    listed: bool,
    /// Whether some of it belongs to a later version.
    later: bool,
}

fn read_aggregates<'a>(node: &'a Node, mistakes: &mut Mistakes) -> Option<Aggregates<'a>> {
    const EXPECTED: &str = "the name of an aggregation, or a list of them";
    let (items, listed) = match &node.content {
        Content::List(_) => (node.some_items(EXPECTED, mistakes)?, true),
        _ => (std::slice::from_ref(node), false),
    };
    let mut aggregates = Aggregates { named: Vec::new(), listed, later: false };
    let mut all_known = true;
    for item in items {
        let Some(written) = item.text(EXPECTED, mistakes) else {
            all_known = false;
            continue;
        };
        if let Some(aggregation) = AGGREGATIONS.into_iter().find(|candidate| candidate.name() == written) {
            aggregates.named.push((aggregation, &item.place));
        } else if LATER_AGGREGATIONS.contains(&written) {
            mistakes.add(&item.place, format!("the aggregation `{written}` is not supported yet"));
            aggregates.later = true;
        } else {
            let all = AGGREGATIONS.into_iter().map(Aggregation::name).chain(LATER_AGGREGATIONS);
            mistakes.add_with_help(
                &item.place,
                format!("unknown aggregation `{written}`"),
                suggestion(written, all),
            );
            all_known = false;
        }
    }
    all_known.then_some(aggregates)
}

fn takes_n(aggregation: Aggregation) -> bool {
    matches!(aggregation, Aggregation::FirstN { .. } | Aggregation::LastN { .. })
}

/// Gives `n` to the aggregations that take it.
fn fill_in_n(map: Map<'_>, named: &mut [(Aggregation, &Place)], limit_of_n: u32, mistakes: &mut Mistakes) {
    let takes_it: Vec<_> = named.iter_mut().filter(|(aggregation, _)| takes_n(*aggregation)).collect();
    let Some(entry) = map.entry("n") else {
        for (aggregation, place) in &takes_it {
            mistakes.add_with_help(
                place,
                format!("`{}` needs `n`", aggregation.name()),
                "say how many values to keep, such as n: 5".to_owned(),
            );
        }
        return;
    };
    if takes_it.is_empty() {
        mistakes.add_with_help(
            &entry.place,
            "`n` means nothing to this aggregation",
            "first_n and last_n take it".to_owned(),
        );
        return;
    }
    let Some(n) = read_n(&entry.value, limit_of_n, mistakes) else { return };
    for (aggregation, _) in takes_it {
        *aggregation = match aggregation {
            Aggregation::FirstN { .. } => Aggregation::FirstN { n },
            _ => Aggregation::LastN { n },
        };
    }
}

fn read_n(node: &Node, limit: u32, mistakes: &mut Mistakes) -> Option<u32> {
    let written = node.text("a whole number", mistakes)?;
    let n = written.parse::<u64>().ok().filter(|n| *n > 0);
    let Some(n) = n else {
        mistakes.add(&node.place, format!("`n` must be a whole number from 1 on; found `{written}`"));
        return None;
    };
    let within = u32::try_from(n).ok().filter(|n| *n <= limit);
    if within.is_none() {
        let help = crate::Limits::help("list_length", limit);
        mistakes.add_with_help(&node.place, format!("`n` is {n}: too long a list"), help);
    }
    within
}

fn read_windows(node: &Node, mistakes: &mut Mistakes) -> Option<Vec<NamedWindow>> {
    let items = node.some_items("a list of windows, such as [1h, 7d]", mistakes)?;
    let windows: Vec<_> = items.iter().filter_map(|item| window::read(item, mistakes)).collect();
    (windows.len() == items.len()).then_some(windows)
}
