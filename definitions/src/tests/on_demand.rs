//! What on-demand feature views come to.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array};
use arrow::datatypes::{DataType, Float64Type};
use thalweg_core::FieldType;

use super::{VIEW, load_with_base, mistakes_in};
use crate::{Change, Diff, Layout, Origin, Repository};

const FEATURES: &str = "    features:
      delay: {aggregate: avg, of: dep_delay, windows: [1h, 1d]}
      dests: {aggregate: last_n, n: 2, of: dest}
";

const ON_DEMAND: &str = "on_demand_feature_views:
  - name: trend
    inputs: {features: [\"delays:delay_1h\", \"delays:delay_1d\"], request: {planned: int64}}
    tags: {owner: ops}
    features:
      rise: delay_1h - delays__delay_1d
      over_plan: delay_1h / planned
";

const SERVICE: &str = "feature_services:
  - name: model
    features: [{view: delays, as: rival, join_key_map: {carrier: rival}, columns: [delay_1h]}, \"trend:*\"]
";

fn load(features: &str, rest: &str) -> Repository {
    load_with_base(&format!("{VIEW}{features}{rest}")).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn usual() -> Repository {
    load(FEATURES, &format!("{ON_DEMAND}{SERVICE}"))
}

#[test]
fn a_request_needs_the_keys_of_the_inputs_and_what_it_says_itself() {
    let repository = usual();
    let features = &repository.service("model").expect("the service").features;
    let names = |needed: Vec<crate::RequestKey>| needed.into_iter().map(|key| key.name).collect::<Vec<_>>();
    assert_eq!(names(repository.request_keys(features).expect("good keys")), ["rival", "carrier"]);
    assert_eq!(names(repository.request_inputs(features).expect("good inputs")), ["planned"]);
    assert_eq!(repository.views_of_features(features).into_iter().collect::<Vec<_>>(), ["delays"]);
}

#[test]
fn inputs_are_folded_and_not_answered() {
    let repository = usual();
    let features = repository.service("model").expect("the service").features.clone();
    let layout = Layout::new(&repository, &features, true).expect("no two names");
    let names: Vec<_> = layout.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["rival__delay_1h", "trend__rise", "trend__over_plan"]);
    assert_eq!(layout.columns[1].feature, "trend:rise");
    assert_eq!(layout.folds.len(), 2, "the view by the rival's key, and by the carrier's");
    let [on_demand] = layout.on_demand.as_slice() else { panic!("one on-demand view") };
    assert!(on_demand.inputs.iter().all(|input| input.fold == 1));
    assert_eq!(layout.columns[2].origin, Origin::OnDemand { view: 0, feature: 1 });
    assert_eq!(layout.version_of(layout.columns[2].origin), on_demand.view.version);
    assert_eq!(layout.request_inputs().len(), 1);
    let short = Layout::new(&repository, &features, false).expect("no two names");
    assert_eq!(short.columns[1].name, "rise");
}

#[test]
fn features_are_evaluated_row_by_row() {
    let repository = usual();
    let view = repository.on_demand_view("trend").expect("the view");
    let doubles = |values: Vec<Option<f64>>| Arc::new(Float64Array::from(values)) as ArrayRef;
    let planned = Arc::new(Int64Array::from(vec![Some(2), Some(0), None])) as ArrayRef;
    let batch = view.input_batch(
        vec![
            doubles(vec![Some(3.0), Some(1.0), Some(0.0)]),
            doubles(vec![Some(1.0), None, Some(5.0)]),
            planned,
        ],
        3,
    );
    let values = |name: &str| {
        let feature = view.feature(name).expect("a feature");
        assert_eq!(feature.field_type, FieldType::Float64);
        let column = feature.evaluate(&batch).column;
        column.as_primitive::<Float64Type>().iter().collect::<Vec<_>>()
    };
    assert_eq!(values("rise"), [Some(2.0), None, Some(-5.0)]);
    assert_eq!(values("over_plan"), [Some(1.5), Some(f64::INFINITY), None]);
}

#[test]
fn elements_of_lists_are_of_the_type_of_what_is_in_them() {
    let rest = "on_demand_feature_views:
  - {name: dest, inputs: {features: [\"delays:dests\"]}, features: {newest: \"dests[1]\", none: dests is null}}
";
    let repository = load(FEATURES, rest);
    let view = repository.on_demand_view("dest").expect("the view");
    let types: Vec<_> = view.features.iter().map(|feature| feature.field_type).collect();
    assert_eq!(types, [FieldType::String, FieldType::Bool]);
    assert!(matches!(view.inputs[0].data_type, DataType::List(_)));
    let no_list = arrow::array::new_null_array(&view.inputs[0].data_type, 1);
    let batch = view.input_batch(vec![no_list], 1);
    assert!(view.features[0].evaluate(&batch).column.is_null(0));
    assert!(view.features[1].evaluate(&batch).column.as_boolean().value(0));
}

#[test]
fn a_version_covers_what_the_values_mean() {
    let version = |features: &str, on_demand: &str| {
        load(features, on_demand).on_demand_view("trend").expect("the view").version
    };
    let before = version(FEATURES, ON_DEMAND);
    for (old, new) in [
        ("owner: ops", "owner: sales"),
        ("delay_1h - delays__delay_1d", "(delays__delay_1h  -  delay_1d)"),
        ("[\"delays:delay_1h\", \"delays:delay_1d\"]", "[\"delays:delay_1d\", \"delays:delay_1h\"]"),
    ] {
        assert!(ON_DEMAND.contains(old), "{old}");
        assert_eq!(version(FEATURES, &ON_DEMAND.replace(old, new)), before, "{old} → {new}");
    }
    for (old, new) in [
        ("delay_1h / planned", "planned / delay_1h"),
        ("over_plan:", "plan:"),
        ("planned: int64", "planned: float64"),
        ("int64}", "int64, more: bool}"),
    ] {
        assert!(ON_DEMAND.contains(old), "{old}");
        assert_ne!(version(FEATURES, &ON_DEMAND.replace(old, new)), before, "{old} → {new}");
    }
    assert_ne!(version(&FEATURES.replace("of: dep_delay", "of: dep_delay * 2"), ON_DEMAND), before);
}

#[test]
fn a_plan_says_what_becomes_of_on_demand_views_and_what_that_breaks() {
    let old = usual();
    let changed =
        ON_DEMAND.replace("delay_1h / planned", "planned").replace("planned: int64", "planned: int32");
    let changed = load(FEATURES, &format!("{changed}{SERVICE}"));
    let diff = Diff::between(&old, &changed);
    assert!(diff.views.iter().all(|view| view.change == Change::Unchanged && !view.rebuild));
    assert_eq!(
        diff.to_string(),
        "\
Sources
  unchanged  flights
Feature views
  unchanged  delays
On-demand feature views
  changed    trend
      column over_plan: float64, \"delay_1h / planned\" → int32, \"planned\"
      request input planned: int64 → int32
Feature services
  changed    model
      column trend__over_plan: float64, trend:over_plan → int32, trend:over_plan
      request input planned: int64 → int32
This breaks
  model
      column trend__over_plan becomes int32; it is float64
      request input planned (int32) is needed"
    );
    let view_changed =
        load(&FEATURES.replace("of: dep_delay", "of: -dep_delay"), &format!("{ON_DEMAND}{SERVICE}"));
    let diff = Diff::between(&old, &view_changed);
    assert_eq!(diff.on_demand_views[0].change, Change::Changed);
    assert!(diff.on_demand_views[0].details[0].starts_with("view delays: version "), "{diff}");
    let removed = Diff::between(&old, &load(FEATURES, ""));
    assert_eq!(removed.on_demand_views[0].change, Change::Removed);
    assert_eq!(removed.broken[0].reasons, ["the service is removed"]);
    let files: Vec<_> = old.files().to_vec();
    assert!(Diff::between(&old, &crate::load_text(&files).expect("the same files")).is_empty());
}

#[test]
fn an_input_that_is_wrong_is_one_mistake_and_hides_those_that_follow_from_it() {
    let rest = ON_DEMAND.replace("delays:delay_1d", "delays:delay_1m");
    assert_eq!(
        mistakes_in(&format!("{VIEW}{FEATURES}{rest}{SERVICE}")),
        "f.yaml:10:44: the view `delays` has no column `delay_1m`\n    did you mean `delay_1d`?"
    );
}
