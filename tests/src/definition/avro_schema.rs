//! The Avro schema of a source.

use super::Source;

impl Source {
    /// The schema, as JSON: a record of the source's fields, any of which can be null.
    ///
    /// # Panics
    /// If a field is declared as what Avro has no type for.
    pub fn avro_schema(&self) -> String {
        let fields = self.fields.iter().map(|(path, declared)| {
            let nullable = |name: &str, of: &str| format!(r#"{{"name": "{name}", "type": ["null", {of}]}}"#);
            match path.split_once('.') {
                None => nullable(path, avro_type(declared)),
                Some((record, field)) => {
                    let inner = nullable(field, avro_type(declared));
                    nullable(
                        record,
                        &format!(r#"{{"type": "record", "name": "In_{record}", "fields": [{inner}]}}"#),
                    )
                }
            }
        });
        let fields: Vec<_> = fields.collect();
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
