//! `thalweg demo`: the main job in one go, on every flight that left New York in 2013.

mod compare;
mod world;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use clap::Args;
use thalweg_backfill::{AsOf, Boundary, Cancellation, Features, TrainingSet, TrainingSetRequest};
use thalweg_definitions::load;
use thalweg_log::TopicPartition;

use crate::cli::{say, thousands};
use crate::config::Config;
use crate::node::{Node, Role};
use crate::produce::{ProduceOptions, Producer};
use crate::{Error, Kind};

use compare::compare;
use world::{TOPICS, World};

/// The service of the example that the demo asks for.
const SERVICE: &str = "delay_model";

/// Partitions of each topic.
const PARTITIONS: i32 = 4;

/// Longest wait for the state to catch up with the log.
const PATIENCE: Duration = Duration::from_secs(300);

/// Options of `demo`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Folder for the demo's log, state and training set; an earlier demo in it is replaced.
    #[arg(long, value_name = "FOLDER", default_value = "thalweg-demo")]
    dir: PathBuf,
    /// The example: flights, weather and definitions.
    #[arg(long, value_name = "FOLDER", default_value = "examples/nyc13")]
    example: PathBuf,
    /// Rows whose online answers are compared with the training set.
    #[arg(long, value_name = "ROWS", default_value_t = 10_000)]
    compare: usize,
}

/// Runs the demo and says what was done.
///
/// # Errors
/// An example that is not there; anything that goes wrong; a single bit that differs.
pub(crate) fn run(options: &Options) -> Result<(), Error> {
    let world = World::read(&options.example.join("data")).map_err(|error| {
        let hint = "run the demo from the project's folder, or name the example with --example";
        Error::new(error.kind, format!("{}; {hint}", error.message))
    })?;
    let config = prepare(&options.dir)?;
    say(format_args!(
        "Thalweg demo: {} events of {} topics, in {}\n",
        thousands(world.events()),
        TOPICS.len(),
        options.dir.display()
    ))?;

    let node = Node::open(config, Role::Serve)?;
    let repository = load(&[options.example.join("features")])?;
    node.apply(repository.files(), false)?;

    let took = Clock::start();
    let ends = produce(&node, &world)?;
    step("produced", world.events(), "events, durable", &took)?;
    node.wait_applied(&ends, PATIENCE)?;
    let into = format!("events into {} feature views, while they were produced", repository.views.len());
    step("ingested", world.events(), &into, &took)?;

    let spine = world.spine()?;
    let request = TrainingSetRequest {
        features: Features::Service(SERVICE.to_owned()),
        spine_schema: spine.schema(),
        spine: vec![spine.clone()],
        timestamp_column: thalweg_backfill::DEFAULT_TIMESTAMP_COLUMN.to_owned(),
        as_of: AsOf::EventTime,
        history: None,
        boundary: Boundary::Inclusive,
        pin: None,
        statuses: true,
        full_feature_names: true,
    };
    let took = Clock::start();
    let set = node.training_set(&request, &Cancellation::default())?;
    let features = (set.schema.fields().len() - spine.num_columns()) / 2;
    step(
        "training set",
        set.num_rows() as u64,
        &format!("rows of {features} features, replayed from the log"),
        &took,
    )?;

    let took = Clock::start();
    let compared = compare(&node, SERVICE, &spine, &set, options.compare)?;
    step("looked up", compared.rows, "of these rows online, each at its instant", &took)?;
    say(format_args!(
        "{:>14}  {} values and statuses, online against offline: {}",
        "compared",
        thousands(compared.values),
        if compared.differences.is_empty() { "equal bit for bit" } else { "NOT EQUAL" }
    ))?;
    for difference in compared.differences.iter().take(10) {
        say(format_args!("                {difference}"))?;
    }
    show_last(&set, &spine)?;
    node.shutdown()?;
    say_what_next(&options.dir, &set)?;
    match compared.differences.len() {
        0 => Ok(()),
        count => Err(Error::internal(format!(
            "{count} values differ between the online answer and the training set"
        ))),
    }
}

/// A folder with nothing of an earlier demo in it, and settings that lie in it.
fn prepare(dir: &Path) -> Result<Config, Error> {
    let refused = |cause: std::io::Error| {
        Error::new(Kind::FailedPrecondition, format!("the demo cannot work in {}: {cause}", dir.display()))
    };
    let settings = dir.join(crate::config::FILE_NAME);
    if dir.exists() && !settings.exists() && fs::read_dir(dir).map_err(refused)?.next().is_some() {
        return Err(Error::invalid(format!(
            "{} has files and is no earlier demo; name another folder with --dir",
            dir.display()
        )));
    }
    for earlier in ["log", "state"] {
        match fs::remove_dir_all(dir.join(earlier)) {
            Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => return Err(refused(cause)),
            _ => {}
        }
    }
    fs::create_dir_all(dir).map_err(refused)?;
    fs::write(&settings, "log: {embedded: {dir: log}}\nstate: {dir: state}\n# Flights of 2013: now is where the events end.\nclock: stream\n")
        .map_err(refused)?;
    Ok(Config::load(Some(&settings), std::env::vars())?)
}

/// Produces week by week, as the world learned of it, and gives the end of every partition.
fn produce(node: &Arc<Node>, world: &World) -> Result<Vec<(TopicPartition, i64)>, Error> {
    let sources = TOPICS.iter().map(|topic| node.source_of(topic.name)).collect::<Result<Vec<_>, _>>()?;
    let mut producers = TOPICS
        .iter()
        .zip(&sources)
        .map(|(topic, source)| {
            let options = ProduceOptions {
                key: vec![topic.key.to_owned()],
                timestamp: Some(topic.time.to_owned()),
                partition: None,
                partitions: Some(PARTITIONS),
            };
            Producer::new(node.log(), source, options)
        })
        .collect::<Result<Vec<_>, _>>()?;
    for week in world.weeks() {
        for (producer, rows) in producers.iter_mut().zip(week) {
            producer.produce(&rows, thalweg_core::Instant::MIN)?;
        }
    }
    Ok(producers
        .iter()
        .flat_map(|producer| {
            let produced = producer.produced();
            produced.next_offsets.iter().map(|(&partition, &next)| {
                (TopicPartition { topic: produced.topic.clone(), partition }, next)
            })
        })
        .collect())
}

/// Shows a few features of the last departure of the year.
fn show_last(set: &TrainingSet, spine: &RecordBatch) -> Result<(), Error> {
    let Some(last) = set.batches().last() else { return Ok(()) };
    let row = last.num_rows() - 1;
    say(format_args!("\nThe last departure of the year, and some of what a model would have known of it:"))?;
    let shown = ["carrier", "origin", "dest", "event_timestamp"].map(str::to_owned).into_iter().chain(
        set.schema
            .fields()
            .iter()
            .skip(spine.num_columns())
            .map(|field| field.name().clone())
            .step_by(4)
            .take(8),
    );
    for name in shown {
        if let Some(column) = last.column_by_name(&name) {
            say(format_args!("    {name:<44} {}", crate::json::to_json(column, row)))?;
        }
    }
    Ok(())
}

fn say_what_next(dir: &Path, set: &TrainingSet) -> Result<(), Error> {
    let settings = dir.join(crate::config::FILE_NAME);
    say(format_args!(
        "\nCommit {}: the same request gives the same bytes, now and later.\n\
         The log, in Kafka's own format, is in {}; the online state in {}.\n\n\
         Try next:\n    \
         {thalweg} serve -c {settings} &\n    \
         {thalweg} get -c {settings} 'carrier_departures:*' carrier=UA\n    \
         {thalweg} status -c {settings}\n    \
         .venv/bin/python examples/nyc13/quickstart.py",
        &set.commit.id[..12],
        dir.join("log").display(),
        dir.join("state").display(),
        settings = settings.display(),
        thalweg = std::env::args().next().as_deref().unwrap_or("thalweg"),
    ))
}

fn step(what: &str, count: u64, of: &str, took: &Clock) -> Result<(), Error> {
    let seconds = took.seconds();
    let rate = (count as f64 / seconds.max(1e-9)) as u64;
    say(format_args!("{what:>14}  {} {of}: {seconds:.1} s, {} a second", thousands(count), thousands(rate)))
}

/// How long something takes, for people; no value depends on it.
struct Clock(Instant);

impl Clock {
    #[allow(clippy::disallowed_methods, reason = "a duration is shown to people, no value depends on it")]
    fn start() -> Self {
        Self(Instant::now())
    }

    fn seconds(&self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}
