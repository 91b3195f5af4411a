//! `thalweg training-set`.

use std::fs::File;
use std::io::{BufReader, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use clap::Args;
use serde_json::{Value, json};
use thalweg_backfill::{AsOf, Boundary, Cancellation, TrainingSetRequest};
use thalweg_core::FieldType;

use super::client::Client;
use super::output::{progress, say, thousands};
use super::parquet_file::ParquetFile;
use super::target::Target;
use super::{Common, manifest};
use crate::Error;
use crate::config::Config;
use crate::flight::{Command, SpineRef, TrainingSetCommand};
use crate::node::Node;
use crate::produce::{FileKind, RowReader};

/// Options of `training-set`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// A feature service, or features as view:column or view:*, separated by commas.
    service: String,
    /// Parquet or CSV file of rows with join keys and a time each.
    #[arg(long, value_name = "FILE")]
    spine: PathBuf,
    /// The spine's time column.
    #[arg(long, value_name = "COLUMN", default_value = thalweg_backfill::DEFAULT_TIMESTAMP_COLUMN)]
    timestamp_column: String,
    /// Which events a row at T sees: event_time (all up to T) or known (those that the log had by T).
    #[arg(long, value_name = "WHICH", value_parser = as_of, default_value = "event_time")]
    as_of: AsOf,
    /// Whether events at a row's very instant take part.
    #[arg(long, value_parser = boundary, default_value = "inclusive")]
    boundary: Boundary,
    /// Add a status column for every feature.
    #[arg(long)]
    statuses: bool,
    /// Rest on the log as it was for an earlier training set: its Parquet file, or its manifest as JSON.
    #[arg(long, value_name = "FILE")]
    pin: Option<PathBuf>,
    /// Parquet file to write.
    #[arg(short = 'o', long, value_name = "FILE")]
    out: PathBuf,
}

fn as_of(text: &str) -> Result<AsOf, String> {
    let found = AsOf::ALL.into_iter().find(|as_of| as_of.name() == text);
    found.ok_or_else(|| "write event_time or known".to_owned())
}

fn boundary(text: &str) -> Result<Boundary, String> {
    match text {
        "inclusive" => Ok(Boundary::Inclusive),
        "exclusive" => Ok(Boundary::Exclusive),
        _ => Err("write inclusive or exclusive".to_owned()),
    }
}

pub(super) fn run(common: &Common, config: Config, options: &Options) -> Result<(), Error> {
    let (schema, spine) = read_spine(&options.spine)?;
    let by_name = !options.service.contains(':');
    let command = TrainingSetCommand {
        feature_service: by_name.then(|| options.service.clone()),
        features: if by_name { Vec::new() } else { options.service.split(',').map(str::to_owned).collect() },
        timestamp_column: Some(options.timestamp_column.clone()),
        as_of: options.as_of,
        boundary: options.boundary,
        statuses: options.statuses,
        pin: options.pin.as_deref().map(manifest::pin_of).transpose()?,
        ..Default::default()
    };
    let bar = progress("rows");
    let (about, rows) = match Target::find(common, config)? {
        Target::Server(client) => from_server(&client, command, schema, spine, &options.out, &bar)?,
        Target::Files(node) => from_files(&node, &command, schema, spine, &options.out, &bar)?,
    };
    bar.finish_and_clear();
    let commit = about["commit"].as_str().unwrap_or_default();
    if common.json {
        say(json!({"commit": commit, "rows": rows, "file": options.out, "manifest": about["manifest"]}))
    } else {
        say(format_args!("{} rows in {}\ncommit {commit}", thousands(rows), options.out.display()))
    }
}

fn from_server(
    client: &Client,
    mut command: TrainingSetCommand,
    schema: SchemaRef,
    spine: Vec<RecordBatch>,
    out: &Path,
    bar: &indicatif::ProgressBar,
) -> Result<(Value, u64), Error> {
    let uploaded = client.put(&Command::TrainingSet(command.clone()), schema, spine.into_iter().map(Ok))?;
    let upload = uploaded["spine"]["upload"].as_str().unwrap_or_default().to_owned();
    command.spine = Some(SpineRef { upload });
    let info = client.describe(&Command::TrainingSet(command))?;
    let about: Value = serde_json::from_slice(&info.app_metadata)
        .map_err(|cause| Error::internal(format!("the server's description cannot be read: {cause}")))?;
    let ticket = Client::ticket(&info)?;
    let mut file = ParquetFile::create(out, Arc::new(info.try_decode_schema()?))?;
    client.fetch(ticket, |batch| {
        bar.inc(batch.num_rows() as u64);
        file.write(&batch)
    })?;
    manifest::keep(&mut file, &about);
    Ok((about, file.finish()?))
}

fn from_files(
    node: &Node,
    command: &TrainingSetCommand,
    schema: SchemaRef,
    spine: Vec<RecordBatch>,
    out: &Path,
    bar: &indicatif::ProgressBar,
) -> Result<(Value, u64), Error> {
    let request = TrainingSetRequest {
        features: command.features()?,
        spine_schema: schema,
        spine,
        timestamp_column: command.timestamp_column(),
        as_of: command.as_of,
        boundary: command.boundary,
        pin: command.pin.clone(),
        statuses: command.statuses,
        full_feature_names: true,
    };
    let set = node.training_set(&request, &Cancellation::default())?;
    let mut file = ParquetFile::create(out, set.schema.clone())?;
    for batch in set.batches() {
        bar.inc(batch.num_rows() as u64);
        file.write(&batch)?;
    }
    let about = json!({"commit": set.commit.id, "manifest": set.commit.manifest});
    manifest::keep(&mut file, &about);
    Ok((about, file.finish()?))
}

/// A spine from a file. CSV columns take the types their values tell.
fn read_spine(path: &Path) -> Result<(SchemaRef, Vec<RecordBatch>), Error> {
    if FileKind::of(path) != Some(FileKind::Csv) {
        let rows = RowReader::open(path, Some(FileKind::Parquet))?;
        let schema = rows.schema().clone();
        return Ok((schema, rows.collect::<Result<_, _>>()?));
    }
    let wrong = |cause: &dyn std::fmt::Display| {
        Error::invalid(format!("spine {} cannot be read: {cause}", path.display()))
    };
    let mut file = BufReader::new(File::open(path).map_err(|cause| wrong(&cause))?);
    let format = arrow::csv::reader::Format::default().with_header(true);
    let (schema, _) = format.infer_schema(&mut file, None).map_err(|cause| wrong(&cause))?;
    file.rewind().map_err(|cause| wrong(&cause))?;
    let in_micros = |field: &Arc<Field>| match field.data_type() {
        DataType::Timestamp(_, _) => {
            Arc::new(field.as_ref().clone().with_data_type(FieldType::Timestamp.to_arrow()))
        }
        _ => field.clone(),
    };
    let schema = Arc::new(Schema::new(schema.fields().iter().map(in_micros).collect::<Vec<_>>()));
    let reader = arrow::csv::ReaderBuilder::new(schema.clone())
        .with_header(true)
        .build(file)
        .map_err(|cause| wrong(&cause))?;
    Ok((schema, reader.collect::<Result<_, _>>().map_err(|cause| wrong(&cause))?))
}
