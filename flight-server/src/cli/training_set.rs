//! `thalweg training-set`.

use std::path::PathBuf;

use clap::Args;

use super::Common;
use super::answer::{Asked, from_files, from_server};
use super::output::progress;
use super::target::Target;
use crate::Error;
use crate::config::Config;
use crate::flight::{Command, SpineRef};
use crate::spine_file::read_spine;

/// Options of `training-set`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    asked: Asked,
    /// Parquet, CSV or Arrow file of rows with join keys and a time each.
    #[arg(long, value_name = "FILE", required_unless_present = "spine_source")]
    spine: Option<PathBuf>,
    /// In place of a file, the events of this source: a row for each, at its event time.
    #[arg(long, value_name = "SOURCE", conflicts_with = "spine")]
    spine_source: Option<String>,
}

pub(super) fn run(common: &Common, config: Config, options: &Options) -> Result<(), Error> {
    let given = options.spine.as_deref().map(read_spine).transpose()?;
    let mut command = options.asked.command()?;
    command.spine = options.spine_source.clone().map(SpineRef::events_of);
    let out = &options.asked.out;
    let bar = progress("rows");
    let (about, rows) = match Target::find(common, config)? {
        Target::Server(client) => {
            if let Some(rows) = given {
                let put = Command::TrainingSet(command.clone());
                let uploaded = client.put(&put, rows.schema, rows.batches.into_iter().map(Ok))?;
                let upload = uploaded["spine"]["upload"].as_str().unwrap_or_default().to_owned();
                command.spine = Some(SpineRef::Upload(upload));
            }
            from_server(&client, &Command::TrainingSet(command), out, &bar)?
        }
        Target::Files(node) => from_files(&node, &command, given, out, &bar)?,
    };
    bar.finish_and_clear();
    options.asked.report(common, &about, rows)
}
