//! The Avro schema of a source.

use super::Source;

/// In which order, and beside what, the fields of a source are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writing {
    /// As they are read.
    Same,
    /// From the last one to the first.
    Reversed,
    /// Behind a text that nobody reads.
    WithMore,
}

impl Writing {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Same, Self::Reversed, Self::WithMore];

    /// The number of the schema by which fields of `source` are written so.
    pub fn number(self, source: &Source) -> u32 {
        let of_source = source.name.bytes().fold(0, |sum: u32, byte| sum * 31 % 1_000_003 + u32::from(byte));
        1_000 * of_source + Self::ALL.iter().position(|other| *other == self).map_or(0, |at| at as u32)
    }

    /// The fields in the order in which they are written.
    pub fn fields(self, source: &Source) -> Vec<(&String, &'static str)> {
        let fields = source.fields.iter().map(|(path, declared)| (path, *declared));
        if self == Self::Reversed { fields.rev().collect() } else { fields.collect() }
    }
}

impl Source {
    /// The schema, as JSON: a record of the source's fields, any of which can be null.
    ///
    /// # Panics
    /// If a field is declared as what Avro has no type for.
    pub fn avro_schema(&self) -> String {
        self.written_schema(Writing::Same)
    }

    /// The schema by which its fields are written so.
    ///
    /// # Panics
    /// If a field is declared as what Avro has no type for.
    pub fn written_schema(&self, writing: Writing) -> String {
        let nullable = |name: &str, of: &str| format!(r#"{{"name": "{name}", "type": ["null", {of}]}}"#);
        let field = |(path, declared): (&String, &str)| match path.split_once('.') {
            None => nullable(path, avro_type(declared)),
            Some((record, field)) => {
                let inner = nullable(field, avro_type(declared));
                let of = format!(r#"{{"type": "record", "name": "In_{record}", "fields": [{inner}]}}"#);
                nullable(record, &of)
            }
        };
        let more = (writing == Writing::WithMore).then(|| nullable("nobody_reads", r#""string""#));
        let fields: Vec<_> = more.into_iter().chain(writing.fields(self).into_iter().map(field)).collect();
        format!(r#"{{"type": "record", "name": "{}", "fields": [{}]}}"#, self.name, fields.join(", "))
    }
}

fn avro_type(declared: &str) -> &'static str {
    match declared {
        "bool" => r#""boolean""#,
        "int32" => r#""int""#,
        "int64" => r#""long""#,
        "float32" => r#""float""#,
        "float64" => r#""double""#,
        "string" => r#""string""#,
        "binary" => r#""bytes""#,
        "date" => r#"{"type": "int", "logicalType": "date"}"#,
        "timestamp" => r#"{"type": "long", "logicalType": "timestamp-micros"}"#,
        "timestamp_ms" => r#"{"type": "long", "logicalType": "timestamp-millis"}"#,
        other => panic!("Avro has no {other}"),
    }
}
