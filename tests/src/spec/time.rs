//! Instants and days in RFC 3339.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, SecondsFormat};

/// Days between the day that chrono counts as 0 and the epoch.
const EPOCH_DAY: i32 = 719_163;

/// Microseconds since the epoch, floored; text without a zone is UTC, a day alone its midnight.
pub fn parse_instant(text: &str) -> Option<i64> {
    if let Some(day) = parse_date(text) {
        return Some(i64::from(day) * 86_400_000_000);
    }
    match DateTime::parse_from_rfc3339(text) {
        Ok(instant) => Some(instant.timestamp_micros()),
        Err(_) => {
            let zoneless = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok()?;
            Some(zoneless.and_utc().timestamp_micros())
        }
    }
}

/// Days since the epoch of a day with a year of four digits, or of the number of days that [`date_text`]
/// writes where there is no such year.
pub fn parse_date(text: &str) -> Option<i32> {
    if let Some(days) = text.strip_suffix(" days") {
        return days.parse().ok();
    }
    let well_formed = text.len() == 10 && text.starts_with(|c: char| c.is_ascii_digit());
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| well_formed)?;
    Some(day.num_days_from_ce() - EPOCH_DAY)
}

/// The instant in RFC 3339, with as many digits as it needs; nothing where the year has not four digits.
pub fn instant_text(micros: i64) -> Option<String> {
    let instant =
        DateTime::from_timestamp_micros(micros).filter(|instant| (0..10_000).contains(&instant.year()))?;
    Some(instant.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}

/// The day as `YYYY-MM-DD`, or where its year has not four digits as a number of days since the epoch.
pub fn date_text(days: i32) -> String {
    let day = days.checked_add(EPOCH_DAY).and_then(NaiveDate::from_num_days_from_ce_opt);
    match day.filter(|day| (0..10_000).contains(&day.year())) {
        Some(day) => day.format("%Y-%m-%d").to_string(),
        None => format!("{days} days"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_floored_to_microseconds() {
        for (text, micros) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("1969-12-31T23:59:59.9999999Z", Some(-1)),
            ("1970-01-01T01:00:00.000001+01:00", Some(1)),
            ("2013-07-01T10:00:00", Some(1_372_672_800_000_000)),
            ("2013-07-01", Some(1_372_636_800_000_000)),
            ("10:00", None),
            ("", None),
        ] {
            assert_eq!(parse_instant(text), micros, "{text}");
        }
        assert_eq!(instant_text(1_372_672_800_000_001).as_deref(), Some("2013-07-01T10:00:00.000001Z"));
        assert_eq!(instant_text(i64::MAX), None);
        assert_eq!([0, -1, i32::MIN].map(date_text), ["1970-01-01", "1969-12-31", "-2147483648 days"]);
    }
}
