//! Trying a law on many cases.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rand::SeedableRng;

use super::{Case, Chance, shrink};
use crate::spec::case_as_file;

/// Tries `law` on `count` cases (times `THALWEG_CASES`, if that is set), or on the one case of the seed in
/// `THALWEG_SEED`. The law is given a case and a source of chance of its own, the same whenever the case is tried.
///
/// # Panics
/// If the law does not hold: with the seed, the case cut down, and why.
pub fn check(name: &str, count: u64, law: impl Fn(&Case, &mut Chance) -> Result<(), String>) {
    for seed in cases(name, count) {
        let case = Case::generate(&mut Chance::seed_from_u64(seed));
        let fails = |case: &Case| {
            let attempt = || law(case, &mut Chance::seed_from_u64(!seed));
            match catch_unwind(AssertUnwindSafe(attempt)) {
                Ok(outcome) => outcome.err(),
                Err(panic) => Some(format!("panic: {}", text_of(panic.as_ref()))),
            }
        };
        if let Some(why) = fails(&case) {
            let (smallest, why) = shrink(case, why, fails);
            let file = as_file(&smallest);
            panic!(
                "{name} does not hold (THALWEG_SEED={seed} tries it again)\n\n{smallest}\n{why}\n\n{file}\n"
            );
        }
    }
}

/// The case as a specification file with what the oracle says of it, ready to be saved.
fn as_file(case: &Case) -> String {
    match catch_unwind(AssertUnwindSafe(|| case_as_file(case))) {
        Ok(file) => format!("As a specification file, with the oracle's answers:\n\n{file}"),
        Err(panic) => format!("The oracle has no answers: {}", text_of(panic.as_ref())),
    }
}

/// The seeds of the cases on which the law called `name` is tried.
///
/// # Panics
/// If `THALWEG_CASES` or `THALWEG_SEED` is set and no number.
pub fn cases(name: &str, count: u64) -> Vec<u64> {
    let number = |variable: &str| {
        let text = std::env::var(variable).ok()?;
        Some(text.parse::<u64>().unwrap_or_else(|_| panic!("{variable} is `{text}`, which is no number")))
    };
    if let Some(seed) = number("THALWEG_SEED") {
        return vec![seed];
    }
    // The name alone tells the laws' seeds apart (FNV-1a), so that each law keeps its cases when others change.
    let mixed = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (0..count * number("THALWEG_CASES").unwrap_or(1)).map(|n| (mixed >> 16).wrapping_add(n)).collect()
}

fn text_of(panic: &(dyn std::any::Any + Send)) -> &str {
    let borrowed = panic.downcast_ref::<&str>().copied();
    borrowed.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("(without a message)")
}
