//! Fields of a value: which there are, by path, and of which type.

use thalweg_core::FieldType;

use super::FormatError;
use super::debezium::is_around_row;

/// Name of the field that stands for the record's key as a whole.
pub const RECORD_KEY: &str = "@key";
/// What the names of fields begin with that lie in a record's key.
pub const RECORD_KEY_FIELDS: &str = "@key.";
/// What the names of fields begin with that stand for a record's headers: the header's name follows.
pub const RECORD_HEADERS: &str = "@header.";
/// Name of the field that stands for the record's timestamp.
pub const RECORD_TIMESTAMP: &str = "@timestamp";

/// Where a field's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldPlace<'a> {
    /// In the record's value, at this path.
    Value(&'a str),
    /// The record's key, as a whole: a text or bytes, or what a JSON source would write for another type.
    Key,
    /// In the record's key, at this path.
    InKey(&'a str),
    /// The value of the record's last header of this name, spelt like a key as a whole.
    Header(&'a str),
    /// The record's timestamp.
    Timestamp,
    /// In a change event, at this path, around the row that it is about.
    AroundRow(&'a str),
}

/// What an integer counts where a JSON source writes an instant as one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum IntegerUnit {
    /// Microseconds since the epoch: type `timestamp`.
    #[default]
    Microseconds,
    /// Milliseconds since the epoch: type `timestamp_ms`.
    Milliseconds,
    /// Seconds since the epoch: type `timestamp_s`.
    Seconds,
    /// Days since the epoch: dates of change events.
    Days,
}

impl IntegerUnit {
    /// How many microseconds one unit has.
    pub const fn micros(self) -> i64 {
        match self {
            Self::Microseconds => 1,
            Self::Milliseconds => 1_000,
            Self::Seconds => 1_000_000,
            Self::Days => 86_400_000_000,
        }
    }
}

/// A field of a source's values.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    /// Path of the field, dots reaching into nested records (`flight.carrier`); or a name that begins with `@`, for
    /// what is not in the value: see [`FieldPlace`].
    pub name: String,
    /// Type of its column.
    pub field_type: FieldType,
    /// For timestamps of JSON sources, and dates, what integers count. Nothing else looks at it.
    pub unit: IntegerUnit,
}

impl Field {
    /// A field whose integer instants, if it has any, count microseconds.
    pub fn new(name: impl Into<String>, field_type: FieldType) -> Self {
        Self { name: name.into(), field_type, unit: IntegerUnit::Microseconds }
    }

    /// The field a definition file declares as `name: type_name`, or nothing if there is no such type.
    ///
    /// Beside the names of [`FieldType`] there are `timestamp_ms` and `timestamp_s`, for instants that JSON
    /// writes as integers of other units. [`type_names`](Self::type_names) lists them all.
    pub fn declared(name: impl Into<String>, type_name: &str) -> Option<Self> {
        let (field_type, unit) = match type_name {
            "timestamp_ms" => (FieldType::Timestamp, IntegerUnit::Milliseconds),
            "timestamp_s" => (FieldType::Timestamp, IntegerUnit::Seconds),
            _ => {
                let field_type = FieldType::ALL.into_iter().find(|t| t.name() == type_name)?;
                (field_type, IntegerUnit::Microseconds)
            }
        };
        Some(Self { name: name.into(), field_type, unit })
    }

    /// Has integers taken for days where this is a date.
    pub fn count_days(&mut self) {
        if self.field_type == FieldType::Date {
            self.unit = IntegerUnit::Days;
        }
    }

    /// Every name [`declared`](Self::declared) knows.
    pub fn type_names() -> impl Iterator<Item = &'static str> {
        FieldType::ALL.into_iter().map(FieldType::name).chain(["timestamp_ms", "timestamp_s"])
    }

    /// The name of this field's type in definition files.
    pub const fn type_name(&self) -> &'static str {
        match (self.field_type, self.unit) {
            (FieldType::Timestamp, IntegerUnit::Milliseconds) => "timestamp_ms",
            (FieldType::Timestamp, IntegerUnit::Seconds) => "timestamp_s",
            _ => self.field_type.name(),
        }
    }

    /// Where the field's value is; nothing if the name is no path.
    pub fn place(&self) -> Option<FieldPlace<'_>> {
        let path = |path: &str| path.split('.').all(|part| !part.is_empty());
        let name = self.name.as_str();
        if name == RECORD_KEY {
            Some(FieldPlace::Key)
        } else if name == RECORD_TIMESTAMP {
            Some(FieldPlace::Timestamp)
        } else if let Some(inside) = name.strip_prefix(RECORD_KEY_FIELDS) {
            path(inside).then_some(FieldPlace::InKey(inside))
        } else if let Some(header) = name.strip_prefix(RECORD_HEADERS) {
            (!header.is_empty()).then_some(FieldPlace::Header(header))
        } else if let Some(around) = name.strip_prefix('@') {
            is_around_row(around).then_some(FieldPlace::AroundRow(around))
        } else {
            path(name).then_some(FieldPlace::Value(name))
        }
    }

    /// Whether the field stands for something that is not in the value.
    pub fn is_outside_value(&self) -> bool {
        self.name.starts_with('@')
    }
}

/// Refuses sets of fields that no decoder could fill: malformed paths, a name twice, a field inside another
/// field, unknown names beginning with `@`.
pub(super) fn check_fields(fields: &[Field]) -> Result<(), FormatError> {
    for field in fields {
        check_field(field)?;
    }
    let mut names: Vec<&str> = fields.iter().map(|f| f.name.as_str()).collect();
    // Compared segment by segment, so that what lies inside a field comes right after it.
    names.sort_by(|a, b| a.split('.').cmp(b.split('.')));
    for pair in names.windows(2) {
        let [outer, inner] = [pair[0], pair[1]];
        if outer == inner {
            return Err(FormatError::FieldTwice { field: outer.to_owned() });
        }
        // A key as a whole is no record, and dots in the names of headers mean nothing.
        let holds_fields = outer != RECORD_KEY && !outer.starts_with(RECORD_HEADERS);
        if holds_fields && inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.')) {
            return Err(FormatError::FieldInsideField { outer: outer.to_owned(), inner: inner.to_owned() });
        }
    }
    Ok(())
}

fn check_field(field: &Field) -> Result<(), FormatError> {
    match field.place() {
        None => Err(FormatError::BadPath { field: field.name.clone() }),
        Some(FieldPlace::Timestamp) if field.field_type != FieldType::Timestamp => {
            Err(FormatError::BadTimestampType { field: field.name.clone(), declared: field.field_type })
        }
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_name_is_declared_and_given_back() {
        for name in Field::type_names() {
            let field = Field::declared("a", name).expect("a listed type name");
            assert_eq!(field.type_name(), name);
        }
        assert_eq!(Field::declared("a", "float"), None);
        assert_eq!(Field::declared("a", "timestamp_ms").expect("declared").unit.micros(), 1_000);
    }

    #[test]
    fn fields_that_cannot_be_filled_are_refused() {
        let check = |names: &[&str]| {
            let fields: Vec<_> = names.iter().map(|n| Field::new(*n, FieldType::String)).collect();
            check_fields(&fields).map_err(|e| e.to_string())
        };
        let sound =
            ["a", "a-b", "ab", "b.a", "b.c.d", "@key", "@key.a", "@header.x", "@header.x.y", "@header.."];
        assert_eq!(check(&sound), Ok(()));
        for (names, wanted) in [
            (&["x", "a", "x"][..], "field `x` is asked for twice"),
            (&["a.b", "a-b", "a"][..], "field `a.b` lies inside field `a`"),
            (&["a..b"][..], "`a..b` is no path"),
            (&[""][..], "`` is no path"),
            (&["@key.a", "@key.a.b"][..], "field `@key.a.b` lies inside field `@key.a`"),
            (&["@header.x", "@header.x"][..], "field `@header.x` is asked for twice"),
            (&["@header."][..], "`@header.` is no path"),
            (&["@key."][..], "`@key.` is no path"),
            (&["@offset"][..], "`@offset` is no path"),
            (&["@timestamp"][..], "field `@timestamp` is string"),
        ] {
            let message = check(names).expect_err("these fields clash");
            assert!(message.starts_with(wanted), "{message}");
        }
    }
}
