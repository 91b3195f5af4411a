//! Tests of the whole way from texts to a repository.

mod columns;
mod differences;
mod disk;
mod mistakes;
mod mistakes_of_references;
mod mistakes_of_views;
mod on_demand;
mod robustness;
mod versions;

use crate::{DefinitionFile, Mistakes, Repository, load_text};

/// A source and an entity to define views over.
const BASE: &str = "\
sources:
  - name: flights
    topic: flights
    format: json
    fields:
      carrier: string
      dest: string
      dep_delay: float64
      hour: int32
      sched_dep: timestamp
      cancelled: bool
    event_time: sched_dep
entities:
  - name: carrier
    join_keys: {carrier: string}
";

/// The beginning of a view over [`BASE`]: what follows begins in line 5.
const VIEW: &str = "\
feature_views:
  - name: delays
    entity: carrier
    source: flights
";

/// Loads files given as name and text.
fn load_files(files: &[(&str, &str)]) -> Result<Repository, Mistakes> {
    let files: Vec<_> = files.iter().map(|(name, text)| DefinitionFile::new(*name, *text)).collect();
    load_text(&files)
}

/// Loads [`BASE`] and `text`.
fn load_with_base(text: &str) -> Result<Repository, Mistakes> {
    load_files(&[("base.yaml", BASE), ("f.yaml", text)])
}

/// What is wrong with the file `f.yaml` of this text, beside [`BASE`].
fn mistakes_in(text: &str) -> String {
    load_with_base(text).expect_err("there are mistakes").to_string()
}

/// Checks each text's mistakes.
fn check_all(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(mistakes_in(text), *expected, "of the text\n{text}");
    }
}

/// Checks the mistakes of each rest of a view.
fn check_views(cases: &[(&str, &str)]) {
    for (rest, expected) in cases {
        let text = format!("{VIEW}{rest}");
        assert_eq!(mistakes_in(&text), *expected, "of the text\n{text}");
    }
}
