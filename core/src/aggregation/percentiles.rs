//! Which percentiles are asked for.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// A share of one, from 0 to 1, in whole billionths: so that the rank it stands for is exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percentile(u32);

/// One.
const BILLION: u32 = 1_000_000_000;

impl Percentile {
    /// How many billionths it is, at most a billion.
    pub const fn billionths(self) -> u32 {
        self.0
    }
}

/// As a share of one.
impl fmt::Display for Percentile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("0"),
            BILLION => f.write_str("1"),
            billionths => f.write_str(format!("0.{billionths:09}").trim_end_matches('0')),
        }
    }
}

/// Some percentiles, in the order in which they are given.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Percentiles(Arc<[Percentile]>);

/// A text is no percentile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` cannot be one of `percentiles`: write percents such as 50 and 99.9, or shares of one such as 0.5 and \
     0.999, with at most {DECIMALS} decimals"
)]
pub struct ParsePercentileError {
    /// Position of the text in the list.
    pub position: usize,
    /// The text.
    pub text: String,
}

/// Decimals that a percentile can have.
const DECIMALS: usize = 7;

impl Percentiles {
    /// Reads percentiles as definitions write them: percents such as 50 and 99.9, or, where no number is above 1,
    /// shares of one such as 0.5 and 0.999.
    ///
    /// # Errors
    ///
    /// For the first text that is no such number.
    pub fn read(texts: &[impl AsRef<str>]) -> Result<Self, ParsePercentileError> {
        let read = |(position, text): (usize, _)| {
            let text = AsRef::<str>::as_ref(text);
            // In units of the last decimal there can be.
            let number = number(text).filter(|number| *number <= 100 * ONE);
            number.ok_or_else(|| ParsePercentileError { position, text: text.to_owned() })
        };
        let numbers: Vec<u64> = texts.iter().enumerate().map(read).collect::<Result<_, _>>()?;
        let unit = if numbers.iter().any(|number| *number > ONE) { 100 * ONE } else { ONE };
        let share = |number: u64| Percentile((number * u64::from(BILLION) / unit) as u32);
        Ok(Self(numbers.into_iter().map(share).collect()))
    }
}

/// One, in units of the last decimal there can be.
const ONE: u64 = 10_000_000;

/// A decimal number in units of the last decimal there can be.
fn number(text: &str) -> Option<u64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    if !is_number(whole) || !is_number(decimals) || decimals.len() > DECIMALS {
        return None;
    }
    format!("{whole}{decimals:0<DECIMALS$}").parse().ok()
}

impl Deref for Percentiles {
    type Target = [Percentile];

    fn deref(&self) -> &[Percentile] {
        &self.0
    }
}

/// As a list of shares of one.
impl fmt::Display for Percentiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<_> = self.iter().map(Percentile::to_string).collect();
        write!(f, "[{}]", all.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percents_and_shares_of_one_are_told_apart_by_what_is_above_one() {
        let read = |texts: &[&str]| Percentiles::read(texts).expect("percentiles").to_string();
        assert_eq!(read(&["0", "1.0", "0.50", "00.99", "0.0000001"]), "[0, 1, 0.5, 0.99, 0.0000001]");
        assert_eq!(read(&["0", "100", "50", "99.9", "0.0000001"]), "[0, 1, 0.5, 0.999, 0.000000001]");
        assert_eq!(read(&["1", "50"]), "[0.01, 0.5]");
        assert_eq!(read(&["1"]), "[1]");
    }

    #[test]
    fn what_is_no_percentile_is_refused() {
        for text in [
            "",
            ".5",
            "0.",
            "100.0000001",
            "101",
            "0.12345678",
            "-0.5",
            "5e-1",
            "0.5 ",
            "99999999999999999999",
        ] {
            let error = ParsePercentileError { position: 1, text: text.to_owned() };
            assert_eq!(Percentiles::read(&["50", text]), Err(error));
        }
    }
}
