//! What changes a version, and what does not.

use super::{BASE, VIEW, load_files};
use crate::FeatureView;

const FEATURES: &str = "    where: not cancelled
    ttl: 90d
    tags: {owner: ops}
    features:
      delay: {aggregate: [avg, max], of: \"dep_delay + 1.0\", windows: [1h, 1d]}
      early: {aggregate: count, where: dep_delay < 0.0}
      last_dest: dest
";

fn load(base: &str, rest: &str) -> FeatureView {
    let text = format!("{VIEW}{rest}");
    let repository =
        load_files(&[("base.yaml", base), ("f.yaml", &text)]).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    repository.view("delays").expect("the view is there").clone()
}

/// The view after replacing `old` by `new` in its definition or its source's.
fn after(old: &str, new: &str) -> FeatureView {
    assert!(BASE.contains(old) || FEATURES.contains(old), "{old}");
    load(&BASE.replace(old, new), &FEATURES.replace(old, new))
}

#[test]
fn what_means_nothing_changes_no_version_and_no_plan() {
    let before = load(BASE, FEATURES);
    for (old, new) in [
        ("    ttl: 90d\n", "    # how long a delay says something\n    ttl: 90d\n"),
        ("ttl: 90d", "ttl: 2160h"),
        ("last_dest: dest", "last_dest: {aggregate: last, of: dest, nulls: skip}"),
        ("owner: ops", "owner: sales"),
        ("dep_delay + 1.0", "(dep_delay  +  1.0)"),
        ("not cancelled", "NOT cancelled"),
        ("      dest: string\n", "      \"dest\": 'string'\n"),
        ("windows: [1h, 1d]", "windows: [1d, 1h]"),
        ("[avg, max]", "[max, avg]"),
        ("      last_dest: dest\n", "      last_dest: {aggregate: last, of: dest}\n"),
    ] {
        let after = after(old, new);
        assert_eq!((after.version, &after.plan), (before.version, &before.plan), "{old} → {new}");
    }
    let late_dest = "      last_dest: dest\n";
    let reordered =
        FEATURES.replace(late_dest, "").replace("    features:\n", &format!("    features:\n{late_dest}"));
    let after = load(BASE, &reordered);
    assert_eq!((after.version, &after.plan, &after.inputs), (before.version, &before.plan, &before.inputs));
    assert_ne!(after.columns, before.columns);
}

#[test]
fn lookback_changes_no_version() {
    let before = load(BASE, FEATURES);
    let after = after("    ttl: 90d\n", "    ttl: 90d\n    lookback: 30d\n");
    assert_eq!(after.version, before.version);
    assert_ne!(after.plan.lookback, before.plan.lookback);
}

#[test]
fn what_is_said_by_default_changes_no_version() {
    let before = load(BASE, FEATURES);
    let after = after("    topic: flights\n", "    topic: flights\n    kind: stream\n");
    assert_eq!((after.version, after.plan), (before.version, before.plan));
}

#[test]
fn every_change_of_meaning_changes_the_version() {
    let before = load(BASE, FEATURES);
    let mut seen = vec![before.version];
    for (old, new) in [
        ("topic: flights", "topic: departures"),
        ("    topic: flights\n", "    topic: flights\n    kind: table\n"),
        ("dep_delay: float64", "dep_delay: float32"),
        ("hour: int32", "hour: int64"),
        ("hour: int32", "minute: int32"),
        ("sched_dep: timestamp", "sched_dep: timestamp_ms"),
        ("event_time: sched_dep", "event_time: \"@timestamp\""),
        ("    event_time: sched_dep\n", "    event_time: sched_dep\n    append_time: \"@timestamp\"\n"),
        ("    event_time: sched_dep\n", "    event_time: sched_dep\n    order_by: hour\n"),
        ("    event_time: sched_dep\n", "    event_time: sched_dep\n    max_ahead: 2d\n"),
        ("where: not cancelled", "where: cancelled"),
        ("    where: not cancelled\n", ""),
        ("ttl: 90d", "ttl: 91d"),
        ("    ttl: 90d\n", ""),
        ("    ttl: 90d\n", "    ttl: 90d\n    forget: 90d\n"),
        ("    ttl: 90d\n", "    ttl: 90d\n    join_keys: {carrier: dest}\n"),
        ("[avg, max]", "[avg, min]"),
        ("[avg, max]", "[avg]"),
        ("dep_delay + 1.0", "dep_delay + 2.0"),
        ("[1h, 1d]", "[1h, 2d]"),
        ("[1h, 1d]", "[60m, 1d]"),
        ("dep_delay < 0.0", "dep_delay <= 0.0"),
        ("last_dest: dest", "final_dest: dest"),
        ("last_dest: dest", "last_dest: {aggregate: first, of: dest}"),
        ("last_dest: dest", "last_dest: {aggregate: last_n, n: 2, of: dest}"),
        ("last_dest: dest", "last_dest: {aggregate: last_n, n: 3, of: dest}"),
        ("last_dest: dest", "last_dest: {aggregate: last, nulls: keep, of: dest}"),
        ("last_dest: dest", "last_dest: {aggregate: last_n, nulls: keep, n: 3, of: dest}"),
        ("last_dest: dest", "last_dest: {aggregate: min_by, by: hour, of: dest}"),
        ("last_dest: dest", "last_dest: {aggregate: top_k, k: 3, of: dest}"),
        ("last_dest: dest", "last_dest: {aggregate: top_k, k: 4, of: dest}"),
        ("last_dest: dest", "last_dest: {aggregate: histogram, of: dest}"),
        ("last_dest: dest", "last_dest: {aggregate: exp_decay_sum, half_life: 1d, of: hour}"),
        ("last_dest: dest", "last_dest: {aggregate: exp_decay_sum, half_life: 2d, of: hour}"),
        ("last_dest: dest", "last_dest: {aggregate: approx_percentile, percentiles: [0.5], of: hour}"),
        ("last_dest: dest", "last_dest: {aggregate: approx_percentile, percentiles: [50, 90], of: hour}"),
        ("last_dest: dest", "last_dest: {aggregate: min_by, by: hour + 1, of: dest}"),
        ("last_dest: dest", "last_dest: {aggregate: max_by, by: hour, of: dest}"),
        ("[1h, 1d]", "[1h, {window: 1d, resolution: 1h}]"),
        ("[1h, 1d]", "[1h, {window: 1d, resolution: 2h}]"),
        ("[1h, 1d]", "[1h, {tumbling: 1d}]"),
        ("[1h, 1d]", "[1h, {tumbling: 1d, offset: 1}]"),
        ("[1h, 1d]", "[1h, {session: 1d}]"),
    ] {
        let version = after(old, new).version;
        assert!(!seen.contains(&version), "{old} → {new}");
        seen.push(version);
    }
}

#[test]
fn schemas_change_versions_but_not_by_their_documentation() {
    let version = |schema: &str| {
        let source = format!(
            "sources:\n  - {{name: s, topic: t, format: avro, event_time: \"@timestamp\", schema: '{schema}'}}\n\
             entities: [{{name: e, join_keys: {{k: string}}}}]\n\
             feature_views: [{{name: v, entity: e, source: s, features: {{f: k}}}}]\n"
        );
        let repository = load_files(&[("f.yaml", &source)]).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        repository.views[0].version
    };
    let before = version(r#"{"type": "record", "name": "r", "fields": [{"name": "k", "type": "string"}]}"#);
    let documented = r#"{"name": "r", "doc": "Rows.", "type": "record", "fields": [{"type": "string", "name": "k", "doc": "!"}]}"#;
    assert_eq!(version(documented), before);
    let longer = r#"{"type": "record", "name": "r", "fields": [{"name": "k", "type": "string"}, {"name": "l", "type": "int"}]}"#;
    assert_ne!(version(longer), before);
}

#[test]
fn a_version_is_shown_by_its_first_twelve_digits() {
    let version = load(BASE, FEATURES).version;
    assert_eq!(version.to_string(), version.to_hex()[..12]);
    assert_eq!(version.to_hex().len(), 64);
}
