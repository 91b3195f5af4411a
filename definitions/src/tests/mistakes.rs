//! What is said about files, sources and entities that are wrong.

use super::{BASE, VIEW, check_all, load_files, mistakes_in};
use crate::{DefinitionFile, Limits, load_text_within};

#[test]
fn files() {
    check_all(&[
        (
            "source:\n  - name: a\n",
            "f.yaml:1:1: unknown key `source` of a definition file\n    did you mean `sources`?",
        ),
        ("- sources\n", "f.yaml:1:1: expected a definition file, as a map, found a list"),
        ("sources:\n", "f.yaml:1:8: expected a list, an item for each name, found nothing"),
        ("sources: {a: 1}\n", "f.yaml:1:10: expected a list, an item for each name, found a map"),
        ("entities: [carrier]\n", "f.yaml:1:12: expected an entity, as a map, found a text or number"),
        (
            "on_demand_feature_views:\n  - name: trend\n",
            "f.yaml:2:5: `features` is missing from an on-demand feature view\n\
             f.yaml:2:5: `inputs` is missing from an on-demand feature view",
        ),
        (
            "entities:\n  - &e {name: a, <<: *e, join_keys: {a: string}}\n",
            "f.yaml:2:22: this alias stands inside what it refers to: a definition cannot contain itself",
        ),
        (
            "entities:\n  - {name: a, <<: {}, join_keys: {a: string}}\n",
            "f.yaml:2:15: unknown key `<<` of an entity\n    \
             merge keys are not part of YAML 1.2: write the keys out",
        ),
        (
            "entities:\n  - name: a\n    name: b\n    join_keys: {a: string}\n",
            "f.yaml:3:5: the key `name` is here a second time; the first is in line 2",
        ),
    ]);
}

#[test]
fn a_broken_file_is_one_mistake_and_the_others_are_still_checked() {
    let mistakes = load_files(&[
        ("broken.yaml", "sources: [\n"),
        ("entities.yaml", "entities:\n  - name: a\n    join_keys: {a: strng}\n"),
        (
            "views.yaml",
            "feature_views:\n  - {name: v, entity: e, source: s, features: {f: {aggregate: agv}}}\n",
        ),
    ])
    .expect_err("there are mistakes");
    let shown: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    assert_eq!(shown.len(), 3, "{mistakes}");
    assert!(shown[0].starts_with("broken.yaml:2:1: not YAML: "), "{mistakes}");
    assert_eq!(shown[1], "entities.yaml:3:20: `strng` is no type of a join key\n    did you mean `string`?");
    assert_eq!(shown[2], "views.yaml:2:63: unknown aggregation `agv`\n    did you mean `avg`?");
}

#[test]
fn names() {
    check_all(&[
        ("entities:\n  - join_keys: {a: string}\n", "f.yaml:2:5: `name` is missing from an entity"),
        (
            "entities:\n  - {name: a__b, join_keys: {a: string}}\n",
            "f.yaml:2:12: `a__b` cannot be a name\n    a name begins with a letter and goes on with letters, \
             digits and single underscores, not ending in one",
        ),
        (
            "entities:\n  - {name: carrier, join_keys: {c: string}}\n",
            "f.yaml:2:12: a second entity is called `carrier`\n    the first one is at base.yaml:14:11",
        ),
    ]);
}

#[test]
fn entities() {
    check_all(&[
        ("entities:\n  - name: a\n", "f.yaml:2:5: `join_keys` is missing from an entity"),
        (
            "entities:\n  - {name: a, join_keys: [a]}\n",
            "f.yaml:2:26: expected the entity's join keys as a map of name to type, found a list",
        ),
        (
            "entities:\n  - {name: a, join_keys: {}}\n",
            "f.yaml:2:26: expected the entity's join keys as a map of name to type, found an empty map",
        ),
        (
            "entities:\n  - {name: a, join_keys: {a: float64}}\n",
            "f.yaml:2:30: the join key `a` cannot be a float64: keys are compared by bytes\n    \
             take a string or an integer",
        ),
        (
            "entities:\n  - {name: a, join_keys: {a: strnig}}\n",
            "f.yaml:2:30: `strnig` is no type of a join key\n    did you mean `string`?",
        ),
        (
            "entities:\n  - {name: a, joinkeys: {a: string}, join_keys: {a: string}}\n",
            "f.yaml:2:15: unknown key `joinkeys` of an entity\n    did you mean `join_keys`?",
        ),
    ]);
}

/// What is wrong with a source that has these lines besides its name and topic.
fn source(lines: &[&str]) -> String {
    let text = format!("sources:\n  - name: s\n    topic: t\n    {}\n", lines.join("\n    "));
    mistakes_in(&text)
}

#[test]
fn sources() {
    let fields = "fields: {at: timestamp, day: date, n: int64, text: string}";
    for (lines, expected) in [
        (&["format: json", "event_time: at"][..], "f.yaml:2:5: `fields` is missing from a source"),
        (&["format: json", fields][..], "f.yaml:2:5: `event_time` is missing from a source"),
        (&["event_time: at", fields][..], "f.yaml:2:5: `format` is missing from a source"),
        (
            &["format: jsn", fields, "event_time: at"][..],
            "f.yaml:4:13: unknown format `jsn`\n    did you mean `json`?",
        ),
        (&["format: protobuf", "event_time: at"][..], "f.yaml:2:5: `schema` is missing from a source"),
        (
            &["kind: steam", "format: json", fields, "event_time: at"][..],
            "f.yaml:4:11: unknown kind `steam` of a source\n    did you mean `stream`?",
        ),
        (
            &["format: json", "fields: {a: float}", "event_time: \"@timestamp\""][..],
            "f.yaml:5:17: `float` is no type of a field\n    did you mean `float32`?",
        ),
        (
            &["format: json", "fields: {}", "event_time: \"@timestamp\""][..],
            "f.yaml:5:13: expected the fields of a record as a map of name to type, found an empty map",
        ),
        (
            &["format: json", "fields: {a.b: int64, a: string}", "event_time: \"@timestamp\""][..],
            "f.yaml:5:14: the field `a.b` lies inside `a`, which then is a record and cannot be declared as string",
        ),
        (
            &["format: json", "fields: {a..b: int64}", "event_time: \"@timestamp\""][..],
            "f.yaml:5:14: `a..b` is no path of a field\n    write names with single dots between them",
        ),
        (
            &["format: json", "fields: {\"@keys\": int64}", "event_time: \"@timestamp\""][..],
            "f.yaml:5:14: there is no `@keys`\n    of what is not in the value there is `@key`, `@key.some_field`, \
             `@header.some_name`, and `@timestamp`, which needs no declaration",
        ),
        (
            &["format: json", "fields: {\"@timestamp\": timestamp}", "event_time: \"@timestamp\""][..],
            "f.yaml:5:14: `@timestamp` is always there, a timestamp\n    leave it out of `fields`",
        ),
        (
            &[
                "format: json",
                "fields: {\"@key.a\": int64, \"@key.a.b\": bool}",
                "event_time: \"@timestamp\"",
            ][..],
            "f.yaml:5:31: the field `@key.a.b` lies inside `@key.a`, which then is a record and cannot be declared as int64",
        ),
        (
            &[
                "format: avro",
                "schema: {type: record, name: R, fields: [{name: a, type: int}]}",
                "fields: {\"@key\": bool, a: int32}",
                "event_time: \"@timestamp\"",
            ][..],
            "f.yaml:6:28: the field `a` means nothing to the format avro\n    the schema says which fields the value has; \
             `fields` declares what is not in the value, such as \"@key\" or \"@header.some_name\"",
        ),
        (
            &["format: json", "schema: {file: a.avsc}", fields, "event_time: at"][..],
            "f.yaml:5:5: `schema` means nothing to the format json\n    json takes `fields: {name: type, …}`",
        ),
        (
            &["format: json", fields, "event_time: att"][..],
            "f.yaml:6:17: `event_time` names `att`, which is no field of this source\n    did you mean `at`?",
        ),
        (
            &["format: json", fields, "event_time: n"][..],
            "f.yaml:6:17: `event_time` must be of type `timestamp` or `date`; `n` is int64\n    \
             an integer is a time only where it is declared as timestamp, timestamp_ms or timestamp_s",
        ),
        (
            &["format: json", fields, "event_time: \"@header.at\""][..],
            "f.yaml:6:17: `event_time` names `@header.at`, which is no field of this source\n    declare it among the fields \
             of the source: fields: {\"@header.at\": timestamp}",
        ),
        (
            &["format: json", fields, "event_time: at", "append_time: text"][..],
            "f.yaml:7:18: `append_time` must be of type `timestamp` or `date`; `text` is string",
        ),
        (
            &["format: json", fields, "event_time: at", "order_by: text"][..],
            "f.yaml:7:15: `order_by` must be of type `int32`, `int64` or `timestamp`; `text` is string",
        ),
        (
            &["format: json", fields, "event_time: at", "max_ahead: 1 day"][..],
            "f.yaml:7:16: `1 day` is not a duration: write an integer and one of us, ms, s, m, h, d, w, such as 30m",
        ),
        (&["format: avro", "event_time: at"][..], "f.yaml:2:5: `schema` is missing from a source"),
        (
            &["format: avro", "schema: {fil: a.avsc}", "event_time: at"][..],
            "f.yaml:5:14: unknown key `fil` of a schema\n    did you mean `file`?",
        ),
        (
            &["format: avro", "schema: {subject: flights-value}", "event_time: at"][..],
            "f.yaml:5:23: no schema registry is configured: say where it is in `registry.url`",
        ),
        (
            &["format: avro", "schema: {file: a.avsc}", "event_time: at"][..],
            "f.yaml:5:20: there is no schema file `a.avsc` among the files of the repository",
        ),
        (
            &["format: avro", "encoding: single-object", "schema: {file: a.avsc}", "event_time: at"][..],
            "f.yaml:5:15: unknown encoding `single-object` of avro\n    did you mean `single_object`?\n\
             f.yaml:6:20: there is no schema file `a.avsc` among the files of the repository",
        ),
    ] {
        assert_eq!(source(lines), expected, "of the lines {lines:?}");
    }
    let broken_schema = source(&["format: avro", "schema: \"{\"", "event_time: at"]);
    assert!(broken_schema.starts_with("f.yaml:5:13: this is no valid Avro schema: "), "{broken_schema}");
    assert_eq!(
        mistakes_in("sources:\n  - {name: s, topic: a b, format: json, fields: {a: date}, event_time: a}\n"),
        "f.yaml:2:22: `a b` cannot be a topic\n    a topic's name has 1 to 249 letters, digits, `.`, `_` and `-`"
    );
}

#[test]
fn nobody_hears_of_what_follows_from_a_mistake() {
    let mistakes = mistakes_in(
        "\
sources:
  - {name: s, topic: s, format: json, fields: {a: dat}, event_time: \"@timestamp\"}
feature_views:
  - {name: v, entity: carrier, source: s, where: b > 1, features: {f: a, g: {aggregate: sum, of: c}}}
feature_services:
  - {name: m, features: [\"v:f\", \"v:nothing\"]}
",
    );
    assert_eq!(mistakes, "f.yaml:2:51: `dat` is no type of a field\n    did you mean `date`?");
}

#[test]
fn limits() {
    let limits = Limits {
        file_bytes: 1_000,
        files: 3,
        expression_bytes: 10,
        fields_per_source: 6,
        join_keys_per_entity: 1,
        columns_per_view: 2,
        columns_per_service: 1,
        list_length: 4,
        distinct_values: 3,
    };
    let view = |features: &str| format!("{VIEW}    features: {features}\n");
    let service = "feature_services:\n  - {name: m, features: [\"delays:*\"]}\n";
    let exceeded = |name: &str, limit: usize| {
        format!("the limit is {limit}: limits.definitions.{name} in the configuration")
    };
    for (text, mistake, help) in [
        (" ".repeat(1_001), "f.yaml: bytes of a file: 1001", exceeded("file_bytes", 1_000)),
        (
            view("{f: dest || dest}"),
            "f.yaml:5:19: bytes of an expression: 12",
            exceeded("expression_bytes", 10),
        ),
        (
            view("{f: {aggregate: count, windows: [1h, 2h, 3h]}}"),
            "f.yaml:5:15: columns of a view: 3",
            exceeded("columns_per_view", 2),
        ),
        (
            view("{f: {aggregate: top_k, k: 5, of: dest}}"),
            "f.yaml:5:41: `k` is 5: too long a list",
            exceeded("list_length", 4),
        ),
        (
            view("{f: {aggregate: last_n, n: 5, of: dest}}"),
            "f.yaml:5:42: `n` is 5: too long a list",
            exceeded("list_length", 4),
        ),
        (
            view("{f: dest, g: hour}") + service,
            "f.yaml:7:25: columns of a service: 2",
            exceeded("columns_per_service", 1),
        ),
        (
            "entities:\n  - {name: a, join_keys: {a: string, b: string}}\n".to_owned(),
            "f.yaml:2:26: join keys of an entity: 2",
            exceeded("join_keys_per_entity", 1),
        ),
        (
            "sources:\n  - {name: s, topic: t, format: json, event_time: a, \
             fields: {a: date, b: date, c: date, d: date, e: date, f: date, g: date}}\n"
                .to_owned(),
            "f.yaml:2:62: fields of a source: 7",
            exceeded("fields_per_source", 6),
        ),
    ] {
        let files = [DefinitionFile::new("base.yaml", BASE), DefinitionFile::new("f.yaml", text)];
        let mistakes = load_text_within(&files, &limits).expect_err("a limit is exceeded").to_string();
        assert_eq!(mistakes, format!("{mistake}\n    {help}"));
    }
    let files: Vec<_> = (0..4).map(|i| DefinitionFile::new(format!("{i}.yaml"), "")).collect();
    let mistakes = load_text_within(&files, &limits).expect_err("a limit is exceeded").to_string();
    assert_eq!(mistakes, format!("definitions: files: 4\n    {}", exceeded("files", 3)));
}
