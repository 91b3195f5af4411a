//! `thalweg plan` and `thalweg apply`.

use std::path::PathBuf;

use clap::Args;

use super::Common;
use super::output::say;
use super::target::Target;
use crate::Error;
use crate::config::Config;
use crate::grpc::apply;
use crate::wire::{ApplyRequest, DefinitionFile};

/// Options of `plan` and `apply`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Files or folders of definitions; together they are the whole feature repository.
    #[arg(short = 'f', long = "file", required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

pub(super) fn run(common: &Common, config: Config, options: &Options, dry_run: bool) -> Result<(), Error> {
    // Mistakes are found here, before a server is troubled, and named by the files' own paths.
    let limits = &config.limits.definitions;
    let repository = thalweg_definitions::load_with(&options.paths, limits, &config.schemas()?)?;
    let files = repository
        .files()
        .iter()
        .map(|file| DefinitionFile { name: file.name.clone(), text: file.text.clone() })
        .collect();
    let request = ApplyRequest { files, dry_run };
    let response = match Target::find(common, config)? {
        Target::Server(client) => client.apply(request)?,
        Target::Files(node) => apply(&node, request)?,
    };
    if common.json {
        return say(response.json);
    }
    let outcome = match (dry_run, response.changes) {
        (true, false) => "nothing would change",
        (false, false) => "nothing has changed",
        (true, true) => "apply it with `thalweg apply`",
        (false, true) => "applied",
    };
    say(format_args!(
        "{}
{outcome}",
        response.text.trim_end()
    ))
}
