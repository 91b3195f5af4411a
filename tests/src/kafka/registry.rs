//! A schema registry.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tempfile::TempDir;

use super::ports::free_ports;
use super::process::Process;

/// The pause between two looks whether it answers, and how many there are.
const ASK_PAUSE: Duration = Duration::from_millis(50);
const ASK_TRIES: u32 = 1_200;
/// How long it may take to answer one request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
/// How often it is tried to start: another process may take the port in the meantime.
const START_TRIES: u32 = 3;
/// Where Confluent's interface begins.
const PATH: &str = "/apis/ccompat/v7";

/// One Apicurio Registry, which keeps its schemas in memory. It ends when it is dropped.
#[derive(Debug)]
pub struct Registry {
    folder: TempDir,
    port: u16,
    /// None while it is ended.
    process: Mutex<Option<Process>>,
}

impl Registry {
    /// Starts a registry without schemas and waits until it answers.
    ///
    /// # Panics
    /// If it does not start, with the end of its log.
    pub fn start() -> Self {
        let mut failures = Vec::new();
        for _ in 0..START_TRIES {
            let [port] = free_ports();
            let folder = tempfile::Builder::new().prefix("thalweg-registry-").tempdir().expect("a folder");
            let registry = Self { folder, port, process: Mutex::default() };
            match registry.run() {
                Ok(()) => return registry,
                Err(failure) => failures.push(failure),
            }
        }
        panic!("the registry does not start:\n{}", failures.join("\n"));
    }

    /// Where it speaks the protocol of Confluent's registry.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}{PATH}", self.port)
    }

    /// Registers a schema and gives its id. `kind` is `AVRO`, `PROTOBUF` or `JSON`.
    ///
    /// # Panics
    /// If the registry refuses it.
    pub fn register(&self, subject: &str, kind: &str, schema: &str) -> u32 {
        let body = serde_json::json!({"schemaType": kind, "schema": schema}).to_string();
        let (status, answer) = self.request("POST", &format!("/subjects/{subject}/versions"), &body);
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap_or_default();
        let id = answer["id"].as_u64().and_then(|id| u32::try_from(id).ok());
        id.unwrap_or_else(|| panic!("the registry refuses schema {schema} of {subject}: {status} {answer}"))
    }

    /// Ends the process; its schemas are gone.
    pub fn kill(&self) {
        *self.process() = None;
    }

    /// Lets the process stand still.
    pub fn pause(&self) {
        self.process().as_ref().expect("the registry runs").signal("STOP");
    }

    /// Lets the process go on.
    pub fn resume(&self) {
        self.process().as_ref().expect("the registry runs").signal("CONT");
    }

    /// Starts it again after [`kill`](Self::kill), on the same port and without schemas.
    ///
    /// # Panics
    /// If it does not start, with the end of its log.
    pub fn start_again(&self) {
        self.run().unwrap_or_else(|failure| panic!("the registry does not start again:\n{failure}"));
    }

    /// The end of the registry's log, for people.
    pub fn log_tail(&self) -> String {
        self.process().as_ref().map_or_else(|| "the registry is ended".to_owned(), Process::log_tail)
    }

    fn run(&self) -> Result<(), String> {
        let process = Process::start(self.command()?, &self.folder.path().join("out"), self.folder.path());
        let answered = self.wait_until_it_answers(&process);
        *self.process() = Some(process);
        answered
    }

    fn command(&self) -> Result<Command, String> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/jars");
        let found = Command::new(script).args(["registry", "--unpack"]).output();
        let found = found.map_err(|error| format!("scripts/jars cannot be run: {error}"))?;
        if !found.status.success() {
            return Err(String::from_utf8_lossy(&found.stderr).into_owned());
        }
        let unpacked = String::from_utf8_lossy(&found.stdout).trim_end().to_owned();
        let mut command = Command::new("java");
        command.args(["-Xmx400m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]);
        command.arg("-Dquarkus.http.host=127.0.0.1");
        command.arg(format!("-Dquarkus.http.port={}", self.port));
        command.arg("-jar").arg(format!("{unpacked}/apicurio-registry-app-2.6.13.Final-runner.jar"));
        command.current_dir(self.folder.path());
        Ok(command)
    }

    fn wait_until_it_answers(&self, process: &Process) -> Result<(), String> {
        for _ in 0..ASK_TRIES {
            if let Some(status) = process.ended() {
                return Err(format!("it ended with {status}\n{}", process.log_tail()));
            }
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok()
                && self.request("GET", "/subjects", "").0.starts_with("200")
            {
                return Ok(());
            }
            std::thread::sleep(ASK_PAUSE);
        }
        Err(format!("it does not answer\n{}", process.log_tail()))
    }

    /// Sends one request and gives the status and the body of the answer; empty if there was none.
    fn request(&self, method: &str, path: &str, body: &str) -> (String, String) {
        let exchange = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
            stream.set_read_timeout(Some(REQUEST_TIMEOUT))?;
            // Version 1.0, so that the answer ends with the connection and comes in one piece.
            write!(
                stream,
                "{method} {PATH}{path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\
                 Content-Type: application/vnd.schemaregistry.v1+json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        let answer = exchange().unwrap_or_default();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status =
            head.lines().next().and_then(|line| line.split_once(' ')).map_or("", |(_, status)| status);
        (status.to_owned(), body.to_owned())
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
