//! What is said about feature views that are wrong.

use super::{check_all, check_views};

#[test]
fn views() {
    check_views(&[
        ("", "f.yaml:2:5: `features` is missing from a feature view"),
        ("    features: {}\n", "f.yaml:5:15: expected a map of feature name to feature, found an empty map"),
        ("    features: [dest]\n", "f.yaml:5:15: expected a map of feature name to feature, found a list"),
        (
            "    forget: 0d\n    features: {f: dest}\n",
            "f.yaml:5:13: a forget of zero hides every event\n    leave `forget` out to have none",
        ),
        (
            "    feature: {f: dest}\n    features: {f: dest}\n",
            "f.yaml:5:5: unknown key `feature` of a feature view\n    did you mean `features`?",
        ),
        (
            "    ttl: 0d\n    features: {f: dest}\n",
            "f.yaml:5:10: a ttl of zero hides every event\n    leave `ttl` out to have none",
        ),
        (
            "    ttl: 90\n    features: {f: dest}\n",
            "f.yaml:5:10: `90` is not a duration: write an integer and one of us, ms, s, m, h, d, w, such as 30m",
        ),
        (
            "    lookback: [1h]\n    features: {f: dest}\n",
            "f.yaml:5:15: expected a duration such as 1h, or unbounded, found a list",
        ),
        ("    tags: [a]\n    features: {f: dest}\n", "f.yaml:5:11: expected a map of tags, found a list"),
        (
            "    where: hour + 1\n    features: {f: dest}\n",
            "f.yaml:5:12: `where` must be true or false; `hour + 1` is int64\n    write a comparison",
        ),
    ]);
}

#[test]
fn what_a_view_refers_to() {
    check_all(&[
        (
            "feature_views:\n  - {name: v, entity: carier, source: fligths, features: {f: dest}}\n",
            "f.yaml:2:23: there is no entity `carier`\n    did you mean `carrier`?\n\
             f.yaml:2:39: there is no source `fligths`\n    did you mean `flights`?",
        ),
        (
            "entities:\n  - {name: plane, join_keys: {tail: string}}\n\
             feature_views:\n  - {name: v, entity: plane, source: flights, features: {f: dest}}\n",
            "f.yaml:4:23: the source `flights` has no field `tail`, the join key of `plane`\n    \
             say what it is among the fields of the source: join_keys: {tail: some_field}",
        ),
    ]);
    check_views(&[(
        "    join_keys: {carier: dest}\n    features: {f: dest}\n",
        "f.yaml:5:17: the entity `carrier` has no join key `carier`\n    did you mean `carrier`?",
    )]);
}

#[test]
fn features() {
    check_views(&[
        (
            "    features: {f: [dest]}\n",
            "f.yaml:5:19: expected a feature: an SQL expression, or a map with `aggregate`, found a list",
        ),
        ("    features: {f: {of: dest}}\n", "f.yaml:5:19: `aggregate` is missing from a feature"),
        (
            "    features: {f: {aggregate: []}}\n",
            "f.yaml:5:31: expected the name of an aggregation, or a list of them, found an empty list",
        ),
        (
            "    features: {f: {aggregate: sum, off: hour}}\n",
            "f.yaml:5:31: `sum` needs `of`\n    say what to aggregate: {aggregate: sum, of: some_field}\n\
             f.yaml:5:36: unknown key `off` of a feature\n    did you mean `of`?",
        ),
        (
            "    features: {f: {aggregate: medain, of: hour}}\n",
            "f.yaml:5:31: unknown aggregation `medain`\n    there are 25, such as `count`, `sum`, `avg`, \
             `variance` or `stddev`",
        ),
        (
            "    features: {f: {aggregate: [avg, sum, max], of: dest}}\n",
            "f.yaml:5:32: avg is for numbers, and the input has type string: cast it, or use another aggregation\n\
             f.yaml:5:37: sum is for numbers, and the input has type string: cast it, or use another aggregation",
        ),
        (
            "    features: {f: {aggregate: exp_decay_sum, half_life: 0d, of: hour}}\n",
            "f.yaml:5:57: `half_life` must be longer than zero",
        ),
        (
            "    features: {f: {aggregate: exp_decay_sum, of: hour}}\n",
            "f.yaml:5:31: `exp_decay_sum` needs `half_life`\n    \
             say after how long a value counts half, such as half_life: 7d",
        ),
        (
            "    features: {f: {aggregate: approx_percentile, of: hour}}\n",
            "f.yaml:5:31: `approx_percentile` needs `percentiles`\n    \
             say which, such as percentiles: [50, 99.9]",
        ),
        (
            "    features: {f: {aggregate: approx_percentile, percentiles: [50, 101], of: hour}}\n",
            "f.yaml:5:68: `101` cannot be one of `percentiles`: write percents such as 50 and 99.9, or shares of one \
             such as 0.5 and 0.999, with at most 7 decimals",
        ),
        (
            "    features: {f: {aggregate: approx_percentile, percentiles: 0.5, of: dest}}\n",
            "f.yaml:5:63: expected a list of percentiles, such as [50, 99.9], found a text or number",
        ),
        (
            "    features: {f: {aggregate: approx_percentile, percentiles: [0.5], of: dest}}\n",
            "f.yaml:5:31: approx_percentile is for numbers, and the input has type string: cast it, or use another \
             aggregation",
        ),
        (
            "    features: {f: {aggregate: top_k, of: dest}}\n",
            "f.yaml:5:31: `top_k` needs `k`\n    say how many values to give, such as k: 5",
        ),
        (
            "    features: {f: {aggregate: top_k, k: 0, of: dest}}\n",
            "f.yaml:5:41: `k` must be a whole number from 1 on; found `0`",
        ),
        (
            "    features: {f: {aggregate: histogram, k: 3, of: dest}}\n",
            "f.yaml:5:42: `k` means nothing to this aggregation\n    top_k takes it",
        ),
        (
            "    features: {f: {aggregate: histogram, of: dep_delay}}\n",
            "f.yaml:5:31: histogram counts how often values repeat, and the input has type float64: \
             round it and cast it to an integer",
        ),
        (
            "    features: {f: {aggregate: last, nulls: drop, of: dest}}\n",
            "f.yaml:5:44: `nulls` is keep or skip; found `drop`",
        ),
        (
            "    features: {f: {aggregate: max, nulls: keep, of: dest}}\n",
            "f.yaml:5:36: `nulls` means nothing to this aggregation\n    first, last, first_n and last_n take it",
        ),
        (
            "    features: {f: {aggregate: [max, max_by], of: dest}}\n",
            "f.yaml:5:37: `max_by` needs `by`\n    \
             say what to compare events by: {aggregate: max_by, of: some_field, by: another_field}",
        ),
        (
            "    features: {f: {aggregate: max, of: dest, by: hour}}\n",
            "f.yaml:5:46: `by` means nothing to this aggregation\n    min_by and max_by take it",
        ),
        (
            "    features: {f: {aggregate: any, of: dest}}\n",
            "f.yaml:5:31: any is for bool, and the input has type string: write a comparison",
        ),
        (
            "    features: {f: {aggregate: last_n, of: dest}}\n",
            "f.yaml:5:31: `last_n` needs `n`\n    say how many values to keep, such as n: 5",
        ),
        (
            "    features: {f: {aggregate: last, n: 5, of: dest}}\n",
            "f.yaml:5:37: `n` means nothing to this aggregation\n    first_n and last_n take it",
        ),
        (
            "    features: {f: {aggregate: last_n, n: 0, of: dest}}\n",
            "f.yaml:5:42: `n` must be a whole number from 1 on; found `0`",
        ),
        (
            "    features: {f: {aggregate: last_n, n: 10001, of: dest}}\n",
            "f.yaml:5:42: `n` is 10001: too long a list\n    \
             the limit is 10000: limits.definitions.list_length in the configuration",
        ),
        (
            "    features: {_f: dest}\n",
            "f.yaml:5:16: `_f` cannot be a name\n    a name begins with a letter and goes on with letters, \
             digits and single underscores, not ending in one",
        ),
    ]);
}

#[test]
fn windows() {
    check_views(&[
        (
            "    features: {f: {aggregate: count, windows: 1h}}\n",
            "f.yaml:5:47: expected a list of windows, such as [1h, 7d], found a text or number",
        ),
        (
            "    features: {f: {aggregate: count, windows: []}}\n",
            "f.yaml:5:47: expected a list of windows, such as [1h, 7d], found an empty list",
        ),
        (
            "    features: {f: {aggregate: count, windows: [1h, 0d, -1h, 3600]}}\n",
            "f.yaml:5:52: a window of `0d` holds nothing: it must be longer than zero\n\
             f.yaml:5:56: `-1h` is not a duration: write an integer and one of us, ms, s, m, h, d, w, such as 30m\n\
             f.yaml:5:61: `3600` is not a duration: write an integer and one of us, ms, s, m, h, d, w, such as 30m",
        ),
        (
            "    features: {f: {aggregate: count, windows: [{tumbling: 1d, window: 1h}, {session: 0s}]}}\n",
            "f.yaml:5:49: a window is of one kind: `window` or `tumbling`, not both\n\
             f.yaml:5:86: a session of `0s` holds nothing: it must be longer than zero",
        ),
        (
            "    features: {f: {aggregate: count, windows: [{tumbling: 1d, offset: 1d}, {session: 1m, offset: 1m}]}}\n",
            "f.yaml:5:71: `offset` of a tumbling window is a whole number of buckets; found `1d`\n\
             f.yaml:5:90: `offset` means nothing to a `session` window",
        ),
        (
            "    features: {f: {aggregate: count, windows: [{tumbling: 1d, resolution: 1h}, {window: 1d, resolution: 0h}]}}\n",
            "f.yaml:5:63: `resolution` means nothing to a `tumbling` window\n\
             f.yaml:5:105: a resolution of `0h` holds nothing: it must be longer than zero",
        ),
        (
            "    features: {f: {aggregate: count, windows: [{offset: 1h}]}}\n",
            "f.yaml:5:48: `window` is missing from a window",
        ),
        (
            "    features: {f: {aggregate: count, windows: [{width: 1h, window: 20000000w}]}}\n",
            "f.yaml:5:49: unknown key `width` of a window\n    there is `window`, `offset`, `resolution`, `tumbling` or `session`\n\
             f.yaml:5:68: `20000000w` is longer than a duration can be (about 292,000 years)",
        ),
    ]);
}

#[test]
fn columns_of_one_name() {
    check_views(&[
        (
            "    features:\n      f_1h: dest\n      f: {aggregate: last, of: dest, windows: [1h, 1d]}\n",
            "f.yaml:7:7: a second column of this view is called `f_1h`\n    \
             the first one comes from the feature in line 6",
        ),
        (
            "    features: {f: {aggregate: [count, count]}}\n",
            "f.yaml:5:16: a second column of this view is called `f_count`\n    \
             the first one comes from the feature in line 5",
        ),
    ]);
}

#[test]
fn sql_is_pointed_at_within_the_file() {
    for (rest, place) in [
        ("    features: {f: dep_dely}\n", "f.yaml:5:19: "),
        ("    features:\n      f: \"hour + dep_dely\"\n", "f.yaml:6:18: "),
        ("    features:\n      f: |\n        hour +\n          dep_dely\n", "f.yaml:8:11: "),
    ] {
        let shown = super::mistakes_in(&format!("{}{rest}", super::VIEW));
        assert!(shown.starts_with(place), "{shown}");
        assert!(shown.contains("dep_dely") && shown.contains("did you mean `dep_delay`?"), "{shown}");
        assert_eq!(shown.matches("f.yaml").count(), 1, "{shown}");
    }
    let shown = super::mistakes_in(&format!(
        "{}    where: \"dest > 1 and\"\n    features: {{f: dest}}\n",
        super::VIEW
    ));
    assert!(shown.starts_with("f.yaml:5:"), "{shown}");
    let long = format!("{}    features: {{f: \"{}\"}}\n", super::VIEW, "a".repeat(10_001));
    assert_eq!(
        super::mistakes_in(&long),
        "f.yaml:5:19: bytes of an expression: 10001\n    \
         the limit is 10000: limits.definitions.expression_bytes in the configuration"
    );
}
