//! Doubles to sum.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// Delays in whole minutes, a few of them long: values that are alike, as most columns have.
pub fn minutes(count: usize, seed: u64) -> Vec<f64> {
    let mut random = SmallRng::seed_from_u64(seed);
    (0..count).map(|_| delay(&mut random)).collect()
}

/// Values of both signs and with full mantissas, from 2⁻⁴⁰ to 2⁴⁰: an exact sum of them is wide.
pub fn magnitudes(count: usize, seed: u64) -> Vec<f64> {
    let mut random = SmallRng::seed_from_u64(seed);
    let value = |random: &mut SmallRng| {
        let sign = if random.random() { 1.0 } else { -1.0 };
        sign * random.random_range(1.0..2.0_f64) * f64::from(random.random_range(-40..40)).exp2()
    };
    (0..count).map(|_| value(&mut random)).collect()
}

/// A delay in minutes, from a quarter of an hour early to some hours late.
pub(crate) fn delay(random: &mut SmallRng) -> f64 {
    let long = if random.random_ratio(1, 10) { random.random_range(0.0..240.0) } else { 0.0 };
    (random.random_range(-15.0..20.0_f64) + long).round()
}

/// One of `count` keys: key k about as often as 1/(k + 1), as names and shops and flights are.
pub(crate) fn key(random: &mut SmallRng, count: u32) -> u32 {
    let key = f64::from(count + 1).powf(random.random_range(0.0..1.0)) - 1.0;
    (key as u32).min(count - 1)
}

/// Text that nobody uses, 60 characters.
pub(crate) fn note(random: &mut SmallRng) -> String {
    (0..60).map(|_| char::from(random.random_range(b'a'..=b'z'))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_numbers_again() {
        assert_eq!(minutes(100, 1), minutes(100, 1));
        assert_ne!(minutes(100, 1), minutes(100, 2));
        assert_eq!(magnitudes(100, 1), magnitudes(100, 1));
    }

    #[test]
    fn numbers_are_what_they_are_said_to_be() {
        assert!(
            minutes(1_000, 3)
                .iter()
                .all(|minutes| minutes.fract() == 0.0 && (-15.0..260.0).contains(minutes))
        );
        let wide = magnitudes(1_000, 3);
        assert!(wide.iter().any(|value| value.abs() < 1e-6) && wide.iter().any(|value| value.abs() > 1e6));
        let mut random = SmallRng::seed_from_u64(4);
        let keys: Vec<_> = (0..10_000).map(|_| key(&mut random, 100)).collect();
        let count = |wanted| keys.iter().filter(|key| **key == wanted).count();
        assert!(keys.iter().all(|key| *key < 100) && count(0) > 5 * count(9));
    }
}
