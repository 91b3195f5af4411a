//! `thalweg training-set`.

use std::path::Path;

use clap::Args;
use thalweg_backfill::Cancellation;

use super::Common;
use super::answer::{Asked, from_files, from_server};
use super::output::progress;
use super::target::Target;
use crate::Error;
use crate::config::Config;
use crate::flight::{Command, SpineRef};
use crate::object::Location;
use crate::spine_file::{read_spine, spine_of};

/// Options of `training-set`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    asked: Asked,
    /// Parquet, CSV or Arrow file of rows with join keys and a time each; or the URL of one (s3://, gs://, az://,
    /// https://), which the server reads where its setting `spines.urls` allows it.
    #[arg(long, value_name = "FILE or URL", required_unless_present = "spine_source")]
    spine: Option<String>,
    /// In place of a file, the events of this source: a row for each, at its event time.
    #[arg(long, value_name = "SOURCE", conflicts_with = "spine")]
    spine_source: Option<String>,
}

pub(super) fn run(common: &Common, config: Config, options: &Options) -> Result<(), Error> {
    let limit = config.limits.spine_bytes;
    let (url, file) = match options.spine.as_deref() {
        Some(spine) if spine.contains("://") && !spine.starts_with("file://") => (Some(spine), None),
        spine => (None, spine.map(|spine| spine.strip_prefix("file://").unwrap_or(spine))),
    };
    let mut given = file.map(|file| read_spine(Path::new(file), limit)).transpose()?;
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
            } else if let Some(url) = url {
                command.spine = Some(SpineRef::File(url.to_owned()));
            }
            from_server(&client, &Command::TrainingSet(command), out, &bar)?
        }
        Target::Files(node) => {
            // Who runs the command reads what they may read.
            if let Some(url) = url {
                let location = Location::parse(url);
                let location = location.map_err(|cause| Error::invalid(format!("spine `{url}`: {cause}")))?;
                let bytes = location.read(limit, &Cancellation::default())?;
                given = Some(spine_of(url, bytes, limit)?);
            }
            from_files(&node, &command, given, out, &bar)?
        }
    };
    bar.finish_and_clear();
    options.asked.report(common, &about, rows)
}
