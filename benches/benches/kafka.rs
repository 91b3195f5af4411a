//! Ingest from a real broker, beside what it is made of and beside Kafka Streams.
//!
//! One run writes Avro events to a topic of four partitions, and then by turns: `drain` takes every message off
//! the client, `decode` reads the fields in use into columns too, `ingest` is the real one, until everything is
//! in files, and Kafka Streams folds the same topic into the same windows, exactly once, into RocksDB. The broker
//! runs beside all of them on the same processors; its own time is not counted.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use thalweg_benches::{KafkaEvents, SCHEMA, TOPIC, cpu_time, is_measuring, say_limit};
use thalweg_log::{KafkaLog, KafkaOptions};
use thalweg_tests::kafka::Broker;

/// Events, and keys, where it is measured and where it is only tried.
const MEASURED: (usize, u32) = (5_000_000, 500_000);
const TRIED: (usize, u32) = (20_000, 1_000);
const ROUNDS: usize = 3;
/// Events a second, in times of those of Kafka Streams, at least; said as its inverse, at most.
const PEER_LIMIT: f64 = 1.0 / 3.0;
/// CPU time of ingest in times of that of drain and decode, at most.
const LIMIT: f64 = 3.0;
/// Peak memory of an ingest of all events against that of an ingest of half of them.
const GROWTH_LIMIT: f64 = 1.25;

/// What one piece of work took.
#[derive(Clone, Copy)]
struct Took {
    wall: f64,
    cpu: f64,
}

fn main() {
    let ((count, keys), rounds) = if is_measuring() { (MEASURED, ROUNDS) } else { (TRIED, 1) };
    let broker = Broker::start(&["log.retention.ms=-1"]);
    let events = write(&broker, count, keys);
    println!(
        "{count} Avro events of {keys} keys in four partitions of a broker; nine features in three windows"
    );

    let peer = if is_measuring() { Some(build_peer()) } else { None };
    let names = ["drain", "drain, decode", "ingest (and commit, and write out)", "Kafka Streams"];
    let mut took: Vec<Vec<Took>> = vec![Vec::new(); names.len()];
    for _ in 0..rounds {
        took[0].push(timed(&mut || assert_eq!(events.drain(), events.events())));
        took[1].push(timed(&mut || assert_eq!(events.decode(), events.events())));
        took[2].push(timed(&mut || assert_eq!(ingest(&events), events.events())));
        took[3].extend(peer.as_ref().map(|jars| run_peer(jars, &broker, events.events())));
    }
    let median = |of: fn(&Took) -> f64, at: usize| {
        let mut all: Vec<f64> = took[at].iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
    };
    for (at, name) in names.iter().enumerate().filter(|(at, _)| !took[*at].is_empty()) {
        let (wall, cpu) = (median(|took| took.wall, at), median(|took| took.cpu, at));
        let each = |seconds: f64| seconds * 1e9 / events.events() as f64;
        println!(
            "{name:<36} {wall:>7.2} s, {:>6.0} ns each; CPU {cpu:>7.2} s, {:>6.0} ns each",
            each(wall),
            each(cpu)
        );
    }
    if is_measuring() {
        say_limit(
            "wall time of ingest against Kafka Streams",
            median(|t| t.wall, 2) / median(|t| t.wall, 3),
            PEER_LIMIT,
        );
        say_limit(
            "CPU time of ingest against drain and decode",
            median(|t| t.cpu, 2) / median(|t| t.cpu, 1),
            LIMIT,
        );
        memory(&broker, &events, count, keys);
    }
}

/// Holds the peak memory of an ingest against that of one of half as many events.
fn memory(broker: &Broker, whole: &KafkaEvents, count: usize, keys: u32) {
    let other = Broker::start(&["log.retention.ms=-1"]);
    let half = write(&other, count / 2, keys);
    let [half, whole] = [&half, whole].map(|events| {
        forget_peak_memory();
        ingest(events);
        peak_mebibytes()
    });
    println!(
        "peak memory of an ingest: {whole:.0} MiB, of half the events {half:.0} MiB; {}",
        broker.bootstrap()
    );
    say_limit("peak memory of ingest, all events against half of them", whole / half, GROWTH_LIMIT);
}

fn write(broker: &Broker, count: usize, keys: u32) -> KafkaEvents {
    let properties = [("bootstrap.servers".to_owned(), broker.bootstrap())].into();
    let log = KafkaLog::open(KafkaOptions { properties }).expect("sound properties");
    KafkaEvents::write(Arc::new(log), count, keys)
}

fn ingest(events: &KafkaEvents) -> u64 {
    let folder = tempfile::tempdir().expect("a temporary folder");
    events.ingest(&folder.path().join("state"))
}

fn timed(work: &mut dyn FnMut()) -> Took {
    #[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
    let (began, cpu) = (Instant::now(), cpu_time());
    work();
    Took { wall: began.elapsed().as_secs_f64(), cpu: (cpu_time() - cpu).as_secs_f64() }
}

/// Builds the topology of Kafka Streams; the folder with its jars.
fn build_peer() -> PathBuf {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/kafka-streams");
    let out = std::env::temp_dir().join("thalweg-kafka-streams-peer");
    let built = Command::new("mvn")
        .args(["-B", "-q", "package", "dependency:copy-dependencies", "-DincludeScope=runtime"])
        .arg(format!("-DoutputDirectory={}", out.display()))
        .arg(format!("-Dpeer.build={}", out.join("build").display()))
        .current_dir(&project)
        .status()
        .expect("Maven");
    assert!(built.success(), "the topology of Kafka Streams does not build");
    out
}

/// Runs Kafka Streams over the topic, with a state of its own.
fn run_peer(jars: &Path, broker: &Broker, events: u64) -> Took {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let schema = folder.path().join("schema.avsc");
    std::fs::write(&schema, SCHEMA).expect("a temporary file");
    let output = Command::new("java")
        .args(["-Xmx2g", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp"])
        .arg(format!("{0}/*:{0}/build/*", jars.display()))
        .args(["io.thalweg.bench.Peer", &broker.bootstrap(), TOPIC])
        .arg(&schema)
        .arg(folder.path().join("state"))
        .output()
        .expect("Java");
    let said = String::from_utf8_lossy(&output.stdout);
    let said: Value = serde_json::from_str(said.trim())
        .unwrap_or_else(|_| panic!("Kafka Streams: {said}{}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(said["folded"].as_u64(), Some(events), "Kafka Streams folds the same events");
    let seconds = |name: &str| said[name].as_f64().expect("seconds");
    Took { wall: seconds("wall_s"), cpu: seconds("cpu_s") }
}

/// From here on the kernel notes this process's peak memory anew.
fn forget_peak_memory() {
    std::thread::sleep(Duration::from_millis(200));
    std::fs::write("/proc/self/clear_refs", "5").expect("Linux forgets the peak of a process's own memory");
}

fn peak_mebibytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells a process about itself");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the peak is told");
    peak.trim().trim_end_matches(" kB").trim().parse::<f64>().expect("a number") / 1_024.0
}
