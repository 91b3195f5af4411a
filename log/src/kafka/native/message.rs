//! One message as librdkafka holds it.

use std::ffi::CStr;
use std::ptr::{self, NonNull};
use std::slice;

use rdkafka::bindings as c;
use rdkafka::error::RDKafkaErrorCode;

use super::{code, text};
use crate::batch::{Headers, Record};

/// A message, or an event about its partition, which is given back when it is dropped.
///
/// Its bytes lie where librdkafka received them; [`hand_to`](Self::hand_to) lends them out.
#[derive(Debug)]
pub(in crate::kafka) struct Message(NonNull<c::rd_kafka_message_t>);

// SAFETY: librdkafka lets any thread read and destroy a message, and nobody else has the pointer.
unsafe impl Send for Message {}

impl Message {
    /// Takes over what a fetch gave.
    ///
    /// # Safety
    /// `message` comes from librdkafka, which leaves it to the caller to destroy it, and its client outlives
    /// what is made of it here.
    pub(super) unsafe fn own(message: *mut c::rd_kafka_message_t) -> Option<Self> {
        NonNull::new(message).map(Self)
    }

    /// Offset of the record; of the end, or of what could not be read, where it is an event.
    pub(in crate::kafka) fn offset(&self) -> i64 {
        self.raw().offset
    }

    /// What the event is about; none of a record.
    pub(in crate::kafka) fn error(&self) -> Option<RDKafkaErrorCode> {
        code(self.raw().err)
    }

    /// What librdkafka says about the event.
    pub(in crate::kafka) fn reason(&self) -> String {
        // SAFETY: the message is alive; the text is its payload or a constant.
        unsafe { text(c::rd_kafka_message_errstr(self.0.as_ptr())) }
    }

    /// Lends the record to `sink`.
    pub(in crate::kafka) fn hand_to<T>(&self, sink: impl FnOnce(&Record<'_>) -> T) -> T {
        let raw = self.raw();
        // SAFETY: librdkafka has `key_len` and `len` bytes there for as long as the message lives, or null, and
        // nobody changes them.
        let (key, value) =
            unsafe { (bytes(raw.key.cast(), raw.key_len), bytes(raw.payload.cast(), raw.len)) };
        let headers = self.headers();
        // SAFETY: the message is alive; the kind of timestamp need not be asked for.
        let timestamp_ms = unsafe { c::rd_kafka_message_timestamp(self.0.as_ptr(), ptr::null_mut()) };
        sink(&Record { offset: raw.offset, timestamp_ms, key, value, headers: Headers::of(&headers) })
    }

    /// The headers in order. Most records have none, and then nothing is allocated.
    fn headers(&self) -> Vec<(&[u8], Option<&[u8]>)> {
        let mut headers = ptr::null_mut();
        // SAFETY: the message is alive and of a consumer. The headers it gives belong to it.
        let found = unsafe { c::rd_kafka_message_headers(self.0.as_ptr(), &raw mut headers) };
        if code(found).is_some() || headers.is_null() {
            return Vec::new();
        }
        let mut listed = Vec::new();
        loop {
            let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0);
            // SAFETY: the headers are alive, and all three places can be written to.
            let error = unsafe {
                c::rd_kafka_header_get_all(
                    headers,
                    listed.len(),
                    &raw mut name,
                    &raw mut value,
                    &raw mut size,
                )
            };
            if code(error).is_some() || name.is_null() {
                return listed;
            }
            // SAFETY: a name ends with NUL, a value has `size` bytes or is null, and both live as long as the
            // message, which the returned slices borrow.
            listed.push(unsafe { (CStr::from_ptr(name).to_bytes(), bytes(value.cast(), size)) });
        }
    }

    fn raw(&self) -> &c::rd_kafka_message_t {
        // SAFETY: the message is alive until `drop`.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        // SAFETY: the message is ours and is not used after this.
        unsafe { c::rd_kafka_message_destroy(self.0.as_ptr()) }
    }
}

/// The bytes at `start`; none if that is null.
///
/// # Safety
/// If it is not null, there are `size` bytes that live and stay as they are for `'a`.
unsafe fn bytes<'a>(start: *const u8, size: usize) -> Option<&'a [u8]> {
    // SAFETY: not null, and the caller vouches for the rest.
    (!start.is_null()).then(|| unsafe { slice::from_raw_parts(start, size) })
}
