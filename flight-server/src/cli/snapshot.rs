//! `thalweg snapshot`.

use clap::Args;
use thalweg_core::Instant;

use super::answer::{Asked, from_files, from_server};
use super::output::progress;
use super::target::Target;
use super::{Common, instant};
use crate::Error;
use crate::config::Config;
use crate::flight::{Command, SnapshotCommand};

/// Options of `snapshot`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    asked: Asked,
    /// The instant, such as 2013-07-01T12:00:00Z; what the clock of the settings says, if none.
    #[arg(long, value_name = "INSTANT")]
    at: Option<String>,
}

pub(super) fn run(common: &Common, config: Config, options: &Options) -> Result<(), Error> {
    let at_us = options.at.as_deref().map(instant::parse).transpose()?.map(Instant::as_micros);
    let snapshot = SnapshotCommand { at_us, set: options.asked.command()? };
    let out = &options.asked.out;
    let bar = progress("rows");
    let (about, rows) = match Target::find(common, config)? {
        Target::Server(client) => from_server(&client, &Command::Snapshot(snapshot), out, &bar)?,
        Target::Files(node) => {
            let command = snapshot.training_set(&node)?;
            from_files(&node, &command, None, out, &bar)?
        }
    };
    bar.finish_and_clear();
    options.asked.report(common, &about, rows)
}
