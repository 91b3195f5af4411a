//! The leakage report as JSON.

use serde_json::{Map, Value, json};
use thalweg_backfill::{FeatureLeakage, Leakage, LeakingRow};

use crate::json::{instant_to_json, to_json};

/// `{"rows": …, "features": [{"name", "feature", "rows", "examples": [{"row", "keys", "at", "event_time", "known"}]}]}`,
/// values as JSON sources spell them.
pub(crate) fn leakage_report(leakage: &Leakage) -> Value {
    let features: Vec<Value> = leakage.features.iter().map(of_feature).collect();
    json!({"rows": leakage.rows, "features": features})
}

fn of_feature(leakage: &FeatureLeakage) -> Value {
    let FeatureLeakage { name, feature, rows, examples } = leakage;
    let example = |example: &LeakingRow| {
        let keys = example.keys.iter().map(|(name, values)| (name.clone(), to_json(values, 0)));
        json!({
            "row": example.row,
            "keys": keys.collect::<Map<_, _>>(),
            "at": instant_to_json(example.at.as_micros()),
            "event_time": to_json(&example.event_time, 0),
            "known": to_json(&example.known, 0),
        })
    };
    let shown: Vec<Value> = examples.iter().map(example).collect();
    json!({"name": name, "feature": feature, "rows": rows, "examples": shown})
}
