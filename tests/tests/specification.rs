//! The executable specification: every file of `tests/spec`, in every mode. The format is described there.
//!
//! `THALWEG_SPEC=windows/sliding cargo test --test specification` takes only the files with that in their
//! path.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rand::SeedableRng;
use thalweg_tests::generator::{Case, Chance};
use thalweg_tests::spec::{Mode, Report, case_as_file, check, mutate, pages};

/// Every rule holds, by whatever way the values come about.
#[test]
fn every_file_holds_in_every_mode() {
    let reports = over_all_files(check);
    list(&reports);
    let failures: Vec<_> = reports.iter().flat_map(|report| &report.failures).map(String::as_str).collect();
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
}

/// Every value that a file expects is compared: with another one in its place the file fails.
#[test]
fn every_file_fails_when_an_expected_value_is_changed() {
    let outcomes = over_all_files(|file, text| mutate(file, text).map_err(|why| format!("{file}: {why}")));
    let failures: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).cloned().collect();
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
    let changed: usize = outcomes.into_iter().flatten().sum();
    say(&format!("{changed} expected values were changed, one at a time: each made its file fail\n"));
}

/// What a law prints when it fails is such a file: it holds in every mode as long as the law does.
#[test]
fn a_printed_case_holds_in_every_mode() {
    let mut rows = 0;
    for seed in 0..20 {
        let case = Case::generate(&mut Chance::seed_from_u64(seed));
        let text = case_as_file(&case.prefix(case.arrivals.len().min(8)));
        let report = check(&format!("seed {seed}"), &text);
        assert!(report.failures.is_empty(), "{}\n{text}", report.failures.join("\n"));
        rows += report.rows;
    }
    assert!(rows > 100, "{rows} rows are hardly any");
}

/// The pages of `docs/rules` say what the files say. `THALWEG_WRITE_RULES=1` writes them anew.
#[test]
fn the_pages_are_those_of_the_files() {
    if std::env::var_os("THALWEG_SPEC").is_some() {
        return;
    }
    let files = over_all_files(|file, text| (file.to_owned(), text.to_owned()));
    let pages = pages(files.iter().map(|(file, text)| (file.as_str(), text.as_str()))).expect("sound files");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/rules");
    if std::env::var_os("THALWEG_WRITE_RULES").is_some() {
        std::fs::remove_dir_all(&folder).expect("the pages there were");
        for (page, text) in &pages {
            let path = folder.join(page);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder for the page");
            std::fs::write(path, text).expect("the page");
        }
    }
    let mut found = Vec::new();
    find(&folder, "md", &mut found);
    let found: BTreeMap<_, _> = found
        .iter()
        .map(|path| {
            let name = path.strip_prefix(&folder).expect("below the folder").to_string_lossy().into_owned();
            (name, std::fs::read_to_string(path).expect("a page that was just listed"))
        })
        .collect();
    let names = pages.keys().chain(found.keys());
    let stale: BTreeSet<_> = names.filter(|page| pages.get(*page) != found.get(*page)).collect();
    assert!(
        stale.is_empty(),
        "the pages {stale:?} are not those of the files: `make rules` writes them anew"
    );
}

/// What `go` gives for the name and text of each file, in the order of names.
fn over_all_files<T: Send>(go: impl Fn(&str, &str) -> T + Sync) -> Vec<T> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("spec");
    let wanted = std::env::var("THALWEG_SPEC").unwrap_or_default();
    let mut files = Vec::new();
    find(&folder, "yaml", &mut files);
    files.sort();
    files.retain(|file| file.to_string_lossy().contains(&wanted));
    assert!(!files.is_empty(), "there are no files with `{wanted}` in their path below {}", folder.display());
    let (next, done) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    // Most of the time is waiting for files and threads of the engine, so more go at once than there are
    // cores.
    let workers = 2 * std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let name = path.strip_prefix(&folder).expect("below the folder").to_string_lossy();
                    let text = std::fs::read_to_string(path).expect("a file that was just listed");
                    let outcome = go(&name, &text);
                    done.lock().expect("no worker panics").insert(path, outcome);
                }
            });
        }
    });
    done.into_inner().expect("no worker panics").into_values().collect()
}

/// Adds all files below `folder` whose names end in `ending`.
fn find(folder: &Path, ending: &str, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder of specification files") {
        let path = entry.expect("an entry of a folder").path();
        if path.is_dir() {
            find(&path, ending, files);
        } else if path.extension().is_some_and(|extension| extension == ending) {
            files.push(path);
        }
    }
}

/// Lists the files by topic, with their rows and the modes they went through.
fn list(reports: &[Report]) {
    let mut topics: BTreeMap<&str, Vec<&Report>> = BTreeMap::new();
    for report in reports {
        topics.entry(report.file.rsplit_once('/').map_or("", |(topic, _)| topic)).or_default().push(report);
    }
    let mut text =
        String::from("The specification: rows of each file, modes it went through, answers compared\n");
    for (topic, files) in topics {
        text += &format!("{topic}: {} files\n", files.len());
        for report in files {
            let name = report.file.rsplit('/').next().unwrap_or_default();
            let answers: usize = report.modes.iter().map(|passed| passed.rows).sum();
            let verdict = if report.failures.is_empty() { "" } else { "  FAILED" };
            text += &match report.modes.is_empty() {
                true => format!("  {name}: refused definitions{verdict}\n"),
                false => format!(
                    "  {name}: {} rows, {} modes, {answers} answers{verdict}\n",
                    report.rows,
                    report.modes.len()
                ),
            };
        }
    }
    let in_mode = |mode| {
        let of_mode = |report: &'_ Report| report.modes.iter().find(|passed| passed.mode == mode).copied();
        let files: Vec<_> = reports.iter().filter_map(of_mode).collect();
        let took: Duration = files.iter().map(|passed| passed.took).sum();
        format!(
            "{} {} files {} rows {:.1} s",
            mode.name(),
            files.len(),
            files.iter().map(|passed| passed.rows).sum::<usize>(),
            took.as_secs_f64()
        )
    };
    let modes: Vec<_> = Mode::ALL.into_iter().map(in_mode).collect();
    let rows: usize = reports.iter().map(|report| report.rows).sum();
    text += &format!("{} files, {rows} rows: {}\n", reports.len(), modes.join(", "));
    say(&text);
}

/// Says something whether or not the test passes: the output of tests that pass is not shown otherwise.
fn say(text: &str) {
    std::io::stdout().write_all(text.as_bytes()).expect("standard output takes text");
}
