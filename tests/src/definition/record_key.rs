//! What the key of a record says of an entity's key.

use std::collections::BTreeMap;

use thalweg_core::Value;

use super::Entity;
use crate::spec::{row_of_bytes, value_of_bytes};

impl Entity {
    /// The parts that a record's key says: by name if it is a JSON object, else the only one as the bare value. A part
    /// that it does not say is null, and all of them are if it cannot be read.
    pub fn parts_in(&self, key: &[u8]) -> Vec<Value> {
        let fields: BTreeMap<_, _> =
            self.join_keys.iter().map(|(name, of_type)| (name.clone(), of_type.name())).collect();
        let by_name = |text: &str| {
            let row = row_of_bytes(&fields, text.as_bytes()).unwrap_or_default();
            let part = |(name, _): &(String, _)| row.get(name).cloned().unwrap_or(Value::Null);
            self.join_keys.iter().map(part).collect::<Vec<_>>()
        };
        let text = std::str::from_utf8(key);
        let json = serde_json::from_slice::<serde_json::Value>(key);
        match (self.join_keys.as_slice(), text) {
            (_, Ok(text)) if json.is_ok_and(|json| json.is_object()) => by_name(text),
            ([(_, of_type)], _) => vec![value_of_bytes(of_type.name(), key).unwrap_or(Value::Null)],
            _ => vec![Value::Null; self.join_keys.len()],
        }
    }
}

#[cfg(test)]
mod tests {
    use thalweg_core::FieldType;

    use super::*;

    fn entity(join_keys: &[(&str, FieldType)]) -> Entity {
        let join_keys = join_keys.iter().map(|(name, of_type)| ((*name).to_owned(), *of_type)).collect();
        Entity { name: "e".to_owned(), join_keys }
    }

    #[test]
    fn parts_stand_by_name_or_alone() {
        let one = |of_type, key: &str| entity(&[("k", of_type)]).parts_in(key.as_bytes()).remove(0);
        assert_eq!(one(FieldType::String, "{\"k\": \"UA\"}"), Value::String("UA".into()));
        assert_eq!(one(FieldType::String, "\"UA\""), Value::String("\"UA\"".into()));
        assert_eq!(one(FieldType::Int64, "7"), Value::Int64(7));
        assert_eq!(one(FieldType::Int64, "7, 8"), Value::Null);
        assert_eq!(one(FieldType::Date, "1970-01-02"), Value::Date(1));
        assert_eq!(one(FieldType::Timestamp, "\"1970-01-01T00:00:01Z\""), Value::Timestamp(1_000_000));
        let both = entity(&[("a", FieldType::Bool), ("b", FieldType::String)]);
        assert_eq!(both.parts_in(b"{\"b\": \"x\"}"), [Value::Null, Value::String("x".into())]);
        assert_eq!(both.parts_in(b"true"), [Value::Null, Value::Null]);
    }
}
