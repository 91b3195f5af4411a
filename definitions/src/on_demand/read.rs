//! Reading an on-demand feature view.

use std::collections::{BTreeMap, BTreeSet};

use arrow::datatypes::Field as Column;
use thalweg_core::FieldType;

use super::{InputFeature, OnDemandFeature, OnDemandView};
use crate::declarations::{Declarations, check_name};
use crate::expression::Names;
use crate::mistakes::{Mistakes, Place, suggestion};
use crate::needs::Needs;
use crate::reference::{columns_of, note, split};
use crate::sql::compile_over;
use crate::taken::Taken;
use crate::version::version_on_demand;
use crate::view::read_tags;
use crate::yaml::{Entry, Keys, Map, Node};
use crate::{FeatureView, Limits, RequestKey, Sql};

/// What may be said of an on-demand feature view.
pub(crate) const KEYS: Keys = Keys { known: &["name", "inputs", "features", "tags"], later: &[] };

const INPUT_KEYS: Keys = Keys { known: &["features", "request"], later: &[] };

/// Reads the on-demand view `name` from `map`. `on_demand` has the names of all such views, which are no
/// inputs.
pub(crate) fn read(
    name: String,
    map: Map<'_>,
    views: &Declarations<FeatureView>,
    on_demand: &BTreeSet<&str>,
    limits: &Limits,
    mistakes: &mut Mistakes,
) -> Option<OnDemandView> {
    let known_so_far = mistakes.len();
    if let (Some(first), Some(node)) = (views.place(&name), map.get("name")) {
        let message = format!("a feature view is called `{name}`, too: a reference could mean either");
        mistakes.add_with_help(&node.place, message, format!("it is at {first}"));
    }
    let tags = map.get("tags").map_or(Some(BTreeMap::new()), |node| read_tags(node, mistakes));
    let inputs = map.require("inputs", mistakes).and_then(|node| {
        let reader = InputReader { views, on_demand, limits };
        reader.read(node, mistakes)
    });
    let features = map.require("features", mistakes);
    let inputs = inputs?;
    let names = inputs.names();
    let features = features.and_then(|node| read_features(node, &names, limits, mistakes));
    if mistakes.len() > known_so_far {
        return None;
    }
    let (ReadInputs { features: inputs, request }, features) = (inputs, features?);
    let version = version_on_demand(&inputs, &request, &features, |view| Some(views.get(view)?.version))?;
    let view = OnDemandView { name, inputs, request, features, tags: tags?, version };
    match Needs::default().add_on_demand(&view, |name| views.get(name)) {
        Ok(()) => Some(view),
        Err(error) => {
            mistakes.add(map.get("inputs").map_or(map.place, |node| &node.place), error.to_string());
            None
        }
    }
}

/// The inputs of a view.
struct ReadInputs {
    features: Vec<InputFeature>,
    request: Vec<RequestKey>,
}

impl ReadInputs {
    /// What expressions may call them by.
    fn names(&self) -> Names {
        let features = self.features.iter().map(|input| {
            (Column::new(input.full_name(), input.data_type.clone(), true), Some(input.column.clone()))
        });
        let request = self
            .request
            .iter()
            .map(|input| (Column::new(&input.name, input.field_type.to_arrow(), true), None));
        Names::of_inputs(features.chain(request))
    }
}

struct InputReader<'a> {
    views: &'a Declarations<FeatureView>,
    on_demand: &'a BTreeSet<&'a str>,
    limits: &'a Limits,
}

impl InputReader<'_> {
    /// Reads `inputs`; none if it has mistakes, since nobody knows then what expressions may name.
    fn read(&self, node: &Node, mistakes: &mut Mistakes) -> Option<ReadInputs> {
        let known_so_far = mistakes.len();
        let map = Map::read(node, "the inputs of an on-demand feature view", &INPUT_KEYS, mistakes)?;
        let features = map.get("features").map(|node| self.read_features(node, mistakes));
        let request = map.get("request").map(|node| self.read_request(node, mistakes));
        if features.is_none() && request.is_none() {
            mistakes.add_with_help(
                &node.place,
                "an on-demand feature view computes from some inputs",
                "name them: inputs: {features: [\"view:column\"], request: {hour: int64}}".to_owned(),
            );
        }
        let (features, request) =
            (features.unwrap_or(Some(Vec::new()))?, request.unwrap_or(Some(Vec::new()))?);
        let spelt = |request: &RequestKey| features.iter().find(|(input, _)| input.column == request.name);
        for (input, place) in &request {
            if let Some((feature, _)) = spelt(input) {
                mistakes.add_with_help(
                    place,
                    format!(
                        "two inputs are called `{}`: this one and a column of `{}`",
                        input.name, feature.view
                    ),
                    "give the request input another name".to_owned(),
                );
            }
        }
        (mistakes.len() == known_so_far).then(|| ReadInputs {
            features: features.into_iter().map(|(input, _)| input).collect(),
            request: request.into_iter().map(|(input, _)| input).collect(),
        })
    }

    fn read_features(&self, node: &Node, mistakes: &mut Mistakes) -> Option<Vec<(InputFeature, Place)>> {
        let items = node.some_items("a list of features, such as [\"view:column\"]", mistakes)?;
        let read: Vec<_> = items.iter().map(|item| self.read_feature(item, mistakes)).collect();
        let read: Option<Vec<_>> = read.into_iter().collect();
        let inputs: Vec<(InputFeature, Place)> = read?.into_iter().flatten().collect();
        let (limit, count) = (self.limits.columns_per_view, inputs.len());
        if !Limits::keeps("columns_per_view", limit, count, "inputs of a view", &node.place, mistakes) {
            return None;
        }
        let mut first_of: BTreeMap<(&str, &str), &Place> = BTreeMap::new();
        for (input, place) in &inputs {
            if let Some(first) = first_of.insert((&input.view, &input.column), place) {
                let message = format!("`{}:{}` is an input already", input.view, input.column);
                mistakes.add_with_help(place, message, format!("it is one from line {} on", first.line));
                return None;
            }
        }
        Some(inputs)
    }

    fn read_feature(&self, node: &Node, mistakes: &mut Mistakes) -> Option<Vec<(InputFeature, Place)>> {
        let text = node.text("a feature, \"view:column\" or \"view:*\"", mistakes)?;
        let (view, column) = note(split(text), &node.place, mistakes)?;
        if self.on_demand.contains(view) && self.views.place(view).is_none() {
            mistakes.add_with_help(
                &node.place,
                format!("`{view}` is an on-demand feature view, and inputs are features of feature views"),
                "write its expression here, over its inputs".to_owned(),
            );
            return None;
        }
        let view = self.views.find(view, &node.place, mistakes)?;
        let taken = Taken::Folded(view);
        let columns = note(columns_of(taken, None, column, &BTreeMap::new()), &node.place, mistakes)?;
        let input = |column: &str| {
            let data_type = taken.column_type(column)?;
            let input = InputFeature { view: view.name.clone(), column: column.to_owned(), data_type };
            Some((input, node.place.clone()))
        };
        columns.iter().map(|reference| input(&reference.column)).collect()
    }

    fn read_request(&self, node: &Node, mistakes: &mut Mistakes) -> Option<Vec<(RequestKey, Place)>> {
        let entries = node.some_entries("a map of request input to type", mistakes)?;
        let (limit, count) = (self.limits.columns_per_view, entries.len());
        if !Limits::keeps("columns_per_view", limit, count, "inputs of a view", &node.place, mistakes) {
            return None;
        }
        let read: Vec<_> = entries.iter().map(|entry| read_request_input(entry, mistakes)).collect();
        read.into_iter().collect()
    }
}

fn read_request_input(entry: &Entry, mistakes: &mut Mistakes) -> Option<(RequestKey, Place)> {
    let named = check_name(&entry.key, &entry.place, mistakes);
    let written = entry.value.text("a type, such as int64", mistakes)?;
    let Some(field_type) = FieldType::ALL.into_iter().find(|known| known.name() == written) else {
        mistakes.add_with_help(
            &entry.value.place,
            format!("`{written}` is no type of a request input"),
            suggestion(written, FieldType::ALL.map(FieldType::name)),
        );
        return None;
    };
    named.then(|| (RequestKey { name: entry.key.clone(), field_type }, entry.place.clone()))
}

fn read_features(
    node: &Node,
    names: &Names,
    limits: &Limits,
    mistakes: &mut Mistakes,
) -> Option<Vec<OnDemandFeature>> {
    let entries = node.some_entries("a map of feature name to SQL expression", mistakes)?;
    let (limit, count) = (limits.columns_per_view, entries.len());
    if !Limits::keeps("columns_per_view", limit, count, "columns of a view", &node.place, mistakes) {
        return None;
    }
    let mut read = |entry: &Entry| {
        let named = check_name(&entry.key, &entry.place, mistakes);
        let (text, compiled) = compile_over(&entry.value, names, limits, mistakes)?;
        let expression = Sql { text, meaning: compiled.canonical().to_owned() };
        let field_type = compiled.result_type();
        named.then(|| OnDemandFeature { name: entry.key.clone(), expression, field_type, compiled })
    };
    let features: Vec<_> = entries.iter().map(&mut read).collect();
    features.into_iter().collect()
}
