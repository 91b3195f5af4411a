//! What is said about services and requests that ask for what is not there.

use std::collections::BTreeMap;

use super::{VIEW, check_all, load_with_base, mistakes_in};
use crate::{FeatureSelection, Repository};

/// A view with the columns `last_dest` and `departures`, then the beginning of a service; what follows begins
/// in line 8.
fn service(rest: &str) -> String {
    format!(
        "{VIEW}    features: {{last_dest: dest, departures: {{aggregate: count}}}}\n\
         feature_services:\n  - name: model\n{rest}"
    )
}

#[test]
fn services() {
    for (rest, expected) in [
        ("", "f.yaml:7:5: `features` is missing from a feature service"),
        (
            "    features: []\n",
            "f.yaml:8:15: expected a list of features, such as [\"view:*\"], found an empty list",
        ),
        (
            "    features: [delays, \"delays:\", 7]\n",
            "f.yaml:8:16: `delays` is no feature: write view:column, or view:* for all columns of a view\n\
             f.yaml:8:24: `delays:` is no feature: write view:column, or view:* for all columns of a view\n\
             f.yaml:8:35: `7` is no feature: write view:column, or view:* for all columns of a view",
        ),
        (
            "    features: [\"delay:*\"]\n",
            "f.yaml:8:16: there is no feature view `delay`\n    did you mean `delays`?",
        ),
        (
            "    features: [\"delays:lastdest\"]\n",
            "f.yaml:8:16: the view `delays` has no column `lastdest`\n    did you mean `last_dest`?",
        ),
        (
            "    features: [\"delays:last_dest\", \"delays:*\"]\n",
            "f.yaml:8:36: a second column of this service is called `delays__last_dest`\n    \
             the first one is in line 8; take the view under another name, with `as`",
        ),
        ("    features: [{as: other}]\n", "f.yaml:8:16: `view` is missing from a view in a service"),
        (
            "    features: [{view: delays, as: \"a:b\"}]\n",
            "f.yaml:8:35: `a:b` cannot be a name: a name begins with a letter and goes on with letters, digits \
             and single underscores, not ending in one",
        ),
        (
            "    features: [{view: delays, columns: [departure]}]\n",
            "f.yaml:8:41: the view `delays` has no column `departure`\n    did you mean `departures`?",
        ),
        (
            "    features: [{view: delays, join_key_map: {carier: c}}]\n",
            "f.yaml:8:46: the entity of the view `delays` has no join key `carier`\n    did you mean `carrier`?",
        ),
        (
            "    features: [{view: delays, join_keys: {carrier: c}}]\n",
            "f.yaml:8:31: unknown key `join_keys` of a view in a service\n    did you mean `join_key_map`?",
        ),
    ] {
        assert_eq!(mistakes_in(&service(rest)), expected, "of the rest\n{rest}");
    }
}

#[test]
fn keys_of_two_types() {
    check_all(&[(
        "\
entities:
  - {name: hour, join_keys: {hour: int32}}
feature_views:
  - {name: by_carrier, entity: carrier, source: flights, features: {f: dest}}
  - {name: by_hour, entity: hour, source: flights, features: {f: dest}}
feature_services:
  - name: good
    features: [\"by_carrier:*\", \"by_hour:*\"]
  - name: bad
    features: [\"by_carrier:*\", {view: by_hour, join_key_map: {hour: carrier}}]
",
        "f.yaml:10:15: `by_carrier` needs the key column `carrier` to be string, `by_hour` needs it to be int32: \
         take one of them from another column, with `join_key_map`",
    )]);
}

fn repository() -> Repository {
    load_with_base(&service("    features: [\"delays:*\"]\n")).expect("good definitions")
}

#[test]
fn requests_resolve_to_columns_in_the_order_asked() {
    let resolve = |references: &[&str]| {
        let references: Vec<_> = references.iter().map(|reference| (*reference).to_owned()).collect();
        let resolved = repository().resolve(&references).map_err(|error| error.to_string())?;
        Ok(resolved.iter().map(crate::FeatureRef::result_column).collect::<Vec<_>>().join(" "))
    };
    for (references, expected) in [
        (&["delays:*"][..], Ok("delays__last_dest delays__departures")),
        (&["delays:departures", "delays:last_dest"], Ok("delays__departures delays__last_dest")),
        (&[], Err("no features are asked for")),
        (&["delays"], Err("`delays` is no feature: write view:column, or view:* for all columns of a view")),
        (&["dlays:*"], Err("there is no feature view `dlays` (did you mean `delays`?)")),
        (
            &["delays:dest"],
            Err("the view `delays` has no column `dest` (there is `last_dest` or `departures`)"),
        ),
        (
            &["delays:*", "delays:last_dest"],
            Err("`delays:last_dest` is asked for twice: take one of them under another name, with `as`"),
        ),
    ] {
        let expected: Result<String, String> = expected.map(str::to_owned).map_err(str::to_owned);
        assert_eq!(resolve(references), expected, "{references:?}");
    }
}

#[test]
fn a_view_can_be_taken_twice_with_keys_from_other_columns() {
    let selections: Vec<FeatureSelection> = serde_json::from_str(
        r#"["delays:departures", {"view": "delays", "as": "rival", "join_key_map": {"carrier": "rival_carrier"}}]"#,
    )
    .expect("well-formed selections");
    let repository = repository();
    let features = repository.select(&selections).expect("columns of the repository");
    let columns: Vec<_> = features.iter().map(crate::FeatureRef::result_column).collect();
    assert_eq!(columns, ["delays__departures", "rival__last_dest", "rival__departures"]);
    let keys = repository.request_keys(&features).expect("keys of one type each");
    let keys: Vec<_> = keys.iter().map(|key| key.name.as_str()).collect();
    assert_eq!(keys, ["carrier", "rival_carrier"]);
}

#[test]
fn a_view_in_a_request_is_checked() {
    let select = |alias: Option<&str>, columns: Option<Vec<String>>, key: &str| {
        let selection = FeatureSelection::View {
            view: "delays".to_owned(),
            alias: alias.map(str::to_owned),
            columns,
            join_key_map: BTreeMap::from([(key.to_owned(), "c".to_owned())]),
        };
        repository().select(&[selection]).map(|features| features.len()).map_err(|error| error.to_string())
    };
    assert_eq!(select(Some("d"), Some(vec!["departures".to_owned()]), "carrier"), Ok(1));
    assert_eq!(
        select(None, None, "carriers"),
        Err("the entity of the view `delays` has no join key `carriers` (did you mean `carrier`?)".to_owned())
    );
    let bad_alias = select(Some("d_"), None, "carrier").expect_err("no name ends in an underscore");
    assert!(bad_alias.starts_with("`d_` cannot be a name: "), "{bad_alias}");
    assert_eq!(select(None, Some(Vec::new()), "carrier"), Err("no features are asked for".to_owned()));
}
