//! What each crate must never know, checked against what cargo says the crates depend on.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand, PackageId};

/// The crates of the workspace each crate may depend on.
const MAY_USE: [(&str, &[&str]); 9] = [
    ("core", &[]),
    ("log", &["core"]),
    ("definitions", &["core", "log"]),
    ("store", &["core"]),
    ("ingest", &["core", "definitions", "log", "store"]),
    ("backfill", &["core", "definitions", "log"]),
    ("flight-server", &["core", "definitions", "log", "store", "ingest", "backfill"]),
    ("tests", &["core", "definitions", "log", "store", "ingest", "backfill", "flight-server"]),
    ("benches", &["core", "definitions", "log", "store", "ingest", "backfill", "flight-server"]),
];

/// Outside crates, and the only crates of the workspace that may depend on them.
const ONLY: [(&str, &[&str]); 14] = [
    ("rocksdb", &["store"]),
    ("arrow-avro", &["log"]),
    ("rdkafka", &["log"]),
    ("tonic", &["flight-server"]),
    ("arrow-flight", &["flight-server"]),
    ("axum", &["flight-server"]),
    ("prost", &["flight-server"]),
    ("tokio", &["flight-server"]),
    ("prost-reflect", &["log"]),
    ("reqwest", &["log", "flight-server"]),
    ("object_store", &["flight-server"]),
    ("clap", &["flight-server"]),
    ("datafusion-sql", &["definitions"]),
    ("datafusion-physical-expr", &["definitions"]),
];

/// Of each crate of the workspace, by its folder's name, what it is built with: not what tests it.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo describes the workspace");
    let folder = |name: &str| name.strip_prefix("thalweg-").unwrap_or(name).to_owned();
    let of = |package: &cargo_metadata::Package| {
        let built_with =
            package.dependencies.iter().filter(|dependency| dependency.kind != DependencyKind::Development);
        (folder(&package.name), built_with.map(|dependency| folder(&dependency.name)).collect())
    };
    metadata.workspace_packages().into_iter().map(of).collect()
}

#[test]
fn crates_of_the_workspace_point_one_way() {
    let dependencies = dependencies();
    let known: BTreeSet<_> = MAY_USE.iter().map(|(name, _)| (*name).to_owned()).collect();
    let all: BTreeSet<_> = dependencies.keys().cloned().collect();
    assert_eq!(all, known, "a crate that comes or goes needs its line in this test and in ARCHITECTURE.md");
    for (name, allowed) in MAY_USE {
        let used = dependencies[name].iter().filter(|dependency| known.contains(*dependency));
        let wrong: Vec<_> = used.filter(|dependency| !allowed.contains(&dependency.as_str())).collect();
        assert!(wrong.is_empty(), "{name} must not know {wrong:?}");
    }
}

#[test]
fn what_belongs_to_one_crate_stays_there() {
    // Tests and benches stand outside the house and may look in from anywhere.
    let outside = ["tests", "benches"];
    for (name, used) in dependencies().iter().filter(|(name, _)| !outside.contains(&name.as_str())) {
        for (dependency, owners) in ONLY {
            let own_line = |used: &String| ONLY.iter().any(|(listed, _)| listed == used);
            let family = |used: &&String| {
                **used == dependency || (used.starts_with(&format!("{dependency}-")) && !own_line(used))
            };
            let wrong: Vec<_> = used.iter().filter(family).collect();
            assert!(wrong.is_empty() || owners.contains(&name.as_str()), "{name} must not know {wrong:?}");
        }
    }
}

#[test]
fn nothing_impure_comes_into_the_core_by_way_of_others() {
    // What only other platforms need was never downloaded.
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let options = ["--offline".to_owned(), "--filter-platform".to_owned(), platform];
    let metadata =
        MetadataCommand::new().other_options(options).exec().expect("cargo resolves the workspace");
    let resolve = metadata.resolve.as_ref().expect("dependencies were asked for");
    let name_of = |id: &PackageId| {
        metadata.packages.iter().find(|package| package.id == *id).map(|p| p.name.to_string())
    };
    let core = resolve.nodes.iter().find(|node| name_of(&node.id).as_deref() == Some("thalweg-core"));
    let mut open = vec![&core.expect("the workspace has a core").id];
    let mut reached = BTreeSet::new();
    while let Some(id) = open.pop() {
        let node = resolve.nodes.iter().find(|node| node.id == *id).expect("a node for every package");
        let built_with = node
            .deps
            .iter()
            .filter(|dependency| dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal));
        open.extend(built_with.map(|dependency| &dependency.pkg).filter(|id| reached.insert(*id)));
    }
    let reached: BTreeSet<_> = reached.into_iter().filter_map(name_of).collect();
    assert!(reached.contains("arrow-array"), "the walk went nowhere: {reached:?}");
    for never in ["tokio", "rocksdb", "rdkafka", "prost", "tonic"] {
        assert!(!reached.contains(never), "core must not come to {never}, not by way of others either");
    }
}

#[test]
fn the_core_is_pure() {
    let (core, never) =
        (&dependencies()["core"], ["tokio", "rocksdb", "rdkafka", "prost", "tonic", "rand", "chrono"]);
    let wrong: Vec<_> = never.into_iter().filter(|name| core.contains(*name)).collect();
    assert!(wrong.is_empty(), "core must not know {wrong:?}");
}
