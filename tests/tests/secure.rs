//! Brokers that want credentials or speak TLS alone: what a client is told that has not what they want.

use std::path::Path;
use std::process::Command;

use thalweg_log::{Error, KafkaLog, KafkaOptions, Log};
use thalweg_tests::kafka::Broker;

/// A log at the further port of `broker`.
fn log(broker: &Broker, properties: &[(&str, &str)]) -> KafkaLog {
    let mut options = KafkaOptions::default();
    let servers = format!("127.0.0.1:{}", broker.other_port());
    options.properties.insert("bootstrap.servers".to_owned(), servers);
    let owned = |(property, value): &(&str, &str)| ((*property).to_owned(), (*value).to_owned());
    options.properties.extend(properties.iter().map(owned));
    KafkaLog::open(options).expect("fit properties")
}

/// Lines that have a broker listen for others of this protocol at its further port.
fn listener(protocol: &str) -> [String; 3] {
    [
        "listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller},SAFE://127.0.0.1:{other}"
            .to_owned(),
        "advertised.listeners=PLAINTEXT://127.0.0.1:{port},SAFE://127.0.0.1:{other}".to_owned(),
        format!("listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SAFE:{protocol}"),
    ]
}

#[test]
fn a_wrong_password_is_told_as_one_and_not_shown() {
    let mut lines = listener("SASL_PLAINTEXT").to_vec();
    lines.push("sasl.enabled.mechanisms=PLAIN".to_owned());
    lines.push(
        "listener.name.safe.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
         user_thalweg=\"open sesame\";"
            .to_owned(),
    );
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    let broker = Broker::start(&lines);
    let with = |password| {
        log(
            &broker,
            &[
                ("security.protocol", "sasl_plaintext"),
                ("sasl.mechanism", "PLAIN"),
                ("sasl.username", "thalweg"),
                ("sasl.password", password),
            ],
        )
    };
    let right = with("open sesame");
    right.create_topic("guarded", 1).expect("a topic");
    assert!(right.topic("guarded").expect("an answer").is_some());
    let wrong = with("open barley");
    let error = wrong.topic("guarded").expect_err("a wrong password");
    assert!(matches!(error, Error::KafkaCredentials { .. }), "{error}");
    for text in [error.to_string(), format!("{error:?}"), format!("{wrong:?}")] {
        assert!(!text.contains("barley"), "{text}");
    }
    assert!(error.to_string().contains("sasl.password"), "{error}");
}

#[test]
fn an_untrusted_certificate_is_told_as_one() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = folder.path().join("keys.p12");
    let certificate = folder.path().join("broker.pem");
    keytool(
        &store,
        &["-genkeypair", "-alias", "broker", "-keyalg", "RSA", "-dname", "CN=127.0.0.1"],
        &["-ext", "san=ip:127.0.0.1", "-storetype", "PKCS12"],
    );
    let file = certificate.display().to_string();
    keytool(&store, &["-exportcert", "-rfc", "-alias", "broker", "-file", &file], &[]);
    let mut lines = listener("SSL").to_vec();
    lines.push(format!("listener.name.safe.ssl.keystore.location={}", store.display()));
    lines.push("listener.name.safe.ssl.keystore.password=for-tests".to_owned());
    lines.push("listener.name.safe.ssl.keystore.type=PKCS12".to_owned());
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    let broker = Broker::start(&lines);
    let trusting = log(&broker, &[("security.protocol", "ssl"), ("ssl.ca.location", &file)]);
    trusting.create_topic("encrypted", 1).expect("a topic");
    let doubting = log(&broker, &[("security.protocol", "ssl")]);
    let error = doubting.topic("encrypted").expect_err("a certificate of nobody's");
    assert!(matches!(error, Error::KafkaCertificate { .. }), "{error}");
    assert!(error.to_string().contains("ssl.ca.location"), "{error}");
}

/// Runs Java's tool for keys on `store`.
fn keytool(store: &Path, what: &[&str], further: &[&str]) {
    let done = Command::new("keytool")
        .args(what)
        .args(["-keystore", &store.display().to_string(), "-storepass", "for-tests"])
        .args(further)
        .output()
        .expect("keytool comes with Java");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
}
