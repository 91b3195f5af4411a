//! That chance finds what it is meant to look for: a law that is only ever tried on empty windows says nothing.

use std::collections::BTreeMap;

use rand::SeedableRng;
use thalweg_core::{FieldType, Status, Value, Window};

use super::{Case, Chance};
use crate::definition::{Expression, Format, Time, keeps_nulls, name_of};
use crate::harness::expected;
use crate::oracle;

/// How often each thing was met.
#[derive(Default)]
struct Met(BTreeMap<String, usize>);

impl Met {
    fn note(&mut self, what: impl Into<String>) {
        *self.0.entry(what.into()).or_default() += 1;
    }

    fn note_if(&mut self, met: bool, what: &str) {
        if met {
            self.note(what);
        }
    }

    fn note_value(&mut self, aggregation: &str, input: &str, value: &Value, status: Status) {
        self.note(format!("{status:?}"));
        match value {
            Value::Null => self.note(format!("null {aggregation}")),
            Value::Float64(x) if x.is_nan() => self.note(format!("NaN {aggregation}")),
            Value::Float64(x) if x.is_infinite() => self.note(format!("infinite {aggregation}")),
            Value::Float64(x) if x.is_subnormal() => self.note(format!("subnormal {aggregation}")),
            Value::Float64(x) if *x == 0.0 && x.is_sign_negative() => {
                self.note(format!("-0.0 {aggregation}"))
            }
            _ => self.note(format!("{aggregation} of {input}")),
        }
    }
}

#[test]
fn cases_have_everything_in_them() {
    let mut met = Met::default();
    for seed in 0..2_500 {
        look_at(&Case::generate(&mut Chance::seed_from_u64(seed)), &mut met);
    }
    let mut wanted: Vec<String> =
        ["Present", "NullValue", "NotFound", "OutsideMaxAge"].map(String::from).to_vec();
    let any_type = [
        "count",
        "min",
        "max",
        "min_by",
        "max_by",
        "first",
        "last",
        "first_n",
        "last_n",
        "time_since_first",
        "time_since_last",
        "count_distinct",
        "approx_count_distinct",
    ];
    let discrete_only = ["top_k", "histogram"];
    let numbers_only = [
        "sum",
        "avg",
        "variance",
        "stddev",
        "variance_pop",
        "stddev_pop",
        "exp_decay_sum",
        "approx_percentile",
    ];
    for field_type in FieldType::ALL {
        let numbers = numbers_only.iter().filter(|_| field_type.is_number());
        let discrete = discrete_only.iter().filter(|_| !field_type.is_float());
        let names = any_type.iter().chain(numbers).chain(discrete);
        wanted.extend(names.map(|name| format!("{name} of {field_type}")));
    }
    wanted.extend(["any of bool", "all of bool", "null first", "null kept"].map(String::from));
    let mut combined = Vec::new();
    let names = any_type.iter().chain(&discrete_only).chain(&numbers_only).chain(&["any", "all"]);
    for name in names {
        combined.extend(WINDOWS.map(|window| format!("{name} in {window}")));
        // Of one record there is no variance of a sample.
        combined.extend((!["variance", "stddev"].contains(name)).then(|| format!("{name} over a table")));
    }
    wanted.extend(["told beforehand", "told late", "never told"].map(String::from));
    wanted.extend(["sum", "avg", "variance", "stddev", "max"].map(|name| format!("NaN {name}")));
    wanted.extend(["sum", "avg", "variance", "min", "max"].map(|name| format!("infinite {name}")));
    wanted.extend(["sum", "avg", "min", "max"].map(|name| format!("subnormal {name}")));
    wanted.extend(["min", "max", "first", "last"].map(|name| format!("-0.0 {name}")));
    wanted.extend(
        [
            "count of rows",
            "null sum",
            "avro",
            "avro by number",
            "time in a header",
            "json",
            "composite key",
            "empty text as key",
        ]
        .map(String::from),
    );
    wanted.extend(
        ["tie by order_by", "tie by offset", "late", "negative time", "extreme time"].map(String::from),
    );
    wanted.extend(["table", "shown", "deleted", "hidden"].map(String::from));
    wanted.extend(
        ["dead for all", "dead for one", "too far ahead", "no arrivals", "many of one key"].map(String::from),
    );
    wanted.extend(
        ["at the start of a window", "at the end of a window", "at the ttl", "when forgotten"]
            .map(String::from),
    );
    wanted.extend(["on demand Present", "on demand NullValue", "on demand NaN"].map(String::from));
    wanted.extend(["on demand of a list", "on demand of views", "on demand of a question"].map(String::from));
    let times = |what: &String| met.0.get(what).copied().unwrap_or(0);
    let missing: Vec<_> = wanted.iter().filter(|what| times(what) < 5).collect();
    let missing: Vec<_> =
        missing.into_iter().chain(combined.iter().filter(|what| times(what) == 0)).collect();
    assert!(missing.is_empty(), "hardly ever met: {missing:?}\nmet: {:#?}", met.0);
}

/// Kinds of windows that a value can be of.
const WINDOWS: [&str; 7] =
    ["sliding", "sliding with offset", "coarse", "tumbling", "tumbling with offset", "session", "lifetime"];

fn kind_of(window: Window) -> &'static str {
    match window {
        Window::Sliding { offset, .. } if offset.as_micros() > 0 => "sliding with offset",
        Window::Sliding { .. } => "sliding",
        Window::Coarse { .. } => "coarse",
        Window::Tumbling { offset, .. } if offset > 0 => "tumbling with offset",
        Window::Tumbling { .. } => "tumbling",
        Window::Session { .. } => "session",
        Window::Lifetime => "lifetime",
    }
}

fn look_at(case: &Case, met: &mut Met) {
    met.note_if(case.arrivals.is_empty(), "no arrivals");
    for (number, source) in case.definitions.sources.iter().enumerate() {
        met.note(match source.format {
            Format::Avro => "avro",
            Format::NamedAvro => "avro by number",
            Format::Json | Format::Debezium => "json",
        });
        let in_header = |time: &Time| matches!(time, Time::Field(name) if name.starts_with("@header."));
        met.note_if(in_header(&source.event_time), "time in a header");
        met.note_if(source.is_table, "table");
        let events = case.events(number);
        let times: Vec<_> =
            events.iter().filter_map(|event| Some(oracle::time_of(source, event)?.0)).collect();
        met.note_if(!times.is_sorted(), "late");
        met.note_if(times.iter().any(|time| *time < 0), "negative time");
        met.note_if(times.iter().any(|time| time.unsigned_abs() > 1 << 62), "extreme time");
        for dead in oracle::dead_events(&case.definitions, number, &events) {
            met.note(if dead.view.is_none() { "dead for all" } else { "dead for one" });
            let event =
                events.iter().find(|event| (event.partition, event.offset) == (dead.partition, dead.offset));
            let has_time = event.and_then(|event| event.row).is_some_and(|row| row.contains_key("happened"));
            let ahead = dead.view.is_none() && has_time && matches!(source.event_time, Time::Field(_));
            met.note_if(ahead, "too far ahead");
        }
    }
    let on_demand = &case.definitions.on_demand;
    for (question, answers) in case.questions.iter().zip(expected(case, None, &case.questions)) {
        for (view, feature) in
            on_demand.iter().flat_map(|view| view.features.iter().map(move |of| (view, of)))
        {
            let Some(answer) = answers.get(&format!("{}__{}", view.name, feature.name)) else { continue };
            met.note(format!("on demand {:?}", answer.status));
            met.note_if(matches!(answer.value, Value::Float64(x) if x.is_nan()), "on demand NaN");
            let of_list = matches!(feature.expression, Expression::Element(..));
            met.note_if(of_list && !answer.value.is_null(), "on demand of a list");
            let (of_question, of_views) = (!view.request.is_empty(), view.inputs.len() > 1);
            met.note_if(
                of_question && question.asked.values().any(Value::is_null),
                "on demand of a question",
            );
            met.note_if(of_views, "on demand of views");
        }
    }
    for view in &case.definitions.views {
        let entity = &case.definitions.entities[view.entity];
        met.note_if(entity.join_keys.len() > 1, "composite key");
        let is_table = case.definitions.sources[view.source].is_table;
        let events = case.events(view.source);
        let placed = oracle::placed_events(&case.definitions, view, &events);
        for pair in
            placed.windows(2).filter(|pair| (&pair[0].key, pair[0].time) == (&pair[1].key, pair[1].time))
        {
            met.note(if pair[0].order_by == pair[1].order_by { "tie by offset" } else { "tie by order_by" });
        }
        if case.tells_append_times(view) {
            for event in &placed {
                met.note(match event.appended {
                    None => "never told",
                    Some(appended) if appended > event.time => "told late",
                    Some(_) => "told beforehand",
                });
            }
        }
        met.note_if(
            placed.iter().any(|event| event.key.contains(&Value::String("".into()))),
            "empty text as key",
        );
        for question in &case.questions {
            let key: Vec<_> = entity.join_keys.iter().map(|(name, _)| question.keys[name].clone()).collect();
            let of_key: Vec<_> = placed.iter().filter(|event| event.key == key).collect();
            met.note_if(of_key.len() > 300, "many of one key");
            let newest = of_key.iter().rev().find(|event| event.time <= question.at);
            if let Some(shown) = newest.and_then(|newest| newest.is_shown) {
                met.note(match (shown, newest.is_some_and(|newest| newest.row.is_empty())) {
                    (true, _) => "shown",
                    (false, true) => "deleted",
                    (false, false) => "hidden",
                });
            }
            let at = |back: i128| {
                of_key.iter().any(|event| i128::from(event.time) == i128::from(question.at) - back)
            };
            met.note_if(view.ttl.is_some_and(|ttl| at(ttl.as_micros().into())), "at the ttl");
            met.note_if(view.forget.is_some_and(|age| at(age.as_micros().into())), "when forgotten");
            for column in view.columns() {
                if let Window::Sliding { width, offset } = column.window {
                    met.note_if(at(offset.as_micros().into()), "at the end of a window");
                    let start = i128::from(offset.as_micros()) + i128::from(width.as_micros());
                    met.note_if(at(start), "at the start of a window");
                }
                let (value, status) = oracle::value(
                    view,
                    &column,
                    &placed,
                    &key,
                    thalweg_core::Instant::from_micros(question.at),
                );
                met.note_if(value.is_null() && keeps_nulls(&column.aggregation), "null kept");
                if status == Status::Present {
                    let name = name_of(&column.aggregation);
                    met.note(format!("{name} in {}", kind_of(column.window)));
                    met.note_if(is_table, &format!("{name} over a table"));
                }
                let input = column.feature.of.as_ref().map_or("rows", |(_, input)| input.name());
                met.note_value(name_of(&column.aggregation), input, &value, status);
            }
        }
    }
}
