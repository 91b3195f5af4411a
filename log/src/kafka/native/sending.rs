//! One record on its way out.

use std::ffi::{CString, c_void};
use std::ptr;
use std::sync::Arc;

use rdkafka::bindings as c;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{Producer, ThreadedProducer};
use rdkafka::util::IntoOpaque;

use super::{code, text};
use crate::batch::NewRecord;
use crate::kafka::context::{Context, Delivery};

/// Why a record was not taken.
#[derive(Debug)]
pub(in crate::kafka) enum SendError {
    /// There is no room at the moment.
    Full,
    /// It is larger than it may be.
    TooLarge,
    /// The client knows no such partition; it may be newer than what the client knows.
    UnknownPartition,
    /// Something else.
    Other(String),
}

/// Gives `record` to the producer, which copies it; `delivery` is told when it has arrived.
///
/// # Errors
/// If it was not taken; `delivery` is told nothing then.
pub(in crate::kafka) fn send(
    producer: &ThreadedProducer<Context>,
    topic: &CString,
    partition: i32,
    record: &NewRecord<'_>,
    delivery: &Arc<Delivery>,
) -> Result<(), SendError> {
    let name = |(key, _): &(&[u8], Option<&[u8]>)| {
        CString::new(*key).map_err(|_| SendError::Other("the key of a header holds a NUL byte".to_owned()))
    };
    let names = record.headers.iter().map(name).collect::<Result<Vec<_>, _>>()?;
    let opaque = Arc::clone(delivery).into_ptr();
    let memory = |bytes: Option<&[u8]>| c::rd_kafka_vu_s__bindgen_ty_1 {
        mem: c::rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_1 {
            ptr: bytes.map_or(ptr::null_mut(), |bytes| bytes.as_ptr().cast_mut().cast::<c_void>()),
            size: bytes.map_or(0, <[u8]>::len),
        },
    };
    let part = |vtype, u| c::rd_kafka_vu_t { vtype, u };
    let copy = c::RD_KAFKA_MSG_F_COPY;
    let mut parts = vec![
        part(
            c::rd_kafka_vtype_t::RD_KAFKA_VTYPE_TOPIC,
            c::rd_kafka_vu_s__bindgen_ty_1 { cstr: topic.as_ptr() },
        ),
        part(
            c::rd_kafka_vtype_t::RD_KAFKA_VTYPE_PARTITION,
            c::rd_kafka_vu_s__bindgen_ty_1 { i32_: partition },
        ),
        part(c::rd_kafka_vtype_t::RD_KAFKA_VTYPE_MSGFLAGS, c::rd_kafka_vu_s__bindgen_ty_1 { i: copy }),
        part(c::rd_kafka_vtype_t::RD_KAFKA_VTYPE_OPAQUE, c::rd_kafka_vu_s__bindgen_ty_1 { ptr: opaque }),
        part(c::rd_kafka_vtype_t::RD_KAFKA_VTYPE_KEY, memory(record.key)),
        part(c::rd_kafka_vtype_t::RD_KAFKA_VTYPE_VALUE, memory(record.value)),
        part(
            c::rd_kafka_vtype_t::RD_KAFKA_VTYPE_TIMESTAMP,
            c::rd_kafka_vu_s__bindgen_ty_1 { i64_: record.timestamp_ms },
        ),
    ];
    parts.extend(names.iter().zip(record.headers).map(|(name, (_, value))| {
        let header = c::rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_2 {
            name: name.as_ptr(),
            val: value.map_or(ptr::null(), |value| value.as_ptr().cast::<c_void>()),
            size: value.map_or(0, |value| value.len() as isize),
        };
        part(c::rd_kafka_vtype_t::RD_KAFKA_VTYPE_HEADER, c::rd_kafka_vu_s__bindgen_ty_1 { header })
    }));
    // SAFETY: the client lives as long as `producer`. Each part has the member of the union that its type says,
    // and what they point to (`topic`, `names`, `record`) lives during the call; with the flag to copy, none of
    // it is needed after that. The opaque is what the producer's context takes back, once, with the delivery.
    let error = unsafe { c::rd_kafka_produceva(producer.client().native_ptr(), parts.as_ptr(), parts.len()) };
    if error.is_null() {
        return Ok(());
    }
    // SAFETY: the record was not taken, so nobody else takes the opaque back. The error is ours to read and to
    // destroy.
    let (refused, reason) = unsafe {
        drop(<Arc<Delivery> as IntoOpaque>::from_ptr(opaque));
        let refused = (code(c::rd_kafka_error_code(error)), text(c::rd_kafka_error_string(error)));
        c::rd_kafka_error_destroy(error);
        refused
    };
    Err(match refused {
        Some(RDKafkaErrorCode::QueueFull) => SendError::Full,
        Some(RDKafkaErrorCode::MessageSizeTooLarge) => SendError::TooLarge,
        Some(RDKafkaErrorCode::UnknownPartition | RDKafkaErrorCode::UnknownTopic) => {
            SendError::UnknownPartition
        }
        _ => SendError::Other(reason),
    })
}
