//! Whatever a file says, loading it ends with definitions or with mistakes in places that exist.

use proptest::prelude::*;

use super::{BASE, VIEW};
use crate::{DefinitionFile, load_text};

/// Good definitions to be spoilt.
fn definitions() -> String {
    let features = "    where: not cancelled
    join_keys: {carrier: upper(carrier)}
    features:
      delay: &delay {aggregate: [avg, last_n], n: 3, of: \"dep_delay + 1.0\", windows: [1h, {window: 1d, offset: 1d}]}
      again: *delay
      last_dest: |
        dest
on_demand_feature_views:
  - name: trend
    inputs: {features: [\"delays:*\"], request: {hour: int64}}
    features: {rise: \"delay_avg_1h - delays__again_avg_1h\", old: \"delay_last_n_1h[hour]\"}
feature_services:
  - {name: model, features: [\"delays:*\", {view: delays, as: other, join_key_map: {carrier: c}}, \"trend:*\"]}
";
    format!("{BASE}{}{features}", VIEW)
}

/// Bits of text that mean something in YAML, in SQL or here.
const BITS: [&str; 25] = [
    "", "\n", "  ", ": ", "- ", "&delay ", "*delay", "[", "]", "{", "}", "\"", "'", "|", "#", "é",
    "\u{feff}", "\t", "!!int ", "---\n", "avg", "null", "\0", "@", "trend:*",
];

fn bit() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(&BITS[..]).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn spoilt_definitions_are_refused_in_places_that_exist(
        spoils in prop::collection::vec((any::<prop::sample::Index>(), 0..8_usize, bit()), 1..4)
    ) {
        let mut text: Vec<char> = definitions().chars().collect();
        for (at, removed, put) in spoils {
            let at = at.index(text.len() + 1);
            let end = (at + removed).min(text.len());
            text.splice(at..end, put.chars());
        }
        let text: String = text.into_iter().collect();
        let lines = text.split('\n').count();
        if let Err(mistakes) = load_text(&[DefinitionFile::new("f.yaml", text.as_str())]) {
            prop_assert!(!mistakes.is_empty());
            for mistake in mistakes.iter() {
                // The end of a text is a line of its own.
                prop_assert!((1..=lines + 1).contains(&mistake.line), "{mistake} of {lines} lines");
                prop_assert!(mistake.column >= 1, "{mistake}");
            }
        }
    }
}

#[test]
fn the_definitions_that_are_spoilt_are_good() {
    let loaded = load_text(&[DefinitionFile::new("f.yaml", definitions())]);
    let repository = loaded.unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert_eq!(repository.services[0].features.len(), 20);
}
