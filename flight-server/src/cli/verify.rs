//! `thalweg verify`.

use clap::Args;
use serde_json::{Value, json};

use super::output::{say, table, thousands};
use super::target::Target;
use super::{Common, instant};
use crate::config::Config;
use crate::wire::{CellDifference, VerifyRequest, ViewAudit};
use crate::{Error, Kind};

/// Options of `verify`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Views of either kind; all, if none is named.
    #[arg(value_name = "VIEW")]
    views: Vec<String>,
    /// Keys drawn of each view, each looked up at several instants; what the server's setting `verify.keys`
    /// says, if not given.
    #[arg(long, value_name = "N")]
    keys: Option<u32>,
    /// What the keys are drawn by: the same seed draws the same keys of the same state. The server's clock,
    /// if not given.
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
}

pub(super) fn run(common: &Common, config: Config, options: Options) -> Result<(), Error> {
    let Options { views, keys, seed } = options;
    let client = Target::server(common, &config)?;
    let mut audits = Vec::new();
    client.verify(VerifyRequest { views, keys, seed }, |audit| {
        if !common.json {
            say(to_text(&audit))?;
        }
        audits.push(audit);
        Ok(())
    })?;
    let sum = |of: fn(&ViewAudit) -> u64| audits.iter().map(of).sum::<u64>();
    let (keys, cells, differing) =
        (sum(|audit| audit.keys), sum(|audit| audit.cells), sum(|audit| audit.differing));
    let seed = audits.first().map(|audit| audit.seed);
    match common.json {
        true => say(json!({
            "seed": seed, "keys": keys, "cells": cells, "differing": differing,
            "views": audits.iter().map(to_json).collect::<Vec<_>>(),
        }))?,
        false => say(format_args!(
            "seed {}: {} values of {} keys compared with a replay of the log, {} differ",
            seed.map_or("-".to_owned(), |seed| seed.to_string()),
            thousands(cells),
            thousands(keys),
            thousands(differing)
        ))?,
    }
    match differing {
        0 => Ok(()),
        _ => Err(Error::new(
            Kind::Internal,
            format!(
                "{} of {} values that lookups answer are not those of a training set over the same log: the online state \
                 is not the fold of the log. Keep a copy of the folders of the log and the state for whoever looks \
                 into it, and then build the feature views again by `thalweg backfill VIEW`",
                thousands(differing),
                thousands(cells)
            ),
        )),
    }
}

fn to_text(audit: &ViewAudit) -> String {
    if !audit.skipped.is_empty() {
        return format!("{}: skipped: {}", audit.view, audit.skipped);
    }
    let applied: Vec<_> =
        audit.applied.iter().map(|at| format!("{}-{}:{}", at.topic, at.partition, at.next_offset)).collect();
    let mut versions: Vec<_> =
        audit.versions.iter().map(|(view, version)| format!("{view} {version:.12}")).collect();
    versions.sort();
    let summary = format!(
        "{}: {} values of {} keys in {} rows compared, {}\n  now {}, resting on {}; versions {}; {:.1} s",
        audit.view,
        thousands(audit.cells),
        thousands(audit.keys),
        thousands(audit.rows),
        match audit.differing {
            0 => "none differs".to_owned(),
            differing => format!("{} DIFFER", thousands(differing)),
        },
        instant::show(audit.at_us),
        applied.join(" "),
        versions.join(", "),
        audit.elapsed_us as f64 / 1e6,
    );
    if audit.differences.is_empty() {
        return summary;
    }
    let row = |of: &CellDifference| {
        [
            of.column.clone(),
            of.row.clone(),
            instant::show(of.at_us),
            format!("{} {}", of.online, of.online_status),
            format!("{} {}", of.replayed, of.replayed_status),
        ]
    };
    let differences =
        table(["COLUMN", "ROW", "AT", "LOOKUP", "TRAINING SET"], audit.differences.iter().map(row));
    format!(
        "{summary}\n  the training set is commit {} (`--pin`); the first differences:\n{differences}",
        audit.commit
    )
}

fn to_json(audit: &ViewAudit) -> Value {
    if !audit.skipped.is_empty() {
        return json!({"view": audit.view, "skipped": audit.skipped});
    }
    let applied = audit
        .applied
        .iter()
        .map(|at| json!({"topic": at.topic, "partition": at.partition, "next_offset": at.next_offset}));
    let value = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_else(|_| Value::from(text));
    let differences = audit.differences.iter().map(|of| {
        json!({
            "row": value(&of.row), "at": instant::show(of.at_us), "column": of.column,
            "online": {"value": value(&of.online), "status": of.online_status},
            "replayed": {"value": value(&of.replayed), "status": of.replayed_status},
        })
    });
    json!({
        "view": audit.view, "at": instant::show(audit.at_us), "applied": applied.collect::<Vec<_>>(),
        "versions": audit.versions, "keys": audit.keys, "rows": audit.rows, "cells": audit.cells,
        "differing": audit.differing, "differences": differences.collect::<Vec<_>>(), "commit": audit.commit,
        "elapsed_us": audit.elapsed_us,
    })
}
