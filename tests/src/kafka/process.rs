//! A process that ends with the tests, whatever happens.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What the guardian does once its standard input ends, as it does when the tests end in any way: it ends the
/// process and removes its folder.
const GUARDIAN: &str = r#"
read -r _
kill -9 "$1" 2>/dev/null
for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$1" 2>/dev/null || break; sleep 0.1; done
rm -rf "$2"
"#;
/// How often it is looked whether an asked process has ended, and how many times.
const END_PAUSE: Duration = Duration::from_millis(20);
const END_TRIES: u32 = 1_000;
/// Bytes of the log that are shown.
const TAIL_BYTES: usize = 16 << 10;

/// A running process with its folder and its log.
#[derive(Debug)]
pub(super) struct Process {
    child: Mutex<Child>,
    guardian: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command`, whose output goes to the end of the file `log`. If the tests die, `folder` is removed.
    pub(super) fn start(mut command: Command, log: &Path, folder: &Path) -> Self {
        let out = File::options().create(true).append(true).open(log).expect("a file for the log");
        let also = out.try_clone().expect("a second handle of the log");
        let child = command.stdin(Stdio::null()).stdout(out).stderr(also).spawn();
        let child = child.unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
        let guardian = Command::new("sh")
            .args(["-c", GUARDIAN, "guardian", &child.id().to_string()])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        Self { child: Mutex::new(child), guardian, log: log.to_owned() }
    }

    /// How the process ended, if it did.
    pub(super) fn ended(&self) -> Option<ExitStatus> {
        self.child().try_wait().expect("a child of this process")
    }

    /// Sends the signal of this name to the process.
    pub(super) fn signal(&self, name: &str) {
        // The child is not waited for yet, so its id is nobody else's.
        let id = self.child().id().to_string();
        let sent = Command::new("sh").args(["-c", r#"kill -s "$1" "$2""#, "kill", name, &id]).status();
        assert!(sent.is_ok_and(|status| status.success()), "signal {name} was not sent to process {id}");
    }

    /// Asks the process to end in good order and waits for it.
    pub(super) fn end(self) {
        if self.ended().is_none() {
            self.signal("TERM");
        }
        for _ in 0..END_TRIES {
            if self.ended().is_some() {
                return;
            }
            std::thread::sleep(END_PAUSE);
        }
        panic!("the process does not end when it is asked to\n{}", self.log_tail());
    }

    /// The end of the log.
    pub(super) fn log_tail(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        let tail = &bytes[bytes.len().saturating_sub(TAIL_BYTES)..];
        format!("--- the end of {} ---\n{}", self.log.display(), String::from_utf8_lossy(tail))
    }

    fn child(&self) -> std::sync::MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The guardian first: it must not end a process that was given the same id later.
        let _ = self.guardian.kill();
        let _ = self.guardian.wait();
        let mut child = self.child();
        let _ = child.kill();
        let _ = child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper(folder: &Path) -> Process {
        let mut command = Command::new("sh");
        command.args(["-c", "echo begun; exec sleep 60"]);
        Process::start(command, &folder.join("log"), folder)
    }

    fn is_alive(id: u32) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        // A process that ended and that nobody waited for is `Z`.
        stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().next()).is_some_and(|s| s != "Z")
    }

    fn comes_true(what: impl Fn() -> bool) -> bool {
        (0..500).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            what()
        })
    }

    #[test]
    fn it_ends_when_it_is_dropped() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let process = sleeper(folder.path());
        let id = process.child().id();
        assert!(comes_true(|| process.log_tail().contains("begun")));
        assert!(is_alive(id) && process.ended().is_none());
        drop(process);
        assert!(!is_alive(id));
    }

    #[test]
    fn it_ends_when_those_who_hold_its_guardian_are_gone() {
        let folder = tempfile::tempdir().expect("a temporary folder").keep();
        let mut process = sleeper(&folder);
        let id = process.child().id();
        assert!(is_alive(id));
        // What the system does with the pipe when this process dies.
        drop(process.guardian.stdin.take());
        assert!(comes_true(|| !is_alive(id)) && comes_true(|| !folder.exists()));
    }

    #[test]
    fn it_stands_still_and_goes_on() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let process = sleeper(folder.path());
        let state = |process: &Process| {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.child().id()));
            stat.expect("a live process").contains(") T ")
        };
        process.signal("STOP");
        assert!(comes_true(|| state(&process)));
        process.signal("CONT");
        assert!(comes_true(|| !state(&process)));
        process.end();
    }
}
