//! What all tests of a binary share, since starting it takes seconds.

use std::ops::Deref;
use std::sync::OnceLock;
use std::thread;

use super::{Broker, Registry};

/// Records may come from any future: by default a broker refuses those of more than an hour ahead.
const ANY_TIMESTAMP: &str = "log.message.timestamp.after.max.ms=9223372036854775807";

static BROKER: OnceLock<Broker> = OnceLock::new();
static REGISTRY: OnceLock<Registry> = OnceLock::new();

/// The broker of this test binary. Tests tell their topics apart by name.
pub fn broker() -> Shared<Broker> {
    Shared { of: BROKER.get_or_init(|| Broker::start(&[ANY_TIMESTAMP])), log_tail: Broker::log_tail }
}

/// The registry of this test binary. Tests tell their subjects apart by name.
pub fn registry() -> Shared<Registry> {
    Shared { of: REGISTRY.get_or_init(Registry::start), log_tail: Registry::log_tail }
}

/// One test's use of what is shared: if the test fails, it shows the end of the log.
pub struct Shared<T: 'static> {
    of: &'static T,
    log_tail: fn(&T) -> String,
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.of
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("{}", (self.log_tail)(self.of));
        }
    }
}
