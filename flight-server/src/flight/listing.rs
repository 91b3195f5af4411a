//! What there is to ask for: services, views and topics, each with its schema.

use std::collections::HashMap;

use arrow::datatypes::{Field, Schema};
use arrow_flight::{FlightDescriptor, FlightInfo};
use thalweg_backfill::{Features, events_schema};
use thalweg_definitions::{Layout, Repository, RequestKey};

use super::command::{Command, EventsCommand, TrainingSetCommand};
use crate::Error;

/// What a request input says of itself in the metadata of its field.
pub(crate) const ROLE: &str = "thalweg.role";
/// See [`ROLE`].
pub(crate) const REQUEST_INPUT: &str = "request_input";

/// One flight for each service, view of either kind, and topic of `repository`. The schema of a service or
/// view has its join keys, which are never null, its request inputs, which say so in their metadata, then its
/// features; its descriptor is a `training_set` command without a spine.
pub(super) fn flights(repository: &Repository) -> Result<Vec<FlightInfo>, Error> {
    let services = repository.services.iter().map(|service| TrainingSetCommand {
        feature_service: Some(service.name.clone()),
        ..Default::default()
    });
    let on_demand = repository.on_demand_views.iter().map(|view| &view.name);
    let views = repository
        .views
        .iter()
        .map(|view| &view.name)
        .chain(on_demand)
        .map(|view| TrainingSetCommand { features: vec![format!("{view}:*")], ..Default::default() });
    let sets = services.chain(views).map(|command| {
        let schema = schema_of(repository, &command.features()?)?;
        flight(&Command::TrainingSet(command), &schema)
    });
    let topics = repository.sources.iter().map(|source| {
        let command = EventsCommand { topic: source.topic.clone(), ..Default::default() };
        flight(&Command::Events(command), &events_schema(source))
    });
    sets.chain(topics).collect()
}

fn schema_of(repository: &Repository, features: &Features) -> Result<Schema, Error> {
    let references = features.resolve(repository)?;
    let layout = Layout::new(repository, &references, true)
        .map_err(|cause| Error::from(thalweg_backfill::Error::from(cause)))?;
    let mut fields: Vec<Field> = Vec::new();
    for (name, field_type) in layout.folds.iter().flat_map(|fold| &fold.key_columns) {
        if !fields.iter().any(|field| field.name() == name) {
            fields.push(Field::new(name, field_type.to_arrow(), false));
        }
    }
    for RequestKey { name, field_type } in layout.request_inputs() {
        // A column may be a join key, too.
        if !fields.iter().any(|field| field.name() == name) {
            let role = HashMap::from([(ROLE.to_owned(), REQUEST_INPUT.to_owned())]);
            fields.push(Field::new(name, field_type.to_arrow(), true).with_metadata(role));
        }
    }
    fields
        .extend(layout.columns.iter().map(|column| Field::new(&column.name, column.data_type.clone(), true)));
    Ok(Schema::new(fields))
}

fn flight(command: &Command, schema: &Schema) -> Result<FlightInfo, Error> {
    let info = FlightInfo::new().with_descriptor(FlightDescriptor::new_cmd(command.to_json()));
    Ok(info.try_with_schema(schema)?)
}
