//! What a plan of changes says.

use super::{VIEW, load_with_base};
use crate::{Change, Diff, Repository};

const SERVICES: &str = "
feature_services:
  - {name: model, features: [\"delays:*\"]}
  - {name: other, features: [\"delays:last_dest\"]}
";

fn load(features: &str, services: &str) -> Repository {
    load_with_base(&format!("{VIEW}{features}{services}")).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn shown(old: &Repository, new: &Repository) -> String {
    Diff::between(old, new).to_string()
}

#[test]
fn what_is_equal_is_unchanged() {
    let features = "    features: {last_dest: dest}\n";
    let old = load(features, SERVICES);
    let new = load(&format!("    # said otherwise\n{features}"), SERVICES);
    let diff = Diff::between(&old, &new);
    assert!(diff.is_empty());
    assert_eq!(diff.to_string(), "Nothing changes.");
    assert!(diff.views.iter().all(|view| view.change == Change::Unchanged && !view.rebuild));
}

#[test]
fn a_first_apply_builds_everything() {
    let nothing = super::load_files(&[("f.yaml", "")]).expect("an empty file is an empty repository");
    let new = load("    features: {last_dest: dest}\n", SERVICES);
    assert_eq!(
        shown(&nothing, &new),
        "\
Sources
  new        flights
Feature views
  new        delays (built from the log)
Feature services
  new        model
  new        other"
    );
}

#[test]
fn changes_are_told_with_what_they_break() {
    let old = load(
        "    ttl: 90d\n    features: {last_dest: dest, late: {aggregate: avg, of: dep_delay, windows: [1h]}}\n",
        SERVICES,
    );
    let new = load(
        "    tags: {owner: ops}\n    features: {last_dest: hour, late: {aggregate: avg, of: dep_delay, windows: [1d]}}\n",
        "\nfeature_services:\n  - {name: model, features: [\"delays:*\"]}\n",
    );
    assert_eq!(
        shown(&old, &new),
        "\
Sources
  unchanged  flights
Feature views
  changed    delays (rebuilt from the log)
      column last_dest: last of \"dest\" → last of \"hour\"
      column late_1h: avg of \"dep_delay\" over 1h → removed
      ttl: 90d → removed
      column late_1d: new, avg of \"dep_delay\" over 1d
      tag owner: new, ops
Feature services
  changed    model
      column delays__last_dest: string, delays:last_dest → int32, delays:last_dest
      column delays__late_1h: float64, delays:late_1h → removed
      column delays__late_1d: new, float64, delays:late_1d
  removed    other
This breaks
  model
      column delays__last_dest becomes int32; it is string
      column delays__late_1h is removed
  other
      the service is removed"
    );
}

#[test]
fn a_longer_lookback_needs_a_rebuild_and_a_shorter_one_does_not() {
    let lookback = |span: &str| load(&format!("    lookback: {span}\n    features: {{f: dest}}\n"), "");
    for (old, new, rebuild) in
        [("1h", "2h", true), ("2h", "1h", false), ("1h", "unbounded", true), ("unbounded", "1h", false)]
    {
        let diff = Diff::between(&lookback(old), &lookback(new));
        assert_eq!(
            (diff.views[0].change, diff.views[0].rebuild),
            (Change::Changed, rebuild),
            "{old} → {new}"
        );
        assert_eq!(diff.views[0].details, [format!("lookback: {old} → {new}")]);
    }
}

#[test]
fn a_source_that_is_read_otherwise_changes_its_views() {
    let old = load("    features: {f: dest}\n", "");
    let base = super::BASE.replace("topic: flights", "topic: departures");
    let view = format!("{VIEW}    features: {{f: dest}}\n");
    let new = super::load_files(&[("base.yaml", &base), ("f.yaml", &view)]).expect("good definitions");
    assert_eq!(
        shown(&old, &new),
        "\
Sources
  changed    flights
      topic: flights → departures
Feature views
  changed    delays (rebuilt from the log)
      its source `flights` is read otherwise"
    );
}

#[test]
fn a_diff_can_be_written_as_json() {
    let nothing = super::load_files(&[]).expect("no files are an empty repository");
    let diff = Diff::between(&nothing, &load("    features: {f: dest}\n", ""));
    let json = serde_json::to_value(&diff).expect("a difference is plain data");
    assert_eq!(
        json["views"],
        serde_json::json!([{"name": "delays", "change": "new", "rebuild": true, "details": []}])
    );
}
