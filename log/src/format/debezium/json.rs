//! Changes in JSON, with or without the schema that Kafka Connect may write around them.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Change, Image, no_image};
use crate::format::Field;
use crate::format::column::Column;
use crate::format::field::FieldPlace;
use crate::format::json::JsonReader;

/// Reads changes, picking some fields of the row and of what is around it.
#[derive(Debug)]
pub(in crate::format) struct DebeziumJson {
    row: JsonReader,
    /// Reads what is around the row, if that is wanted.
    around: Option<JsonReader>,
}

/// A change as it is written.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    payload: Option<&'a RawValue>,
    #[serde(borrow, default)]
    before: Option<&'a RawValue>,
    #[serde(borrow, default)]
    after: Option<&'a RawValue>,
    #[serde(borrow, default)]
    op: Option<Cow<'a, str>>,
}

impl DebeziumJson {
    /// A reader that puts field `i` into column `i`, but for those of keys, headers and timestamps.
    pub(in crate::format) fn new(fields: &[Field]) -> Self {
        let is_around = |field: &Field| matches!(field.place(), Some(FieldPlace::AroundRow(_)));
        let around = fields.iter().any(is_around).then(|| JsonReader::around_row(fields.to_vec()));
        Self { row: JsonReader::new(fields.to_vec()), around }
    }

    /// Reads one change. A field that is missing appends nothing to its column, a null appends a null.
    ///
    /// # Errors
    /// What is wrong with the payload; columns may have got some of its values.
    pub(in crate::format) fn read(
        &self,
        payload: &[u8],
        columns: &mut [Column],
        row: usize,
    ) -> Result<Change, String> {
        let mut text = std::str::from_utf8(payload)
            .map_err(|e| format!("not UTF-8: byte {} is no part of a character", e.valid_up_to()))?;
        let mut envelope = parse(text)?;
        if let (None, Some(payload)) = (&envelope.op, envelope.payload) {
            text = payload.get();
            envelope = parse(text)?;
        }
        let op = envelope.op.as_deref().ok_or("not a change as Debezium writes it: it has no `op`")?;
        let (change, image) = Change::of(op)?;
        let text_of_row = match image {
            Image::After => envelope.after,
            Image::Before => envelope.before,
        };
        let text_of_row = text_of_row.ok_or_else(|| no_image(image))?;
        self.row.read(text_of_row.get().as_bytes(), columns, row)?;
        if let Some(around) = &self.around {
            around.read(text.as_bytes(), columns, row)?;
        }
        Ok(change)
    }
}

fn parse(text: &str) -> Result<Envelope<'_>, String> {
    serde_json::from_str(text).map_err(|error| format!("not a change as Debezium writes it: {error}"))
}

#[cfg(test)]
mod tests {
    use crate::format::test_support::{columns_text, decode, spec};
    use crate::format::{Field, Format};

    fn fields() -> Vec<Field> {
        [
            ("id", "int64"),
            ("at.day", "date"),
            ("@op", "string"),
            ("@source.ts_us", "timestamp"),
            ("@before.id", "int64"),
        ]
        .map(|(name, of_type)| {
            let mut field = Field::declared(name, of_type).expect("a type");
            field.count_days();
            field
        })
        .to_vec()
    }

    #[test]
    fn the_row_is_the_one_after_the_change_or_the_one_that_was() {
        let changes: [&[u8]; 5] = [
            br#"{"before": null, "after": {"id": 1, "at": {"day": 2}}, "source": {"ts_us": 5, "x": []}, "op": "c"}"#,
            br#"{"op": "u", "before": {"id": 1}, "after": {"id": 2, "at": {"day": "1970-01-04"}}, "source": null}"#,
            br#"{"schema": {"type": "struct", "op": 1}, "payload": {"op": "d", "before": {"id": 3}, "after": null}}"#,
            br#"{"op": "r", "after": {"id": 4}, "payload": null}"#,
            br#"{"after": {}, "op": "\u0072"}"#,
        ];
        let decoded = decode(&spec(Format::DebeziumJson, fields()), &changes);
        assert_eq!(decoded.dead, []);
        assert_eq!(
            columns_text(&decoded.columns),
            [
                "1, 2, 3, 4, null",
                "2, 3, null, null, null",
                r#""c", "u", "d", "r", "r""#,
                "5, null, null, null, null",
                "null, 1, 3, null, null"
            ]
        );
        assert_eq!((decoded.deleted.as_slice(), decoded.tombstones.len()), (&[2][..], 0));
    }

    #[test]
    fn what_is_no_change_of_a_row_is_dead() {
        for (change, wanted) in [
            (&b"{}"[..], "not a change as Debezium writes it: it has no `op`"),
            (br#"{"id": 1}"#, "not a change as Debezium writes it: it has no `op`"),
            (b"[1]", "not a change as Debezium writes it: "),
            (b"{\"op\": \"c\"", "not a change as Debezium writes it: EOF"),
            (b"\xff", "not UTF-8"),
            (br#"{"op": "c"}"#, "there is no row in `after`"),
            (br#"{"op": "d", "after": {}}"#, "it deletes, and there is no row in `before`"),
            (br#"{"op": "t"}"#, "the whole table was truncated"),
            (br#"{"op": "m"}"#, "a message and no row"),
            (br#"{"op": "x", "after": {}}"#, "there is no change of the kind `op` \"x\""),
            (br#"{"op": "c", "after": []}"#, "not the expected JSON: invalid type: sequence"),
            (br#"{"op": "c", "after": {"id": "1"}}"#, "field `id`: \"1\" is no int64"),
            (br#"{"op": "c", "after": {}, "source": {"ts_us": "x"}}"#, "field `@source.ts_us`: \"x\""),
        ] {
            let decoded = decode(&spec(Format::DebeziumJson, fields()), &[change]);
            let reason = decoded.dead.first().map_or("", |dead| dead.reason.as_str());
            assert!(reason.starts_with(wanted), "{reason}");
        }
    }
}
