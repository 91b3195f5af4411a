//! A log with made-up flights, definitions over them, and the plain fold that lookups must equal.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, BinaryArray, Float64Array, StringArray};
use tempfile::TempDir;
use thalweg_core::{FoldPlan, Instant, KeyState, Lane, Order, Status, Value, encode_keys};
use thalweg_definitions::{DefinitionFile, Repository, load_text};
use thalweg_log::{Compression, EmbeddedLog, EmbeddedOptions, Log, NewRecord, TopicIds};
use thalweg_store::{Store, StoreOptions};

use crate::{Clock, Ingest, IngestOptions, Serving};

/// Two sources over one topic, which tell event time from different fields.
pub(crate) const DEFINITIONS: &str = r#"
sources:
  - name: departures
    topic: flights
    format: json
    fields: {carrier: string, delay: float64, left: timestamp, landed: timestamp}
    event_time: left
  - name: arrivals
    topic: flights
    format: json
    fields: {carrier: string, delay: float64, left: timestamp, landed: timestamp}
    event_time: landed
entities:
  - name: carrier
    join_keys: {carrier: string}
feature_views:
  - name: delays
    entity: carrier
    source: departures
    lookback: 1ms
    features:
      departures: {aggregate: count}
      delay: {aggregate: [sum, stddev, last], of: delay, windows: [1ms, lifetime]}
  - name: landings
    entity: carrier
    source: arrivals
    lookback: 1ms
    features:
      landings: {aggregate: count}
      delay: {aggregate: [max, first], of: delay, windows: [2ms, lifetime]}
"#;

pub(crate) const CARRIERS: [&str; 4] = ["UA", "AA", "B6", ""];

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A clock that stands still, far in the future.
pub(crate) struct StoppedClock;

impl Clock for StoppedClock {
    fn now(&self) -> Instant {
        Instant::MAX
    }
}

/// One flight; times in microseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flight {
    pub(crate) carrier: &'static str,
    pub(crate) delay: Option<f64>,
    pub(crate) left: i64,
    pub(crate) landed: i64,
}

impl Flight {
    pub(crate) fn json(&self) -> String {
        let delay = self.delay.map_or("null".to_owned(), |delay| format!("{delay:?}"));
        format!(
            r#"{{"carrier": "{}", "delay": {delay}, "left": {}, "landed": {}}}"#,
            self.carrier, self.left, self.landed
        )
    }
}

/// The flight number `n`: some are late, some tie, some delays are unknown.
pub(crate) fn flight(n: u64) -> Flight {
    let mixed = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let late = if mixed.is_multiple_of(7) { 500 } else { 0 };
    let left = 1_000_000 + 3 * n as i64 - late;
    Flight {
        carrier: CARRIERS[(mixed >> 40) as usize % CARRIERS.len()],
        delay: (!mixed.is_multiple_of(5)).then_some((mixed >> 20) as i32 as f64 * 0.1),
        left,
        landed: left + (mixed >> 33) as i64 % 1_000,
    }
}

/// A log and a store in a temporary directory.
pub(crate) struct World {
    pub(crate) dir: TempDir,
    pub(crate) log: Arc<dyn Log>,
    /// Flights by partition; a flight's offset is its position.
    pub(crate) flights: Vec<Vec<Flight>>,
}

impl World {
    /// A log with the topic `flights` of three partitions.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let log = open_log(&dir.path().join("log"), 1);
        log.create_topic("flights", 3).expect("a new topic");
        Self { dir, log, flights: vec![Vec::new(); 3] }
    }

    /// Appends the flights with these numbers, in runs of a few to one partition.
    pub(crate) fn produce(&mut self, numbers: std::ops::Range<u64>) {
        let numbers: Vec<_> = numbers.collect();
        for (run, numbers) in numbers.chunks(17).enumerate() {
            let partition = run % 3;
            let flights: Vec<_> = numbers.iter().map(|n| flight(*n)).collect();
            append(&*self.log, "flights", partition, &flights.iter().map(Flight::json).collect::<Vec<_>>());
            self.flights[partition].extend(flights);
        }
    }

    pub(crate) fn store_path(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// Starts to ingest `definitions` into the store at `path`.
    pub(crate) fn start(&self, definitions: &str, path: &Path) -> Ingest {
        start(&self.log, definitions, path)
    }

    /// The ends of all partitions, as `wait_applied` takes them.
    pub(crate) fn ends(&self) -> Vec<(&'static str, i32, i64)> {
        (0..)
            .zip(&self.flights)
            .map(|(partition, flights)| ("flights", partition, flights.len() as i64))
            .collect()
    }

    /// Waits until everything is applied, and holds all answers against the straight fold.
    pub(crate) fn assert_all_applied(&self, ingest: &Ingest) {
        assert!(ingest.wait_applied(&self.ends(), PATIENCE).expect("a running ingest"));
        self.assert_answers(ingest, "delays", |flight| flight.left);
        self.assert_answers(ingest, "landings", |flight| flight.landed);
    }

    /// Holds the answers of `view` against the straight fold of the offsets they say were applied, by the
    /// definitions that serve.
    pub(crate) fn assert_answers(&self, ingest: &Ingest, view: &str, time: impl Fn(&Flight) -> i64) {
        while !self.answers_are_folds(&ingest.serving(), view, &time) {}
    }

    /// As [`assert_answers`](Self::assert_answers); false if `serving` serves no longer.
    fn answers_are_folds(&self, serving: &Serving, view: &str, time: impl Fn(&Flight) -> i64) -> bool {
        let topic = serving.view(view).expect("a view of this test");
        let reading = topic.read();
        if reading.is_retired() {
            return false;
        }
        let defined = serving.repository().view(view).expect("a view of this test");
        let keys = keys();
        let latest = self.flights.iter().flatten().map(&time).max().unwrap_or(0);
        let horizon = reading.horizon(view).expect("a view of this test");
        for at in [horizon.map_or(0, Instant::as_micros), latest - 400, latest, latest + 5_000] {
            let at = Instant::from_micros(at).max(horizon.unwrap_or(Instant::MIN));
            let found = reading.lookup(view, &keys, at).expect("an instant that can be answered");
            assert_eq!(found.version, *defined.version.as_bytes());
            for (carrier, row) in CARRIERS.into_iter().zip(found.rows) {
                let wanted = self.expected(&defined.plan, reading.applied(), carrier, at, &time);
                assert_eq!(row, wanted, "{view} of {carrier:?} at {at:?}, applied {:?}", reading.applied());
            }
        }
        true
    }

    fn expected(
        &self,
        plan: &FoldPlan,
        applied: &std::collections::BTreeMap<i32, i64>,
        carrier: &str,
        at: Instant,
        time: impl Fn(&Flight) -> i64,
    ) -> Vec<(Value, Status)> {
        let mut state = KeyState::new();
        for (partition, next) in applied {
            let flights = &self.flights[*partition as usize];
            let delays: ArrayRef =
                Arc::new(Float64Array::from_iter(flights.iter().map(|flight| flight.delay)));
            let lane = Lane::of(&delays).expect("a column of doubles");
            for (row, flight) in flights.iter().enumerate().take(*next as usize) {
                if flight.carrier == carrier {
                    let time = Instant::from_micros(time(flight));
                    let order = Order { time, order_by: None, partition: *partition, offset: row as i64 };
                    state.add(plan, order, &[lane], row);
                }
            }
        }
        state.values(plan, at)
    }
}

/// The entity keys of [`CARRIERS`].
pub(crate) fn keys() -> BinaryArray {
    let names: ArrayRef = Arc::new(StringArray::from(CARRIERS.to_vec()));
    encode_keys(&[names]).expect("one text")
}

pub(crate) fn repository(definitions: &str) -> Arc<Repository> {
    Arc::new(
        load_text(&[DefinitionFile::new("test.yaml", definitions)]).expect("definitions without mistakes"),
    )
}

pub(crate) fn open_log(dir: &Path, seed: u64) -> Arc<dyn Log> {
    let options = EmbeddedOptions {
        compression: Compression::None,
        topic_ids: TopicIds::Seeded(seed),
        ..EmbeddedOptions::default()
    };
    Arc::new(EmbeddedLog::open(dir, options).expect("a log of this test"))
}

pub(crate) fn append(log: &dyn Log, topic: &str, partition: usize, values: &[String]) {
    let record = |value: &'_ String| value.clone().into_bytes();
    let values: Vec<_> = values.iter().map(record).collect();
    let records: Vec<_> = values
        .iter()
        .map(|value| NewRecord { key: None, value: Some(value), timestamp_ms: 0, headers: &[] })
        .collect();
    log.append(topic, partition as i32, &records).expect("a writable log");
}

pub(crate) fn start(log: &Arc<dyn Log>, definitions: &str, path: &Path) -> Ingest {
    Ingest::start(options(log, definitions, path)).expect("a sound store")
}

/// Small pieces and little memory, so that everything happens often.
pub(crate) fn options(log: &Arc<dyn Log>, definitions: &str, path: &Path) -> IngestOptions {
    let store = StoreOptions { memory_budget_bytes: 64 << 10, ..StoreOptions::default() };
    let store = Store::open(path, store).expect("a store of this test");
    let options = IngestOptions::new(Arc::clone(log), repository(definitions), store, Arc::new(StoppedClock));
    IngestOptions { chunk_records: 50, commit_events: 300, ..options }
}

/// Copies a store's files as a kill at one moment of the copying would leave them.
pub(crate) fn copy_files(from: &Path, to: &Path) {
    let files = || {
        let mut files: Vec<_> = std::fs::read_dir(from)
            .expect("the directory of a store")
            .filter_map(|entry| {
                entry.ok().and_then(|entry| Some((entry.file_name(), entry.metadata().ok()?.len())))
            })
            .filter(|(name, _)| name != "LOCK" && name != "LOG")
            .collect();
        files.sort();
        files
    };
    for _ in 0..1_000 {
        let before = files();
        std::fs::remove_dir_all(to).ok();
        std::fs::create_dir_all(to).expect("a temporary directory");
        let copied = before.iter().all(|(name, _)| std::fs::copy(from.join(name), to.join(name)).is_ok());
        if copied && files() == before {
            return;
        }
    }
    panic!("the store never stands still");
}
