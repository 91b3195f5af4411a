//! Settings: the documented defaults, a file over them, the environment over that.

mod overlay;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use thalweg_core::TimeDelta;
use thalweg_log::{HttpRegistry, KafkaOptions, RegistryAccess, Schemas};

use crate::object::Location;
use overlay::Overlay;

/// The file that documents every setting, and is the defaults.
pub const DEFAULTS: &str = include_str!("../../thalweg.default.yaml");

/// Name of the file that is read where none is named and one is there.
pub const FILE_NAME: &str = "thalweg.yaml";

/// What an interval is where nothing is done again and again.
const OFF: &str = "off";

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("configuration {path} cannot be read: {cause}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// A setting is unknown, of the wrong type or out of range.
    #[error("{0}")]
    Setting(String),
}

/// All settings of a process.
#[derive(Clone, Debug, Deserialize)]
pub struct Config {
    /// Where events live.
    pub log: Log,
    /// Where schemas are registered that records name by number.
    pub registry: Registry,
    /// Where the online state lives.
    pub state: State,
    /// Questions about the past.
    pub history: History,
    /// Spines that the server reads itself.
    pub spines: Spines,
    /// Where the server listens.
    pub listen: Listen,
    /// What "now" is.
    pub clock: Clock,
    /// Audits of the online state in the background.
    pub verify: Verify,
    /// Limits on requests.
    pub limits: Limits,
}

/// Where events live.
#[derive(Clone, Debug, Deserialize)]
pub struct Log {
    /// The embedded log, which is used where no Kafka cluster is named.
    pub embedded: Embedded,
    /// How the Kafka cluster is reached; without properties where there is none.
    #[serde(deserialize_with = "kafka_options")]
    pub kafka: KafkaOptions,
}

impl Log {
    /// Whether events live in a Kafka cluster.
    pub fn is_kafka(&self) -> bool {
        !self.kafka.properties.is_empty()
    }

    /// Where events live, for people.
    pub fn place(&self) -> String {
        match self.is_kafka() {
            true => format!("Kafka at {}", self.kafka.servers()),
            false => self.embedded.dir.display().to_string(),
        }
    }
}

/// A log of files beside the server.
#[derive(Clone, Debug, Deserialize)]
pub struct Embedded {
    /// Folder of the log.
    pub dir: PathBuf,
    /// Size past which a segment is closed.
    pub segment_bytes: u64,
    /// Codec of new batches.
    pub compression: Compression,
}

/// A registry of schemas.
#[derive(Clone, Deserialize)]
pub struct Registry {
    /// Address of its API; none if empty.
    pub url: String,
    /// Who asks, if it wants a name and a password.
    pub user: String,
    /// The password.
    pub password: String,
    /// What to show, if it wants a bearer token.
    pub token: String,
}

/// All but the address may be secret, and that may have a password in it.
impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").finish_non_exhaustive()
    }
}

/// Codec of new batches.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Records as they are.
    None,
    /// Zstandard.
    Zstd,
}

/// Where the online state lives.
#[derive(Clone, Debug, Deserialize)]
pub struct State {
    /// Folder of the state.
    pub dir: PathBuf,
    /// Bytes of decoded states kept in memory.
    pub memory_budget_bytes: u64,
    /// Events after which applied ones become durable.
    pub commit_events: u64,
    /// Time after which applied events become durable.
    #[serde(deserialize_with = "time_delta")]
    pub commit_interval: TimeDelta,
    /// How far back it is known what was applied when.
    #[serde(deserialize_with = "time_delta")]
    pub served_history: TimeDelta,
}

/// Questions about the past.
#[derive(Clone, Debug, Deserialize)]
pub struct History {
    /// Bytes of selected events one request may hold.
    pub memory_budget_bytes: u64,
    /// Bytes of events, spines and rows all requests together may hold.
    pub total_memory_bytes: u64,
}

/// Spines that the server reads itself.
#[derive(Clone, Debug, Deserialize)]
pub struct Spines {
    /// Folders they may lie in, separated by colons; none if empty.
    pub folders: String,
    /// What the URLs of objects may begin with, separated by spaces; no objects are read if empty.
    pub urls: String,
}

impl Spines {
    /// What the URLs of objects may begin with.
    ///
    /// # Errors
    /// What is no such beginning.
    pub(crate) fn locations(&self) -> Result<Vec<Location>, String> {
        let parse = |url: &str| {
            Location::parse(url)
                .map_err(|cause| format!("setting `spines.urls`: `{url}` names no objects: {cause}"))
        };
        self.urls.split_whitespace().map(parse).collect()
    }
}

/// Where the server listens.
#[derive(Clone, Debug, Deserialize)]
pub struct Listen {
    /// gRPC and Flight.
    pub grpc: SocketAddr,
    /// Health, readiness, metrics.
    pub http: SocketAddr,
}

/// What "now" is when a lookup names no instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Clock {
    /// The time of day.
    Wall,
    /// The watermark.
    Stream,
}

/// Audits of the online state in the background.
#[derive(Clone, Debug, Deserialize)]
pub struct Verify {
    /// Time from the end of one audit to the beginning of the next; none if there are none.
    #[serde(deserialize_with = "time_delta_or_off")]
    pub interval: Option<TimeDelta>,
    /// Keys drawn of each view.
    pub keys: usize,
}

/// Limits on requests; each error over one names its key.
#[derive(Clone, Debug, Deserialize)]
pub struct Limits {
    /// Entities one lookup may ask for.
    pub lookup_rows: usize,
    /// Bytes of one message a client may send.
    pub message_bytes: usize,
    /// Bytes of one uploaded spine.
    pub spine_bytes: usize,
    /// Records behind the log with which the server still counts as ready.
    pub ready_lag_records: u64,
    /// Lookups worked on at once.
    pub concurrent_lookups: usize,
    /// Training sets worked on at once.
    pub concurrent_training_sets: usize,
    /// Streams of events that follow their topics at once.
    pub followers: usize,
    /// Streams one training set may come in.
    pub shards: usize,
    /// Spines that are kept after they were uploaded or read.
    pub kept_spines: usize,
    /// Manifests of training sets that are kept, to be named by their commits.
    pub kept_manifests: usize,
    /// How large definitions may be.
    pub definitions: thalweg_definitions::Limits,
}

impl Config {
    /// Where the numbers are looked up by which records name their schemas. What was found is kept beside the state.
    ///
    /// # Errors
    /// An address that is none.
    pub fn schemas(&self) -> Result<Schemas, ConfigError> {
        let Registry { url, user, password, token } = self.registry.clone();
        if url.is_empty() {
            return Ok(Schemas::default());
        }
        let cache = Some(self.state.dir.join("schemas"));
        let registry = HttpRegistry::new(&RegistryAccess { url, user, password, token, cache });
        let registry =
            registry.map_err(|cause| ConfigError::Setting(format!("setting `registry.url`: {cause}")))?;
        Ok(Schemas::of(Arc::new(registry)))
    }

    /// Reads the settings of `file`, or of `thalweg.yaml` in the working directory if there is one.
    ///
    /// # Errors
    /// A named file that cannot be read, a setting that is unknown or unfit, each with its place.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let found = file.or_else(|| Some(Path::new(FILE_NAME)).filter(|path| path.exists()));
        let mut overlay = Overlay::new(DEFAULTS)?;
        if let Some(path) = found {
            let text = std::fs::read_to_string(path)
                .map_err(|cause| ConfigError::Unreadable { path: path.to_owned(), cause })?;
            overlay.file(&path.display().to_string(), &text)?;
        }
        overlay.environment(environment)?;
        if let (Some(embedded), Some(kafka)) =
            (overlay.place_of("log.embedded"), overlay.place_of("log.kafka"))
        {
            return Err(ConfigError::Setting(format!(
                "{kafka}: events live in one log: `log.kafka` is given here, and `log.embedded` at {embedded}; \
                 take one of them out"
            )));
        }
        let mut config: Self = overlay.into_settings()?;
        config.spines.locations().map_err(ConfigError::Setting)?;
        if let Some(folder) = found.and_then(Path::parent) {
            config.log.embedded.dir = folder.join(&config.log.embedded.dir);
            config.state.dir = folder.join(&config.state.dir);
        }
        Ok(config)
    }
}

fn time_delta<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<TimeDelta, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

fn time_delta_or_off<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<TimeDelta>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text == OFF {
        return Ok(None);
    }
    let interval: TimeDelta =
        text.parse().map_err(|cause| serde::de::Error::custom(format!("{cause}; or `{OFF}`")))?;
    Ok(Some(interval).filter(|interval| interval.as_micros() > 0))
}

fn kafka_options<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<KafkaOptions, D::Error> {
    Ok(KafkaOptions { properties: BTreeMap::deserialize(deserializer)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("thalweg.yaml");
        std::fs::write(&path, text).expect("a file");
        let environment = environment.iter().map(|&(key, value)| (key.to_owned(), value.to_owned()));
        Config::load(Some(&path), environment)
    }

    #[test]
    fn an_empty_file_leaves_the_defaults_and_folders_are_the_files() {
        let config = load("", &[]).expect("defaults are complete");
        assert_eq!(config.clock, Clock::Wall);
        assert!(
            config.log.embedded.dir.ends_with("thalweg-data/log") && config.log.embedded.dir.is_absolute()
        );
    }

    #[test]
    fn every_limit_on_definitions_can_be_set_and_stands_at_its_default() {
        let defaults = thalweg_definitions::Limits::default();
        assert_eq!(load("", &[]).expect("defaults are complete").limits.definitions, defaults);
        let narrow = load("limits: {definitions: {list_length: 5}}\n", &[]).expect("fit settings");
        let expected = thalweg_definitions::Limits { list_length: 5, ..defaults };
        assert_eq!(narrow.limits.definitions, expected);
    }

    #[test]
    fn a_registry_is_there_where_it_has_an_address_and_its_secrets_are_not_shown() {
        assert!(load("", &[]).expect("defaults are complete").schemas().is_ok_and(|s| s.registry().is_err()));
        let text = "registry: {url: 'http://u:sesame@registry:8081', user: u}\n";
        let config = load(text, &[("THALWEG_REGISTRY_PASSWORD", "sesame")]).expect("fit settings");
        assert_eq!(config.registry.password, "sesame");
        assert!(config.schemas().is_ok_and(|schemas| schemas.registry().is_ok()));
        assert!(!format!("{config:?} {:?}", config.schemas()).contains("sesame"), "{config:?}");
        let wrong = load("registry: {url: registry}\n", &[]).expect("a text").schemas();
        assert!(wrong.expect_err("no address").to_string().contains("`registry.url`"));
    }

    #[test]
    fn the_background_audit_is_off_unless_it_has_an_interval() {
        assert_eq!(load("", &[]).expect("defaults are complete").verify.interval, None);
        let interval = |text: &str| {
            load(&format!("verify: {{interval: {text}}}\n"), &[]).map(|config| config.verify.interval)
        };
        assert_eq!(interval("5m").expect("an interval"), Some(TimeDelta::from_micros(300_000_000)));
        assert_eq!(interval("0s").expect("an interval"), None);
        assert_eq!(interval("off").expect("no interval"), None);
        let refused = interval("often").expect_err("no interval").to_string();
        assert!(refused.contains("often") && refused.contains("`off`"), "{refused}");
    }

    #[test]
    fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
        let text = "listen: {grpc: '127.0.0.1:1', http: '127.0.0.1:2'}\nstate: {commit_interval: 5s}\n";
        let config =
            load(text, &[("THALWEG_LISTEN_GRPC", "127.0.0.1:3"), ("OTHER", "x")]).expect("fit settings");
        assert_eq!(config.listen.grpc.port(), 3);
        assert_eq!(config.listen.http.port(), 2);
        assert_eq!(config.state.commit_interval.as_micros(), 5_000_000);
    }

    #[test]
    fn prefixes_of_objects_are_looked_through_at_once() {
        let config = load("spines: {urls: 's3://b/spines https://h:8443'}\n", &[]).expect("fit settings");
        assert_eq!(config.spines.locations().map(|urls| urls.len()), Ok(2));
        let message = load("spines: {urls: '/data'}\n", &[]).expect_err("no URL").to_string();
        assert!(
            message.contains("setting `spines.urls`: `/data` names no objects: it is no URL"),
            "{message}"
        );
    }

    #[test]
    fn what_is_unknown_or_unfit_is_refused_with_its_place() {
        let message = |text: &str| load(text, &[]).expect_err("not fit").to_string();
        let unknown = message("listen:\n  grcp: 127.0.0.1:1\n");
        assert!(
            unknown.ends_with("thalweg.yaml:2:3: unknown setting `listen.grcp`; did you mean `listen.grpc`?"),
            "{unknown}"
        );
        let wrong = message("limits: {lookup_rows: many}\n");
        assert!(
            wrong.contains("thalweg.yaml:1:23: setting `limits.lookup_rows` takes a whole number"),
            "{wrong}"
        );
        let broken = message("log: [\n");
        assert!(broken.contains("thalweg.yaml:"), "{broken}");
        let environment = load("", &[("THALWEG_CLOCK_", "x")]).expect_err("not a setting").to_string();
        assert!(environment.contains("THALWEG_CLOCK_"), "{environment}");
    }
    #[test]
    fn a_kafka_cluster_takes_any_property_from_file_and_environment_and_shows_no_secret() {
        let text = "log:\n  kafka:\n    bootstrap.servers: kafka:9092\n    socket.timeout.ms: 5000\n    \
                    check.crcs: true\n    sasl.password: 'in the file'\n";
        let config = load(text, &[("THALWEG_LOG_KAFKA_SASL_PASSWORD", "hush")]).expect("fit settings");
        assert!(config.log.is_kafka() && !load("", &[]).expect("defaults").log.is_kafka());
        let property = |name: &str| config.log.kafka.properties[name].as_str();
        assert_eq!(property("bootstrap.servers"), "kafka:9092");
        assert_eq!((property("socket.timeout.ms"), property("check.crcs")), ("5000", "true"));
        assert_eq!(property("sasl.password"), "hush");
        assert!(!format!("{config:?}").contains("hush"));
        let nested = load("log: {kafka: {ssl: {ca: x}}}", &[]).expect_err("no text").to_string();
        assert!(nested.contains("setting `log.kafka.ssl` takes a text"), "{nested}");
    }

    #[test]
    fn events_live_in_one_log() {
        let both = "log:\n  embedded: {dir: here}\n  kafka: {bootstrap.servers: 'kafka:9092'}\n";
        let error = load(both, &[]).expect_err("two logs").to_string();
        assert!(error.contains("thalweg.yaml:3:11: events live in one log"), "{error}");
        let set = [("THALWEG_LOG_EMBEDDED_DIR", "here")];
        let error = load("log: {kafka: {client.id: x}}\n", &set).expect_err("two logs").to_string();
        assert!(error.contains("THALWEG_LOG_EMBEDDED_DIR"), "{error}");
    }
}
