//! Entities: what features are about.

use thalweg_core::FieldType;

use crate::declarations::check_name;
use crate::mistakes::{Mistakes, suggestion};
use crate::yaml::{Entry, Keys, Map};
use crate::{Entity, Limits};

/// What may be said of an entity.
pub(crate) const KEYS: Keys = Keys { known: &["name", "join_keys"], later: &[] };

/// Reads the entity `name` from `map`.
pub(crate) fn read(name: String, map: Map<'_>, limits: &Limits, mistakes: &mut Mistakes) -> Option<Entity> {
    let node = map.require("join_keys", mistakes)?;
    let entries = node.some_entries("the entity's join keys as a map of name to type", mistakes)?;
    let (limit, count) = (limits.join_keys_per_entity, entries.len());
    if !Limits::keeps("join_keys_per_entity", limit, count, "join keys of an entity", &node.place, mistakes) {
        return None;
    }
    let join_keys: Vec<_> = entries.iter().filter_map(|entry| read_join_key(entry, mistakes)).collect();
    (join_keys.len() == entries.len()).then_some(Entity { name, join_keys })
}

fn read_join_key(entry: &Entry, mistakes: &mut Mistakes) -> Option<(String, FieldType)> {
    let named = check_name(&entry.key, &entry.place, mistakes);
    let written = entry.value.text("a type, such as string", mistakes)?;
    let field_type = FieldType::ALL.into_iter().find(|candidate| candidate.name() == written);
    let types = || FieldType::ALL.into_iter().filter(|candidate| !candidate.is_float()).map(FieldType::name);
    match field_type {
        None => {
            mistakes.add_with_help(
                &entry.value.place,
                format!("`{written}` is no type of a join key"),
                suggestion(written, types().collect::<Vec<_>>()),
            );
            None
        }
        Some(float) if float.is_float() => {
            mistakes.add_with_help(
                &entry.value.place,
                format!("the join key `{}` cannot be a {float}: keys are compared by bytes", entry.key),
                "take a string or an integer".to_owned(),
            );
            None
        }
        Some(field_type) => named.then(|| (entry.key.clone(), field_type)),
    }
}
