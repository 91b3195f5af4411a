//! What good definitions come to.

use thalweg_core::{Aggregation, FieldType, Lookback, Nulls, TimeDelta, Window};

use super::{VIEW, load_files, load_with_base};
use crate::{FeatureView, Repository, TimeField};

/// The view of [`VIEW`] with this rest.
fn view(rest: &str) -> FeatureView {
    repository(rest).view("delays").expect("the view is there").clone()
}

fn repository(rest: &str) -> Repository {
    load_with_base(&format!("{VIEW}{rest}")).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn span(text: &str) -> TimeDelta {
    text.parse().expect("a duration")
}

#[test]
fn columns_are_named_by_feature_aggregate_and_window() {
    for (feature, expected) in [
        ("dest", "f"),
        ("{aggregate: last, of: dest}", "f"),
        ("{aggregate: [last], of: dest}", "f_last"),
        ("{aggregate: count, windows: [1h, 60m, 7d]}", "f_1h f_60m f_7d"),
        ("{aggregate: [avg, max], of: hour, windows: [1h, 1d]}", "f_avg_1h f_avg_1d f_max_1h f_max_1d"),
        ("{aggregate: count, windows: [{window: 1h, offset: 2h}]}", "f_1h_offset_2h"),
        ("{aggregate: count, windows: [{window: 7d}, lifetime]}", "f_7d f_lifetime"),
        ("{aggregate: last_n, n: 5, of: dest}", "f"),
        ("{aggregate: [first_n, last_n], n: 5, of: dest}", "f_first_n f_last_n"),
        ("{aggregate: [min_by, last], by: hour, of: dest, nulls: keep}", "f_min_by f_last"),
        (
            "{aggregate: time_since_last, windows: [{session: 30m}, {window: 1d, resolution: 1h}]}",
            "f_session_30m f_1d",
        ),
        (
            "{aggregate: any, of: cancelled, windows: [{tumbling: 1d}, {tumbling: 24h, offset: 1}]}",
            "f_tumbling_1d f_tumbling_24h_offset_1",
        ),
    ] {
        let columns = view(&format!("    features: {{f: {feature}}}\n")).columns;
        assert_eq!(columns.join(" "), expected, "of {feature}");
    }
}

#[test]
fn the_plan_says_what_was_written() {
    let view = view(
        "    where: not cancelled
    ttl: 90d
    lookback: unbounded
    tags: {owner: ops, tier: 1}
    features:
      late: {aggregate: [avg, last_n], n: 3, of: dep_delay, windows: [{window: 1h, offset: 2h}]}
      departures: {aggregate: count}
",
    );
    assert_eq!((view.ttl(), view.lookback()), (Some(span("90d")), Lookback::Unbounded));
    assert_eq!(view.filter.as_ref().map(|sql| sql.text.as_str()), Some("not cancelled"));
    assert_eq!(view.fields, ["cancelled", "carrier", "dep_delay"]);
    assert_eq!(view.tags["tier"], "1");
    assert_eq!(view.plan.inputs, [FieldType::Float64]);
    let columns: Vec<_> = view
        .plan
        .features
        .iter()
        .map(|column| (column.name.as_str(), column.aggregation.clone(), column.input, column.window))
        .collect();
    let window = Window::Sliding { width: span("1h"), offset: span("2h") };
    assert_eq!(
        columns,
        [
            ("departures", Aggregation::Count, None, Window::Lifetime),
            ("late_avg_1h_offset_2h", Aggregation::Avg, Some(0), window),
            ("late_last_n_1h_offset_2h", Aggregation::LastN { n: 3, nulls: Nulls::Skip }, Some(0), window),
        ]
    );
    assert_eq!(view.columns, ["late_avg_1h_offset_2h", "late_last_n_1h_offset_2h", "departures"]);
}

#[test]
fn without_a_word_there_is_no_ttl_and_an_hour_of_lookback() {
    let view = view("    features: {f: dest}\n");
    assert_eq!((view.ttl(), view.lookback()), (None, Lookback::Within(span("1h"))));
}

#[test]
fn equal_inputs_are_one() {
    let view = view(
        "    features:
      a: {aggregate: sum, of: hour + 1}
      b: {aggregate: max, of: \"hour  +  1\"}
      c: {aggregate: max, of: hour + 1, where: not cancelled}
      d: {aggregate: count, where: not cancelled}
      e: {aggregate: count, of: dest, where: \"NOT cancelled\"}
      f: {aggregate: first, of: dest, where: not cancelled}
",
    );
    let input_of = |name: &str| view.column(name).expect("the column is there").input;
    assert_eq!(input_of("a"), input_of("b"));
    assert_ne!(input_of("a"), input_of("c"));
    assert_eq!(input_of("e"), input_of("f"));
    assert_eq!(view.inputs.len(), 4);
    let counted = &view.inputs[input_of("d").expect("a count with a condition has an input")];
    assert_eq!((counted.expression.text.as_str(), counted.field_type), ("true", FieldType::Bool));
    assert_eq!(counted.filter.as_ref().map(|sql| sql.text.as_str()), Some("not cancelled"));
}

#[test]
fn second_inputs_are_what_is_compared_or_tell_who_takes_part() {
    let view = view(
        "    features:
      a: {aggregate: [max_by, min_by], of: dest, by: hour, where: not cancelled}
      b: {aggregate: [last, max], of: dest, nulls: keep, where: not cancelled}
      c: {aggregate: first, of: dest, nulls: keep}
      d: {aggregate: time_since_last, where: not cancelled}
      e: {aggregate: time_since_last}
",
    );
    let column = |name: &str| view.column(name).expect("the column is there");
    let inputs = |name: &str| {
        let input = |position: Option<usize>| {
            let input = &view.inputs[position?];
            Some((input.expression.text.as_str(), input.filter.is_some()))
        };
        (input(column(name).input), input(column(name).by))
    };
    let (dest, taking_part) = (Some(("dest", true)), Some(("true", true)));
    assert_eq!(inputs("a_max_by"), (dest, Some(("hour", true))));
    assert_eq!(inputs("a_min_by"), inputs("a_max_by"));
    assert_eq!(inputs("b_last"), (dest, taking_part));
    assert_eq!(inputs("b_max"), (dest, None));
    assert_eq!(inputs("c"), (Some(("dest", false)), None));
    assert_eq!(inputs("d"), (taking_part, None));
    assert_eq!(inputs("e"), (None, None));
}

#[test]
fn join_keys_come_from_the_field_of_their_name_or_from_an_expression() {
    let text = "
entities:
  - name: route
    join_keys: {dest: string, hour: int64}
feature_views:
  - name: by_route
    entity: route
    source: flights
    join_keys: {dest: upper(dest)}
    features: {delay: dep_delay}
";
    let repository = load_with_base(text).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let keys: Vec<_> = repository
        .view("by_route")
        .expect("the view is there")
        .join_keys
        .iter()
        .map(|key| (key.name.as_str(), key.field_type, key.expression.text.as_str()))
        .collect();
    assert_eq!(keys, [("dest", FieldType::String, "upper(dest)"), ("hour", FieldType::Int64, "\"hour\"")]);
}

#[test]
fn sources_have_the_fields_of_their_schema() {
    let schema = r#"{"type": "record", "name": "r", "fields": [
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "place", "type": {"type": "record", "name": "p", "fields": [{"name": "x", "type": "double"}]}}]}"#;
    let source = |schema: &str| {
        format!(
            "sources:\n  - {{name: s, topic: t, format: avro, event_time: at, order_by: at, schema: {schema}}}\n"
        )
    };
    let inline = "{type: record, name: r, fields: [{name: at, type: {type: long, logicalType: timestamp-micros}}, \
                  {name: place, type: {type: record, name: p, fields: [{name: x, type: double}]}}]}";
    for text in [source("{file: ../s.avsc}"), source(inline), source(&format!("'{schema}'"))] {
        let repository = load_files(&[("features/f.yaml", &text), ("s.avsc", schema)])
            .unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let source = repository.source("s").expect("the source is there");
        let fields: Vec<_> =
            source.fields.iter().map(|field| (field.name.as_str(), field.field_type)).collect();
        assert_eq!(
            fields,
            [
                ("@timestamp", FieldType::Timestamp),
                ("at", FieldType::Timestamp),
                ("place.x", FieldType::Float64)
            ]
        );
        assert_eq!(source.event_time, TimeField::Field("at".to_owned()));
        let kept: Vec<_> = repository.files().iter().map(|file| file.name.as_str()).collect();
        let expected: &[&str] =
            if text.contains("file") { &["features/f.yaml", "s.avsc"] } else { &["features/f.yaml"] };
        assert_eq!(kept, expected);
        let again = crate::load_text(repository.files()).expect("the files of a repository are a repository");
        assert_eq!(again.files(), repository.files());
    }
}

#[test]
fn short_names_keep_the_view_only_where_two_columns_would_be_one() {
    let other = "  - {name: others, entity: carrier, source: flights, features: {a: dest, c: dest}}\n";
    let repository = repository(&format!("    features: {{a: dest, b: dest}}\n{other}"));
    let features =
        repository.resolve(&["delays:*".to_owned(), "others:*".to_owned()]).expect("known columns");
    let names = |full| -> Vec<String> {
        let layout = crate::Layout::new(&repository, &features, full).expect("no name twice");
        layout.columns.into_iter().map(|column| column.name).collect()
    };
    assert_eq!(names(false), ["delays__a", "b", "others__a", "c"]);
    assert_eq!(names(true), ["delays__a", "delays__b", "others__a", "others__c"]);
}
