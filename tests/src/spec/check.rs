//! Checking a file in all its modes.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::compare::{count_asked, differences, differences_of_leakage};
use super::file::{Claim, Specification};
use super::mode::Mode;
use super::runs::Runner;
use super::subject::{Subject, load};
use crate::harness::Outcome;

/// What became of a file.
#[derive(Clone, Debug)]
pub struct Report {
    /// Its path below the folder of all of them.
    pub file: String,
    /// How many rows it has.
    pub rows: usize,
    /// The modes it went through; none for a file of refused definitions.
    pub modes: Vec<Passed>,
    /// What is not as it says: file, mode, row, column, expected, found.
    pub failures: Vec<String>,
}

/// A mode that a file went through.
#[derive(Clone, Copy, Debug)]
pub struct Passed {
    /// The mode.
    pub mode: Mode,
    /// How many rows it asked in its ways.
    pub rows: usize,
    /// How long it took, with what it shares with others if it is the first of them.
    pub took: Duration,
}

/// Reads the text of the file called `file` and goes through all modes that it does not exclude.
pub fn check(file: &str, text: &str) -> Report {
    let mut report = Report { file: file.to_owned(), rows: 0, modes: Vec::new(), failures: Vec::new() };
    let outcome = guarded(|| {
        let specification = Specification::read(file, text)?;
        match &specification.claim {
            Claim::Refused(parts) => check_refusal(&specification.definitions, parts),
            Claim::Example(example) => {
                let subject = Subject::new(&specification, example)?;
                report.rows = subject.rows.len();
                check_modes(&subject, &mut report);
                Ok(())
            }
        }
    });
    report.failures.extend(outcome.err().map(|why| format!("{file}: {why}")));
    report
}

/// Whether `definitions` are refused with a message that has all `parts`.
///
/// # Errors
/// If they are not.
pub fn check_refusal(definitions: &str, parts: &[String]) -> Outcome {
    let message = match load(definitions, &BTreeMap::new()) {
        Ok(_) => {
            return Err(format!("expected the definitions to be refused with {parts:?}; they are taken"));
        }
        Err(message) => message,
    };
    match parts.iter().find(|part| !message.contains(*part)) {
        Some(missing) => Err(format!("expected `{missing}` in the refusal, found: {message}")),
        None => Ok(()),
    }
}

fn check_modes(subject: &Subject, report: &mut Report) {
    let specification = subject.specification;
    let mut runner = Runner::new(subject);
    // What several modes find is said once.
    let mut failures: Vec<(String, Vec<String>)> = Vec::new();
    let mut note = |place: String, text: String| match failures.iter_mut().find(|(known, _)| *known == text) {
        Some((_, places)) => places.push(place),
        None => failures.push((text, vec![place])),
    };
    for mode in Mode::ALL {
        let fixed = specification.lossy_order && matches!(mode, Mode::Partitions | Mode::Shuffled);
        if fixed || specification.without.contains_key(&mode) {
            continue;
        }
        let began = stopwatch();
        match guarded(|| runner.run(mode)) {
            Err(why) => note(mode.name().to_owned(), why),
            Ok(runs) => {
                let rows = runs.iter().map(count_asked).sum();
                report.modes.push(Passed { mode, rows, took: began.elapsed() });
                for run in &runs {
                    let found = differences(&subject.rows, subject.letters, run).into_iter();
                    let found = found.chain(differences_of_leakage(&subject.example.leakage, run));
                    found.for_each(|difference| note(place(mode, &run.what), difference.text));
                }
            }
        }
    }
    let said = |(text, places): (String, Vec<String>)| {
        format!("{}: {}: {text}", specification.file, places.join(", "))
    };
    report.failures.extend(failures.into_iter().map(said));
}

#[allow(clippy::disallowed_methods, reason = "the time that modes take is listed, and nothing depends on it")]
fn stopwatch() -> Instant {
    Instant::now()
}

fn place(mode: Mode, what: &str) -> String {
    if what.is_empty() { mode.name().to_owned() } else { format!("{} ({what})", mode.name()) }
}

/// The outcome of `attempt`; a panic is an error.
fn guarded<T>(attempt: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    catch_unwind(AssertUnwindSafe(attempt)).unwrap_or_else(|panic| {
        let borrowed = panic.downcast_ref::<&str>().copied();
        let text = borrowed.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Err(format!("panic: {}", text.unwrap_or("(without a message)")))
    })
}
