//! Exact arithmetic: sums and sums of squares that lose nothing, and statistics rounded once.
//!
//! [`ExactSum`] and [`ExactSquares`] hold the exact value of everything added and not subtracted, so they
//! do not depend on the order or the grouping of what they were given, and what leaves a window is
//! subtracted without drift. Every result is the correctly rounded double (to nearest, ties to even) of an
//! exact rational number or of its square root.
//!
//! The idea is the superaccumulator (Kulisch; Neal, "Fast exact summation using small and large
//! superaccumulators", 2015): a fixed-point number wide enough for every double, here narrowed to the digits
//! in use.

mod digits;
mod encoding;
mod leading;
mod natural;
mod non_finite;
mod parts;
mod power;
mod rounding;
mod squares;
mod statistics;
mod sum;
#[cfg(test)]
mod testing;
mod weighted;

pub use encoding::DecodeError;
pub(crate) use power::nearest_power_of_two;
pub use squares::ExactSquares;
pub use statistics::{stddev, variance};
pub use sum::ExactSum;
pub(crate) use weighted::WeightedSum;
