//! The log that the settings name.

use std::sync::Arc;
use std::time::Duration;

use thalweg_log::{EmbeddedLog, EmbeddedOptions, Error as LogError, KafkaLog, Log};

use super::Role;
use crate::Error;
use crate::config::{Compression, Config, Embedded};

/// How often, and after what pauses, a server tries to open a log that another process has.
const LOCK_TRIES: u32 = 30;
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// Opens the log. A cluster that is away is no error here: what needs it waits, and says so.
///
/// # Errors
/// An embedded log that another process has open, or that is damaged; properties that Kafka's client does not take.
pub(super) fn open_log(config: &Config, role: Role) -> Result<Arc<dyn Log>, Error> {
    if config.log.is_kafka() {
        return Ok(Arc::new(KafkaLog::open(config.log.kafka.clone())?));
    }
    let log = open_embedded(&config.log.embedded, role)?;
    for cut in log.cut_tails() {
        tracing::warn!(partition = %cut.partition, bytes = cut.bytes, next_offset = cut.next_offset, "cut a torn tail off the log; nothing acknowledged was in it");
    }
    Ok(Arc::new(log))
}

/// A server waits for a moment where another process has the log: one that was just killed lets go of it only
/// when the system has taken it down.
fn open_embedded(settings: &Embedded, role: Role) -> Result<EmbeddedLog, Error> {
    let compression = match settings.compression {
        Compression::None => thalweg_log::Compression::None,
        Compression::Zstd => thalweg_log::Compression::Zstd,
    };
    let options =
        EmbeddedOptions { segment_bytes: settings.segment_bytes, compression, ..Default::default() };
    for _ in 0..LOCK_TRIES {
        match EmbeddedLog::open(&settings.dir, options) {
            Err(LogError::Locked { .. }) if role == Role::Serve => std::thread::sleep(LOCK_PAUSE),
            opened => return Ok(opened?),
        }
    }
    Ok(EmbeddedLog::open(&settings.dir, options)?)
}
