//! A broker of Apache Kafka.

use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::metadata::Metadata;
use tempfile::TempDir;

use super::Admin;
use super::ports::free_ports;
use super::process::Process;

/// How long one question to a broker that starts may take, the pause between two, and how many there are.
const ASK: Duration = Duration::from_secs(1);
const ASK_PAUSE: Duration = Duration::from_millis(50);
const ASK_TRIES: u32 = 600;
/// How often it is tried to start: another process may take a port in the meantime.
const START_TRIES: u32 = 3;

/// One process, controller and broker, in a folder of its own, without replication.
///
/// It ends when it is dropped.
#[derive(Debug)]
pub struct Broker {
    folder: TempDir,
    port: u16,
    controller_port: u16,
    other_port: u16,
    properties: Vec<String>,
    /// None while it is ended.
    process: Mutex<Option<Process>>,
}

impl Broker {
    /// Starts a broker and waits until it answers. `properties` are lines of its `server.properties`, over
    /// those of `scripts/kafka`; in them `{port}`, `{controller}` and `{other}` stand for its ports, the last of which
    /// it has no use for but in these lines.
    ///
    /// # Panics
    /// If it does not start, with the end of its log.
    pub fn start(properties: &[&str]) -> Self {
        let mut failures = Vec::new();
        for _ in 0..START_TRIES {
            let [port, controller_port, other_port] = free_ports();
            let line = |line: &&str| {
                line.replace("{port}", &port.to_string())
                    .replace("{controller}", &controller_port.to_string())
                    .replace("{other}", &other_port.to_string())
            };
            let broker = Self {
                folder: tempfile::Builder::new().prefix("thalweg-kafka-").tempdir().expect("a folder"),
                port,
                controller_port,
                other_port,
                properties: properties.iter().map(line).collect(),
                process: Mutex::default(),
            };
            match broker.run() {
                Ok(()) => return broker,
                Err(failure) => failures.push(failure),
            }
        }
        panic!("the broker does not start:\n{}", failures.join("\n"));
    }

    /// What clients connect to: `127.0.0.1:port`.
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Its further port.
    pub fn other_port(&self) -> u16 {
        self.other_port
    }

    /// Settings of a client of this broker.
    pub fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.bootstrap());
        config
    }

    /// What changes topics.
    pub fn admin(&self) -> Admin {
        Admin::new(&self.client())
    }

    /// The folder with a folder of segments for each partition.
    pub fn log_dir(&self) -> std::path::PathBuf {
        self.folder.path().join("log")
    }

    /// Ends the process at once, as a crash would. What it had acknowledged is in its folder.
    pub fn kill(&self) {
        *self.process() = None;
    }

    /// Ends the process in good order.
    pub fn stop(&self) {
        if let Some(process) = self.process().take() {
            process.end();
        }
    }

    /// Lets the process stand still: it holds its connections and answers nothing.
    pub fn pause(&self) {
        self.signal("STOP");
    }

    /// Lets the process go on.
    pub fn resume(&self) {
        self.signal("CONT");
    }

    /// Starts the process again, after [`kill`](Self::kill) or [`stop`](Self::stop), on the same ports and with
    /// what is in the folder, and waits until it answers.
    ///
    /// # Panics
    /// If it does not start, with the end of its log.
    pub fn start_again(&self) {
        self.run().unwrap_or_else(|failure| panic!("the broker does not start again:\n{failure}"));
    }

    /// The end of the broker's log, for people.
    pub fn log_tail(&self) -> String {
        self.process().as_ref().map_or_else(|| "the broker is ended".to_owned(), Process::log_tail)
    }

    fn run(&self) -> Result<(), String> {
        let process = Process::start(self.command(), &self.folder.path().join("out"), self.folder.path());
        let answered = self.wait_until_it_answers(&process);
        *self.process() = Some(process);
        answered
    }

    fn command(&self) -> Command {
        let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/kafka"));
        command.arg("--dir").arg(self.folder.path());
        command.args(["--port", &self.port.to_string()]);
        command.args(["--controller-port", &self.controller_port.to_string()]);
        command.args(["--log-level", "info"]);
        command.args(self.properties.iter().flat_map(|line| ["--property", line]));
        command
    }

    fn wait_until_it_answers(&self, process: &Process) -> Result<(), String> {
        let client: BaseConsumer = self.client().create().expect("a client");
        for _ in 0..ASK_TRIES {
            if let Some(status) = process.ended() {
                return Err(format!("it ended with {status}\n{}", process.log_tail()));
            }
            if client.fetch_metadata(None, ASK).is_ok_and(|metadata| leads_everything(&metadata)) {
                return Ok(());
            }
            std::thread::sleep(ASK_PAUSE);
        }
        Err(format!("it does not answer\n{}", process.log_tail()))
    }

    fn signal(&self, name: &str) {
        self.process().as_ref().expect("the broker runs").signal(name);
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the broker is there and leads all partitions: a moment after its start it does not yet.
fn leads_everything(metadata: &Metadata) -> bool {
    let mut partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
    !metadata.brokers().is_empty() && partitions.all(|partition| partition.leader() >= 0)
}
