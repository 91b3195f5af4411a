//! `thalweg feature-history`.

use std::path::PathBuf;

use clap::Args;
use thalweg_backfill::{Cancellation, Sliced, Stretch};

use super::answer::{Asked, from_server, write};
use super::output::progress;
use super::target::Target;
use super::{Common, instant};
use crate::Error;
use crate::config::Config;
use crate::flight::{Command, HistoryCommand, SpineRef, Spool, make_history};
use crate::spine_file::read_spine;

/// Options of `feature-history`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    asked: Asked,
    /// Parquet or CSV file of rows with join keys.
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    /// The first instant, such as 2013-07-01T12:00:00Z.
    #[arg(long, value_name = "INSTANT")]
    from: String,
    /// The instant after the last one.
    #[arg(long, value_name = "INSTANT")]
    to: String,
}

pub(super) fn run(common: &Common, config: Config, options: &Options) -> Result<(), Error> {
    let keys = read_spine(&options.keys, config.limits.spine_bytes)?;
    let micros = |text: &str| Ok::<_, Error>(instant::parse(text)?.as_micros());
    let stretch = Stretch { from_us: micros(&options.from)?, to_us: micros(&options.to)? };
    let mut command = HistoryCommand { stretch, entities: None, set: options.asked.command()? };
    let out = &options.asked.out;
    let bar = progress("rows");
    let (about, rows) = match Target::find(common, config)? {
        Target::Server(client) => {
            let put = Command::FeatureHistory(command.clone());
            let uploaded = client.put(&put, keys.schema, keys.batches.into_iter().map(Ok))?;
            let upload = uploaded["spine"]["upload"].as_str().unwrap_or_default().to_owned();
            command.set.spine = Some(SpineRef::Upload(upload));
            from_server(&client, &Command::FeatureHistory(command), out, &bar)?
        }
        Target::Files(node) => {
            let spool = Spool::new(node.spine_dir(), u64::MAX, usize::MAX);
            command.set.spine = Some(SpineRef::Upload(spool.put(&keys.schema, &keys.batches)?.0));
            make_history(&node, &spool, &command, &Cancellation::default(), |history| {
                node.manifests().keep(history.commit())?;
                write(history, None, out, &bar)
            })?
        }
    };
    bar.finish_and_clear();
    options.asked.report(common, &about, rows)
}
