//! The flights and the weather of the example, in a log.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, RecordBatchReader};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use thalweg_core::{Instant, KeyState, Lane, Order, Selection};
use thalweg_definitions::{FeatureView, Repository, Selector, Source, SourceSelector, load};
use thalweg_ingest::{Clock, Ingest, IngestOptions};
use thalweg_log::{
    Decoded, EmbeddedLog, EmbeddedOptions, Log, NewRecord, PartitionReader, TopicIds, TopicPartition,
    encode_rows, partition_for,
};
use thalweg_store::{Store, StoreOptions};

use crate::DAY_US;

/// Where the example is.
const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/nyc13");
/// Partitions of each topic.
const PARTITIONS: i32 = 4;
/// Rows that are appended at a time: a week of departures.
const RUN_ROWS: usize = 6_300;
/// Records that are decoded at a time, as the ingest does.
const CHUNK_RECORDS: usize = 4_096;
/// Longest wait for the ingest.
const PATIENCE: Duration = Duration::from_secs(600);

/// Topics, and the field their records are keyed by.
const TOPICS: [(&str, &str); 3] = [("departures", "tailnum"), ("arrivals", "tailnum"), ("weather", "origin")];

/// A log with the events of the example in it, and the definitions over them.
///
/// It is read in steps that build on one another, so that their costs can be told apart.
pub struct Nyc13 {
    log: Arc<dyn Log>,
    repository: Arc<Repository>,
    events: u64,
}

impl Nyc13 {
    /// Writes the events into a new log in the folder `dir`: those of 2013, and of so many years that follow and
    /// are like it.
    ///
    /// # Panics
    ///
    /// If the example is not there, or the log cannot be written.
    pub fn write(dir: &Path, years: u32) -> Self {
        let repository = load(&[PathBuf::from(EXAMPLE).join("features")]).expect("the example's definitions");
        let options = EmbeddedOptions { topic_ids: TopicIds::Seeded(1), ..EmbeddedOptions::default() };
        let log = EmbeddedLog::open(dir, options).expect("an empty folder");
        let mut events = 0;
        for (topic, key) in TOPICS {
            let source = repository.source(topic).expect("each topic has a source of its name");
            log.create_topic(topic, PARTITIONS).expect("a topic that is new");
            let rows = read_parquet(topic);
            for year in 0..years {
                append(&log, source, key, &rows, year);
                events += rows.num_rows() as u64;
            }
        }
        Self { log: Arc::new(log), repository: Arc::new(repository), events }
    }

    /// How many events there are, of all topics.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Reads and decodes every record, only the fields in use, on this thread. How many there were.
    pub fn decode(&self) -> u64 {
        let mut records = 0;
        for source in &self.repository.sources {
            self.each_decoded(source, |decoded| records += black_box(&decoded).num_rows() as u64);
        }
        records
    }

    /// As [`decode`](Self::decode), and selects the events of every view. How many there were over all views.
    pub fn select(&self) -> u64 {
        let mut events = 0;
        self.each_selection(|_, selection| events += black_box(&selection).len() as u64);
        events
    }

    /// As [`select`](Self::select), and folds the events into states in a plain map. How many there were.
    pub fn fold(&self) -> u64 {
        let mut events = 0;
        let mut states: HashMap<(usize, Box<[u8]>), KeyState> = HashMap::new();
        let positions: BTreeMap<_, _> =
            self.repository.views.iter().map(|view| view.name.as_str()).zip(0..).collect();
        self.each_selection(|view, selection| {
            let position = positions[view.name.as_str()];
            let lanes: Vec<_> =
                selection.inputs.iter().map(|i| Lane::of(i).expect("the input of a view")).collect();
            for row in 0..selection.len() {
                let place = (position, Box::from(selection.keys.value(row)));
                let order_by = selection.order_by.as_ref().filter(|values| values.is_valid(row));
                let order = Order {
                    time: Instant::from_micros(selection.times[row]),
                    order_by: order_by.map(|values| values.value(row)),
                    partition: selection.partition,
                    offset: selection.offsets[row],
                };
                states.entry(place).or_default().add(&view.plan, order, &lanes, row);
            }
            events += selection.len() as u64;
        });
        black_box(states);
        events
    }

    /// Ingests everything into a new store in the folder `dir`, as a server does, until it is in files. How many
    /// events were folded over all views.
    ///
    /// # Panics
    ///
    /// If something goes wrong, or some record is not used.
    pub fn ingest(&self, dir: &Path) -> u64 {
        let store = Store::open(dir, StoreOptions::default()).expect("an empty folder");
        let (log, repository) = (Arc::clone(&self.log), Arc::clone(&self.repository));
        let options = IngestOptions::new(log, repository, store, Arc::new(ServerClock));
        let ingest = Ingest::start(options).expect("a sound store");
        let ends = self.ends();
        let ends: Vec<_> = ends.iter().map(|(at, next)| (at.topic.as_str(), at.partition, *next)).collect();
        let done = ingest.wait_applied(&ends, PATIENCE).expect("an ingest that runs");
        assert!(done, "the ingest did not come to the end of the log");
        let status = ingest.status();
        let counters: Vec<_> = status.topics.iter().map(|topic| topic.counters).collect();
        assert_eq!(counters.iter().map(|c| c.records).sum::<u64>(), self.events);
        assert!(counters.iter().all(|c| c.failed_expressions == 0));
        ingest.stop().expect("a disk with room");
        counters.iter().map(|c| c.events).sum()
    }

    /// The next offset of every partition.
    fn ends(&self) -> Vec<(TopicPartition, i64)> {
        let partitions =
            TOPICS.iter().flat_map(|(topic, _)| (0..PARTITIONS).map(|p| TopicPartition::new(*topic, p)));
        partitions
            .map(|at| (at.clone(), self.log.next_offset(&at).expect("a partition of this log")))
            .collect()
    }

    fn each_decoded(&self, source: &Source, mut take: impl FnMut(Decoded)) {
        let views: Vec<_> = self.repository.views_of(&source.name).collect();
        let spec = source.decoder_spec(&views);
        for (partition, end) in self.ends().into_iter().filter(|(at, _)| at.topic == source.topic) {
            let mut reader =
                PartitionReader::new(&*self.log, partition, &spec, 0).expect("the source's own fields");
            while let Some(decoded) = reader.next(end, CHUNK_RECORDS).expect("a sound log") {
                take(decoded);
            }
        }
    }

    fn each_selection(&self, mut take: impl FnMut(&FeatureView, Selection)) {
        for source in &self.repository.sources {
            let times = SourceSelector::new(source);
            let views = self.repository.views_of(&source.name).map(|view| {
                let entity = self.repository.entity(&view.entity).expect("the entity of a view");
                (view, Selector::new(source, entity, view).expect("a checked view"))
            });
            let views: Vec<_> = views.collect();
            self.each_decoded(source, |decoded| {
                let events = times.time(&decoded);
                views.iter().for_each(|(view, selector)| take(view, selector.select(&events).selection));
            });
        }
    }
}

/// The machine's clock, so that commits and write-outs come as often as in a server. No value depends on it.
pub struct ServerClock;

impl Clock for ServerClock {
    #[expect(clippy::disallowed_methods, reason = "commits are to come as often as in a server")]
    fn now(&self) -> Instant {
        let now = std::time::SystemTime::now();
        let since = now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Instant::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

fn read_parquet(topic: &str) -> RecordBatch {
    let path = PathBuf::from(EXAMPLE).join(format!("data/{topic}.parquet"));
    let file = File::open(&path).unwrap_or_else(|cause| panic!("{}: {cause}", path.display()));
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).and_then(|builder| builder.build());
    let reader = reader.expect("a Parquet file of the example");
    let schema = reader.schema();
    let batches: Vec<_> = reader.map(|batch| batch.expect("a sound Parquet file")).collect();
    concat_batches(&schema, &batches).expect("batches of one schema")
}

/// Appends the rows, moved on by so many years, in the source's format.
fn append(log: &dyn Log, source: &Source, key: &str, rows: &RecordBatch, year: u32) {
    let columns = source.fields.iter().filter_map(|field| {
        let given = rows.column_by_name(&field.name)?;
        let column =
            cast(given, &field.field_type.to_arrow()).expect("the example's columns fit its schemas");
        Some((field.name.clone(), moved_on(&column, year, rows.num_rows(), field.name == "flight_id"), true))
    });
    let rows = RecordBatch::try_from_iter_with_nullable(columns).expect("columns of one length");
    let time = source.event_time.field().and_then(|field| rows.column_by_name(field)).expect("an event time");
    let times = time.as_primitive::<TimestampMicrosecondType>().values();
    let keys = rows.column_by_name(key).expect("the key is a field").as_string::<i32>();
    let payloads = encode_rows(&source.format, &source.fields, &rows).expect("columns of the fields' types");
    let all: Vec<_> = (0..rows.num_rows()).collect();
    for run in all.chunks(RUN_ROWS) {
        let mut batches: BTreeMap<i32, Vec<NewRecord<'_>>> = BTreeMap::new();
        for &row in run {
            let key = keys.value(row).as_bytes();
            let record = NewRecord {
                key: Some(key),
                value: Some(&payloads[row]),
                timestamp_ms: times[row].div_euclid(1_000),
                headers: &[],
            };
            batches.entry(partition_for(key, PARTITIONS)).or_default().push(record);
        }
        log.append_all(&source.topic, batches.into_iter().collect()).expect("a disk with room");
    }
}

/// Instants so many years of 365 days later; ids so many times `rows` higher.
fn moved_on(column: &ArrayRef, year: u32, rows: usize, is_id: bool) -> ArrayRef {
    let year = i64::from(year);
    match column.data_type() {
        DataType::Timestamp(_, _) => {
            let times = column.as_primitive::<TimestampMicrosecondType>();
            let later = times.unary::<_, TimestampMicrosecondType>(|time| time + year * 365 * DAY_US);
            Arc::new(later.with_timezone("UTC"))
        }
        _ if is_id => {
            let higher: Int64Array = column.as_primitive::<Int64Type>().unary(|id| id + year * rows as i64);
            Arc::new(higher)
        }
        _ => Arc::clone(column),
    }
}
