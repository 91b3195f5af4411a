//! The command line.

mod answer;
mod apply;
mod backfill;
mod client;
mod events;
mod feature_history;
mod get;
mod instant;
mod leakage;
mod manifest;
mod output;
mod parquet_file;
mod produce;
mod snapshot;
mod status;
mod target;
mod topics;
mod training_set;
mod verify;

pub(crate) use output::{say, thousands};

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::Config;
use crate::{Error, Kind};

/// Event-sourced feature store and training-data service: one log, one fold.
#[derive(Debug, Parser)]
#[command(name = "thalweg", version, propagate_version = true)]
struct CommandLine {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// Settings; ./thalweg.yaml if there is one, else the defaults.
    #[arg(short = 'c', long, global = true, env = "THALWEG_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// The server to ask, such as 127.0.0.1:7461; else the one the settings name, if it runs.
    #[arg(long, global = true, env = "THALWEG_SERVER", value_name = "ADDRESS")]
    server: Option<String>,
    /// Print JSON in place of tables.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Do the main job once, on real flights: ingest, look up, build a training set, prove them equal.
    Demo(crate::demo::Options),
    /// Say what `apply` would do.
    Plan(apply::Options),
    /// Check definitions and put them in force.
    Apply(apply::Options),
    /// Keep features up to date and answer: gRPC, Flight and HTTP in one process.
    Serve,
    /// Write rows of a file to a topic, in the format of the source that reads it.
    Produce(produce::Options),
    /// Look features up.
    Get(get::Options),
    /// Build a training set from the log.
    TrainingSet(training_set::Options),
    /// Write the features of every entity at one instant to a file.
    Snapshot(snapshot::Options),
    /// Write the intervals in which features of some entities stay the same to a file.
    FeatureHistory(feature_history::Options),
    /// Build views again from the log, beside what serves, and swap them in.
    Backfill(backfill::Options),
    /// Write the events of a topic, or its dead letters, to a file.
    Events(events::Options),
    /// Show lag, watermarks, views and their state.
    Status,
    /// Show the topics of the log.
    Topics,
    /// Audit that lookups answer what training sets have, on keys drawn by lot; 1 where they do not.
    Verify(verify::Options),
}

/// Runs the command line and gives the exit code: 0 done, 1 failed, 2 wrong usage or definitions.
pub fn main() -> ExitCode {
    let line = CommandLine::parse();
    match run(line) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(if error.kind == Kind::InvalidArgument { 2 } else { 1 })
        }
    }
}

fn run(line: CommandLine) -> Result<(), Error> {
    let common = line.common;
    if let Command::Demo(options) = line.command {
        return crate::demo::run(&options);
    }
    let config = Config::load(common.config.as_deref(), std::env::vars())?;
    match line.command {
        Command::Demo(_) => Ok(()),
        Command::Serve => crate::serve::serve(config),
        Command::Plan(options) => apply::run(&common, config, &options, true),
        Command::Apply(options) => apply::run(&common, config, &options, false),
        Command::Produce(options) => produce::run(&common, config, options),
        Command::Get(options) => get::run(&common, config, &options),
        Command::TrainingSet(options) => training_set::run(&common, config, &options),
        Command::Snapshot(options) => snapshot::run(&common, config, &options),
        Command::FeatureHistory(options) => feature_history::run(&common, config, &options),
        Command::Backfill(options) => backfill::run(&common, &config, options),
        Command::Events(options) => events::run(&common, config, &options),
        Command::Status => status::run(&common, config),
        Command::Topics => topics::run(&common, config),
        Command::Verify(options) => verify::run(&common, config, options),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory;
        CommandLine::command().debug_assert();
    }
}
