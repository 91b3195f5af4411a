//! What training sets and their kin have in common on the command line: how they are asked for, and the file that
//! comes of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use indicatif::ProgressBar;
use serde_json::{Value, json};
use thalweg_backfill::{AsOf, Boundary, Cancellation, Leakage, Sliced, batches};

use super::client::Client;
use super::output::{say, thousands};
use super::parquet_file::ParquetFile;
use super::{Common, leakage, manifest};
use crate::Error;
use crate::flight::{Command, Rows, Spool, TrainingSetCommand, make_training_set, metadata};
use crate::node::Node;

/// Options of every command that makes rows with features.
#[derive(Debug, Args)]
pub(super) struct Asked {
    /// A feature service, or features as view:column or view:*, separated by commas.
    service: String,
    /// Name of the column with each row's instant.
    #[arg(long, value_name = "COLUMN", default_value = thalweg_backfill::DEFAULT_TIMESTAMP_COLUMN)]
    timestamp_column: String,
    /// Which events a row at T sees: event_time (all up to T), known (those that the log had by T) or served (those that
    /// the server had applied at T).
    #[arg(long, value_name = "WHICH", value_parser = as_of, default_value = "event_time")]
    as_of: AsOf,
    /// Whether events at a row's very instant take part.
    #[arg(long, value_parser = boundary, default_value = "inclusive")]
    boundary: Boundary,
    /// Add a status column for every feature.
    #[arg(long)]
    statuses: bool,
    /// Count, for each feature, the rows whose value nobody could have known: those in which it is another as of
    /// event_time than as of known.
    #[arg(long)]
    leakage: bool,
    /// Rest on the log as it was for an earlier training set: its commit id, its Parquet file, or its manifest as
    /// JSON.
    #[arg(long, value_name = "COMMIT or FILE")]
    pin: Option<String>,
    /// Parquet file to write.
    #[arg(short = 'o', long, value_name = "FILE")]
    pub(super) out: PathBuf,
}

fn as_of(text: &str) -> Result<AsOf, String> {
    let found = AsOf::ALL.into_iter().find(|as_of| as_of.name() == text);
    found.ok_or_else(|| "write event_time, known or served".to_owned())
}

fn boundary(text: &str) -> Result<Boundary, String> {
    match text {
        "inclusive" => Ok(Boundary::Inclusive),
        "exclusive" => Ok(Boundary::Exclusive),
        _ => Err("write inclusive or exclusive".to_owned()),
    }
}

impl Asked {
    /// The command but for its spine.
    ///
    /// # Errors
    /// A pin that cannot be read.
    pub(super) fn command(&self) -> Result<TrainingSetCommand, Error> {
        let by_name = !self.service.contains(':');
        Ok(TrainingSetCommand {
            feature_service: by_name.then(|| self.service.clone()),
            features: if by_name { Vec::new() } else { self.service.split(',').map(str::to_owned).collect() },
            timestamp_column: Some(self.timestamp_column.clone()),
            as_of: self.as_of,
            boundary: self.boundary,
            statuses: self.statuses,
            leakage: self.leakage,
            pin: self.pin.as_deref().map(manifest::pin_of).transpose()?,
            ..Default::default()
        })
    }

    /// Says what was written, which `about` tells.
    ///
    /// # Errors
    /// Standard output that is gone.
    pub(super) fn report(&self, common: &Common, about: &Value, rows: u64) -> Result<(), Error> {
        let commit = about["commit"].as_str().unwrap_or_default();
        let told = about.get("leakage");
        if common.json {
            let mut said =
                json!({"commit": commit, "rows": rows, "file": self.out, "manifest": about["manifest"]});
            if let Some(told) = told {
                said["leakage"] = told.clone();
            }
            return say(said);
        }
        say(format_args!("{} rows in {}\ncommit {commit}", thousands(rows), self.out.display()))?;
        told.map_or(Ok(()), |told| say(leakage::shown(told)))
    }
}

/// Writes what the server gives for `command` to `out`; also gives what the server says of it, and its rows.
///
/// # Errors
/// What the server says; a file that cannot be written.
pub(super) fn from_server(
    client: &Client,
    command: &Command,
    out: &Path,
    bar: &ProgressBar,
) -> Result<(Value, u64), Error> {
    let info = client.describe(command)?;
    let about: Value = serde_json::from_slice(&info.app_metadata)
        .map_err(|cause| Error::internal(format!("the server's description cannot be read: {cause}")))?;
    let tickets = Client::tickets(&info)?;
    let mut file = ParquetFile::create(out, Arc::new(info.try_decode_schema()?))?;
    for ticket in tickets {
        client.fetch(ticket, |batch| {
            bar.inc(batch.num_rows() as u64);
            file.write(&batch)
        })?;
    }
    manifest::keep(&mut file, &about);
    Ok((about, file.finish()?))
}

/// Writes the training set that `command` asks for, of the rows `given` or of those it names, to `out`; also gives
/// what is known of it, and its rows.
///
/// # Errors
/// What keeps it from being made; a file that cannot be written.
pub(super) fn from_files(
    node: &Node,
    command: &TrainingSetCommand,
    given: Option<Rows>,
    out: &Path,
    bar: &ProgressBar,
) -> Result<(Value, u64), Error> {
    let spool = Spool::new(node.spine_dir(), 0, 0);
    make_training_set(node, &spool, command, given, &Cancellation::default(), |replayed| {
        node.manifests().keep(replayed.commit())?;
        let leakage = match command.leakage {
            true => Some(replayed.leakage(&node.memory().budget())?),
            false => None,
        };
        write(replayed, leakage.as_ref(), out, bar)
    })
}

/// Writes all slices of an answer to `out`, and what leaks of it where that was counted; also gives what is known of
/// it, and its rows.
///
/// # Errors
/// What keeps it from being computed; a file that cannot be written.
pub(super) fn write(
    mut sliced: impl Sliced,
    leakage: Option<&Leakage>,
    out: &Path,
    bar: &ProgressBar,
) -> Result<(Value, u64), Error> {
    let mut file = ParquetFile::create(out, sliced.schema().clone())?;
    while let Some(slice) = sliced.next_slice()? {
        for batch in batches(slice) {
            bar.inc(batch.num_rows() as u64);
            file.write(&batch)?;
        }
    }
    let about: Value = serde_json::from_str(&metadata(sliced.commit(), leakage))
        .map_err(|cause| Error::internal(format!("a manifest cannot be read back: {cause}")))?;
    manifest::keep(&mut file, &about);
    Ok((about, file.finish()?))
}
