//! Features as the oracle has them. A new aggregation needs nothing here; a new parameter or window is one
//! more line.

use std::collections::BTreeMap;

use thalweg_core::{Aggregation, FieldType, Nulls, Parameters, Percentiles, TimeDelta, Window};

use super::definitions::{duration, known, of_type, typed_sql};
use super::yaml::{Content, Node};
use crate::definition::{Feature, name_of};
use crate::harness::Outcome;

/// How a parameter that stands beside an aggregation's name is read.
type Read = fn(&Node, &mut Parameters) -> Outcome;

/// The parameters of aggregations.
const PARAMETERS: [(&str, Read); 5] = [
    ("n", |node, parameters| number(node).map(|n| parameters.n = Some(n))),
    ("k", |node, parameters| number(node).map(|k| parameters.k = Some(k))),
    ("half_life", |node, parameters| duration(node).map(|span| parameters.half_life = Some(span))),
    ("percentiles", |node, parameters| percentiles(node).map(|all| parameters.percentiles = Some(all))),
    ("nulls", |node, parameters| nulls(node).map(|nulls| parameters.nulls = Some(nulls))),
];

/// What may be said of a feature, beside the parameters.
const KEYS: [&str; 5] = ["aggregate", "of", "by", "where", "windows"];

/// The feature `name` of a view over `fields`.
pub fn feature(name: &str, node: &Node, fields: &BTreeMap<String, FieldType>) -> Outcome<Feature> {
    if let Content::Scalar(..) = node.content {
        return Ok(Feature {
            name: name.to_owned(),
            aggregations: vec![Aggregation::Last { nulls: Nulls::Skip }],
            listed: false,
            of: Some(typed_sql(node, fields)?),
            by: None,
            filter: None,
            windows: Vec::new(),
        });
    }
    known(node, &[&KEYS[..], &PARAMETERS.map(|(name, _)| name)].concat())?;
    let mut parameters = Parameters::default();
    for (name, read) in PARAMETERS {
        node.get(name).map_or(Ok(()), |value| read(value, &mut parameters))?;
    }
    let aggregate = node.get("aggregate").ok_or_else(|| format!("line {}: no `aggregate`", node.line))?;
    let (names, listed) = match &aggregate.content {
        Content::List(items) => (items.as_slice(), true),
        _ => (std::slice::from_ref(aggregate), false),
    };
    let aggregations = names.iter().map(|written| {
        let name = written.text("the name of an aggregation")?;
        let found = Aggregation::named(name, &parameters)
            .map_err(|missing| format!("line {}: `{name}` without `{}`", written.line, missing.parameter))?;
        found.ok_or_else(|| format!("line {}: the oracle knows no aggregation `{name}`", written.line))
    });
    Ok(Feature {
        name: name.to_owned(),
        aggregations: aggregations.collect::<Outcome<_>>()?,
        listed,
        of: node.get("of").map(|sql| typed_sql(sql, fields)).transpose()?,
        by: node.get("by").map(|sql| typed_sql(sql, fields)).transpose()?.map(|(by, _)| by),
        filter: node.get("where").map(|sql| of_type(sql, fields, FieldType::Bool)).transpose()?,
        windows: windows(node)?.iter().map(window).collect::<Outcome<_>>()?,
    })
}

fn windows(feature: &Node) -> Outcome<&[Node]> {
    feature.get("windows").map_or(Ok(&[]), |windows| windows.items("a list of windows"))
}

/// A window: a duration, the lifetime, or a map that tells by its keys what it is.
fn window(node: &Node) -> Outcome<Window> {
    if let Content::Scalar(text, _) = &node.content {
        return match text.as_str() {
            "lifetime" => Ok(Window::Lifetime),
            _ => Ok(Window::Sliding { width: duration(node)?, offset: TimeDelta::ZERO }),
        };
    }
    let span = |key: &str| duration(node.get(key).ok_or_else(|| node.wrong(key))?);
    let offset = || node.get("offset").map_or(Ok(TimeDelta::ZERO), duration);
    let buckets = || node.get("offset").map_or(Ok(0), number);
    let mut keys: Vec<_> = node.entries("a window")?.iter().map(|(key, _)| key.as_str()).collect();
    keys.retain(|key| *key != "offset");
    keys.sort_unstable();
    Ok(match keys.as_slice() {
        ["window"] => Window::Sliding { width: span("window")?, offset: offset()? },
        ["resolution", "window"] => {
            Window::Coarse { width: span("window")?, offset: offset()?, resolution: span("resolution")? }
        }
        ["tumbling"] => Window::Tumbling { width: span("tumbling")?, offset: buckets()? },
        ["session"] => Window::Session { gap: span("session")? },
        _ => return Err(format!("line {}: the oracle knows no such window: {node}", node.line)),
    })
}

/// The columns of the feature `name`: their names with the windows as they are written, and as
/// [`Feature::columns`] has them. Both are in one order.
pub fn columns(name: &str, node: &Node, feature: &Feature) -> Vec<(String, String)> {
    let written = windows(node).unwrap_or_default().iter().map(suffix).collect::<Vec<_>>();
    let written = if written.is_empty() { vec![String::new()] } else { written };
    let listed =
        |aggregation: &_| if feature.listed { format!("_{}", name_of(aggregation)) } else { String::new() };
    let names = feature.aggregations.iter().flat_map(|aggregation| {
        let listed = listed(aggregation);
        written.iter().map(move |window| format!("{name}{listed}{window}"))
    });
    names.zip(feature.columns().into_iter().map(|column| column.name)).collect()
}

/// What a window adds to the name of a column: each of its parts as it is written, the width without its key.
/// A resolution is not in the name.
fn suffix(window: &Node) -> String {
    match &window.content {
        Content::Scalar(text, _) => format!("_{text}"),
        Content::Map(parts) => {
            let mut parts: Vec<_> = parts.iter().filter(|(key, _)| key != "resolution").collect();
            parts.sort_by_key(|(key, _)| key == "offset");
            let part = |(key, value): &&(String, Node)| match value.text("a duration").unwrap_or_default() {
                width if key == "window" => format!("_{width}"),
                other => format!("_{key}_{other}"),
            };
            parts.iter().map(part).collect()
        }
        _ => String::new(),
    }
}

fn percentiles(node: &Node) -> Outcome<Percentiles> {
    let texts = node.items("a list of percentiles")?.iter().map(|item| item.text("a percentile"));
    Percentiles::read(&texts.collect::<Outcome<Vec<_>>>()?).map_err(|_| node.wrong("percentiles"))
}

fn nulls(node: &Node) -> Outcome<Nulls> {
    match node.text("keep or skip")? {
        "keep" => Ok(Nulls::Keep),
        "skip" => Ok(Nulls::Skip),
        _ => Err(node.wrong("keep or skip")),
    }
}

fn number(node: &Node) -> Outcome<u32> {
    node.text("a whole number")?.parse().map_err(|_| node.wrong("a whole number"))
}
