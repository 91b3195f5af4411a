use arrow::util::display::array_value_to_string;
use tempfile::TempDir;
use thalweg_definitions::{DefinitionFile, load_text};
use thalweg_log::{EmbeddedLog, EmbeddedOptions, Log, NewRecord};

use super::*;

const DEFINITIONS: &str = "
sources:
  - {name: sold, topic: sold, format: json, fields: {shop: string, till: int32, price: float64, at: timestamp}, event_time: at}
  - {name: open, topic: open, kind: table, format: json, fields: {shop: string, closed: bool, at: timestamp}, event_time: at}
  - {name: back, topic: back, format: json, fields: {shop: string, till: int32, at: timestamp}, event_time: at}
entities:
  - {name: shop, join_keys: {shop: string}}
  - {name: till, join_keys: {shop: string, till: int32}}
  - {name: turned, join_keys: {till: int32, shop: string}}
  - {name: number, join_keys: {till: int32}}
feature_views:
  - {name: shops, entity: shop, source: sold, features: {n: {aggregate: count}}}
  - {name: dear, entity: shop, source: sold, where: price > 5, features: {n: {aggregate: count}}}
  - {name: tills, entity: till, source: sold, features: {n: {aggregate: count}}}
  - {name: returns, entity: turned, source: back, features: {n: {aggregate: count}}}
  - {name: opened, entity: shop, source: open, where: closed is null, features: {n: {aggregate: count}}}
  - {name: numbers, entity: number, source: sold, features: {n: {aggregate: count}}}
on_demand_feature_views:
  - {name: rest, inputs: {features: ['shops:n', 'tills:n']}, features: {n: shops__n - tills__n}}
  - {name: goal, inputs: {features: ['shops:n'], request: {wanted: int64}}, features: {n: wanted - n}}
";

struct World {
    log: EmbeddedLog,
    repository: Repository,
    _folder: TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log = EmbeddedLog::open(folder.path(), EmbeddedOptions::default()).expect("a new log");
        let files = [DefinitionFile::new("f.yaml", DEFINITIONS)];
        let world = Self { log, repository: load_text(&files).expect("sound definitions"), _folder: folder };
        world.log.create_topic("sold", 2).expect("a new topic");
        world.log.create_topic("open", 2).expect("a new topic");
        world.log.create_topic("back", 1).expect("a new topic");
        world
    }

    fn add(&self, topic: &str, partition: i32, values: &[&str]) {
        for value in values {
            let record =
                NewRecord { key: None, value: Some(value.as_bytes()), timestamp_ms: 0, headers: &[] };
            self.log.append(topic, partition, &[record]).expect("a durable append");
        }
    }

    fn ask(&self, features: &[&str], at: i64, boundary: Boundary) -> Result<RecordBatch, Error> {
        let pin = Pin::now(&self.log, ["sold", "open", "back"]).expect("offsets");
        self.pinned(features, at, boundary, &pin, &Budget::default())
    }

    fn pinned(
        &self,
        features: &[&str],
        at: i64,
        boundary: Boundary,
        pin: &Pin,
        budget: &Budget,
    ) -> Result<RecordBatch, Error> {
        let features = Features::List(features.iter().map(|&feature| feature.to_owned()).collect());
        let at = Instant::from_micros(at);
        let request = EntitiesRequest {
            features: &features,
            at,
            as_of: AsOf::EventTime,
            boundary,
            timestamp_column: "t",
            pin,
        };
        entities(&self.repository, &self.log, &request, budget, &Cancellation::default())
    }
}

/// The keys of the rows, parts joined by a slash.
fn keys(rows: &RecordBatch) -> Vec<String> {
    let parts = &rows.columns()[..rows.num_columns() - 1];
    let part = |row| move |part: &ArrayRef| array_value_to_string(part, row).expect("printable");
    (0..rows.num_rows()).map(|row| parts.iter().map(part(row)).collect::<Vec<_>>().join("/")).collect()
}

#[test]
fn entities_are_those_with_an_event_by_then_in_their_order() {
    let world = World::new();
    world.add("sold", 0, &[r#"{"shop": "b", "at": 10}"#, r#"{"shop": "", "at": 10}"#, r#"{"at": 1}"#]);
    world.add("sold", 1, &[r#"{"shop": "aa", "at": 20}"#, r#"{"shop": "b", "at": 5, "price": 9}"#]);
    let at = |at, boundary| keys(&world.ask(&["shops:n"], at, boundary).expect("entities"));
    assert_eq!(at(20, Boundary::Inclusive), ["", "aa", "b"]);
    assert_eq!(at(20, Boundary::Exclusive), ["", "b"]);
    assert_eq!(at(5, Boundary::Inclusive), ["b"]);
    assert_eq!(at(4, Boundary::Inclusive), [""; 0]);
    let dear = world.ask(&["dear:n"], 20, Boundary::Inclusive).expect("entities");
    assert_eq!(keys(&dear), ["b"], "the view's where says who is known to it");
    assert_eq!(dear.schema().field(1).name(), "t");
    assert_eq!(*dear.column(1).data_type(), FieldType::Timestamp.to_arrow());
}

#[test]
fn entities_of_a_table_are_those_that_stand() {
    let world = World::new();
    world.add("open", 1, &[r#"{"shop": "a", "at": 1}"#, r#"{"shop": "b", "at": 9, "closed": true}"#]);
    world.add("open", 0, &[r#"{"shop": "b", "at": 1}"#, r#"{"shop": "c", "at": 1}"#]);
    let delete = NewRecord { key: Some(b"a"), value: None, timestamp_ms: 1, headers: &[] };
    world.log.append("open", 0, &[delete]).expect("a durable append");
    let at = |at| keys(&world.ask(&["opened:n"], at, Boundary::Inclusive).expect("entities"));
    assert_eq!(at(8), ["a", "b", "c"]);
    assert_eq!(at(9), ["a", "c"], "what is hidden uncovers nothing");
    assert_eq!(at(1_000), ["c"], "a delete happens at the record's timestamp");
}

#[test]
fn the_view_with_all_join_keys_says_who_there_is() {
    let world = World::new();
    world.add("sold", 0, &[r#"{"shop": "b", "till": -1, "at": 1}"#, r#"{"shop": "a", "till": 2, "at": 1}"#]);
    world.add("back", 0, &[r#"{"shop": "a", "till": -7, "at": 1}"#, r#"{"shop": "a", "till": 2, "at": 1}"#]);
    let ask = |features: &[&str]| keys(&world.ask(features, 9, Boundary::Inclusive).expect("entities"));
    assert_eq!(ask(&["shops:n", "tills:n"]), ["a/2", "b/-1"]);
    assert_eq!(
        ask(&["tills:n", "shops:n", "returns:n"]),
        ["a/-7", "a/2", "b/-1"],
        "each once, of both views"
    );
    assert_eq!(ask(&["returns:n", "tills:n"]), ["-7/a", "-1/b", "2/a"], "the first view's order of parts");
    assert_eq!(ask(&["rest:n"]), ["a/2", "b/-1"], "of what the inputs are about");
    let refusal = world.ask(&["goal:n"], 9, Boundary::Inclusive).expect_err("nobody says what is wanted");
    assert!(refusal.to_string().contains("take the request input `wanted`, which rows made"), "{refusal}");
    let refusal = world.ask(&["shops:n", "numbers:n"], 9, Boundary::Inclusive).expect_err("two entities");
    assert!(refusal.to_string().contains("they take (shop: string), (till: int32). Ask for"), "{refusal}");
}

#[test]
fn a_pin_and_a_budget_bound_what_is_looked_at() {
    let world = World::new();
    world.add("sold", 0, &[r#"{"shop": "a", "at": 1}"#]);
    let pin = Pin::now(&world.log, ["sold"]).expect("offsets");
    world.add("sold", 0, &[r#"{"shop": "b", "at": 1}"#]);
    let ask = |budget: &Budget| world.pinned(&["shops:n"], 9, Boundary::Inclusive, &pin, budget);
    assert_eq!(keys(&ask(&Budget::default()).expect("entities")), ["a"]);
    assert!(matches!(ask(&Budget::new(10)), Err(Error::OverBudget { .. })));
    let other = world.pinned(&["returns:n"], 9, Boundary::Inclusive, &pin, &Budget::default());
    assert!(matches!(other, Err(Error::NotPinned { .. })));
}
