//! How columns are named.

use thalweg_core::Aggregation;

/// The column of a result that holds the values of `column` of the view taken as `view`.
pub(crate) fn result_column(view: &str, column: &str) -> String {
    format!("{view}__{column}")
}

/// The column of a result that holds the statuses of its column `result_column`.
pub fn status_column(result_column: &str) -> String {
    format!("{result_column}__status")
}

/// The name of one column of a feature: `{feature}[_{aggregate}][_{window}]`.
///
/// `listed` is the aggregation where the definition gave a list of them, `window` the suffix of the window
/// where it gave windows.
pub(crate) fn column_name(feature: &str, listed: Option<&Aggregation>, window: Option<&str>) -> String {
    let suffixes = [listed.map(Aggregation::name), window];
    suffixes.into_iter().flatten().fold(feature.to_owned(), |name, suffix| format!("{name}_{suffix}"))
}

/// The longest name there may be, in characters.
const LONGEST: usize = 100;

/// Why `name` cannot be a name, if it cannot.
///
/// A name begins with a letter and goes on with letters, digits and single underscores (all ASCII), not
/// ending in one. So `view__column__status` can be taken apart in one way only, `view:column` too, and names
/// that begin with an underscore stay free for columns of Thalweg's own.
pub(crate) fn why_not_a_name(name: &str) -> Option<String> {
    let well_formed = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.ends_with('_')
        && !name.contains("__");
    if !well_formed {
        return Some(
            "a name begins with a letter and goes on with letters, digits and single underscores, \
             not ending in one"
                .to_owned(),
        );
    }
    (name.len() > LONGEST).then(|| format!("a name has at most {LONGEST} characters"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aggregate_and_window_appear_where_they_were_given_as_lists() {
        for (listed, window, name) in [
            (None, None, "delay"),
            (Some(Aggregation::Avg), None, "delay_avg"),
            (None, Some("1h"), "delay_1h"),
            (Some(Aggregation::StddevPop), Some("1h_offset_2h"), "delay_stddev_pop_1h_offset_2h"),
            (Some(Aggregation::Any), Some("tumbling_1d_offset_1"), "delay_any_tumbling_1d_offset_1"),
        ] {
            assert_eq!(column_name("delay", listed.as_ref(), window), name);
        }
    }

    #[test]
    fn names_are_plain_identifiers() {
        for name in ["a", "Carrier", "dep_delay_1h", "x9"] {
            assert_eq!(why_not_a_name(name), None, "{name}");
        }
        let long = "a".repeat(101);
        for name in ["", "_a", "a_", "a__b", "1h", "a:b", "a-b", "a.b", "é", "a b", &long] {
            assert!(why_not_a_name(name).is_some(), "{name}");
        }
    }
}
