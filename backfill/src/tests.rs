//! Training sets over a small log of their own.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{Float64Type, Int64Type};
use tempfile::TempDir;
use thalweg_definitions::{DefinitionFile, Repository, load_text};
use thalweg_log::{EmbeddedLog, EmbeddedOptions, Log, NewRecord, TopicPartition};

use crate::{
    AsOf, Boundary, Budget, Cancellation, DEFAULT_TIMESTAMP_COLUMN, Error, EventRange, Features, Pin,
    Prepared, Sliced, TrainingSet, TrainingSetRequest, events, training_set,
};

const DEFINITIONS: &str = "
sources:
  - {name: sales, topic: sales, format: json, fields: {shop: string, price: float64, at: timestamp}, event_time: at}
entities:
  - {name: shop, join_keys: {shop: string}}
feature_views:
  - name: shop_sales
    entity: shop
    source: sales
    ttl: 1h
    features:
      sales: {aggregate: count, windows: [10s]}
      price: {aggregate: [sum], of: price, windows: [lifetime]}
on_demand_feature_views:
  - name: goal
    inputs: {features: ['shop_sales:sales_10s'], request: {label: int64}}
    features: {share: sales_10s / label, rest: label - sales_10s}
feature_services:
  - {name: all, features: ['shop_sales:*']}
";

struct World {
    log: EmbeddedLog,
    repository: Repository,
    _folder: TempDir,
}

impl World {
    /// Sales of one shop, a second apart from the epoch on, in turn in two partitions.
    fn new(prices: &[f64]) -> Self {
        let world = Self::without_topic();
        world.log.create_topic("sales", 2).expect("a new topic");
        for (second, price) in prices.iter().enumerate() {
            world.sell(second, *price);
        }
        world
    }

    fn without_topic() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log = EmbeddedLog::open(folder.path(), EmbeddedOptions::default()).expect("a new log");
        let files = [DefinitionFile::new("sales.yaml", DEFINITIONS)];
        Self { log, repository: load_text(&files).expect("sound definitions"), _folder: folder }
    }

    fn sell(&self, second: usize, price: f64) {
        let value = format!(r#"{{"shop": "a", "price": {price}, "at": {}}}"#, second * 1_000_000);
        let record = NewRecord { key: None, value: Some(value.as_bytes()), timestamp_ms: 0, headers: &[] };
        self.log.append("sales", (second % 2) as i32, &[record]).expect("a durable append");
    }

    fn request(&self, seconds: &[i64]) -> TrainingSetRequest {
        let at = TimestampMicrosecondArray::from_iter_values(seconds.iter().map(|second| second * 1_000_000));
        let spine = RecordBatch::try_from_iter([
            ("shop", Arc::new(StringArray::from(vec!["a"; seconds.len()])) as ArrayRef),
            (DEFAULT_TIMESTAMP_COLUMN, Arc::new(at)),
            ("label", Arc::new(Int64Array::from_iter_values(0..seconds.len() as i64))),
        ])
        .expect("columns of one length");
        TrainingSetRequest {
            features: Features::Service("all".to_owned()),
            spine_schema: spine.schema(),
            spine: vec![spine],
            timestamp_column: DEFAULT_TIMESTAMP_COLUMN.to_owned(),
            as_of: AsOf::EventTime,
            history: None,
            boundary: Boundary::Inclusive,
            pin: None,
            statuses: true,
            full_feature_names: true,
        }
    }

    fn ask(&self, request: &TrainingSetRequest) -> Result<TrainingSet, Error> {
        training_set(&self.repository, &self.log, request, &Budget::default(), &Cancellation::default())
    }
}

fn column(set: &TrainingSet, name: &str) -> ArrayRef {
    set.rows().column_by_name(name).expect("a column of the answer").clone()
}

fn counts(set: &TrainingSet) -> Vec<i64> {
    column(set, "shop_sales__sales_10s").as_primitive::<Int64Type>().values().to_vec()
}

#[test]
fn rows_come_back_as_they_were_asked_for_with_what_had_happened_by_then() {
    let world = World::new(&[1.0, 0.1, 0.2]);
    let set = world.ask(&world.request(&[2, -1, 2, 0, 9_000])).expect("an answer");
    assert_eq!(counts(&set), [3, 0, 3, 1, 0]);
    let sums = column(&set, "shop_sales__price_sum_lifetime");
    let sums: Vec<_> = sums.as_primitive::<Float64Type>().iter().collect();
    assert_eq!(sums, [Some(1.3), None, Some(1.3), Some(1.0), None]);
    let statuses = column(&set, "shop_sales__price_sum_lifetime__status");
    let statuses: Vec<_> = statuses.as_string::<i32>().iter().flatten().collect();
    assert_eq!(statuses, ["PRESENT", "NOT_FOUND", "PRESENT", "PRESENT", "OUTSIDE_MAX_AGE"]);
    let labels = column(&set, "label");
    assert_eq!(labels.as_primitive::<Int64Type>().values(), &[0, 1, 2, 3, 4]);
}

#[test]
fn slices_of_an_answer_are_what_the_whole_has_there() {
    let world = World::new(&[1.0, 0.1, 0.2]);
    let request = world.request(&[2, -1, 2, 0, 9_000]);
    let prepared = || Prepared::new(&world.repository, &world.log, &request).expect("a sound request");
    let whole = prepared().run(&Budget::default(), &Cancellation::default()).expect("an answer");
    let mut replayed = prepared().replay(&Budget::default(), &Cancellation::default()).expect("events");
    for rows in [0..5, 0..2, 2..5, 4..5, 3..3] {
        let (slice, _) = replayed.rows(rows.clone()).expect("a slice");
        assert_eq!(slice, whole.rows().slice(rows.start, rows.len()));
    }
    assert_eq!(replayed.next_slice().expect("a slice").as_ref(), Some(whole.rows()));
    assert_eq!(replayed.next_slice().expect("no slice"), None);
}

#[test]
fn on_demand_features_are_computed_slice_by_slice_as_in_the_whole() {
    let world = World::new(&[1.0, 0.1, 0.2]);
    let features = Features::List(vec!["goal:*".to_owned()]);
    let request = TrainingSetRequest { features, ..world.request(&[2, 2, 0, 9_000]) };
    let prepared = || Prepared::new(&world.repository, &world.log, &request).expect("a sound request");
    let whole = prepared().run(&Budget::default(), &Cancellation::default()).expect("an answer");
    let integers = |name: &str| column(&whole, name).as_primitive::<Int64Type>().iter().collect::<Vec<_>>();
    assert_eq!(integers("goal__share"), [None, Some(3), Some(0), Some(0)], "the first label is 0");
    assert_eq!(integers("goal__rest"), [Some(-3), Some(-2), Some(1), Some(3)]);
    assert_eq!(whole.failed_expressions["goal"], 1);
    let mut replayed = prepared().replay(&Budget::default(), &Cancellation::default()).expect("events");
    for (rows, failed) in [(0..1, 1), (1..4, 0), (2..3, 0)] {
        let (slice, counted) = replayed.rows(rows.clone()).expect("a slice");
        assert_eq!(slice, whole.rows().slice(rows.start, rows.len()));
        assert_eq!(counted["goal"], failed);
    }
    replayed.next_slice().expect("a slice");
    assert_eq!(replayed.take_failed_expressions()["goal"], 1);
    assert!(replayed.take_failed_expressions().is_empty(), "it was told");
}

#[test]
fn a_commit_goes_with_the_definition_of_on_demand_features() {
    let world = World::new(&[1.0]);
    let features = Features::List(vec!["goal:rest".to_owned()]);
    let request = TrainingSetRequest { features, ..world.request(&[2]) };
    let commit = |from: &str, to: &str| {
        assert!(DEFINITIONS.contains(from), "{from}");
        let files = [DefinitionFile::new("sales.yaml", DEFINITIONS.replace(from, to))];
        let repository = load_text(&files).expect("sound definitions");
        Prepared::new(&repository, &world.log, &request).expect("a sound request").commit().id.clone()
    };
    let before = commit("sales_10s / label", "sales_10s / label");
    assert_eq!(commit("label - sales_10s", "label  -  shop_sales__sales_10s"), before);
    for (from, to) in [
        ("label - sales_10s", "sales_10s - label"),
        ("sales_10s / label", "label / sales_10s"),
        ("ttl: 1h", "ttl: 2h"),
    ] {
        assert_ne!(commit(from, to), before, "{from} → {to}");
    }
}

#[test]
fn shards_together_are_the_whole_batch_by_batch() {
    let world = World::new(&[1.0, 0.1, 0.2]);
    let seconds: Vec<i64> = (0..40_000).map(|row| (row * 7) % 5 - 1).collect();
    let request = world.request(&seconds);
    let prepared = || Prepared::new(&world.repository, &world.log, &request).expect("a sound request");
    let (budget, cancellation) = (Budget::default(), Cancellation::default());
    let whole = prepared().run(&budget, &cancellation).expect("an answer");
    for of in [1, 2, 3, 7] {
        let shards = (0..of).map(|number| {
            let shard = prepared().shard(number, of).expect("a shard");
            assert_eq!(shard.commit(), &whole.commit);
            shard.run(&budget, &cancellation).expect("an answer")
        });
        let batches: Vec<_> = shards.flat_map(|shard| shard.batches().collect::<Vec<_>>()).collect();
        assert!(whole.batches().eq(batches), "{of} shards");
    }
    assert!(matches!(prepared().shard(2, 2), Err(Error::NoShard { number: 2, of: 2 })));
}

#[test]
fn an_exclusive_boundary_leaves_out_the_very_instant() {
    let world = World::new(&[1.0, 1.0]);
    let request = TrainingSetRequest { boundary: Boundary::Exclusive, ..world.request(&[0, 1, 2]) };
    assert_eq!(counts(&world.ask(&request).expect("an answer")), [0, 1, 2]);
}

#[test]
fn a_pinned_answer_stays_what_it_was_while_the_log_grows() {
    let world = World::new(&[1.0, 2.0]);
    let first = world.ask(&world.request(&[5])).expect("an answer");
    let pin = Some(first.commit.manifest.pin.clone());
    world.sell(2, 4.0);
    let later = world.ask(&world.request(&[5])).expect("an answer");
    let again = world.ask(&TrainingSetRequest { pin, ..world.request(&[5]) }).expect("an answer");
    assert_eq!((counts(&first), counts(&later), counts(&again)), (vec![2], vec![3], vec![2]));
    assert_eq!(first.commit, again.commit);
    assert_ne!(first.commit.id, later.commit.id);
    assert!(first.batches().eq(again.batches()));
}

#[test]
fn the_commit_is_known_before_anything_is_read() {
    let world = World::new(&[1.0]);
    let request = world.request(&[0]);
    let prepared = Prepared::new(&world.repository, &world.log, &request).expect("a sound request");
    let commit = prepared.commit().clone();
    let set = prepared.run(&Budget::default(), &Cancellation::default()).expect("an answer");
    assert_eq!(commit, set.commit);
    let other = TrainingSetRequest { statuses: false, ..request };
    assert_ne!(world.ask(&other).expect("an answer").commit.id, commit.id);
}

#[test]
fn a_pin_the_log_does_not_have_is_refused_with_what_is_missing() {
    let world = World::new(&[1.0]);
    let taken = Pin::now(&world.log, ["sales"]).expect("offsets");
    let refusal = |change: &dyn Fn(&mut Pin)| {
        let mut pin = taken.clone();
        change(&mut pin);
        let request = TrainingSetRequest { pin: Some(pin), ..world.request(&[0]) };
        world.ask(&request).expect_err("a refusal")
    };
    let beyond = refusal(&|pin| pin.topics.get_mut("sales").expect("pinned").next_offsets[1] = 7);
    assert!(matches!(
        beyond,
        Error::PinBeyondEnd { partition: TopicPartition { partition: 1, .. }, pinned: 7, end: 0 }
    ));
    let replaced =
        refusal(&|pin| pin.topics.get_mut("sales").expect("pinned").topic_id = Some("other".to_owned()));
    assert!(matches!(replaced, Error::PinnedTopicReplaced { .. }));
    let gone = refusal(&|pin| {
        let sales = pin.topics["sales"].clone();
        pin.topics.insert("gone".to_owned(), sales);
    });
    assert_eq!(
        gone.to_string(),
        "topic `gone`, which the pin names, is not in the log any more: its training sets cannot be remade"
    );
}

#[test]
fn a_pin_of_other_topics_is_refused_and_not_taken_for_an_empty_log() {
    let world = World::new(&[1.0]);
    let pin = Some(Pin::now(&world.log, ["returns"]).expect("offsets"));
    let request = TrainingSetRequest { pin, ..world.request(&[0]) };
    let refusal = world.ask(&request).expect_err("a refusal");
    assert!(
        matches!(&refusal, Error::NotPinned { topic, pinned } if topic == "sales" && pinned == &["returns"]),
        "{refusal}"
    );
}

#[test]
fn a_topic_that_was_not_there_stays_empty_under_its_pin() {
    let world = World::without_topic();
    let first = world.ask(&world.request(&[5])).expect("an answer");
    world.log.create_topic("sales", 2).expect("a new topic");
    world.sell(0, 1.0);
    let pin = Some(first.commit.manifest.pin.clone());
    let again = world.ask(&TrainingSetRequest { pin, ..world.request(&[5]) }).expect("an answer");
    assert_eq!((counts(&first), counts(&again)), (vec![0], vec![0]));
    assert_eq!(first.commit, again.commit);
    assert_eq!(counts(&world.ask(&world.request(&[5])).expect("an answer")), [1]);
}

#[test]
fn limits_and_cancellation_end_the_work_in_words() {
    let world = World::new(&[1.0, 2.0, 3.0]);
    let request = world.request(&[9]);
    let narrow =
        training_set(&world.repository, &world.log, &request, &Budget::new(10), &Cancellation::default());
    let message = narrow.expect_err("over the budget").to_string();
    assert!(
        message.contains("more than 10 bytes") && message.contains("history.memory_budget_bytes"),
        "{message}"
    );
    let cancelled = Cancellation::default();
    cancelled.cancel();
    let ended = training_set(&world.repository, &world.log, &request, &Budget::default(), &cancelled);
    assert!(matches!(ended, Err(Error::Cancelled)));
}

#[test]
fn what_cannot_be_asked_is_refused_in_words() {
    let world = World::new(&[]);
    let refusal = |change: &dyn Fn(&mut TrainingSetRequest)| {
        let mut request = world.request(&[0]);
        change(&mut request);
        world.ask(&request).expect_err("a refusal").to_string()
    };
    assert_eq!(
        refusal(&|request| request.features = Features::Service("al".to_owned())),
        "there is no feature service `al`; there are: all"
    );
    let unknown =
        refusal(&|request| request.features = Features::List(vec!["shop_sales:sale_10s".to_owned()]));
    assert!(unknown.contains("sales_10s"), "{unknown}");
    assert_eq!(
        refusal(&|request| request.timestamp_column = "label".to_owned()),
        "spine column `label` has type Int64, but the instant each row is taken at needs a timestamp or a date (a text is never guessed to be a time); cast it before sending"
    );
}

#[test]
fn an_empty_spine_and_an_empty_log_give_an_empty_answer() {
    let world = World::new(&[]);
    let set = world.ask(&world.request(&[])).expect("an answer");
    assert_eq!((set.num_rows(), set.batches().count()), (0, 0));
    assert_eq!(counts(&world.ask(&world.request(&[0])).expect("an answer")), [0]);
}

#[test]
fn events_come_by_partition_and_within_the_range_asked_for() {
    let world = World::new(&[1.0, 2.0, 3.0]);
    let source = world.repository.source("sales").expect("a source");
    let pin = Pin::now(&world.log, ["sales"]).expect("offsets");
    let read = |range| {
        let batches = events(&world.log, source, &[], &pin, range).expect("a pinned topic");
        let rows = batches.map(|batch| batch.expect("whole batches").num_rows());
        rows.sum::<usize>()
    };
    assert_eq!(read(EventRange::default()), 3);
    let after = EventRange { from: Some(thalweg_core::Instant::from_micros(1)), to: None };
    assert_eq!(read(after), 0, "all records are stamped 0");
}
