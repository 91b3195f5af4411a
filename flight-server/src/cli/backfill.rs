//! `thalweg backfill`.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::Common;
use super::client::Client;
use super::output::{progress, say, thousands};
use super::target::Target;
use crate::config::Config;
use crate::wire::{RebuildRequest, ViewStatus};
use crate::{Error, Kind};

/// How often the server is asked how far it is.
const LOOK: Duration = Duration::from_millis(100);

/// Options of `backfill`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Feature views to build again from the log. They serve on meanwhile.
    #[arg(value_name = "VIEW", required_unless_present = "rebuild")]
    views: Vec<String>,
    /// Build every view again whose topic has stopped because the log no longer has what its state needs: records
    /// expired before they were read, or the topic was created again. What is gone from the log is gone from the
    /// new state.
    #[arg(long)]
    rebuild: bool,
}

pub(super) fn run(common: &Common, config: &Config, options: Options) -> Result<(), Error> {
    let client = Target::server(common, config)?;
    let views = client.rebuild(RebuildRequest { views: options.views, stopped: options.rebuild })?;
    let built = wait(&client, &views)?;
    if common.json {
        let view = |view: &ViewStatus| json!({"name": view.name, "version": view.version, "keys": view.keys});
        return say(json!({"views": built.iter().map(view).collect::<Vec<_>>()}));
    }
    if built.is_empty() {
        return say("nothing has stopped; nothing was built");
    }
    built.iter().try_for_each(|view| {
        say(format_args!("{}: built again from the log, {} keys", view.name, thousands(view.keys)))
    })
}

/// Waits until none of `views` is being built any more, and gives what they are then.
fn wait(client: &Client, views: &[String]) -> Result<Vec<ViewStatus>, Error> {
    let bar = progress("records left");
    loop {
        let mut all = client.status()?.views;
        all.retain(|view| views.contains(&view.name));
        let mut builds = all.iter().filter_map(|view| Some((&view.name, view.building.as_ref()?))).peekable();
        if builds.peek().is_none() {
            bar.finish_and_clear();
            return Ok(all);
        }
        let mut left = 0;
        for (name, build) in builds {
            left += build.records_left;
            if !build.stopped.is_empty() {
                let why = format!("view `{name}` cannot be built: {}", build.stopped);
                return Err(Error::new(Kind::FailedPrecondition, why));
            }
        }
        bar.set_position(left);
        std::thread::sleep(LOOK);
    }
}
