//! From decoded records to the events of each view.
//!
//! Two steps. [`SourceSelector`] runs once for a batch, whatever number of views stand over the source: it
//! gives each record its event time, and sets aside the records that have none or lie too far ahead. Then a
//! [`Selector`] for each view picks its events and evaluates its inputs.

mod table;
mod timed;
mod view;

pub use timed::{SourceSelector, TimedBatch};
pub use view::{Selected, Selector};

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::{Float64Type, Int64Type};
    use thalweg_core::encode_keys;
    use thalweg_log::{DeadLetter, Decoded, Decoder, Headers, Record};

    use super::*;
    use crate::{DefinitionFile, Repository, load_text};

    const DEFINITIONS: &str = r#"
sources:
  - name: flights
    topic: flights
    format: json
    fields: {carrier: string, tail: string, delay: float64, n: int64, at: timestamp, seen: timestamp, lsn: int32, out: bool}
    event_time: at
    append_time: seen
    order_by: lsn
    max_ahead: 1s
entities:
  - name: carrier
    join_keys: {carrier: string}
  - name: leg
    join_keys: {tail: string, number: int64}
feature_views:
  - name: delays
    entity: carrier
    source: flights
    where: "not out"
    features:
      delay: {aggregate: avg, of: delay}
      share: {aggregate: sum, of: "100 / n", where: "n <> 0"}
      failing: {aggregate: sum, of: "100 / n + 1"}
  - name: legs
    entity: leg
    source: flights
    join_keys: {number: "n + 1"}
    features:
      flights: {aggregate: count}
"#;

    fn repository(definitions: &str) -> Repository {
        load_text(&[DefinitionFile::new("f.yaml", definitions)]).expect("definitions without mistakes")
    }

    fn decoded(repository: &Repository, values: &[&str]) -> Decoded {
        let source = repository.source("flights").expect("defined");
        let views: Vec<_> = repository.views.iter().collect();
        let mut decoder =
            Decoder::new(&source.decoder_spec(&views), "flights", 3).expect("fields of the source");
        for (offset, value) in (100..).zip(values) {
            decoder.push(&Record {
                offset,
                timestamp_ms: offset,
                key: Some(b"k"),
                value: Some(value.as_bytes()),
                headers: Headers::EMPTY,
            });
        }
        decoder.finish(100 + values.len() as i64)
    }

    fn selector(repository: &Repository, view: &str) -> Selector {
        let view = repository.view(view).expect("defined");
        let source = repository.source(&view.source).expect("defined");
        let entity = repository.entity(&view.entity).expect("defined");
        Selector::new(source, entity, view).expect("a checked view")
    }

    fn offsets(letters: &[DeadLetter]) -> Vec<i64> {
        letters.iter().map(|letter| letter.offset).collect()
    }

    #[test]
    fn records_without_a_time_and_too_far_ahead_are_dead_once_for_the_source() {
        let repository = repository(DEFINITIONS);
        let decoded = decoded(
            &repository,
            &[
                r#"{"at": 5, "lsn": 9}"#,
                r#"{"seen": 5}"#,
                r#"{"at": 1000005, "seen": 5, "lsn": -1}"#,
                r#"{"at": 1000006, "seen": 5}"#,
                r#"{"at": 99000000}"#,
            ],
        );
        assert!(decoded.dead.is_empty(), "{:?}", decoded.dead);
        let source = repository.source("flights").expect("defined");
        let timed = SourceSelector::new(source).time(&decoded);
        assert_eq!(timed.times(), [5, 1_000_005, 99_000_000]);
        assert_eq!(timed.offsets.values(), &[100, 102, 104]);
        let order_by = timed.order_by.as_ref().expect("the source names a field");
        assert_eq!(order_by.iter().collect::<Vec<_>>(), [Some(9), Some(-1), None]);
        assert_eq!(offsets(&timed.dead), [101, 103]);
        assert_eq!(timed.dead[0].reason, "its event time `at` is missing");
        assert_eq!(timed.dead[1].reason, "its event time `at` is more than 1s past its append time");
        for letter in &timed.dead {
            assert_eq!(
                (letter.partition, letter.view.as_deref(), letter.key.as_deref()),
                (3, None, Some(&b"k"[..]))
            );
        }
        assert_eq!(timed.dead[0].value.as_deref(), Some(&br#"{"seen": 5}"#[..]));
    }

    #[test]
    fn a_view_keeps_what_passes_its_where_and_has_its_key() {
        let repository = repository(DEFINITIONS);
        let decoded = decoded(
            &repository,
            &[
                r#"{"at": 1, "carrier": "UA", "out": false, "delay": 2.5, "n": 4}"#,
                r#"{"at": 2, "carrier": "UA", "out": true, "delay": 3.5, "n": 4}"#,
                r#"{"at": 3, "carrier": "AA", "delay": 4.5, "n": 4}"#,
                r#"{"carrier": "AA", "out": false, "delay": 4.5, "n": 4}"#,
                r#"{"at": 4, "out": true, "n": 0}"#,
                r#"{"at": 5, "out": false, "n": 0}"#,
                r#"{"at": 6, "carrier": "", "out": false, "n": 0}"#,
            ],
        );
        let source = repository.source("flights").expect("defined");
        let timed = SourceSelector::new(source).time(&decoded);
        assert_eq!(offsets(&timed.dead), [103]);
        let selected = selector(&repository, "delays").select(&timed);

        let selection = &selected.selection;
        assert_eq!((selection.partition, selection.len()), (3, 2));
        assert_eq!(selection.offsets.as_ref(), [100, 106]);
        assert_eq!(selection.times.as_ref(), [1, 6]);
        assert_eq!(selection.order_by.as_ref().map(Array::null_count), Some(2));
        let carriers = std::sync::Arc::new(arrow::array::StringArray::from(vec!["UA", ""]));
        assert_eq!(selection.keys, encode_keys(&[carriers]).expect("one text"));

        let view = repository.view("delays").expect("defined");
        assert_eq!(selection.inputs.len(), view.inputs.len());
        for (input, column) in view.inputs.iter().zip(&selection.inputs) {
            assert_eq!(*column.data_type(), input.field_type.to_arrow());
            match input.expression.text.as_str() {
                "delay" => {
                    let values: Vec<_> = column.as_primitive::<Float64Type>().iter().collect();
                    assert_eq!(values, [Some(2.5), None]);
                }
                "100 / n" => {
                    let values: Vec<_> = column.as_primitive::<Int64Type>().iter().collect();
                    assert_eq!(values, [Some(25), None]);
                }
                _ => {
                    let values: Vec<_> = column.as_primitive::<Int64Type>().iter().collect();
                    assert_eq!(values, [Some(26), None]);
                }
            }
        }
        assert_eq!(selected.failed_expressions, 1, "the one without a where fails on n = 0");

        assert_eq!(offsets(&selected.dead), [105]);
        let letter = &selected.dead[0];
        assert_eq!(letter.view.as_deref(), Some("delays"));
        assert_eq!(letter.reason, "its join key is missing (join keys of the view: `carrier`)");
    }

    #[test]
    fn a_key_that_fails_is_missing_and_keys_are_composite() {
        let repository = repository(DEFINITIONS);
        let decoded = decoded(
            &repository,
            &[
                r#"{"at": 1, "tail": "N1", "n": 9223372036854775807}"#,
                r#"{"at": 2, "tail": "N1", "n": 1}"#,
                r#"{"at": 3, "n": 1}"#,
            ],
        );
        let source = repository.source("flights").expect("defined");
        let timed = SourceSelector::new(source).time(&decoded);
        let selected = selector(&repository, "legs").select(&timed);
        assert_eq!(selected.selection.offsets.as_ref(), [101]);
        assert_eq!(offsets(&selected.dead), [100, 102]);
        let reasons: Vec<_> = selected.dead.iter().map(|letter| letter.reason.as_str()).collect();
        assert!(reasons[0].starts_with("an expression for its join key fails"), "{}", reasons[0]);
        assert!(reasons[1].starts_with("its join key is missing"), "{}", reasons[1]);
        assert_eq!(selected.failed_expressions, 1);
        let tail = std::sync::Arc::new(arrow::array::StringArray::from(vec!["N1"]));
        let number = std::sync::Arc::new(arrow::array::Int64Array::from(vec![2]));
        assert_eq!(selected.selection.keys, encode_keys(&[tail, number]).expect("a text and an integer"));
    }

    #[test]
    fn only_fields_in_use_are_decoded_and_the_others_checked() {
        let repository = repository(DEFINITIONS);
        let source = repository.source("flights").expect("defined");
        let spec = source.decoder_spec(&[repository.view("legs").expect("defined")]);
        let names = |fields: &[thalweg_log::Field]| fields.iter().map(|f| f.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&spec.fields), ["at", "lsn", "n", "seen", "tail"]);
        assert_eq!(names(&spec.unused), ["@timestamp", "carrier", "delay", "out"]);
    }

    #[test]
    fn a_date_is_its_midnight_and_the_record_has_a_time_of_its_own() {
        for (event_time, wanted) in [("day", 86_400_000_000), ("\"@timestamp\"", 100_000)] {
            let definitions = format!(
                "sources:\n  - {{name: flights, topic: flights, format: json, fields: {{day: date, n: int64}}, \
                 event_time: {event_time}}}\n"
            );
            let repository = repository(&definitions);
            let decoded = decoded(&repository, &[r#"{"day": "1970-01-02"}"#]);
            let source = repository.source("flights").expect("defined");
            let timed = SourceSelector::new(source).time(&decoded);
            assert_eq!(timed.times(), [wanted], "{:?}", decoded.dead);
        }
    }
}
