//! `thalweg get`.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, Schema};
use clap::Args;
use serde_json::{Map, Value, json};

use super::client::Client;
use super::output::{say, table};
use super::target::Target;
use super::{Common, instant};
use crate::config::Config;
use crate::flight::{Command, REQUEST_INPUT, ROLE, TrainingSetCommand};
use crate::grpc::{from_arrow, to_arrow};
use crate::json::to_json;
use crate::wire::{Column, GetFeaturesRequest, GetFeaturesResponse};
use crate::{Error, Kind};

/// Options of `get`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// A feature service, or features as view:column or view:*, separated by commas.
    service: String,
    /// Join keys, and the request inputs of on-demand features, such as carrier=UA hour=7.
    #[arg(required = true, value_name = "NAME=VALUE")]
    keys: Vec<String>,
    /// The instant, such as 2013-07-01T12:00:00Z; the server's clock, if none.
    #[arg(long, value_name = "INSTANT")]
    at: Option<String>,
}

pub(super) fn run(common: &Common, config: Config, options: &Options) -> Result<(), Error> {
    let client = Target::server(common, &config)?;
    let features: Vec<String> = match options.service.contains(':') {
        true => options.service.split(',').map(str::to_owned).collect(),
        false => Vec::new(),
    };
    let columns = columns_of(&client, &options.service, &features)?;
    let (mut entities, mut request_inputs) = (HashMap::new(), HashMap::new());
    for pair in &options.keys {
        let (name, text) = pair
            .split_once('=')
            .ok_or_else(|| Error::invalid(format!("`{pair}` is no join key; write it as carrier=UA")))?;
        let known = columns.iter().find(|field| field.name() == name);
        let (kind, into) = match known.is_some_and(is_request_input) {
            true => ("request input", &mut request_inputs),
            false => ("join key", &mut entities),
        };
        let column = to_column(kind, name, text, known.map(|field| field.data_type()))?;
        if into.insert(name.to_owned(), column).is_some() {
            return Err(Error::invalid(format!(
                "{kind} `{name}` is given twice; look up one entity at a time"
            )));
        }
    }
    let request = GetFeaturesRequest {
        feature_service: if features.is_empty() { options.service.clone() } else { String::new() },
        features,
        entities,
        request_inputs,
        at_us: options.at.as_deref().map(instant::parse).transpose()?.map(|at| at.as_micros()),
        ..Default::default()
    };
    let answer = client.get_features(request)?;
    let rows = rows(&answer)?;
    if common.json {
        let applied: Vec<Value> = answer
            .applied
            .iter()
            .map(|p| json!({"topic": p.topic, "partition": p.partition, "next_offset": p.next_offset}))
            .collect();
        let versions: Map<String, Value> =
            answer.versions.into_iter().map(|v| (v.view, Value::String(v.version))).collect();
        return say(json!({
            "rows": rows,
            "at": instant::show(answer.at_us),
            "applied": applied,
            "watermark": answer.watermark_us.map(instant::show),
            "versions": versions,
        }));
    }
    for row in &rows {
        let cells = row.iter().map(|(name, cell)| {
            let value = cell["value"].as_str().map_or_else(|| cell["value"].to_string(), str::to_owned);
            [name.clone(), value, cell["status"].as_str().unwrap_or_default().to_owned()]
        });
        say(table(["FEATURE", "VALUE", "STATUS"], cells))?;
    }
    let applied: Vec<String> =
        answer.applied.iter().map(|p| format!("{}-{}:{}", p.topic, p.partition, p.next_offset)).collect();
    say(format_args!("at {}, resting on {}", instant::show(answer.at_us), applied.join(" ")))
}

/// The columns that a request for `service` or `features` has, as the server lists them: join keys and
/// request inputs. None where the server has no such thing, as it will say itself.
fn columns_of(client: &Client, service: &str, features: &[String]) -> Result<Vec<Field>, Error> {
    let views: Vec<_> = features.iter().filter_map(|feature| feature.split_once(':')).collect();
    let is_asked = |command: &TrainingSetCommand| match &command.feature_service {
        Some(name) => features.is_empty() && name == service,
        None => {
            let listed = command.features.iter().filter_map(|feature| feature.split_once(':'));
            listed.into_iter().any(|(listed, _)| views.iter().any(|(view, _)| *view == listed))
        }
    };
    let mut columns = Vec::new();
    for flight in client.list()? {
        let command = flight.flight_descriptor.as_ref().map(|descriptor| Command::parse(&descriptor.cmd));
        if let Some(Ok(Command::TrainingSet(command))) = command
            && is_asked(&command)
        {
            let schema: Schema = flight.try_decode_schema()?;
            let needed =
                schema.fields().iter().filter(|field| !field.is_nullable() || is_request_input(field));
            columns.extend(needed.map(|field| field.as_ref().clone()));
        }
    }
    Ok(columns)
}

/// Whether a column of a listed schema is a request input; join keys are those that are never null.
fn is_request_input(field: &Field) -> bool {
    field.metadata().get(ROLE).is_some_and(|role| role == REQUEST_INPUT)
}

fn to_column(kind: &str, name: &str, text: &str, data_type: Option<&DataType>) -> Result<Column, Error> {
    let given: ArrayRef = Arc::new(StringArray::from(vec![text]));
    let Some(data_type) = data_type else { return from_arrow(&given) };
    let cast = cast_with_options(&given, data_type, &CastOptions { safe: true, ..Default::default() })?;
    match cast.is_null(0) {
        true => Err(Error::new(Kind::InvalidArgument, format!("{kind} {name}: `{text}` is no {data_type}"))),
        false => from_arrow(&cast),
    }
}

/// Each row as feature → value and status.
fn rows(answer: &GetFeaturesResponse) -> Result<Vec<Map<String, Value>>, Error> {
    let count = answer.columns.first().map_or(0, |column| column.statuses.len());
    let mut rows = vec![Map::new(); count];
    for column in &answer.columns {
        let wire = column.values.clone().unwrap_or_default();
        let values = to_arrow(&wire, &column.name)?;
        for (row, cells) in rows.iter_mut().enumerate() {
            let status = match column.statuses.get(row) {
                Some(0) => "PRESENT",
                Some(1) => "NULL_VALUE",
                Some(2) => "NOT_FOUND",
                Some(3) => "OUTSIDE_MAX_AGE",
                _ => return Err(Error::internal(format!("column {} has an unknown status", column.name))),
            };
            cells.insert(column.name.clone(), json!({"value": to_json(&values, row), "status": status}));
        }
    }
    Ok(rows)
}
