//! What an audit looks up: live keys, request inputs and instants, all drawn by lot.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{ArrayRef, BinaryArray};
use thalweg_backfill::Features;
use thalweg_core::{FieldType, Instant, TimeDelta, Value, column_of, decode_keys};
use thalweg_definitions::{Layout, RequestKey};
use thalweg_ingest::Serving;

use super::lot::Lot;
use crate::Error;

/// The instants at which each key is looked up.
pub(super) const INSTANTS: usize = 4;

/// Longest stretch before the watermark from which instants are drawn where all are answered: 2^50 µs, 35
/// years.
const LONGEST_BACK: u64 = 50;

/// The join keys that entity keys are made of.
type KeyColumns<'a> = &'a [(String, FieldType)];

/// Entity keys as bytes.
type Keys = Vec<Box<[u8]>>;

/// The rows of an audit: [`INSTANTS`] for each key, one after the other.
pub(super) struct Drawn {
    /// How many keys were drawn.
    pub(super) keys: usize,
    /// For each join key its values.
    pub(super) entities: BTreeMap<String, ArrayRef>,
    /// For each request input that is no join key its values.
    pub(super) inputs: BTreeMap<String, ArrayRef>,
}

/// Draws up to `count` of the keys that the views behind `features` have a state of. Join keys that only a
/// narrower view has are drawn from that one.
///
/// # Errors
/// Views that are not there; a state that cannot be read.
pub(super) fn draw(
    serving: &Serving,
    features: &Features,
    count: usize,
    seed: u64,
    is_wanted: impl Fn() -> bool,
) -> Result<Drawn, Error> {
    let repository = serving.repository();
    let layout = Layout::new(repository, &features.resolve(repository)?, true)
        .map_err(|cause| Error::from(thalweg_backfill::Error::from(cause)))?;
    let mut of_columns: Vec<(KeyColumns<'_>, Vec<Keys>)> = Vec::new();
    for fold in &layout.folds {
        let state = serving.view(&fold.view.name).ok_or_else(|| {
            Error::internal(format!("view `{}` has no state: a mistake of the program", fold.view.name))
        })?;
        let keys = state.sample_keys(&fold.view.name, count, seed, &is_wanted)?;
        match of_columns.iter_mut().find(|(columns, _)| **columns == *fold.key_columns) {
            Some((_, lists)) => lists.push(keys),
            None => of_columns.push((&fold.key_columns, vec![keys])),
        }
    }
    let mut drawn: Vec<_> =
        of_columns.into_iter().map(|(columns, lists)| (columns, in_turn(lists, count))).collect();
    drawn.sort_by_key(|(columns, _)| std::cmp::Reverse(columns.len()));
    let mut entities = BTreeMap::new();
    let keys = drawn.iter().map(|(_, keys)| keys.len()).max().unwrap_or(0);
    for (columns, of_columns) in &drawn {
        if columns.iter().all(|(name, _)| entities.contains_key(name)) {
            continue;
        }
        if of_columns.is_empty() {
            return Ok(Drawn { keys: 0, entities: BTreeMap::new(), inputs: BTreeMap::new() });
        }
        let of_row = |row: usize| &of_columns[row / INSTANTS % of_columns.len()];
        let bytes = BinaryArray::from_iter_values((0..keys * INSTANTS).map(of_row));
        let types: Vec<_> = columns.iter().map(|(_, field_type)| *field_type).collect();
        let parts = decode_keys(&bytes, &types).map_err(thalweg_backfill::Error::from)?;
        for ((name, _), part) in columns.iter().zip(parts) {
            entities.entry(name.clone()).or_insert(part);
        }
    }
    let mut lot = Lot::new(seed);
    let mut inputs = BTreeMap::new();
    for RequestKey { name, field_type } in layout.request_inputs() {
        if !entities.contains_key(name) {
            let values = (0..keys * INSTANTS).map(|_| some_value(*field_type, &mut lot));
            inputs.insert(name.clone(), column_of(&field_type.to_arrow(), values));
        }
    }
    Ok(Drawn { keys, entities, inputs })
}

/// The instants of the rows of so many keys: for each what now is, the watermark, the earliest that is
/// answered, and one between; where two of these are one, another between.
pub(super) fn instants(
    keys: usize,
    now: Instant,
    watermark: Option<Instant>,
    horizon: Option<Instant>,
    seed: u64,
) -> Vec<Instant> {
    let mut lot = Lot::new(!seed);
    let newest = watermark.unwrap_or(now).max(horizon.unwrap_or(Instant::MIN));
    let mut between = || match horizon {
        Some(horizon) => {
            let span = newest.as_micros().abs_diff(horizon.as_micros());
            let ahead = lot.below(span.saturating_add(1));
            Instant::from_micros(horizon.as_micros().saturating_add_unsigned(ahead))
        }
        None => {
            let longest = 1 << lot.below(LONGEST_BACK + 1);
            newest.saturating_sub(TimeDelta::from_micros(lot.below(longest) as i64))
        }
    };
    let now = now.max(horizon.unwrap_or(now));
    let of_key = |_| {
        let newest = if newest == now { between() } else { newest };
        let earliest = horizon.unwrap_or_else(&mut between);
        [now, newest, earliest, between()]
    };
    (0..keys).flat_map(of_key).collect()
}

/// The first keys of each list, then the second ones, and so on: each once, `count` in all.
fn in_turn(lists: Vec<Keys>, count: usize) -> Keys {
    let longest = lists.iter().map(Vec::len).max().unwrap_or(0);
    let mut seen = BTreeSet::new();
    let in_turn = (0..longest).flat_map(|place| lists.iter().filter_map(move |list| list.get(place)));
    in_turn.filter(|key| seen.insert(*key)).take(count).cloned().collect()
}

/// Some value of a request input, now and then null.
fn some_value(field_type: FieldType, lot: &mut Lot) -> Value {
    if lot.below(4) == 0 {
        return Value::Null;
    }
    let number = lot.below(21) as i32 - 10;
    match field_type {
        FieldType::Bool => Value::Bool(number > 0),
        FieldType::Int32 => Value::Int32(number),
        FieldType::Int64 => Value::Int64(number.into()),
        FieldType::Float32 => Value::Float32(number as f32 / 2.0),
        FieldType::Float64 => Value::Float64(f64::from(number) / 2.0),
        FieldType::String => Value::String(number.to_string().into()),
        FieldType::Binary => Value::Binary(number.to_be_bytes().into()),
        FieldType::Date => Value::Date(number),
        FieldType::Timestamp => Value::Timestamp(number.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Instant {
        Instant::from_micros(micros)
    }

    #[test]
    fn instants_reach_from_now_to_the_earliest_answered() {
        let all = instants(200, at(1_000), Some(at(700)), Some(at(600)), 5);
        assert_eq!(all.len(), 200 * INSTANTS);
        for of_key in all.chunks(INSTANTS) {
            assert_eq!(of_key[..3], [at(1_000), at(700), at(600)]);
            assert!((at(600)..=at(700)).contains(&of_key[3]));
        }
        assert!(all.chunks(INSTANTS).map(|of_key| of_key[3]).collect::<BTreeSet<_>>().len() > 50);
        assert_eq!(all, instants(200, at(1_000), Some(at(700)), Some(at(600)), 5));
        assert_ne!(all, instants(200, at(1_000), Some(at(700)), Some(at(600)), 6));
    }

    #[test]
    fn where_now_is_the_watermark_another_instant_stands_in() {
        let bounded = instants(50, at(700), Some(at(700)), Some(at(600)), 5);
        assert!(bounded.chunks(INSTANTS).any(|of_key| of_key[1] != at(700)));
        let unbounded = instants(50, at(700), Some(at(700)), None, 5);
        assert!(unbounded.iter().all(|instant| *instant <= at(700)));
        assert!(unbounded.iter().any(|instant| *instant < at(-1_000_000_000)));
        let nothing_applied = instants(2, at(9), None, None, 5);
        assert!(nothing_applied.iter().all(|instant| *instant <= at(9)));
        let never = Some(Instant::MAX);
        assert!(instants(3, at(0), Some(at(5)), never, 5).iter().all(|instant| *instant == Instant::MAX));
    }

    #[test]
    fn keys_of_several_views_are_taken_in_turn() {
        let list = |keys: &[&str]| keys.iter().map(|key| key.as_bytes().into()).collect::<Keys>();
        let lists = vec![list(&["a", "b", "c"]), list(&["b", "d"])];
        assert_eq!(in_turn(lists.clone(), 9), list(&["a", "b", "d", "c"]));
        assert_eq!(in_turn(lists, 2), list(&["a", "b"]));
    }
}
