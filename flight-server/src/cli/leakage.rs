//! The leakage report for people.

use serde_json::Value;

use super::output::{table, thousands};

/// A line for each feature that leaks, with how many rows do and the first of them; or that none does.
pub(super) fn shown(leakage: &Value) -> String {
    let features = leakage["features"].as_array().map_or(&[][..], Vec::as_slice);
    let leaking = features.iter().filter(|feature| feature["rows"].as_u64() > Some(0));
    let lines: Vec<[String; 5]> = leaking.map(line).collect();
    let rows = thousands(leakage["rows"].as_u64().unwrap_or_default());
    match lines.len() {
        0 => format!("no leakage: in all {rows} rows every value was known"),
        _ => format!(
            "leakage: in how many of {rows} rows the value as of event time was not known at the row's instant\n{}",
            table(["FEATURE", "ROWS", "FOR EXAMPLE", "EVENT TIME", "KNOWN"], lines)
        ),
    }
}

fn line(feature: &Value) -> [String; 5] {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let example = &feature["examples"][0];
    let keys = example["keys"].as_object().into_iter().flatten();
    let keys: Vec<String> = keys.map(|(name, value)| format!("{name}={}", text(value))).collect();
    [
        text(&feature["name"]),
        thousands(feature["rows"].as_u64().unwrap_or_default()),
        format!("row {}: {} at {}", example["row"], keys.join(" "), text(&example["at"])),
        text(&example["event_time"]),
        text(&example["known"]),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_leaks_is_shown_with_an_example() {
        let example = json!({"row": 7, "keys": {"bus": "m1"}, "at": "2026-01-01T10:00:00Z", "event_time": 2.5, "known": null});
        let features = json!([
            {"name": "a", "rows": 0, "examples": []},
            {"name": "b", "rows": 1200, "examples": [example]},
        ]);
        let text = shown(&json!({"rows": 5000, "features": features}));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert_eq!(
            lines[2].split_whitespace().collect::<Vec<_>>().join(" "),
            "b 1,200 row 7: bus=m1 at 2026-01-01T10:00:00Z 2.5 null"
        );
        assert_eq!(
            shown(&json!({"rows": 5000, "features": []})),
            "no leakage: in all 5,000 rows every value was known"
        );
    }
}
