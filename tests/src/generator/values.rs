//! Values of fields, from pools that are chosen anew for each case.

use rand::Rng;
use rand::seq::IndexedRandom;
use thalweg_core::{FieldType, Value};

use super::Chance;

/// What the values of a case are like.
#[derive(Clone, Copy, Debug)]
pub struct Pools {
    floats: Floats,
    integers: Integers,
}

#[derive(Clone, Copy, Debug)]
enum Floats {
    Tame,
    Cancelling,
    Extreme,
    Tiny,
    Special,
    Zeros,
    AnyBits,
}

#[derive(Clone, Copy, Debug)]
enum Integers {
    Small,
    Extreme,
    AnyBits,
}

impl Pools {
    /// Pools for one case.
    pub fn new(chance: &mut Chance) -> Self {
        let floats = [
            Floats::Tame,
            Floats::Tame,
            Floats::Cancelling,
            Floats::Cancelling,
            Floats::Extreme,
            Floats::Tiny,
            Floats::Special,
            Floats::Zeros,
            Floats::AnyBits,
        ];
        let integers = [Integers::Small, Integers::Small, Integers::Extreme, Integers::AnyBits];
        Self { floats: pick(chance, &floats), integers: pick(chance, &integers) }
    }

    /// A value of `field_type`, not null.
    pub fn value(self, chance: &mut Chance, field_type: FieldType) -> Value {
        match field_type {
            FieldType::Bool => Value::Bool(chance.random()),
            FieldType::Int32 => Value::Int32(self.small_integer(chance)),
            FieldType::Int64 => Value::Int64(self.integer(chance)),
            FieldType::Float32 => Value::Float32(self.single(chance)),
            FieldType::Float64 => Value::Float64(self.double(chance)),
            FieldType::String => Value::String(text(chance).into()),
            FieldType::Binary => Value::Binary(text(chance).bytes().rev().collect()),
            FieldType::Date => Value::Date(chance.random_range(-5..5)),
            FieldType::Timestamp => Value::Timestamp(self.integer(chance)),
        }
    }

    fn integer(self, chance: &mut Chance) -> i64 {
        match self.integers {
            Integers::Small => chance.random_range(-9..10),
            Integers::Extreme => {
                pick(chance, &[i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX / 2, i64::MAX - 1, i64::MAX])
            }
            Integers::AnyBits => chance.random(),
        }
    }

    fn small_integer(self, chance: &mut Chance) -> i32 {
        match self.integers {
            Integers::Small => chance.random_range(-9..10),
            Integers::Extreme => pick(chance, &[i32::MIN, -1, 0, 1, i32::MAX]),
            Integers::AnyBits => chance.random(),
        }
    }

    fn double(self, chance: &mut Chance) -> f64 {
        match self.floats {
            Floats::Tame => f64::from(chance.random_range(-30..30)) * pick(chance, &[0.1, 0.25, 1.0, 1e-3]),
            Floats::Cancelling => pick(
                chance,
                &[
                    1e16,
                    -1e16,
                    1e16,
                    -1e16,
                    1.0,
                    -1.0,
                    0.1,
                    1e-5,
                    9_007_199_254_740_993.0,
                    1e100,
                    -1e100,
                    3e-300,
                ],
            ),
            Floats::Extreme => pick(
                chance,
                &[
                    f64::MAX,
                    f64::MIN,
                    1.7e308,
                    f64::MIN_POSITIVE,
                    -f64::MIN_POSITIVE,
                    f64::from_bits(1),
                    -f64::from_bits(1),
                    f64::from_bits(0x000f_ffff_ffff_ffff),
                    1e-160,
                    1e160,
                    1.0,
                ],
            ),
            Floats::Tiny => {
                let bits: i64 = pick(chance, &[0, 1, 2, 3, 1 << 51, (1 << 52) - 1, 1 << 52, 3 << 52]);
                let size = f64::from_bits(bits.unsigned_abs());
                if chance.random() { size } else { -size }
            }
            Floats::Special => pick(
                chance,
                &[f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, 1.5, -2.5, 3.0, 1.0, 2.0, 1e300],
            ),
            Floats::Zeros => pick(chance, &[0.0, -0.0, 0.0, -0.0, 1.0, -1.0]),
            Floats::AnyBits => f64::from_bits(chance.random()),
        }
    }

    fn single(self, chance: &mut Chance) -> f32 {
        match self.floats {
            Floats::Extreme => pick(
                chance,
                &[
                    f32::MAX,
                    f32::MIN,
                    f32::MIN_POSITIVE,
                    f32::from_bits(1),
                    -f32::from_bits(1),
                    1e-20,
                    1e20,
                    1.0,
                ],
            ),
            Floats::Tiny => f32::from_bits(pick(chance, &[0, 1, 2, 1 << 22, 1 << 31, (1 << 31) + 1])),
            Floats::AnyBits => f32::from_bits(chance.random()),
            _ => self.double(chance) as f32,
        }
    }
}

/// A short text; few enough that they meet.
pub fn text(chance: &mut Chance) -> &'static str {
    pick(
        chance,
        &["", "a", "b", "ab", "Z", "é", "𝄞", "a\u{0}b", "line\nbreak", "it's \"so\" \\", "\u{fffd}", "7"],
    )
}

/// A part of a key, of a type that keys can have.
pub fn key_part(chance: &mut Chance, field_type: FieldType) -> Value {
    match field_type {
        FieldType::Bool => Value::Bool(chance.random()),
        FieldType::Int32 => Value::Int32(pick(chance, &[0, -1, 7])),
        FieldType::Int64 => Value::Int64(pick(chance, &[0, -1, i64::MIN])),
        // "a" with "bc" and "ab" with "c" must stay two keys.
        FieldType::String => Value::String(pick(chance, &["", "a", "ab", "bc", "c"]).into()),
        FieldType::Binary => Value::Binary(pick::<&[u8]>(chance, &[b"", b"\0", b"\0\0"]).into()),
        FieldType::Date => Value::Date(pick(chance, &[-1, 0, 15_000])),
        FieldType::Timestamp => Value::Timestamp(pick(chance, &[-1, 0, 1_000_000])),
        FieldType::Float32 | FieldType::Float64 => panic!("a key is no float"),
    }
}

/// One of `choices`.
pub fn pick<T: Copy>(chance: &mut Chance, choices: &[T]) -> T {
    *choices.choose(chance).expect("there is a choice")
}
