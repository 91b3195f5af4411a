//! Definitions.

use std::collections::BTreeMap;

use rand::Rng;
use rand::seq::IndexedRandom;
use thalweg_core::{Aggregation, FieldType, Nulls, Percentiles};

use super::Chance;
use super::expressions::{FIELDS, condition, input};
use super::frame::Frame;
use super::on_demand::on_demand_views;
use super::values::pick;
use crate::definition::{
    Definitions, Entity, Expression, Feature, Format, Lookback, Source, Time, View, name_of, suffix,
};

/// The limit on distinct values where nothing is said of it.
const DISTINCT_VALUES: u32 = 65_536;

/// The types a part of a key can have.
const KEY_TYPES: [FieldType; 9] = [
    FieldType::String,
    FieldType::String,
    FieldType::String,
    FieldType::Int64,
    FieldType::Int32,
    FieldType::Bool,
    FieldType::Binary,
    FieldType::Date,
    FieldType::Timestamp,
];

/// One or two sources, one or two entities, one to three views, at most two on-demand views, and the frame of
/// so many points they live in.
pub fn definitions(chance: &mut Chance, points: i64) -> (Definitions, Frame) {
    let clock =
        pick(chance, &["timestamp", "timestamp", "timestamp", "timestamp_ms", "timestamp_s", "date", "@"]);
    let unit = match clock {
        "timestamp" => 1,
        "timestamp_s" => 1_000_000,
        "date" => 86_400_000_000,
        _ => 1_000,
    };
    let logged = chance.random_bool(0.3);
    let frame = Frame::new(chance, points, unit, clock == "@" || logged);
    let entities: Vec<_> = (0..chance.random_range(1..3)).map(|n| entity(chance, n)).collect();
    let sources: Vec<_> = (0..if chance.random_bool(0.25) { 2 } else { 1 })
        .map(|n| source(chance, n, clock, logged, frame, &entities))
        .collect();
    let views = (0..chance.random_range(1..4))
        .map(|n| View {
            name: format!("view{n}"),
            source: chance.random_range(0..sources.len()),
            ..view(chance, frame, &entities)
        })
        .collect::<Vec<_>>();
    let on_demand = on_demand_views(chance, &views);
    (Definitions { sources, entities, views, on_demand }, frame)
}

fn entity(chance: &mut Chance, number: usize) -> Entity {
    let parts = pick(chance, &[1, 1, 2, 3]);
    let join_keys = (0..parts).map(|part| (format!("key{number}{part}"), pick(chance, &KEY_TYPES))).collect();
    Entity { name: format!("entity{number}"), join_keys }
}

fn source(
    chance: &mut Chance,
    number: usize,
    clock: &'static str,
    logged: bool,
    frame: Frame,
    entities: &[Entity],
) -> Source {
    let keys = entities.iter().flat_map(|entity| &entity.join_keys);
    let mut fields: BTreeMap<String, &'static str> =
        keys.map(|(name, field_type)| (name.clone(), field_type.name())).collect();
    fields.extend(FIELDS.map(|(name, field_type)| (name.to_owned(), field_type.name())));
    let mut event_time = Time::Record;
    let mut around = BTreeMap::from([("@header.who".to_owned(), "string")]);
    if clock != "@" && chance.random_bool(0.15) {
        around.insert("@header.happened".to_owned(), clock);
        event_time = Time::Field("@header.happened".to_owned());
    } else if clock != "@" {
        fields.insert("happened".to_owned(), clock);
        event_time = Time::Field("happened".to_owned());
    }
    let append_time = logged.then(|| {
        if chance.random_bool(0.5) {
            return Time::Record;
        }
        fields.insert("written".to_owned(), "timestamp_ms");
        Time::Field("written".to_owned())
    });
    let order_by = pick(chance, &[None, Some("int64"), Some("int32"), Some("timestamp")]).map(|declared| {
        fields.insert("turn".to_owned(), declared);
        "turn".to_owned()
    });
    let max_ahead = chance.random_bool(0.6).then(|| frame.span(chance));
    let in_avro = chance.random_bool(0.3) && !fields.values().any(|declared| *declared == "timestamp_s");
    let in_avro = in_avro.then(|| pick(chance, &[Format::Avro, Format::NamedAvro]));
    let format = in_avro.unwrap_or(Format::Json);
    Source {
        name: format!("source{number}"),
        is_table: chance.random_bool(0.3),
        format,
        fields,
        around,
        event_time,
        append_time,
        order_by,
        max_ahead,
    }
}

fn view(chance: &mut Chance, frame: Frame, entities: &[Entity]) -> View {
    let entity = chance.random_range(0..entities.len());
    let join_keys =
        entities[entity].join_keys.iter().map(|(name, of_type)| join_key(chance, name, *of_type)).collect();
    let lookback = match chance.random_range(0..4) {
        0 => Lookback::Unsaid,
        1 => Lookback::Unbounded,
        _ => Lookback::Within(frame.span(chance)),
    };
    let mut features: Vec<_> = (0..chance.random_range(1..5)).map(|n| feature(chance, frame, n)).collect();
    if chance.random_bool(0.2) {
        let aggregations = vec![Aggregation::Last { nulls: Nulls::Skip }];
        let last = Feature { aggregations, listed: false, ..feature(chance, frame, 9) };
        let of = last.of.or_else(|| Some((Expression::field("label"), FieldType::String)));
        features.push(Feature { of, ..last });
    }
    View {
        name: String::new(),
        source: 0,
        entity,
        join_keys,
        filter: chance.random_bool(0.4).then(|| condition(chance, 2)),
        ttl: chance.random_bool(0.5).then(|| frame.span(chance)),
        forget: chance.random_bool(0.25).then(|| frame.span(chance)),
        lookback,
        features,
    }
}

/// How a part of a key is found, where it is not just the field of its name.
fn join_key(chance: &mut Chance, name: &str, field_type: FieldType) -> Option<Expression> {
    if field_type != FieldType::String || chance.random_bool(0.7) {
        return None;
    }
    let (own, label) = (Expression::field(name), Expression::field("label"));
    Some(match chance.random_range(0..5) {
        0 => label,
        1 => Expression::field("@key"),
        2 => Expression::field("@header.who"),
        3 => Expression::Coalesce(Box::new(own), Box::new(label)),
        _ => Expression::Case(Box::new(Expression::field("flag")), Box::new(own), Box::new(label)),
    })
}

fn feature(chance: &mut Chance, frame: Frame, number: usize) -> Feature {
    let of = chance.random_bool(0.9).then(|| input(chance));
    let by = of.is_some().then(|| input(chance).0);
    let n = chance.random_range(1..5);
    let nulls = pick(chance, &[Nulls::Skip, Nulls::Skip, Nulls::Keep]);
    let mut possible = vec![Aggregation::Count, Aggregation::TimeSinceFirst, Aggregation::TimeSinceLast];
    if let Some((_, field_type)) = &of {
        possible.extend([
            Aggregation::Min,
            Aggregation::Max,
            Aggregation::MinBy,
            Aggregation::MaxBy,
            Aggregation::First { nulls },
            Aggregation::Last { nulls },
            Aggregation::FirstN { n, nulls },
            Aggregation::LastN { n, nulls },
            Aggregation::CountDistinct { limit: DISTINCT_VALUES },
            Aggregation::ApproxCountDistinct,
        ]);
        if !field_type.is_float() {
            possible.push(Aggregation::TopK { k: n, limit: DISTINCT_VALUES });
            possible.push(Aggregation::Histogram { limit: DISTINCT_VALUES });
        }
        if *field_type == FieldType::Bool {
            possible.extend([Aggregation::Any, Aggregation::All]);
        }
        if field_type.is_number() {
            possible.extend([Aggregation::Sum, Aggregation::Avg, Aggregation::Variance, Aggregation::Stddev]);
            possible.extend([Aggregation::VariancePop, Aggregation::StddevPop]);
            possible.push(Aggregation::ExpDecaySum { half_life: frame.span(chance) });
            let percentiles = (0..n).map(|_| pick(chance, &["0", "10", "50", "75", "99.9", "100"]));
            let percentiles = Percentiles::read(&percentiles.collect::<Vec<_>>()).expect("percentiles");
            possible.push(Aggregation::ApproxPercentile { percentiles });
        }
    }
    let listed = chance.random_bool(0.7);
    let how_many = if listed { chance.random_range(1..9) } else { 1 };
    let mut aggregations: Vec<_> = possible.choose_multiple(chance, how_many).cloned().collect();
    aggregations.sort_by_key(name_of);
    let mut windows = Vec::new();
    for _ in 0..chance.random_range(0..4) {
        let window = frame.window(chance);
        // Windows that differ in their resolution alone would be columns of one name.
        if windows.iter().all(|known| suffix(*known) != suffix(window)) {
            windows.push(window);
        }
    }
    let filter = chance.random_bool(0.25).then(|| condition(chance, 1));
    Feature { name: format!("feature{number}"), aggregations, listed, of, by, filter, windows }
}
