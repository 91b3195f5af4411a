//! Instants as people write and read them.

use arrow::array::{ArrayRef, AsArray, StringArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::TimestampMicrosecondType;
use chrono::{DateTime, SecondsFormat};
use thalweg_core::{FieldType, Instant};

use crate::Error;

/// Reads RFC 3339 such as `2013-07-01T12:00:00Z`; without a zone it is UTC.
///
/// # Errors
/// INVALID_ARGUMENT with what was given.
pub(super) fn parse(text: &str) -> Result<Instant, Error> {
    let given: ArrayRef = std::sync::Arc::new(StringArray::from(vec![text]));
    let options = CastOptions { safe: false, ..Default::default() };
    let cast = cast_with_options(&given, &FieldType::Timestamp.to_arrow(), &options)
        .map_err(|_| Error::invalid(format!("`{text}` is no instant; write it as 2013-07-01T12:00:00Z")))?;
    Ok(Instant::from_micros(cast.as_primitive::<TimestampMicrosecondType>().value(0)))
}

/// Writes an instant as RFC 3339 in UTC, or in microseconds where the calendar ends.
pub(super) fn show(micros: i64) -> String {
    match DateTime::from_timestamp_micros(micros) {
        Some(time) => time.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        None => format!("{micros} us"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_with_and_without_a_zone() {
        let noon = 1_372_680_000_000_000;
        for text in ["2013-07-01T12:00:00Z", "2013-07-01 12:00:00", "2013-07-01T08:00:00-04:00"] {
            assert_eq!(parse(text).expect("an instant").as_micros(), noon);
        }
        assert_eq!(show(noon), "2013-07-01T12:00:00Z");
        assert_eq!(show(noon + 1), "2013-07-01T12:00:00.000001Z");
        assert!(parse("yesterday").is_err());
    }
}
