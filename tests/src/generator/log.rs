//! What arrives in the log, and what is asked.

use rand::Rng;
use rand::seq::SliceRandom;
use thalweg_core::Value;

use super::definitions::definitions;
use super::expressions::FIELDS;
use super::frame::Frame;
use super::headers::headers;
use super::json::json;
use super::on_demand::REQUEST_INPUTS;
use super::payload::{payload, rubbish};
use super::values::{Pools, key_part, pick, text};
use super::{Arrival, Case, Chance, Question};
use crate::definition::{Definitions, Row, Source, Time};

/// How large a case is.
struct Size {
    /// The most records.
    records: usize,
    /// Points of time.
    points: i64,
    /// How many keys turn up again and again.
    regulars: usize,
    /// How probable it is that an event is of one of these.
    regular: f64,
}

/// Most cases: many meetings in little time.
const SMALL: Size = Size { records: 60, points: 24, regulars: 3, regular: 0.7 };
/// Some: a key with more events than the engine keeps in one piece.
const LARGE: Size = Size { records: 900, points: 300, regulars: 1, regular: 0.95 };

impl Case {
    /// A case; equal states of `chance` give equal cases.
    pub fn generate(chance: &mut Chance) -> Self {
        let size = if chance.random_bool(0.06) { LARGE } else { SMALL };
        let (definitions, frame) = definitions(chance, size.points);
        let partitions = definitions.sources.iter().map(|_| chance.random_range(1..5)).collect::<Vec<_>>();
        let pools = Pools::new(chance);
        let present = pick(chance, &[0.6, 0.9, 1.0]);
        let wrong = pick(chance, &[0.0, 0.0, 0.1]);
        let regulars: Vec<_> = (0..size.regulars).map(|_| some_key(chance, &definitions)).collect();
        let mut times: Vec<_> =
            (0..chance.random_range(0..=size.records)).map(|_| frame.time(chance)).collect();
        put_out_of_order(chance, &mut times);
        let mut arrivals = Vec::new();
        for time in times {
            let source = chance.random_range(0..definitions.sources.len());
            let partition = chance.random_range(0..partitions[source]);
            let mut make = Maker { chance, frame, pools, present, wrong, regulars: &regulars, size: &size };
            arrivals.push(make.arrival(&definitions, source, partition, time));
        }
        let questions =
            (0..chance.random_range(1..14)).map(|_| question(chance, &definitions, frame, &arrivals, pools));
        let questions = questions.collect();
        Self { definitions, partitions, arrivals, questions }
    }
}

/// Mostly in order, with some late; or in no order at all.
fn put_out_of_order(chance: &mut Chance, times: &mut [i64]) {
    if chance.random_bool(0.3) {
        return times.shuffle(chance);
    }
    times.sort_unstable();
    if times.len() > 1 {
        for _ in 0..chance.random_range(0..1 + times.len() / 4) {
            let (a, b) = (chance.random_range(0..times.len()), chance.random_range(0..times.len()));
            times.swap(a, b);
        }
    }
}

struct Maker<'a> {
    chance: &'a mut Chance,
    frame: Frame,
    pools: Pools,
    present: f64,
    wrong: f64,
    regulars: &'a [Row],
    size: &'a Size,
}

impl Maker<'_> {
    fn arrival(&mut self, definitions: &Definitions, source: usize, partition: i32, time: i64) -> Arrival {
        let defined = &definitions.sources[source];
        if defined.is_table && self.chance.random_bool(0.15) {
            let key = self.deleted_key(definitions, defined);
            let timestamp_ms = time / 1_000;
            let headers = Vec::new();
            return Arrival { source, partition, timestamp_ms, key, headers, value: None, row: None };
        }
        let mut row = self.row(definitions, defined, time);
        let timestamp_ms = match (&defined.event_time, &defined.append_time) {
            (Time::Record, _) => time / 1_000,
            (_, Some(Time::Record)) => self.frame.logged_ms(self.chance, time),
            _ => self.chance.random_range(0..2_000_000_000_000),
        };
        let key = self.chance.random_bool(0.7).then(|| text(self.chance));
        row.extend(key.map(|key| ("@key".to_owned(), Value::String(key.into()))));
        let key = key.map(|key| key.as_bytes().to_vec());
        let headers = headers(self.chance, defined, &row);
        if self.chance.random_bool(self.wrong) {
            let value = rubbish(self.chance, defined, &row);
            return Arrival { source, partition, timestamp_ms, key, headers, value, row: None };
        }
        let value = Some(payload(self.chance, defined, &row));
        Arrival { source, partition, timestamp_ms, key, headers, value, row: Some(row) }
    }

    /// The key of a record that deletes: the join keys of all entities by name, or one of them bare; or another text, or
    /// none.
    fn deleted_key(&mut self, definitions: &Definitions, source: &Source) -> Option<Vec<u8>> {
        let mut parts = match self.chance.random_bool(self.size.regular) {
            true => self.regulars[self.chance.random_range(0..self.regulars.len())].clone(),
            false => some_key(self.chance, definitions),
        };
        match self.chance.random_range(0..20) {
            0 => None,
            1 => Some(text(self.chance).as_bytes().to_vec()),
            2..8 => {
                let entity = &definitions.entities[self.chance.random_range(0..definitions.entities.len())];
                bare(&parts[&entity.join_keys[0].0])
            }
            _ => {
                parts.retain(|_, _| self.chance.random_bool(0.98));
                Some(json(self.chance, &of_keys(source), &parts))
            }
        }
    }

    fn row(&mut self, definitions: &Definitions, source: &Source, time: i64) -> Row {
        let mut row = Row::new();
        for (name, field_type) in FIELDS {
            if self.chance.random_bool(self.present) {
                row.insert(name.to_owned(), self.pools.value(self.chance, field_type));
            }
        }
        if self.chance.random_bool(self.size.regular) {
            row.extend(self.regulars[self.chance.random_range(0..self.regulars.len())].clone());
        } else {
            row.extend(some_key(self.chance, definitions));
            row.retain(|name, _| !name.starts_with("key") || self.chance.random_bool(0.95));
        }
        if self.chance.random_bool(self.present) {
            row.insert("@header.who".to_owned(), Value::String(text(self.chance).into()));
        }
        if let Time::Field(name) = &source.event_time
            && !self.chance.random_bool(self.wrong / 2.0)
        {
            let value = match source.declared(name) {
                "date" => Value::Date(i32::try_from(time / 86_400_000_000).expect("a day of this century")),
                _ => Value::Timestamp(time),
            };
            row.insert(name.clone(), value);
        }
        if let Some(Time::Field(name)) = &source.append_time
            && self.chance.random_bool(0.8)
        {
            let logged = self.frame.logged_ms(self.chance, time) * 1_000;
            row.insert(name.clone(), Value::Timestamp(logged));
        }
        if let Some(name) = source.order_by.as_ref().filter(|_| self.chance.random_bool(0.85)) {
            let turn = pick(self.chance, &[-1, 0, 1, 2, 3]);
            let value = match source.fields[name] {
                "int32" => Value::Int32(turn),
                "int64" => Value::Int64(turn.into()),
                _ => Value::Timestamp(turn.into()),
            };
            row.insert(name.clone(), value);
        }
        row
    }
}

/// The source with no fields but the parts of keys.
fn of_keys(source: &Source) -> Source {
    let mut keys = source.clone();
    keys.fields.retain(|name, _| name.starts_with("key"));
    keys
}

/// A part of a key as a record's key that is nothing but it.
fn bare(part: &Value) -> Option<Vec<u8>> {
    match part {
        Value::String(text) => Some(text.as_bytes().to_vec()),
        Value::Bool(truth) => Some(truth.to_string().into_bytes()),
        Value::Int32(number) => Some(number.to_string().into_bytes()),
        Value::Int64(number) | Value::Timestamp(number) => Some(number.to_string().into_bytes()),
        _ => None,
    }
}

/// A value for each part of each entity's key.
fn some_key(chance: &mut Chance, definitions: &Definitions) -> Row {
    let parts = definitions.entities.iter().flat_map(|entity| &entity.join_keys);
    parts.map(|(name, field_type)| (name.clone(), key_part(chance, *field_type))).collect()
}

/// A question, most often about keys that some event has.
fn question(
    chance: &mut Chance,
    definitions: &Definitions,
    frame: Frame,
    arrivals: &[Arrival],
    pools: Pools,
) -> Question {
    let some_row = match arrivals.len() {
        0 => None,
        n => arrivals[chance.random_range(0..n)].row.clone(),
    };
    let known = some_row.filter(|_| chance.random_bool(0.7)).unwrap_or_default();
    let mut keys = some_key(chance, definitions);
    for (name, part) in &mut keys {
        *part = known.get(name).unwrap_or(part).clone();
    }
    let at = frame.question(chance);
    let asked = REQUEST_INPUTS.map(|(name, field_type)| {
        let value = if chance.random_bool(0.8) { pools.value(chance, field_type) } else { Value::Null };
        (name.to_owned(), value)
    });
    Question { keys, asked: asked.into(), at }
}
