//! `thalweg events`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use indicatif::ProgressBar;
use serde_json::json;
use thalweg_core::Instant;

use super::client::Client;
use super::output::{progress, say, thousands};
use super::parquet_file::ParquetFile;
use super::target::Target;
use super::{Common, instant};
use crate::Error;
use crate::config::Config;
use crate::flight::{Command, EventsCommand, describe_events, read_events};
use crate::node::Node;

/// Options of `events`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The topic, which a registered source reads.
    topic: String,
    /// Leave out records with an earlier timestamp, such as 2013-07-01T12:00:00Z.
    #[arg(long, value_name = "INSTANT")]
    from: Option<String>,
    /// Leave out records with this timestamp or a later one.
    #[arg(long, value_name = "INSTANT")]
    to: Option<String>,
    /// Write the records that could not be used, each with the reason, in place of the events.
    #[arg(long)]
    dead_letters: bool,
    /// Parquet file to write.
    #[arg(short = 'o', long, value_name = "FILE")]
    out: PathBuf,
}

pub(super) fn run(common: &Common, config: Config, options: &Options) -> Result<(), Error> {
    let micros = |text: &Option<String>| {
        text.as_deref().map(instant::parse).transpose().map(|at| at.map(Instant::as_micros))
    };
    let command = EventsCommand {
        topic: options.topic.clone(),
        from_us: micros(&options.from)?,
        to_us: micros(&options.to)?,
        dead_letters: options.dead_letters,
        ..EventsCommand::default()
    };
    let what = if options.dead_letters { "dead letters" } else { "events" };
    let bar = progress(what);
    let rows = match Target::find(common, config)? {
        Target::Server(client) => from_server(&client, command, &options.out, &bar)?,
        Target::Files(node) => from_files(&node, &command, &options.out, &bar)?,
    };
    bar.finish_and_clear();
    if common.json {
        say(json!({"topic": options.topic, "rows": rows, "file": options.out}))
    } else {
        say(format_args!("{} {what} in {}", thousands(rows), options.out.display()))
    }
}

fn from_server(client: &Client, command: EventsCommand, out: &Path, bar: &ProgressBar) -> Result<u64, Error> {
    let info = client.describe(&Command::Events(command))?;
    let mut file = ParquetFile::create(out, Arc::new(info.clone().try_decode_schema()?))?;
    for ticket in Client::tickets(&info)? {
        client.fetch(ticket, |batch| {
            bar.inc(batch.num_rows() as u64);
            file.write(&batch)
        })?;
    }
    file.finish()
}

fn from_files(node: &Node, command: &EventsCommand, out: &Path, bar: &ProgressBar) -> Result<u64, Error> {
    let (schema, command) = describe_events(node, command)?;
    let mut file = ParquetFile::create(out, schema)?;
    read_events(node, &command, |batch| {
        bar.inc(batch.num_rows() as u64);
        file.write(&batch)?;
        Ok(true)
    })?;
    file.finish()
}
