//! What each crate must never know, checked against what cargo says the crates depend on.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

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
const ONLY: [(&str, &[&str]); 11] = [
    ("rocksdb", &["store"]),
    ("arrow-avro", &["log"]),
    ("rdkafka", &["log"]),
    ("tonic", &["flight-server"]),
    ("arrow-flight", &["flight-server"]),
    ("axum", &["flight-server"]),
    ("prost", &["flight-server"]),
    ("tokio", &["flight-server"]),
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
            let family = |used: &&String| **used == dependency || used.starts_with(&format!("{dependency}-"));
            let wrong: Vec<_> = used.iter().filter(family).collect();
            assert!(wrong.is_empty() || owners.contains(&name.as_str()), "{name} must not know {wrong:?}");
        }
    }
}

#[test]
fn the_core_is_pure() {
    let (core, never) =
        (&dependencies()["core"], ["tokio", "rocksdb", "rdkafka", "prost", "tonic", "rand", "chrono"]);
    let wrong: Vec<_> = never.into_iter().filter(|name| core.contains(*name)).collect();
    assert!(wrong.is_empty(), "core must not know {wrong:?}");
}
