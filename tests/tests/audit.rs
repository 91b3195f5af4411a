//! `thalweg verify`: that an audit finds what is wrong, and what it says of it.

use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;
use thalweg_backfill::Cancellation;
use thalweg_definitions::DefinitionFile;
use thalweg_flight_server::Kind;
use thalweg_flight_server::audit::audit_view;
use thalweg_flight_server::node::Node;
use thalweg_flight_server::wire::ViewAudit;
use thalweg_log::{EmbeddedLog, EmbeddedOptions, Log as _, NewRecord, TopicIds};
use thalweg_tests::harness::{apply, open_node, settle, temporary_folder};

const DEFINITIONS: &str = r#"
sources:
  - {name: departures, topic: departures, format: json, event_time: left,
     fields: {carrier: string, origin: string, left: timestamp, delay: float64}}
  - {name: carriers, topic: carriers, kind: table, format: json, event_time: since,
     fields: {carrier: string, since: timestamp, title: string}}
entities:
  - {name: carrier, join_keys: {carrier: string}}
  - {name: route, join_keys: {origin: string, carrier: string}}
feature_views:
  - name: delays
    entity: carrier
    source: departures
    features: {n: {aggregate: count, windows: [1h, lifetime]}, delay: {aggregate: [sum, last], of: delay}}
  - name: routes
    entity: route
    source: departures
    lookback: unbounded
    features: {n: {aggregate: count}, delay: {aggregate: max, of: delay, windows: [1d]}}
  - name: titles
    entity: carrier
    source: carriers
    lookback: 10d
    features: {title: title}
on_demand_feature_views:
  - name: derived
    inputs: {features: ["routes:n", "delays:delay_sum", "titles:title"], request: {allowed: float64, hour: int64}}
    features: {share: "n / delay_sum", is_late: "delay_sum > allowed", shout: "upper(title)", later: "hour + n"}
"#;

const VIEWS: [&str; 4] = ["delays", "routes", "titles", "derived"];

/// Departures of three carriers; a carrier's first one is `first` minutes late.
fn departures(first: u32) -> Vec<String> {
    let one = |n: u32| {
        let delay = if n < 3 { first } else { n };
        let (carrier, origin) = (["UA", "B6", "DL"][n as usize % 3], ["EWR", "JFK"][n as usize % 2]);
        let left = format!("2013-07-01T{:02}:{:02}:00Z", n / 6, n % 6 * 10);
        format!(r#"{{"carrier":"{carrier}","origin":"{origin}","left":"{left}","delay":{delay}}}"#)
    };
    (0..60).map(one).collect()
}

fn carriers() -> Vec<String> {
    let one = |carrier: &str| {
        format!(r#"{{"carrier":"{carrier}","since":"2013-06-25T00:00:00Z","title":"{carrier} Inc."}}"#)
    };
    ["UA", "B6", "DL"].map(one).to_vec()
}

/// A folder with a log of these records, whose topics have the same ids wherever it is written.
fn write_log(dir: &Path, records: &[(&str, Vec<String>)]) {
    let options = EmbeddedOptions { topic_ids: TopicIds::Seeded(7), ..EmbeddedOptions::default() };
    let log = EmbeddedLog::open(dir.join("log"), options).expect("a writable folder");
    for (topic, values) in records {
        log.create_topic(topic, 1).expect("a new topic");
        let records: Vec<_> = values
            .iter()
            .map(|value| NewRecord {
                key: None,
                value: Some(value.as_bytes()),
                timestamp_ms: 0,
                headers: &[],
            })
            .collect();
        log.append(topic, 0, &records).expect("sound records");
    }
}

fn audit(node: &Node, view: &str) -> ViewAudit {
    audit_view(node, view, 50, 11, &Cancellation::default()).expect("a view that can be audited")
}

/// A folder whose state is the fold of its log, and the node that serves it.
fn sound(clock: &str) -> (TempDir, Arc<Node>) {
    let dir = temporary_folder().expect("a temporary folder");
    write_log(dir.path(), &[("departures", departures(1)), ("carriers", carriers())]);
    let node = open_node(dir.path(), clock).expect("a log that was just written");
    apply(&node, DEFINITIONS).expect("sound definitions");
    (dir, node)
}

#[test]
fn a_sound_state_has_no_differences_whatever_clock_it_goes_by() {
    for clock in ["wall", "stream"] {
        let (_dir, node) = sound(clock);
        let audits = VIEWS.map(|view| audit(&node, view));
        let keys: Vec<_> = audits.iter().map(|audit| (audit.keys, audit.rows)).collect();
        assert_eq!(keys, [(3, 12), (6, 24), (3, 12), (6, 24)], "by the clock {clock}");
        let cells: Vec<_> = audits.iter().map(|audit| (audit.cells, audit.differing)).collect();
        assert_eq!(cells, [(48, 0), (48, 0), (12, 0), (96, 0)], "by the clock {clock}");
        let of_derived: Vec<_> = audits[3].versions.keys().cloned().collect();
        assert_eq!(of_derived.len(), 4, "{of_derived:?}");
        let mut applied: Vec<_> =
            audits[3].applied.iter().map(|at| (at.topic.as_str(), at.next_offset)).collect();
        applied.sort_unstable();
        assert_eq!(applied, [("carriers", 3), ("departures", 60)]);
        let is_newest = audits[0].at_us == 1_372_672_200_000_000;
        assert_eq!(is_newest, clock == "stream", "what now is: {}", audits[0].at_us);
    }
}

#[test]
fn a_state_that_is_no_fold_of_its_log_is_found_out() {
    let (dir, node) = sound("stream");
    node.shutdown().expect("a state that can be written");
    drop(node);
    // The same topics with as many records, of which three say something else: what is applied is none of it.
    std::fs::remove_dir_all(dir.path().join("log")).expect("a log that nobody has open");
    write_log(dir.path(), &[("departures", departures(2)), ("carriers", carriers())]);
    let node = open_node(dir.path(), "stream").expect("a log of the same topics");
    settle(&node).expect("nothing is left to apply");
    let delays = audit(&node, "delays");
    // The sums alone tell: the last delays and the counts are the same.
    assert_eq!((delays.cells, delays.differing), (48, 12));
    assert_eq!(delays.differences.len(), 12);
    let first = &delays.differences[0];
    assert_eq!(first.column, "delays__delay_sum");
    assert_eq!((first.online_status.as_str(), first.replayed_status.as_str()), ("PRESENT", "PRESENT"));
    let number = |text: &str| text.parse::<f64>().expect("a number");
    assert!((number(&first.replayed) - number(&first.online) - 1.0).abs() < f64::EPSILON, "{first:?}");
    assert!(first.row.starts_with(r#"{"carrier":""#), "{}", first.row);
    // What it was compared with can be asked for again.
    assert!(node.manifests().get(&delays.commit).is_ok());
    assert_eq!(audit(&node, "titles").differing, 0);
    let derived = audit(&node, "derived");
    assert!(derived.differing > 0 && derived.differing < derived.cells);
    let columns: Vec<_> = derived.differences.iter().map(|difference| difference.column.as_str()).collect();
    assert!(!columns.contains(&"derived__shout") && !columns.contains(&"derived__later"), "{columns:?}");
}

#[test]
fn what_cannot_be_audited_is_skipped_or_refused_and_said() {
    let (_dir, node) = sound("stream");
    let refused = audit_view(&node, "delays", 2_501, 11, &Cancellation::default());
    let refused = refused.expect_err("more rows than one lookup may have");
    assert_eq!(refused.kind, Kind::ResourceExhausted);
    assert!(refused.message.contains("limits.lookup_rows") && refused.message.contains("2500"), "{refused}");
    let cancelled = Cancellation::default();
    cancelled.cancel();
    let cancelled = audit_view(&node, "delays", 5, 11, &cancelled).expect_err("nobody waits for it");
    assert_eq!(cancelled.kind, Kind::Cancelled);
    let unheard = audit_view(&node, "unheard", 5, 11, &Cancellation::default()).expect_err("no such view");
    assert_eq!(unheard.kind, Kind::NotFound);
    apply(&node, &with_view("none", "delay < 0")).expect("sound definitions");
    assert_eq!(audit(&node, "none").skipped, "it has no keys yet");
}

#[test]
fn a_view_that_is_being_built_is_skipped_until_it_is() {
    let dir = temporary_folder().expect("a temporary folder");
    let many = (0..5_000).flat_map(|_| departures(1)).collect();
    write_log(dir.path(), &[("departures", many), ("carriers", carriers())]);
    let node = open_node(dir.path(), "stream").expect("a log that was just written");
    apply(&node, DEFINITIONS).expect("sound definitions");
    let files = [DefinitionFile::new("features.yaml", with_view("built", "delay > 0"))];
    std::thread::scope(|scope| {
        let applying = scope.spawn(|| node.apply(&files, false).map(drop));
        // It is built from the moment on at which it is registered.
        let meanwhile = loop {
            match audit_view(&node, "built", 50, 11, &Cancellation::default()) {
                Err(error) if error.kind == Kind::NotFound && !applying.is_finished() => {}
                audited => break audited.expect("a view that can be audited"),
            }
        };
        assert!(meanwhile.skipped.contains("is being built"), "{meanwhile:?}");
        let beside = audit(&node, "delays");
        assert!(beside.cells > 0 && beside.differing == 0, "{beside:?}");
        applying.join().expect("no panic").expect("sound definitions");
    });
    settle(&node).expect("a view that can be built");
    let built = audit(&node, "built");
    assert_eq!((built.cells, built.differing), (12, 0));
}

/// The definitions with one more view of carriers, of the departures for which `condition` is true.
fn with_view(name: &str, condition: &str) -> String {
    let features = "features: {n: {aggregate: count}}";
    let view =
        format!("{{name: {name}, entity: carrier, source: departures, where: \"{condition}\", {features}}}");
    DEFINITIONS.replace("  - name: titles\n", &format!("  - {view}\n  - name: titles\n"))
}
