//! How many distinct values make registers look as they do.

use super::{LONGEST, REGISTERS};

/// How many registers hold which run.
#[derive(Clone, Debug)]
pub(super) struct Runs([u32; LONGEST as usize + 1]);

impl Runs {
    /// All registers unused.
    pub(super) fn new() -> Self {
        let mut runs = [0; LONGEST as usize + 1];
        runs[0] = REGISTERS as u32;
        Self(runs)
    }

    /// One register holds `after` in place of `before`.
    pub(super) fn change(&mut self, before: u8, after: u8) {
        self.0[usize::from(before)] -= 1;
        self.0[usize::from(after)] += 1;
    }

    /// How many distinct values there are, most likely, to the nearest whole number.
    ///
    /// Only additions, multiplications, divisions and roots, each correctly rounded by IEEE 754, in a fixed order: the
    /// same on every machine.
    pub(super) fn estimate(&self) -> i64 {
        let registers = REGISTERS as f64;
        let [unused, others @ .., full] = &self.0;
        let mut z = registers * tau(1.0 - f64::from(*full) / registers);
        for count in others.iter().rev() {
            z = 0.5 * (z + f64::from(*count));
        }
        z += registers * sigma(f64::from(*unused) / registers);
        let estimate = registers * registers / (2.0 * std::f64::consts::LN_2 * z);
        // Registers that are all full stand for more values than there are.
        if estimate < i64::MAX as f64 { estimate.round() as i64 } else { i64::MAX }
    }
}

/// x + Σ x^(2^k)·2^(k−1) over k ≥ 1: what unused registers stand for.
fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

/// (1 − x − Σ (1 − x^(2^−k))²·2^−k over k ≥ 1) / 3: what full registers stand for.
fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z == before {
            return z / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unused_registers_are_no_values_and_full_ones_endless() {
        assert_eq!(Runs::new().estimate(), 0);
        let mut full = Runs::new();
        (0..REGISTERS).for_each(|_| full.change(0, LONGEST));
        assert_eq!(full.estimate(), i64::MAX);
    }

    #[test]
    fn a_register_in_use_is_about_one_value() {
        let mut runs = Runs::new();
        for count in 1..=3 {
            runs.change(0, 1);
            assert_eq!(runs.estimate(), count);
        }
    }
}
