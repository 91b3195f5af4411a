//! Datums that name the schema they were written with by its number in a registry.

use std::collections::HashMap;

use super::plan::Plan;
use super::{AvroSchema, parsed};
use crate::format::column::Column;
use crate::format::unread::{Unread, schema_id};
use crate::format::{Field, FormatError};
use crate::registry::{RegisteredSchema, RegistryError, SchemaKind, Schemas};

/// Bytes before a datum: a zero, and the number of its schema, big-endian.
pub(super) const HEADER_BYTES: usize = 5;

/// How many schemas are remembered. Records that name more than that are made to hurt.
const KNOWN_SCHEMAS: usize = 10_000;

/// Reads datums of any schema of a registry as those of one, picking some fields and checking all.
#[derive(Debug)]
pub(in crate::format) struct ConfluentAvro {
    schemas: Schemas,
    schema: AvroSchema,
    fields: Vec<Field>,
    /// How datums of each schema that was met are read, or why they cannot be.
    plans: HashMap<u32, Result<Plan, String>>,
}

impl ConfluentAvro {
    /// A reader that puts field `i` of `schema` into column `i`, but for those that stand for something outside the
    /// value.
    ///
    /// # Errors
    /// If the schema has not the fields, or of another type.
    pub(in crate::format) fn new(
        schema: &AvroSchema,
        schemas: &Schemas,
        fields: &[Field],
    ) -> Result<Self, FormatError> {
        schema.check_fields(fields)?;
        let (schema, schemas) = (schema.clone(), schemas.clone());
        Ok(Self { schemas, schema, fields: fields.to_vec(), plans: HashMap::new() })
    }

    /// Reads one datum. A field inside of a null record appends nothing to its column.
    ///
    /// # Errors
    /// What is wrong with the payload or its schema, or that its schema is not known yet; columns may have got some of
    /// its values.
    pub(in crate::format) fn read(&mut self, payload: &[u8], columns: &mut [Column]) -> Result<(), Unread> {
        let (id, _) = schema_id(payload)?;
        if !self.plans.contains_key(&id) {
            let plan = self.plan(id).map_err(Unread::NotYet)?;
            if self.plans.len() == KNOWN_SCHEMAS {
                self.plans.clear();
            }
            self.plans.insert(id, plan);
        }
        let plan = self.plans[&id].as_ref().map_err(Clone::clone)?;
        plan.read(payload, HEADER_BYTES, columns)
            .map_err(|why| format!("written with schema {id}: {why}"))?;
        Ok(())
    }

    /// How datums of the schema with this number are read, or why they cannot be.
    fn plan(&self, id: u32) -> Result<Result<Plan, String>, RegistryError> {
        let registered = match self.schemas.registry()?.schema(id) {
            Ok(registered) => registered,
            Err(error) if error.is_final() => return Ok(Err(error.to_string())),
            Err(error) => return Err(error),
        };
        Ok(self.plan_of(&registered).map_err(|why| format!("written with schema {id}: {why}")))
    }

    fn plan_of(&self, registered: &RegisteredSchema) -> Result<Plan, String> {
        if registered.kind != SchemaKind::Avro {
            return Err(format!("that is {}, not Avro", registered.kind));
        }
        let (_, written) = parsed(&registered.text, &registered.references)?;
        Ok(Plan::new(&written, &self.schema.0.shapes, &self.fields))
    }
}
