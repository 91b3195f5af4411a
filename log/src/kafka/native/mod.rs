//! What librdkafka's C interface gives and its Rust interface does not.
//!
//! - Whole batches of messages of one partition ([`Fetching`]): a call for each costs several times as much.
//! - Headers whose keys are no UTF-8 ([`Message`], [`send`]): the Rust interface panics over them.
//! - Ids of topics ([`describe`]).
//!
//! This is the only unsafe code of Thalweg. Every block says why it is sound; everything that leaves these files
//! is safe. What it rests on throughout is librdkafka's documentation of each function in `rdkafka.h`.
#![allow(unsafe_code)]

mod describing;
mod fetching;
mod message;
mod sending;

pub(super) use describing::{Described, describe};
pub(super) use fetching::Fetching;
pub(super) use message::Message;
pub(super) use sending::{SendError, send};

use std::ffi::{CStr, c_char};
use std::time::Duration;

use rdkafka::bindings::rd_kafka_resp_err_t;
use rdkafka::error::RDKafkaErrorCode;

/// A duration as librdkafka takes it.
fn millis(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}

/// An error code of librdkafka; none where there is no error.
fn code(error: rd_kafka_resp_err_t) -> Option<RDKafkaErrorCode> {
    (error != rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR).then(|| error.into())
}

/// The text at `text`, which is nothing if that is null.
///
/// # Safety
/// If it is not null, `text` points to a string that ends with NUL and lives during the call.
unsafe fn text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: not null, and the caller vouches for the rest.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}
