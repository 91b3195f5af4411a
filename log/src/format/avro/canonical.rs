//! The parsing canonical form of a schema and its fingerprint, as the Avro specification defines them.
//!
//! `apache-avro` has both, but as of 0.22 its canonical form keeps what the specification drops
//! (`{"type":"long"}` for a logical type, precision and scale) and loses inherited namespaces, so its
//! fingerprints are not those that other implementations write.

use std::collections::HashSet;

use apache_avro::Schema;
use apache_avro::schema::{DecimalSchema, FixedSchema, InnerDecimalSchema, Name, UuidSchema};

/// The schema in parsing canonical form.
pub(super) fn canonical_form(schema: &Schema) -> String {
    let mut writer = Writer { text: String::new(), named: HashSet::new() };
    writer.schema(schema, None);
    writer.text
}

/// CRC-64-AVRO, the specification's Rabin fingerprint.
pub(super) fn fingerprint(bytes: &[u8]) -> u64 {
    const EMPTY: u64 = 0xc15d_213a_a4d7_a795;
    bytes.iter().fold(EMPTY, |crc, byte| {
        (0..8).fold(crc ^ u64::from(*byte), |crc, _| (crc >> 1) ^ (EMPTY & (crc & 1).wrapping_neg()))
    })
}

/// The namespace a full name gives to what is inside.
pub(super) fn namespace_of(full_name: &str) -> Option<&str> {
    full_name.rsplit_once('.').map(|(namespace, _)| namespace)
}

struct Writer {
    text: String,
    named: HashSet<String>,
}

impl Writer {
    fn schema(&mut self, schema: &Schema, namespace: Option<&str>) {
        match schema {
            Schema::Null => self.quoted("null"),
            Schema::Boolean => self.quoted("boolean"),
            Schema::Int | Schema::Date | Schema::TimeMillis => self.quoted("int"),
            Schema::Long
            | Schema::TimeMicros
            | Schema::TimestampMillis
            | Schema::TimestampMicros
            | Schema::TimestampNanos
            | Schema::LocalTimestampMillis
            | Schema::LocalTimestampMicros
            | Schema::LocalTimestampNanos => self.quoted("long"),
            Schema::Float => self.quoted("float"),
            Schema::Double => self.quoted("double"),
            Schema::Bytes
            | Schema::BigDecimal
            | Schema::Uuid(UuidSchema::Bytes)
            | Schema::Decimal(DecimalSchema { inner: InnerDecimalSchema::Bytes, .. }) => self.quoted("bytes"),
            Schema::String | Schema::Uuid(UuidSchema::String) => self.quoted("string"),
            Schema::Array(array) => {
                self.text.push_str(r#"{"type":"array","items":"#);
                self.schema(&array.items, namespace);
                self.text.push('}');
            }
            Schema::Map(map) => {
                self.text.push_str(r#"{"type":"map","values":"#);
                self.schema(&map.types, namespace);
                self.text.push('}');
            }
            Schema::Union(union) => {
                self.list(union.variants(), '[', ']', |writer, variant| writer.schema(variant, namespace));
            }
            Schema::Record(record) => self.named(&record.name, namespace, "record", |writer, inside| {
                writer.text.push_str(r#","fields":"#);
                writer.list(&record.fields, '[', ']', |writer, field| {
                    writer.text.push_str(r#"{"name":"#);
                    writer.quoted(&field.name);
                    writer.text.push_str(r#","type":"#);
                    writer.schema(&field.schema, inside);
                    writer.text.push('}');
                });
            }),
            Schema::Enum(symbols) => self.named(&symbols.name, namespace, "enum", |writer, _| {
                writer.text.push_str(r#","symbols":"#);
                writer.list(&symbols.symbols, '[', ']', |writer, symbol| writer.quoted(symbol));
            }),
            Schema::Fixed(fixed)
            | Schema::Duration(fixed)
            | Schema::Uuid(UuidSchema::Fixed(fixed))
            | Schema::Decimal(DecimalSchema { inner: InnerDecimalSchema::Fixed(fixed), .. }) => {
                let FixedSchema { name, size, .. } = fixed;
                self.named(name, namespace, "fixed", |writer, _| {
                    writer.text.push_str(&format!(r#","size":{size}"#));
                });
            }
            Schema::Ref { name } => self.quoted(&name.fullname(namespace)),
        }
    }

    /// A named type: whole where it is first met, by name afterwards.
    fn named(
        &mut self,
        name: &Name,
        namespace: Option<&str>,
        kind: &str,
        rest: impl FnOnce(&mut Self, Option<&str>),
    ) {
        let full_name = name.fullname(namespace);
        if !self.named.insert(full_name.clone()) {
            return self.quoted(&full_name);
        }
        self.text.push_str(r#"{"name":"#);
        self.quoted(&full_name);
        self.text.push_str(r#","type":"#);
        self.quoted(kind);
        rest(self, namespace_of(&full_name));
        self.text.push('}');
    }

    fn list<T>(&mut self, items: &[T], open: char, close: char, mut write: impl FnMut(&mut Self, &T)) {
        self.text.push(open);
        for (place, item) in items.iter().enumerate() {
            if place > 0 {
                self.text.push(',');
            }
            write(self, item);
        }
        self.text.push(close);
    }

    /// Names and symbols have nothing to escape.
    fn quoted(&mut self, text: &str) {
        self.text.push('"');
        self.text.push_str(text);
        self.text.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(json: &str) -> String {
        canonical_form(&Schema::parse_str(json).expect("a sound schema"))
    }

    #[test]
    fn fingerprints_are_those_of_the_specifications_test_data() {
        // From share/test/data/schema-tests.txt of Apache Avro.
        for (schema, fingerprint_of) in [
            (r#""null""#, 7_195_948_357_588_979_594_i64),
            (r#""int""#, 8_247_732_601_305_521_295),
            (r#""string""#, -8_142_146_995_180_207_161),
            (r#"{"name":"foo","type":"fixed","size":15}"#, 1_756_455_273_707_447_556),
        ] {
            let canonical = canonical(schema);
            assert_eq!(canonical, schema);
            assert_eq!(fingerprint(canonical.as_bytes()).cast_signed(), fingerprint_of, "{schema}");
        }
    }

    #[test]
    fn only_what_decides_the_bytes_is_kept() {
        assert_eq!(
            canonical(
                r#"{"doc": "x", "namespace": "a.b", "name": "R", "aliases": ["S"], "type": "record", "fields": [
                    {"default": 1, "type": {"logicalType": "timestamp-millis", "type": "long"}, "name": "t"},
                    {"name": "d", "type": {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}},
                    {"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["X", "Y"], "default": "X"}},
                    {"name": "f", "type": ["null", "E", {"type": "array", "items": "a.b.R"}], "order": "ignore"},
                    {"name": "g", "type": {"type": "map", "values": {"type": "double"}}}]}"#
            ),
            concat!(
                r#"{"name":"a.b.R","type":"record","fields":[{"name":"t","type":"long"},{"name":"d","type":"bytes"},"#,
                r#"{"name":"e","type":{"name":"a.b.E","type":"enum","symbols":["X","Y"]}},"#,
                r#"{"name":"f","type":["null","a.b.E",{"type":"array","items":"a.b.R"}]},"#,
                r#"{"name":"g","type":{"type":"map","values":"double"}}]}"#
            )
        );
    }
}
