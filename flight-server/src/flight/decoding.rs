//! Decoding what clients send: what the decoders panic over is the client's mistake, and answered as one.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    /// Whether this thread is decoding a client's data.
    static DECODING: Cell<bool> = const { Cell::new(false) };
}

/// Keeps panics over clients' data, which are caught and answered, out of the log; all others are reported as
/// ever.
pub(crate) fn report_only_our_panics() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !DECODING.get() {
            report(panic);
        }
    }));
}

/// What `decode` gives, which decodes a client's data; none where it panicked: decoders take some contradictions for
/// mistakes of their own.
pub(crate) fn caught<T>(decode: impl FnOnce() -> T) -> Option<T> {
    let outer = DECODING.replace(true);
    let decoded = catch_unwind(AssertUnwindSafe(decode));
    DECODING.set(outer);
    decoded.ok()
}
