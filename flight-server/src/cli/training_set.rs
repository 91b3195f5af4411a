//! `thalweg training-set`.

use std::fs::File;
use std::io::{BufReader, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use clap::Args;
use thalweg_core::FieldType;

use super::Common;
use super::answer::{Asked, from_files, from_server};
use super::output::progress;
use super::target::Target;
use crate::Error;
use crate::config::Config;
use crate::flight::{Command, Rows, SpineRef, TrainingSetCommand};
use crate::produce::{FileKind, RowReader};

/// Options of `training-set`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    asked: Asked,
    /// Parquet or CSV file of rows with join keys and a time each.
    #[arg(long, value_name = "FILE")]
    spine: PathBuf,
}

pub(super) fn run(common: &Common, config: Config, options: &Options) -> Result<(), Error> {
    let spine = read_spine(&options.spine)?;
    let command = options.asked.command()?;
    let out = &options.asked.out;
    let bar = progress("rows");
    let (about, rows) = match Target::find(common, config)? {
        Target::Server(client) => {
            let put = Command::TrainingSet(command.clone());
            let uploaded = client.put(&put, spine.schema, spine.batches.into_iter().map(Ok))?;
            let upload = uploaded["spine"]["upload"].as_str().unwrap_or_default().to_owned();
            let command = TrainingSetCommand { spine: Some(SpineRef::Upload(upload)), ..command };
            from_server(&client, &Command::TrainingSet(command), out, &bar)?
        }
        Target::Files(node) => from_files(&node, &command, Some(spine), out, &bar)?,
    };
    bar.finish_and_clear();
    options.asked.report(common, &about, rows)
}

/// A spine from a file. CSV columns take the types their values tell.
fn read_spine(path: &Path) -> Result<Rows, Error> {
    if FileKind::of(path) != Some(FileKind::Csv) {
        let rows = RowReader::open(path, Some(FileKind::Parquet))?;
        let schema = rows.schema().clone();
        return Ok(Rows { schema, batches: rows.collect::<Result<_, _>>()? });
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
    let batches = reader.collect::<Result<_, _>>().map_err(|cause| wrong(&cause))?;
    Ok(Rows { schema, batches })
}
