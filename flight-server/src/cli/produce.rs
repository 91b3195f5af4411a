//! `thalweg produce`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::Common;
use super::output::{progress, say, thousands};
use super::target::Target;
use crate::Error;
use crate::config::Config;
use crate::flight::{Command, ProduceCommand};
use crate::produce::{FileKind, ProduceOptions, RowReader};

/// Options of `produce`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The topic, which a registered source reads.
    topic: String,
    /// JSON lines, CSV or Parquet; - for standard input. Members of lines, or columns, that are called `@key` and
    /// `@header.NAME` are the record's key and headers.
    file: PathBuf,
    /// What the file is written in, where its name does not tell.
    #[arg(long, value_enum)]
    format: Option<FileKind>,
    /// Fields the record key is made of; in a table a row marked `"@tombstone": true` deletes it.
    #[arg(long, value_delimiter = ',', value_name = "FIELD,…")]
    key: Vec<String>,
    /// The field that becomes the record timestamp; now, if none.
    #[arg(long, value_name = "FIELD")]
    timestamp: Option<String>,
    /// Write to this partition alone.
    #[arg(long)]
    partition: Option<i32>,
    /// Create the topic with this many partitions if it does not exist.
    #[arg(long)]
    partitions: Option<i32>,
}

pub(super) fn run(common: &Common, config: Config, options: Options) -> Result<(), Error> {
    let rows = RowReader::open(&options.file, options.format)?;
    let settings = ProduceOptions {
        key: options.key,
        timestamp: options.timestamp,
        partition: options.partition,
        partitions: options.partitions,
    };
    let bar = progress("records");
    let produced = match Target::find(common, config)? {
        Target::Server(client) => {
            let command = Command::Produce(ProduceCommand::new(options.topic.clone(), settings));
            let schema = rows.schema().clone();
            let counted = bar.clone();
            let rows = rows
                .inspect(move |batch| counted.inc(batch.as_ref().map_or(0, |batch| batch.num_rows() as u64)));
            client.put(&command, schema, rows)?
        }
        Target::Files(node) => {
            json!(node.produce(&options.topic, settings, rows, |records| bar.set_position(records))?)
        }
    };
    bar.finish_and_clear();
    if common.json {
        say(produced)
    } else {
        let records = produced["records"].as_u64().unwrap_or_default();
        say(format_args!("{} records are durable in topic {}", thousands(records), options.topic))
    }
}
