//! What a client of a cluster is configured with.

use std::collections::BTreeMap;
use std::fmt;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;

use crate::batch::RECORD_BYTES;
use crate::error::Error;

/// Where the cluster is.
const SERVERS: &str = "bootstrap.servers";
/// The group whose committed offsets tell lag tools how far Thalweg is.
const GROUP: &str = "group.id";
/// The most bytes of one record, as librdkafka calls it.
const RECORD_LIMIT: &str = "message.max.bytes";
/// The most KiB that are read ahead of one partition, as librdkafka calls it.
const READ_AHEAD: &str = "queued.max.messages.kbytes";

/// What cannot be chosen, and why.
const FIXED: [(&str, &str); 9] = [
    ("isolation.level", "only what is committed is read"),
    ("enable.auto.commit", "offsets are kept with the state they stand for"),
    ("enable.auto.offset.store", "offsets are kept with the state they stand for"),
    ("auto.offset.reset", "records that are gone are never passed over in silence"),
    ("enable.partition.eof", "the end of a partition must be seen"),
    ("enable.idempotence", "a record is never written twice"),
    ("acks", "a record that is acknowledged is durable"),
    ("request.required.acks", "a record that is acknowledged is durable"),
    ("transactional.id", "what is written here is written record by record"),
];

/// Parts of the names of properties whose values are nobody's business.
const SECRET: [&str; 7] = ["password", "secret", "key", "token", "sasl", "oauth", "pem"];

/// How a Kafka cluster is reached: properties of librdkafka, by name. Values are never shown where they may be
/// secret.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct KafkaOptions {
    /// The properties; `bootstrap.servers` must be among them.
    pub properties: BTreeMap<String, String>,
}

impl KafkaOptions {
    /// The cluster's addresses as they were given.
    pub fn servers(&self) -> &str {
        self.properties.get(SERVERS).map_or("", String::as_str)
    }

    /// The group that lag tools know Thalweg by, if it has one.
    pub(super) fn group(&self) -> Option<&str> {
        self.properties.get(GROUP).map(String::as_str)
    }

    /// The most bytes of one record that are sent.
    pub(super) fn record_limit(&self) -> usize {
        self.properties.get(RECORD_LIMIT).and_then(|limit| limit.parse().ok()).unwrap_or(RECORD_BYTES)
    }

    /// Refuses properties that cannot be.
    ///
    /// # Errors
    /// Where there is no address, or a property is unknown, unfit or fixed.
    pub(super) fn check(&self) -> Result<(), Error> {
        let refused =
            |property: &str, why: String| Err(Error::KafkaProperty { property: property.to_owned(), why });
        if self.servers().trim().is_empty() {
            return refused(
                SERVERS,
                "it is missing; it says where the cluster is, as in `kafka-1:9092`".to_owned(),
            );
        }
        for (property, value) in &self.properties {
            if let Some((_, why)) = FIXED.iter().find(|(fixed, _)| fixed == property) {
                return refused(property, format!("it cannot be chosen: {why}"));
            }
            let mut alone = ClientConfig::new();
            alone.set(property, value);
            let reason = match alone.create_native_config() {
                Ok(_) => continue,
                Err(KafkaError::ClientConfig(_, reason, ..)) => reason,
                Err(other) => other.to_string(),
            };
            // The reason may quote the value.
            let why = if is_secret(property) { "its value is not fit".to_owned() } else { reason };
            return refused(property, why);
        }
        Ok(())
    }

    /// Settings of a client that asks.
    pub(super) fn to_ask(&self) -> ClientConfig {
        let mut config = self.client();
        config.remove(GROUP);
        config.set("isolation.level", "read_committed");
        config
    }

    /// Settings of a client that reads so many partitions.
    pub(super) fn to_read(&self, partitions: usize) -> ClientConfig {
        let mut config = self.client();
        config.remove(GROUP);
        for (property, value) in [
            ("isolation.level", "read_committed"),
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            ("auto.offset.reset", "error"),
            ("enable.partition.eof", "true"),
        ] {
            config.set(property, value);
        }
        self.unless_given(&mut config, "check.crcs", "true");
        // How long a partition that was read far enough ahead waits before it is read on; a second by default.
        self.unless_given(&mut config, "fetch.queue.backoff.ms", "5");
        self.unless_given(&mut config, "queued.min.messages", "100000");
        // Every partition reads ahead for itself: together they keep within 64 MiB, or 1 MiB each.
        let ahead = (65_536 / partitions.max(1)).clamp(1_024, 16_384).to_string();
        self.unless_given(&mut config, READ_AHEAD, &ahead);
        config
    }

    /// Settings of a client that appends.
    pub(super) fn to_append(&self) -> ClientConfig {
        let mut config = self.client();
        config.remove(GROUP);
        config.set("enable.idempotence", "true").set("acks", "all");
        // Whether a record is too large, the broker says.
        self.unless_given(&mut config, RECORD_LIMIT, &RECORD_BYTES.to_string());
        self.unless_given(&mut config, "linger.ms", "2");
        config
    }

    /// Settings of a client that tells the group how far Thalweg is; none without a group.
    pub(super) fn to_commit(&self) -> Option<ClientConfig> {
        self.group()?;
        let mut config = self.client();
        config.set("enable.auto.commit", "false");
        Some(config)
    }

    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        self.unless_given(&mut config, "client.id", "thalweg");
        // A broker that is back is found soon.
        self.unless_given(&mut config, "reconnect.backoff.max.ms", "1000");
        for (property, value) in &self.properties {
            config.set(property, value);
        }
        config.set_log_level(RDKafkaLogLevel::Info);
        config
    }

    fn unless_given(&self, config: &mut ClientConfig, property: &str, value: &str) {
        if !self.properties.contains_key(property) {
            config.set(property, value);
        }
    }
}

impl fmt::Debug for KafkaOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.properties.iter().map(|(property, value)| {
            (property, if is_secret(property) { "(not shown)" } else { value.as_str() })
        });
        f.debug_map().entries(shown).finish()
    }
}

fn is_secret(property: &str) -> bool {
    let property = property.to_lowercase();
    SECRET.iter().any(|part| property.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(properties: &[(&str, &str)]) -> KafkaOptions {
        let owned = |(property, value): &(&str, &str)| ((*property).to_owned(), (*value).to_owned());
        KafkaOptions { properties: properties.iter().map(owned).collect() }
    }

    #[test]
    fn secrets_are_shown_nowhere() {
        let options = options(&[
            ("bootstrap.servers", "kafka:9092"),
            ("sasl.password", "hush"),
            ("ssl.key.password", "hush"),
            ("ssl.key.pem", "hush"),
            ("sasl.oauthbearer.client.secret", "hush"),
        ]);
        let shown = format!("{options:?}");
        assert!(shown.contains("kafka:9092") && !shown.contains("hush"), "{shown}");
    }

    #[test]
    fn properties_that_cannot_be_are_refused_by_name_and_without_their_secrets() {
        let refused = |properties: &[(&str, &str)]| {
            let error = options(properties).check().expect_err("a property that cannot be");
            error.to_string()
        };
        assert!(refused(&[]).contains("`bootstrap.servers`: it is missing"));
        let fixed = refused(&[("bootstrap.servers", "k:1"), ("isolation.level", "read_uncommitted")]);
        assert!(fixed.contains("`isolation.level`") && fixed.contains("only what is committed"), "{fixed}");
        let unknown = refused(&[("bootstrap.servers", "k:1"), ("no.such.thing", "1")]);
        assert!(unknown.contains("`no.such.thing`"), "{unknown}");
        let secret = refused(&[("bootstrap.servers", "k:1"), ("sasl.mechanism", "hush\0")]);
        assert!(!secret.contains("hush"), "{secret}");
        options(&[("bootstrap.servers", "k:1"), ("security.protocol", "sasl_ssl")]).check().expect("fit");
    }

    #[test]
    fn what_is_given_wins_over_what_is_usual_and_partitions_share_the_memory() {
        let given =
            options(&[("bootstrap.servers", "k:1"), ("fetch.queue.backoff.ms", "70"), ("group.id", "g")]);
        let config = given.to_read(4);
        assert_eq!(config.get("fetch.queue.backoff.ms"), Some("70"));
        assert_eq!(config.get(READ_AHEAD), Some("16384"));
        assert_eq!(given.to_read(1_000).get(READ_AHEAD), Some("1024"));
        assert_eq!(config.get(GROUP), None, "a reader joins no group");
        assert!(given.to_commit().is_some() && options(&[]).to_commit().is_none());
    }
}
