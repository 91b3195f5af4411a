//! Datums that name the schema they were written with by its number in a registry.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::plan::Plan;
use super::{AvroSchema, parsed};
use crate::format::Field;
use crate::format::column::Column;
use crate::format::unread::{Unread, schema_id};
use crate::registry::{RegisteredSchema, RegistryError, SchemaKind, Schemas};

/// Bytes before a datum: a zero, and the number of its schema, big-endian.
pub(super) const HEADER_BYTES: usize = 5;

/// How many schemas are remembered. Records that name more than that are made to hurt.
const KNOWN_SCHEMAS: usize = 10_000;

/// Reads datums of any schema of a registry as those of one, picking some fields and checking all.
#[derive(Debug)]
pub(super) struct NamedSchemas {
    schemas: Schemas,
    schema: AvroSchema,
    fields: Vec<Field>,
    /// How datums of each schema that was met are read, or why they cannot be.
    plans: HashMap<u32, Result<Plan, String>>,
}

impl NamedSchemas {
    /// A reader that puts field `i` of `schema` into column `i`.
    pub(super) fn new(schema: &AvroSchema, schemas: &Schemas, fields: &[Field]) -> Self {
        let (schema, schemas) = (schema.clone(), schemas.clone());
        Self { schemas, schema, fields: fields.to_vec(), plans: HashMap::new() }
    }

    /// Reads one datum. A field inside of a null record appends nothing to its column.
    ///
    /// # Errors
    /// What is wrong with the payload or its schema, or that its schema is not known yet; columns may have got some of
    /// its values.
    pub(super) fn read(&mut self, payload: &[u8], columns: &mut [Column]) -> Result<(), Unread> {
        let (id, _) = schema_id(payload)?;
        if self.plans.len() >= KNOWN_SCHEMAS && !self.plans.contains_key(&id) {
            self.plans.clear();
        }
        let plan = match self.plans.entry(id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let plan = plan(&self.schemas, &self.schema, &self.fields, id);
                unknown.insert(plan.map_err(Unread::NotYet)?)
            }
        };
        let plan = plan.as_ref().map_err(|why| why.clone())?;
        plan.read(payload, HEADER_BYTES, columns)
            .map_err(|why| format!("written with schema {id}: {why}"))?;
        Ok(())
    }
}

/// How datums of the schema with this number are read as those of `schema`, or why they cannot be.
fn plan(
    schemas: &Schemas,
    schema: &AvroSchema,
    fields: &[Field],
    id: u32,
) -> Result<Result<Plan, String>, RegistryError> {
    let registered = match schemas.registry()?.schema(id) {
        Ok(registered) => registered,
        Err(error) if error.is_final() => return Ok(Err(error.to_string())),
        Err(error) => return Err(error),
    };
    Ok(plan_of(&registered, schema, fields).map_err(|why| format!("written with schema {id}: {why}")))
}

fn plan_of(registered: &RegisteredSchema, schema: &AvroSchema, fields: &[Field]) -> Result<Plan, String> {
    if registered.kind != SchemaKind::Avro {
        return Err(format!("that is {}, not Avro", registered.kind));
    }
    let (_, written) = parsed(&registered.text, &registered.references)?;
    Ok(Plan::new(&written, &schema.0.shapes, fields))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI32, Ordering};

    use crate::batch::Record;
    use crate::format::test_support::{columns_text, spec};
    use crate::format::{AvroFraming, Decoder, Format, Patience};
    use crate::log::RecordSink;
    use crate::registry::{RegisteredSchema, Registry, RegistryError, SchemaKind, Schemas};

    const SCHEMA: &str = r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": "long"}]}"#;

    /// A registry that is away for as often as it is told, and counts how often it was asked.
    #[derive(Debug, Default)]
    struct Flaky {
        away: AtomicI32,
        asked: AtomicI32,
    }

    impl Registry for Flaky {
        fn schema(&self, id: u32) -> Result<RegisteredSchema, RegistryError> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            let url = "memory".to_owned();
            if self.away.fetch_sub(1, Ordering::Relaxed) > 0 {
                return Err(RegistryError::Away { url, cause: "it sleeps".to_owned() });
            }
            let (kind, text) = match id {
                1 => (SchemaKind::Avro, SCHEMA.replace("long", "int")),
                2 => (SchemaKind::Json, "{}".to_owned()),
                3 => (SchemaKind::Avro, "{".to_owned()),
                _ => return Err(RegistryError::UnknownId { url, id }),
            };
            Ok(RegisteredSchema { kind, text, references: Vec::new() })
        }

        fn latest(&self, _: &str, _: Option<u32>) -> Result<(u32, RegisteredSchema), RegistryError> {
            Err(RegistryError::None)
        }

        fn register(&self, _: &str, _: &RegisteredSchema) -> Result<u32, RegistryError> {
            Err(RegistryError::None)
        }
    }

    fn decoder(registry: &Arc<Flaky>) -> Decoder {
        let (format, fields) = Format::avro(SCHEMA).expect("a sound schema");
        let framing = AvroFraming::Confluent(Schemas::of(Arc::clone(registry) as Arc<dyn Registry>));
        Decoder::new(&spec(format.with_framing(framing), fields), "t", 0).expect("its own fields")
    }

    #[test]
    fn a_schema_is_asked_for_once_and_known_for_good() {
        let registry = Arc::new(Flaky::default());
        let mut decoder = decoder(&registry);
        for (offset, id) in (0..).zip([1, 2, 1, 3, 4, 1, 2, 3, 4]) {
            decoder.push(&Record::of_value(offset, &[0, 0, 0, 0, id, 14]));
        }
        let decoded = decoder.finish(9);
        assert_eq!(columns_text(&decoded.columns), ["7, 7, 7"]);
        assert_eq!(registry.asked.load(Ordering::Relaxed), 4);
        let reasons: Vec<_> = decoded.dead.iter().map(|dead| dead.reason.as_str()).collect();
        for (found, wanted) in reasons.iter().zip([
            "written with schema 2: that is JSON Schema, not Avro",
            "written with schema 3: ",
            "the schema registry at memory knows no schema 4",
        ]) {
            assert!(found.starts_with(wanted), "{found}");
        }
        assert_eq!((reasons.len(), &reasons[..3]), (6, &reasons[3..]));
    }

    #[test]
    fn without_patience_the_decoder_is_stuck_and_buries_nothing() {
        let registry = Arc::new(Flaky { away: AtomicI32::new(1), asked: AtomicI32::new(0) });
        let mut decoder = decoder(&registry);
        assert!(decoder.stuck().is_none() && !decoder.is_full());
        decoder.push(&Record::of_value(5, b"?"));
        decoder.push(&Record::of_value(6, &[0, 0, 0, 0, 1, 14]));
        decoder.push(&Record::of_value(7, &[0, 0, 0, 0, 1, 14]));
        let (offset, cause) = decoder.stuck().expect("nobody gave the schema");
        assert_eq!(offset, 6);
        assert!(cause.to_string().contains("it sleeps") && decoder.is_full(), "{cause}");
        let decoded = decoder.finish(6);
        assert_eq!((decoded.num_rows(), decoded.dead.len()), (0, 1));
    }

    #[test]
    fn patience_is_asked_before_each_further_try() {
        let registry = Arc::new(Flaky { away: AtomicI32::new(3), asked: AtomicI32::new(0) });
        let waits = Arc::new(AtomicI32::new(0));
        let counted = Arc::clone(&waits);
        let patience = Patience::new(move |_| counted.fetch_add(1, Ordering::Relaxed) < 10);
        let mut decoder = decoder(&registry).with_patience(patience);
        decoder.push(&Record::of_value(0, &[0, 0, 0, 0, 1, 14]));
        assert_eq!((waits.load(Ordering::Relaxed), decoder.finish(1).num_rows()), (3, 1));
    }
}
