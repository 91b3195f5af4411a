//! Values that hold no others: written as one type, read as another.

use super::cursor::{Cursor, Fault};
use super::shape::{Shape, TimestampUnit};
use crate::format::column::Scalar;

/// How a value that holds no others is read.
///
/// What may become what are Avro's rules of schema resolution, with one addition: a timestamp that is read as one is the
/// same instant, whatever the two schemas count in. (By the letter of the specification its number would be kept, and
/// the instant be another one.)
#[derive(Debug)]
pub(super) enum Leaf {
    Null,
    Boolean,
    Int(Number),
    Long(Number),
    Float {
        /// Whether it is read as a double.
        wide: bool,
    },
    Double,
    Bytes {
        /// Whether they are read as a string.
        text: bool,
    },
    String {
        /// Whether it is read as bytes.
        bytes: bool,
    },
    Fixed(usize),
    /// The symbol that each number is read as, or why there is none.
    Enum(Vec<Result<String, String>>),
}

/// What an integer is read as.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    Int32,
    Int64,
    Float,
    Double,
    /// It counts so many units since the epoch.
    Instant(TimestampUnit),
}

impl Leaf {
    /// How a value of the type `written` is read as one of the type `read`; nothing if it cannot be, or either of them
    /// holds other values.
    pub(super) fn new(written: &Shape, read: &Shape) -> Option<Self> {
        Some(match (written, read) {
            (Shape::Null, Shape::Null) => Self::Null,
            (Shape::Boolean, Shape::Boolean) => Self::Boolean,
            // Days are no count of a timestamp's unit.
            (Shape::Date, Shape::Timestamp(_)) => return None,
            (Shape::Int | Shape::Date, _) => Self::Int(Number::new(read)?),
            (Shape::Timestamp(unit), Shape::Timestamp(_)) => Self::Long(Number::Instant(*unit)),
            (Shape::Long | Shape::Timestamp(_), _) => match Number::new(read)? {
                Number::Int32 => return None,
                number => Self::Long(number),
            },
            (Shape::Float, Shape::Float) => Self::Float { wide: false },
            (Shape::Float, Shape::Double) => Self::Float { wide: true },
            (Shape::Double, Shape::Double) => Self::Double,
            (Shape::Bytes, Shape::Bytes) => Self::Bytes { text: false },
            (Shape::Bytes, Shape::String) => Self::Bytes { text: true },
            (Shape::String, Shape::String) => Self::String { bytes: false },
            (Shape::String, Shape::Bytes) => Self::String { bytes: true },
            (Shape::Fixed { name, size }, Shape::Fixed { name: other, size: same }) => {
                (other.answers_to(name) && size == same).then_some(Self::Fixed(*size))?
            }
            (Shape::Enum { name, symbols, .. }, Shape::Enum { name: other, symbols: known, default }) => {
                if !other.answers_to(name) {
                    return None;
                }
                let read_as = |symbol: &String| match default {
                    _ if known.contains(symbol) => Ok(symbol.clone()),
                    Some(default) => Ok(default.clone()),
                    None => Err(format!(
                        "the symbol {symbol} is none of those in the source's schema, which has no default: {}",
                        known.join(", ")
                    )),
                };
                Self::Enum(symbols.iter().map(read_as).collect())
            }
            _ => return None,
        })
    }

    /// Reads a value; null is none.
    #[inline]
    pub(super) fn read<'a, 'v: 'a>(&'a self, cursor: &mut Cursor<'v>) -> Result<Option<Scalar<'a>>, Fault> {
        Ok(Some(match self {
            Self::Null => return Ok(None),
            Self::Boolean => Scalar::Bool(cursor.boolean()?),
            Self::Int(number) => {
                let int = cursor.int()?;
                match number {
                    Number::Int32 => Scalar::Int32(int),
                    _ => number.of(int.into(), cursor)?,
                }
            }
            Self::Long(number) => {
                let long = cursor.long()?;
                number.of(long, cursor)?
            }
            Self::Float { wide } => {
                let float = f32::from_le_bytes(cursor.array("a float")?);
                if *wide { Scalar::Float64(float.into()) } else { Scalar::Float32(float) }
            }
            Self::Double => Scalar::Float64(f64::from_le_bytes(cursor.array("a double")?)),
            Self::Bytes { text: false } => Scalar::Binary(cursor.sized("bytes")?),
            Self::Bytes { text: true } => {
                let bytes = cursor.sized("bytes")?;
                let text = std::str::from_utf8(bytes).map_err(|_| {
                    cursor.fault("bytes that are not UTF-8, though they are to be read as a string")
                })?;
                Scalar::String(text)
            }
            Self::String { bytes: false } => Scalar::String(cursor.text()?),
            Self::String { bytes: true } => Scalar::Binary(cursor.text()?.as_bytes()),
            Self::Fixed(size) => Scalar::Binary(cursor.bytes(*size, "a fixed")?),
            Self::Enum(symbols) => {
                let number = cursor.choice(symbols.len(), "enum symbol")?;
                Scalar::String(symbols[number].as_ref().map_err(|why| cursor.fault(why))?)
            }
        }))
    }
}

impl Number {
    /// What an integer is as a value of this type.
    fn new(read: &Shape) -> Option<Self> {
        Some(match read {
            Shape::Int | Shape::Date => Self::Int32,
            Shape::Long => Self::Int64,
            Shape::Float => Self::Float,
            Shape::Double => Self::Double,
            Shape::Timestamp(unit) => Self::Instant(*unit),
            _ => return None,
        })
    }

    /// The value of `count`, which is no int.
    #[inline]
    fn of(self, count: i64, cursor: &Cursor<'_>) -> Result<Scalar<'static>, Fault> {
        Ok(match self {
            Self::Int32 | Self::Int64 => Scalar::Int64(count),
            Self::Float => Scalar::Float32(count as f32),
            Self::Double => Scalar::Float64(count as f64),
            Self::Instant(unit) => {
                let micros = match unit {
                    TimestampUnit::Millis => count.checked_mul(1_000),
                    TimestampUnit::Micros => Some(count),
                    TimestampUnit::Nanos => Some(count.div_euclid(1_000)),
                };
                Scalar::Int64(micros.ok_or_else(|| {
                    cursor.fault(format_args!("{count} milliseconds are out of the range of timestamp"))
                })?)
            }
        })
    }
}
