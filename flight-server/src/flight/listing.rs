//! What there is to ask for: services, views and topics, each with its schema.

use arrow::datatypes::{Field, Schema};
use arrow_flight::{FlightDescriptor, FlightInfo};
use thalweg_backfill::{Features, events_schema};
use thalweg_definitions::{Layout, Repository};

use super::command::{Command, EventsCommand, TrainingSetCommand};
use crate::Error;

/// One flight for each service, view and topic of `repository`. A service's or view's schema is its join
/// keys, then its features; its descriptor is a `training_set` command without a spine.
pub(super) fn flights(repository: &Repository) -> Result<Vec<FlightInfo>, Error> {
    let services = repository.services.iter().map(|service| TrainingSetCommand {
        feature_service: Some(service.name.clone()),
        ..Default::default()
    });
    let views = repository
        .views
        .iter()
        .map(|view| TrainingSetCommand { features: vec![format!("{}:*", view.name)], ..Default::default() });
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
    fields
        .extend(layout.columns.iter().map(|column| Field::new(&column.name, column.data_type.clone(), true)));
    Ok(Schema::new(fields))
}

fn flight(command: &Command, schema: &Schema) -> Result<FlightInfo, Error> {
    let info = FlightInfo::new().with_descriptor(FlightDescriptor::new_cmd(command.to_json()));
    Ok(info.try_with_schema(schema)?)
}
