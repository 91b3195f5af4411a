use arrow::array::StringArray;
use tempfile::TempDir;
use thalweg_definitions::{DefinitionFile, load_text};
use thalweg_log::{EmbeddedLog, EmbeddedOptions, Log, NewRecord};

use super::*;
use crate::{Features, training_set};

const DEFINITIONS: &str = "
sources:
  - {name: sold, topic: sold, format: json, fields: {shop: string, price: float64, at: timestamp}, event_time: at}
entities:
  - {name: shop, join_keys: {shop: string}}
feature_views:
  - name: sliding
    entity: shop
    source: sold
    features:
      n: {aggregate: count, windows: [5us, {window: 3us, offset: 4us}, {window: 7us, resolution: 4us}]}
  - name: buckets
    entity: shop
    source: sold
    features:
      price: {aggregate: [sum, last_n], n: 2, of: price, windows: [{tumbling: 10us}, {tumbling: 10us, offset: 1}]}
  - name: visits
    entity: shop
    source: sold
    ttl: 12us
    features:
      n: {aggregate: count, windows: [{session: 3us}]}
      prices: {aggregate: histogram, of: \"cast(price as int)\"}
  - name: ages
    entity: shop
    source: sold
    features:
      age: {aggregate: time_since_last}
      decayed: {aggregate: exp_decay_sum, of: price, half_life: 1h}
";

struct World {
    log: EmbeddedLog,
    repository: Repository,
    _folder: TempDir,
}

impl World {
    fn new(sold: &[(&str, i64, f64)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log = EmbeddedLog::open(folder.path(), EmbeddedOptions::default()).expect("a new log");
        let files = [DefinitionFile::new("f.yaml", DEFINITIONS)];
        log.create_topic("sold", 1).expect("a new topic");
        for (shop, at, price) in sold {
            let value = format!(r#"{{"shop": "{shop}", "at": {at}, "price": {price}}}"#);
            let record =
                NewRecord { key: None, value: Some(value.as_bytes()), timestamp_ms: 0, headers: &[] };
            log.append("sold", 0, &[record]).expect("a durable append");
        }
        Self { log, repository: load_text(&files).expect("sound definitions"), _folder: folder }
    }

    fn request(features: &[&str], shops: &[&str]) -> TrainingSetRequest {
        let shops: ArrayRef = Arc::new(StringArray::from(shops.to_vec()));
        let keys = RecordBatch::try_from_iter([("shop", shops)]).expect("a column");
        TrainingSetRequest {
            features: Features::List(features.iter().map(|&feature| feature.to_owned()).collect()),
            spine_schema: keys.schema(),
            spine: vec![keys],
            timestamp_column: VALID_FROM.to_owned(),
            as_of: AsOf::EventTime,
            history: None,
            boundary: Boundary::Inclusive,
            pin: None,
            statuses: true,
            full_feature_names: true,
        }
    }

    fn history(&self, request: &TrainingSetRequest, from_us: i64, to_us: i64) -> Result<RecordBatch, Error> {
        self.history_within(&Budget::default(), request, from_us, to_us)
    }

    fn history_within(
        &self,
        budget: &Budget,
        request: &TrainingSetRequest,
        from_us: i64,
        to_us: i64,
    ) -> Result<RecordBatch, Error> {
        let stretch = Stretch { from_us, to_us };
        let prepared = prepare_history(&self.repository, &self.log, request, stretch)?;
        let schema = prepared.schema().clone();
        let mut history = prepared.replay(budget, &Cancellation::default())?;
        let mut slices = Vec::new();
        while let Some(slice) = history.next_slice()? {
            slices.push(slice);
        }
        assert!(history.is_done());
        Ok(concat_batches(&schema, &slices)?)
    }
}

fn times(rows: &RecordBatch, column: &str) -> Vec<i64> {
    let column = rows.column_by_name(column).expect("a column of the history");
    column.as_primitive::<TimestampMicrosecondType>().values().to_vec()
}

const SOLD: [(&str, i64, f64); 8] = [
    ("a", 3, 1.0),
    ("b", 4, 9.0),
    ("a", 4, 2.0),
    ("a", -20, 7.0),
    ("a", 19, 1.0),
    ("a", 4, 2.0),
    ("a", 30, 5.0),
    ("a", 60, 0.5),
];

#[test]
fn every_instant_has_what_a_training_set_says_and_neighbours_differ() {
    let world = World::new(&SOLD);
    for features in
        [&["sliding:*"][..], &["buckets:*"], &["visits:*"], &["sliding:*", "buckets:*", "visits:*"]]
    {
        for boundary in [Boundary::Inclusive, Boundary::Exclusive] {
            let request = TrainingSetRequest { boundary, ..World::request(features, &["a", "c", "b", "a"]) };
            let history = world.history(&request, -30, 50).expect("a history");
            let (from, to) = (times(&history, VALID_FROM), times(&history, VALID_TO));
            let shops = history.column(0).as_string::<i32>();
            let starts: Vec<_> = (0..from.len()).filter(|&row| from[row] == -30).collect();
            assert_eq!(starts.iter().map(|&row| shops.value(row)).collect::<Vec<_>>(), ["a", "c", "b", "a"]);
            let values = history.project(&(3..history.num_columns()).collect::<Vec<_>>()).expect("columns");
            for row in 1..from.len() {
                let begins_anew = starts.contains(&row);
                assert_eq!(to[row - 1], if begins_anew { 50 } else { from[row] });
                assert!(begins_anew || values.slice(row - 1, 1) != values.slice(row, 1), "row {row}");
            }
            assert_eq!(to.last(), Some(&50));

            let row_of: Vec<(u32, i64)> = (0..from.len())
                .flat_map(|row| (from[row]..to[row]).map(move |at| (row as u32, at)))
                .collect();
            let (rows, at): (Vec<u32>, Vec<i64>) = row_of.into_iter().unzip();
            let rows = UInt32Array::from(rows);
            let keys = take_record_batch(&history.project(&[0]).expect("a column"), &rows).expect("rows");
            let spine = at_instants_of(&keys, &at).expect("a spine");
            let request =
                TrainingSetRequest { spine_schema: spine.schema(), spine: vec![spine], ..request.clone() };
            let (budget, cancellation) = (Budget::default(), Cancellation::default());
            let set = training_set(&world.repository, &world.log, &request, &budget, &cancellation);
            let set = set.expect("a training set").rows().clone();
            let expected = set.project(&(2..set.num_columns()).collect::<Vec<_>>()).expect("columns");
            assert_eq!(take_record_batch(&values, &rows).expect("rows"), expected);
        }
    }
}

#[test]
fn without_statuses_values_alone_make_intervals() {
    let world = World::new(&[("a", 10, 1.0)]);
    let with = World::request(&["visits:n_session_3us"], &["a"]);
    let without = TrainingSetRequest { statuses: false, ..with.clone() };
    assert_eq!(times(&world.history(&with, 0, 100).expect("a history"), VALID_FROM), [0, 10, 14, 22]);
    assert_eq!(times(&world.history(&without, 0, 100).expect("a history"), VALID_FROM), [0, 10, 14]);
    assert_eq!(world.history(&World::request(&["visits:*"], &[]), 0, 1).expect("a history").num_rows(), 0);
}

#[test]
fn the_turns_of_a_key_are_within_the_budget_and_given_back_for_the_next_key() {
    let world = World::new(&SOLD);
    let of = |shops: &[&str], bytes| {
        world.history_within(&Budget::new(bytes), &World::request(&["sliding:*"], shops), -30, 90)
    };
    let for_turns = 2 * INSTANTS_AT_A_TIME * size_of::<i64>();
    assert!(matches!(of(&["a"], for_turns), Err(Error::OverBudget { .. })), "its events take some, too");
    let keys = ["a", "b", "a", "a"];
    let all = of(&keys, for_turns + 10_000).expect("one key at a time");
    assert_eq!(all, world.history(&World::request(&["sliding:*"], &keys), -30, 90).expect("a history"));
}

#[test]
fn a_history_that_nobody_waits_for_is_given_up() {
    let world = World::new(&SOLD);
    let request = World::request(&["sliding:*"], &["a"]);
    let stretch = Stretch { from_us: 0, to_us: 90 };
    let prepared = prepare_history(&world.repository, &world.log, &request, stretch).expect("sound");
    let cancellation = Cancellation::default();
    let mut history = prepared.replay(&Budget::default(), &cancellation).expect("events");
    cancellation.cancel();
    assert!(matches!(history.next_slice(), Err(Error::Cancelled)));
}

#[test]
fn a_history_is_named_by_its_stretch_too() {
    let world = World::new(&SOLD);
    let request = World::request(&["sliding:*"], &["a"]);
    let id = |from_us, to_us| {
        let stretch = Stretch { from_us, to_us };
        let prepared = prepare_history(&world.repository, &world.log, &request, stretch).expect("sound");
        prepared.commit().id.clone()
    };
    assert_eq!(id(0, 9), id(0, 9));
    assert_ne!(id(0, 9), id(1, 9));
    assert_ne!(id(0, 9), id(0, 10));
}

#[test]
fn what_has_no_history_is_refused_in_words() {
    let world = World::new(&[]);
    let message = |features: &[&str], change: &dyn Fn(&mut TrainingSetRequest), to_us| {
        let mut request = World::request(features, &["a"]);
        change(&mut request);
        world.history(&request, 0, to_us).expect_err("a refusal").to_string()
    };
    let as_it_is = |_: &mut TrainingSetRequest| {};
    let drifts = message(&["ages:age"], &as_it_is, 9);
    assert!(
        drifts.starts_with("`ages:age` has no history of intervals: time_since_last changes"),
        "{drifts}"
    );
    assert!(message(&["sliding:*", "ages:decayed"], &as_it_is, 9).contains("exp_decay_sum changes"));
    assert!(message(&["sliding:*"], &as_it_is, 0).contains("from 0 us to 0 us there is none"));
    let known = message(&["sliding:*"], &|request| request.as_of = AsOf::Known, 9);
    assert!(known.contains("as of event_time, not known"), "{known}");
}
