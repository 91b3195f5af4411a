//! `date_trunc`: an instant down to the beginning of its hour, day, month, …, in UTC.
//!
//! DataFusion's function counts in nanoseconds on its way, and so knows the years from 1677 to 2262 alone,
//! and overflows at the ends of time. This one floors every instant there is, and fails where the floor is
//! none.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, AsArray};
use arrow::compute::try_unary;
use arrow::datatypes::{DataType, TimestampMicrosecondType};
use arrow::error::ArrowError;
use datafusion_common::{Result, ScalarValue, exec_err, internal_err};
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use thalweg_core::FieldType;

const SECOND_US: i64 = 1_000_000;
const DAY_US: i64 = 86_400 * SECOND_US;

/// What instants are floored to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grain {
    /// Stretches of so many microseconds since the epoch.
    Micros(i64),
    /// Weeks, which begin on Mondays.
    Week,
    /// Stretches of so many months of a year: months, quarters, years.
    Months(i64),
}

/// Grains by name.
const GRAINS: [(&str, Grain); 10] = [
    ("microsecond", Grain::Micros(1)),
    ("millisecond", Grain::Micros(1_000)),
    ("second", Grain::Micros(SECOND_US)),
    ("minute", Grain::Micros(60 * SECOND_US)),
    ("hour", Grain::Micros(3_600 * SECOND_US)),
    ("day", Grain::Micros(DAY_US)),
    ("week", Grain::Week),
    ("month", Grain::Months(1)),
    ("quarter", Grain::Months(3)),
    ("year", Grain::Months(12)),
];

impl Grain {
    fn named(name: &str) -> Option<Self> {
        let name = name.to_lowercase();
        GRAINS.iter().find(|(known, _)| *known == name).map(|(_, grain)| *grain)
    }

    /// The latest beginning of a stretch that is not after `micros`, if it is an instant.
    fn floor(self, micros: i64) -> Option<i64> {
        let days = micros.div_euclid(DAY_US);
        match self {
            Self::Micros(width) => micros.checked_sub(micros.rem_euclid(width)),
            // The epoch was a Thursday, three days after a Monday.
            Self::Week => (days - (days + 3).rem_euclid(7)).checked_mul(DAY_US),
            Self::Months(width) => {
                let (year, month) = year_and_month(days);
                let first = month - (month - 1) % width;
                first_day(year, first).checked_mul(DAY_US)
            }
        }
    }
}

/// The year and month (1 to 12) of a day since the epoch, in the proleptic Gregorian calendar.
///
/// Years are taken to begin in March, so that the day a leap year has more comes last: H. Hinnant,
/// "chrono-Compatible Low-Level Date Algorithms".
fn year_and_month(days: i64) -> (i64, i64) {
    let since_era_zero = days + 719_468;
    let era = since_era_zero.div_euclid(146_097);
    let day_of_era = since_era_zero.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let months_since_march = (5 * day_of_year + 2) / 153;
    let month = (months_since_march + 2) % 12 + 1;
    (era * 400 + year_of_era + i64::from(month <= 2), month)
}

/// The first day of a month, in days since the epoch: the inverse of [`year_and_month`].
fn first_day(year: i64, month: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct DateTrunc {
    signature: Signature,
    aliases: [String; 1],
}

static DATE_TRUNC: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    let arguments = vec![DataType::Utf8, FieldType::Timestamp.to_arrow()];
    let signature = Signature::exact(arguments, Volatility::Immutable);
    Arc::new(ScalarUDF::new_from_impl(DateTrunc { signature, aliases: ["datetrunc".to_owned()] }))
});

/// The function of SQL.
pub(super) fn date_trunc() -> Arc<ScalarUDF> {
    Arc::clone(&DATE_TRUNC)
}

/// Why `name` cannot be given to the function as what to floor to, if it cannot.
pub(super) fn check_grain(name: &str) -> std::result::Result<(), String> {
    if Grain::named(name).is_some() {
        return Ok(());
    }
    let known: Vec<_> = GRAINS.iter().map(|(known, _)| *known).collect();
    Err(format!("date_trunc knows {}, and no `{name}`", known.join(", ")))
}

impl ScalarUDFImpl for DateTrunc {
    fn name(&self) -> &str {
        "date_trunc"
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(FieldType::Timestamp.to_arrow())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [ColumnarValue::Scalar(ScalarValue::Utf8(Some(name))), instants] = args.args.as_slice() else {
            return internal_err!("date_trunc was not given the name of a grain as a literal");
        };
        let Some(grain) = Grain::named(name) else {
            return exec_err!("date_trunc knows no `{name}`");
        };
        match instants {
            ColumnarValue::Array(column) => Ok(ColumnarValue::Array(floored(column, grain)?)),
            ColumnarValue::Scalar(scalar) => {
                let floored = floored(&scalar.to_array()?, grain)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&floored, 0)?))
            }
        }
    }
}

fn floored(instants: &ArrayRef, grain: Grain) -> std::result::Result<ArrayRef, ArrowError> {
    let floored = try_unary::<_, _, TimestampMicrosecondType>(
        instants.as_primitive::<TimestampMicrosecondType>(),
        |micros| {
            let beyond = || {
                ArrowError::ComputeError(format!("the floor of {micros} is beyond the instants there are"))
            };
            grain.floor(micros).ok_or_else(beyond)
        },
    )?;
    Ok(Arc::new(floored.with_timezone("UTC")))
}

#[cfg(test)]
mod tests {
    use chrono::{Datelike, NaiveDate};

    use super::*;

    #[test]
    fn the_calendar_is_the_one_of_chrono() {
        let epoch = NaiveDate::from_ymd_opt(1970, 1, 1).expect("a day");
        for days in (-800_000..800_000).step_by(7) {
            let date = epoch + chrono::Duration::days(days);
            let (year, month) = (i64::from(date.year()), i64::from(date.month()));
            assert_eq!(year_and_month(days), (year, month), "{date}");
            let first = date.with_day(1).expect("every month has a first day");
            assert_eq!(first_day(year, month), (first - epoch).num_days(), "{date}");
        }
    }

    #[test]
    fn every_grain_floors_downwards_and_to_itself() {
        let instants =
            [-1, 0, 1, -DAY_US, 1_372_680_000_123_456, -62_135_596_800_000_001, i64::MAX, i64::MIN / 2];
        for (name, grain) in GRAINS {
            for micros in instants {
                let floor = grain.floor(micros).expect("these are far from the first instant");
                assert!(floor <= micros, "{name} of {micros}");
                assert_eq!(grain.floor(floor), Some(floor), "{name} of {micros}");
                assert!(grain.floor(floor - 1).expect("still far") < floor, "{name} of {micros}");
            }
            assert!(grain.floor(i64::MIN).is_none_or(|floor| floor == i64::MIN), "{name}");
        }
        assert_eq!(Grain::Week.floor(0), Some(-3 * DAY_US), "a Monday");
        assert_eq!(Grain::named("Quarter"), Some(Grain::Months(3)));
        assert!(check_grain("fortnight").expect_err("unknown").starts_with("date_trunc knows microsecond"));
    }
}
