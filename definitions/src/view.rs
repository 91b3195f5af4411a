//! Feature views: features of one entity, folded from the events of one source.

use std::collections::{BTreeMap, HashMap};

use thalweg_core::{FeatureColumn, FieldType, FoldPlan, Lookback, TimeDelta};

use crate::declarations::Declarations;
use crate::feature::{self, PlacedColumn};
use crate::inputs::Inputs;
use crate::mistakes::{Mistakes, suggestion};
use crate::sql::{Compiled, Scope};
use crate::version::version_of;
use crate::window::read_duration;
use crate::yaml::{Keys, Map, Node};
use crate::{Entity, Expression, FeatureView, JoinKey, Limits, Source, SourceKind};

/// What may be said of a feature view.
pub(crate) const KEYS: Keys = Keys {
    known: &[
        "name",
        "entity",
        "source",
        "join_keys",
        "where",
        "ttl",
        "forget",
        "lookback",
        "tags",
        "features",
    ],
    later: &[],
};

/// How far behind the watermark lookups are exact, unless the view says otherwise: an hour.
const LOOKBACK: Lookback = Lookback::Within(TimeDelta::from_micros(3_600_000_000));

/// Reads the view `name` from `map`.
pub(crate) fn read(
    name: String,
    map: Map<'_>,
    sources: &Declarations<Source>,
    entities: &Declarations<Entity>,
    limits: &Limits,
    mistakes: &mut Mistakes,
) -> Option<FeatureView> {
    let known_so_far = mistakes.len();
    let entity = find(map, "entity", entities, mistakes);
    let source = find(map, "source", sources, mistakes);
    let usable = source.map(Source::usable).unwrap_or_default();
    let scope = source.map(|_| Scope { fields: &usable, limits });

    let mut inputs = Inputs::default();
    let join_keys = read_join_keys(map, entity, source.zip(scope), &mut inputs, mistakes);
    let filter = map.get("where").map(|node| scope?.compile_condition(node, mistakes));
    let ttl = map.get("ttl").map(|node| read_age("ttl", node, mistakes));
    let forget = map.get("forget").map(|node| read_age("forget", node, mistakes));
    let lookback = map.get("lookback").map_or(Some(LOOKBACK), |node| read_lookback(node, mistakes));
    let tags = map.get("tags").map_or(Some(BTreeMap::new()), |node| read_tags(node, mistakes));
    let columns = map
        .require("features", mistakes)
        .and_then(|node| read_features(node, scope, limits, &mut inputs, mistakes));
    if mistakes.len() > known_so_far {
        return None;
    }

    let filter = filter.map_or(Some(None), |filter| filter.map(Some))?;
    filter.iter().for_each(|filter| inputs.read(filter));
    let mut features: Vec<FeatureColumn> = columns?.into_iter().map(|placed| placed.column).collect();
    let columns = features.iter().map(|column| column.name.clone()).collect();
    let (inputs, fields) = inputs.into_sorted(&mut features);
    features.sort_by(|a, b| a.name.cmp(&b.name));
    let (entity, source) = (entity?, source?);
    let shown = (source.kind == SourceKind::Table).then_some(inputs.len());
    let types = inputs.iter().map(|input| input.field_type);
    let plan = FoldPlan {
        inputs: types.chain(shown.map(|_| FieldType::Bool)).collect(),
        features,
        ttl: ttl.map_or(Some(None), |ttl| ttl.map(Some))?,
        shown,
        forget: forget.map_or(Some(None), |forget| forget.map(Some))?,
        lookback: lookback?,
    };
    let (join_keys, filter) = (join_keys?, filter.map(|filter| filter.sql));
    let version = version_of(source, &join_keys, filter.as_ref(), &inputs, &plan);
    Some(FeatureView {
        name,
        entity: entity.name.clone(),
        source: source.name.clone(),
        join_keys,
        filter,
        inputs,
        plan,
        columns,
        tags: tags?,
        fields,
        version,
    })
}

/// What the value of `key` refers to.
fn find<'a, T>(
    map: Map<'_>,
    key: &str,
    declared: &'a Declarations<T>,
    mistakes: &mut Mistakes,
) -> Option<&'a T> {
    let node = map.require(key, mistakes)?;
    let reference = node.text(&format!("the name of the view's {key}"), mistakes)?;
    declared.find(reference, &node.place, mistakes)
}

/// The view's expressions for the join keys of its entity, in the entity's order.
fn read_join_keys(
    map: Map<'_>,
    entity: Option<&Entity>,
    source: Option<(&Source, Scope<'_>)>,
    inputs: &mut Inputs,
    mistakes: &mut Mistakes,
) -> Option<Vec<JoinKey>> {
    let given = match map.get("join_keys") {
        Some(node) => node.entries("a map of join key to SQL expression", mistakes)?,
        None => &[],
    };
    let entity = entity?;
    let names = || entity.join_keys.iter().map(|(name, _)| name.as_str());
    for entry in given.iter().filter(|entry| !names().any(|name| name == entry.key)) {
        mistakes.add_with_help(
            &entry.place,
            format!("the entity `{}` has no join key `{}`", entity.name, entry.key),
            suggestion(&entry.key, names().collect::<Vec<_>>()),
        );
    }
    let (source, scope) = source?;
    let mut read_one = |(name, field_type): &(String, FieldType)| {
        let compiled = match given.iter().find(|entry| entry.key == *name) {
            Some(entry) => scope.compile_as(&entry.value, *field_type, mistakes)?,
            None => field_as_join_key(map, source, entity, name, *field_type, mistakes)?,
        };
        inputs.read(&compiled);
        Some(JoinKey { name: name.clone(), field_type: *field_type, expression: compiled.sql })
    };
    let read: Vec<_> = entity.join_keys.iter().map(&mut read_one).collect();
    read.into_iter().collect()
}

/// The field that is called like the join key.
fn field_as_join_key(
    map: Map<'_>,
    source: &Source,
    entity: &Entity,
    name: &str,
    field_type: FieldType,
    mistakes: &mut Mistakes,
) -> Option<Compiled> {
    let place = map.get("join_keys").or_else(|| map.get("entity")).map_or(map.place, |node| &node.place);
    if source.field(name).is_none() {
        mistakes.add_with_help(
            place,
            format!("the source `{}` has no field `{name}`, the join key of `{}`", source.name, entity.name),
            format!("say what it is among the fields of the source: join_keys: {{{name}: some_field}}"),
        );
        return None;
    }
    let text = format!("\"{name}\"");
    match Expression::compile_as(&text, &source.fields, field_type) {
        Ok(expression) => Some(Compiled::of(&text, &expression)),
        Err(error) => {
            mistakes.add(place, format!("the join key `{name}` of `{}`: {}", entity.name, error.message));
            None
        }
    }
}

/// The age that `key` says: that of the events that take part no longer.
fn read_age(key: &str, node: &Node, mistakes: &mut Mistakes) -> Option<TimeDelta> {
    let age = read_duration(node, "a duration, such as 90d", mistakes)?;
    if age == TimeDelta::ZERO {
        mistakes.add_with_help(
            &node.place,
            format!("a {key} of zero hides every event"),
            format!("leave `{key}` out to have none"),
        );
        return None;
    }
    Some(age)
}

fn read_lookback(node: &Node, mistakes: &mut Mistakes) -> Option<Lookback> {
    const EXPECTED: &str = "a duration such as 1h, or unbounded";
    if node.text(EXPECTED, mistakes)? == "unbounded" {
        return Some(Lookback::Unbounded);
    }
    read_duration(node, EXPECTED, mistakes).map(Lookback::Within)
}

/// Reads `tags`.
pub(crate) fn read_tags(node: &Node, mistakes: &mut Mistakes) -> Option<BTreeMap<String, String>> {
    let entries = node.entries("a map of tags", mistakes)?;
    let tag = |entry: &crate::yaml::Entry, mistakes: &mut Mistakes| {
        Some((entry.key.clone(), entry.value.text("a text", mistakes)?.to_owned()))
    };
    let tags: BTreeMap<_, _> = entries.iter().filter_map(|entry| tag(entry, mistakes)).collect();
    (tags.len() == entries.len()).then_some(tags)
}

/// The view's columns, no two of one name.
fn read_features(
    node: &Node,
    scope: Option<Scope<'_>>,
    limits: &Limits,
    inputs: &mut Inputs,
    mistakes: &mut Mistakes,
) -> Option<Vec<PlacedColumn>> {
    let entries = node.some_entries("a map of feature name to feature", mistakes)?;
    let few_enough = |count, mistakes: &mut Mistakes| {
        let limit = limits.columns_per_view;
        Limits::keeps("columns_per_view", limit, count, "columns of a view", &node.place, mistakes)
    };
    if !few_enough(entries.len(), mistakes) {
        return None;
    }
    let read = |entry| feature::read(entry, scope, limits, inputs, mistakes);
    let features: Vec<Option<Vec<PlacedColumn>>> = entries.iter().map(read).collect();
    let columns: Vec<PlacedColumn> = features.into_iter().flatten().flatten().collect();
    let mut first_of: HashMap<&str, &PlacedColumn> = HashMap::new();
    for placed in &columns {
        if let Some(first) = first_of.insert(&placed.column.name, placed) {
            mistakes.add_with_help(
                &placed.place,
                format!("a second column of this view is called `{}`", placed.column.name),
                format!("the first one comes from the feature in line {}", first.place.line),
            );
        }
    }
    few_enough(columns.len(), mistakes).then_some(columns)
}
