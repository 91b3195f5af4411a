//! `thalweg get`.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Schema};
use clap::Args;
use serde_json::{Map, Value, json};

use super::client::Client;
use super::output::{say, table};
use super::target::Target;
use super::{Common, instant};
use crate::config::Config;
use crate::flight::Command;
use crate::grpc::{from_arrow, to_arrow};
use crate::json::to_json;
use crate::wire::{Column, GetFeaturesRequest, GetFeaturesResponse};
use crate::{Error, Kind};

/// Options of `get`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// A feature service, or features as view:column or view:*, separated by commas.
    service: String,
    /// Join keys, such as carrier=UA.
    #[arg(required = true, value_name = "KEY=VALUE")]
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
    let types = key_types(&client)?;
    let mut entities = HashMap::new();
    for pair in &options.keys {
        let (name, text) = pair
            .split_once('=')
            .ok_or_else(|| Error::invalid(format!("`{pair}` is no join key; write it as carrier=UA")))?;
        if entities.insert(name.to_owned(), to_column(name, text, types.get(name))?).is_some() {
            return Err(Error::invalid(format!(
                "join key `{name}` is given twice; look up one entity at a time"
            )));
        }
    }
    let request = GetFeaturesRequest {
        feature_service: if features.is_empty() { options.service.clone() } else { String::new() },
        features,
        entities,
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

/// Types of all join keys, as the server's services and views have them.
fn key_types(client: &Client) -> Result<HashMap<String, DataType>, Error> {
    let mut types = HashMap::new();
    for flight in client.list()? {
        let command = flight.flight_descriptor.as_ref().map(|descriptor| Command::parse(&descriptor.cmd));
        if let Some(Ok(Command::TrainingSet(_))) = command {
            let schema: Schema = flight.try_decode_schema()?;
            // Join keys are what is never null in a service's schema.
            let keys = schema.fields().iter().filter(|field| !field.is_nullable());
            types.extend(keys.map(|field| (field.name().clone(), field.data_type().clone())));
        }
    }
    Ok(types)
}

fn to_column(name: &str, text: &str, data_type: Option<&DataType>) -> Result<Column, Error> {
    let given: ArrayRef = Arc::new(StringArray::from(vec![text]));
    let Some(data_type) = data_type else { return from_arrow(&given) };
    let cast = cast_with_options(&given, data_type, &CastOptions { safe: true, ..Default::default() })?;
    match cast.is_null(0) {
        true => {
            Err(Error::new(Kind::InvalidArgument, format!("join key {name}: `{text}` is no {data_type}")))
        }
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
