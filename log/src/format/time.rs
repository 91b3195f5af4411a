//! Instants and dates as JSON spells them: RFC 3339.

use chrono::{Datelike, NaiveDate};

/// Days from the first of January of the year 1 to the epoch, plus one: chrono's name of 1970-01-01.
const EPOCH_DAY: i32 = 719_163;
const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// Days since the epoch of `YYYY-MM-DD`, or nothing if the text is no such date.
pub(super) fn parse_date(text: &str) -> Option<i32> {
    let bytes = text.as_bytes();
    let [_, _, _, _, b'-', _, _, b'-', _, _] = bytes else { return None };
    let year = i32::try_from(digits(&bytes[..4])?).ok()?;
    let date = NaiveDate::from_ymd_opt(year, digits(&bytes[5..7])?, digits(&bytes[8..])?)?;
    Some(date.num_days_from_ce() - EPOCH_DAY)
}

/// Microseconds since the epoch of an RFC 3339 instant, or nothing if the text is none.
///
/// Fractions of a second may have any number of digits and are floored to microseconds. Text without a zone
/// is taken as UTC, and a date alone as its midnight. A leap second is the first second of the next minute.
pub(super) fn parse_instant(text: &str) -> Option<i64> {
    let date = text.get(..10)?;
    let midnight = i64::from(parse_date(date)?) * SECONDS_PER_DAY;
    let bytes = &text.as_bytes()[10..];
    let [b'T' | b't' | b' ', _, _, b':', _, _, b':', _, _, rest @ ..] = bytes else {
        return bytes.is_empty().then_some(midnight * MICROS_PER_SECOND);
    };
    let [hour, minute, second] = [digits(&bytes[1..3])?, digits(&bytes[4..6])?, digits(&bytes[7..9])?];
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (micros, zone) = fraction(rest)?;
    let local = midnight + i64::from(hour * 3_600 + minute * 60 + second);
    // Years have four digits here, so nothing overflows.
    Some((local - offset(zone)?) * MICROS_PER_SECOND + micros)
}

/// The number a few digits write, or nothing if there is something else among them.
fn digits(bytes: &[u8]) -> Option<u32> {
    bytes
        .iter()
        .try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0')))
}

/// Microseconds of a fraction that may be there, and what follows it.
fn fraction(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let Some(rest) = bytes.strip_prefix(b".") else { return Some((0, bytes)) };
    let length = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let (fraction, zone) = rest.split_at(length);
    // A fraction is added to whole seconds before the epoch too, so dropping digits floors.
    let micros = (0..6).fold(0, |micros, place| {
        micros * 10 + fraction.get(place).map_or(0, |digit| i64::from(digit - b'0'))
    });
    (length > 0).then_some((micros, zone))
}

/// Seconds by which the zone's clocks are ahead of UTC.
fn offset(zone: &[u8]) -> Option<i64> {
    match zone {
        [] | [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let [hours, minutes] = [digits(&zone[1..3])?, digits(&zone[4..])?];
            let seconds = i64::from(hours * 3_600 + minutes * 60);
            (hours < 24 && minutes < 60).then_some(if *sign == b'-' { -seconds } else { seconds })
        }
        _ => None,
    }
}

/// Appends the date `days` after the epoch as `YYYY-MM-DD`, or nothing, and says so, if its year has not four
/// digits.
pub(super) fn write_date(days: i32, out: &mut Vec<u8>) -> bool {
    let date = days.checked_add(EPOCH_DAY).and_then(NaiveDate::from_num_days_from_ce_opt);
    let Some((date, year)) = date.and_then(|date| Some((date, u32::try_from(date.year()).ok()?))) else {
        return false;
    };
    if year > 9_999 {
        return false;
    }
    write_digits(year, 4, out);
    out.push(b'-');
    write_digits(date.month(), 2, out);
    out.push(b'-');
    write_digits(date.day(), 2, out);
    true
}

/// Appends the instant `micros` after the epoch in RFC 3339, UTC, or nothing, and says so, if its year has
/// not four digits.
///
/// A fraction is written, with six digits, only if there is one.
pub(super) fn write_instant(micros: i64, out: &mut Vec<u8>) -> bool {
    let (seconds, fraction) = (micros.div_euclid(MICROS_PER_SECOND), micros.rem_euclid(MICROS_PER_SECOND));
    let (days, second) = (seconds.div_euclid(SECONDS_PER_DAY), seconds.rem_euclid(SECONDS_PER_DAY));
    if !i32::try_from(days).is_ok_and(|days| write_date(days, out)) {
        return false;
    }
    // Neither the seconds of a day nor the microseconds of a second pass 32 bits.
    let [second, fraction] = [second as u32, fraction as u32];
    for (mark, number) in [(b'T', second / 3_600), (b':', second / 60 % 60), (b':', second % 60)] {
        out.push(mark);
        write_digits(number, 2, out);
    }
    if fraction != 0 {
        out.push(b'.');
        write_digits(fraction, 6, out);
    }
    out.push(b'Z');
    true
}

/// Appends the last `count` digits of a number.
fn write_digits(number: u32, count: usize, out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + count, b'0');
    let mut rest = number;
    for digit in out[start..].iter_mut().rev() {
        *digit += (rest % 10) as u8;
        rest /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn date_text(days: i32) -> Option<String> {
        let mut out = Vec::new();
        write_date(days, &mut out).then(|| String::from_utf8(out).expect("digits and dashes"))
    }

    fn instant_text(micros: i64) -> Option<String> {
        let mut out = Vec::new();
        write_instant(micros, &mut out).then(|| String::from_utf8(out).expect("digits and marks"))
    }

    #[test]
    fn instants_are_read_to_the_microsecond_below() {
        for (text, micros) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01T00:00:00.000001Z", 1),
            ("1970-01-01T00:00:00.0000019999999Z", 1),
            ("1970-01-01T00:00:00.5z", 500_000),
            ("1969-12-31T23:59:59.9999999Z", -1),
            ("1969-12-31T23:59:59.9999990Z", -1),
            ("1970-01-01t01:00:00+01:00", 0),
            ("1969-12-31 18:30:00-05:30", 0),
            ("2013-07-01T12:00:00", 1_372_680_000_000_000),
            ("2013-07-01 12:00:00.25", 1_372_680_000_250_000),
            ("2013-07-01", 1_372_636_800_000_000),
            ("2016-12-31T23:59:60Z", 1_483_228_800_000_000),
            ("0000-01-01T00:00:00Z", -62_167_219_200_000_000),
            ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999),
        ] {
            assert_eq!(parse_instant(text), Some(micros), "{text}");
        }
    }

    #[test]
    fn what_is_no_instant_is_not_guessed_at() {
        for text in [
            "",
            "now",
            "2013-07-01T",
            "2013-07-01T12",
            "2013-07-01T12:00",
            "2013-7-1T12:00:00Z",
            "2013-02-29T12:00:00Z",
            "2013-07-01T24:00:00Z",
            "2013-07-01T12:60:00Z",
            "2013-07-01T12:00:61Z",
            "2013-07-01T12:00:00.Z",
            "2013-07-01T12:00:00,5Z",
            "2013-07-01T12:00:00+0100",
            "2013-07-01T12:00:00+24:00",
            "2013-07-01T12:00:00 Z",
            "2013-07-01T12:00:00Z ",
            "+013-07-01T12:00:00Z",
            "20130701T120000Z",
            "1372680000",
            "２０１３-07-01",
        ] {
            assert_eq!(parse_instant(text), None, "{text}");
        }
    }

    #[test]
    fn dates_are_read_and_written() {
        for (text, days) in
            [("1970-01-01", 0), ("1969-12-31", -1), ("2000-02-29", 11_016), ("9999-12-31", 2_932_896)]
        {
            assert_eq!(parse_date(text), Some(days));
            assert_eq!(date_text(days).as_deref(), Some(text));
        }
        for text in ["1970-13-01", "1970-00-01", "1970-1-1", "1970-01-011", "-970-01-01", "1970/01/01"] {
            assert_eq!(parse_date(text), None, "{text}");
        }
        for days in [2_932_897, i32::MAX, i32::MIN, -719_529] {
            assert_eq!(date_text(days), None);
        }
    }

    proptest! {
        #[test]
        fn written_instants_read_back(micros in -62_167_219_200_000_000_i64..253_402_300_800_000_000) {
            let text = instant_text(micros).expect("a year of four digits");
            prop_assert_eq!(parse_instant(&text), Some(micros));
        }

        #[test]
        fn other_instants_are_not_written(micros in 253_402_300_800_000_000..=i64::MAX) {
            prop_assert_eq!(instant_text(micros), None);
        }

        #[test]
        fn any_text_is_borne(text in "\\PC*") {
            prop_assume!(parse_instant(&text).is_none());
            prop_assert_eq!(parse_date(&text), None);
        }
    }
}
