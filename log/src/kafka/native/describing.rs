//! What a cluster says of its topics.

use std::ffi::{CString, c_char};
use std::ptr::NonNull;
use std::slice;
use std::time::Duration;

use rdkafka::bindings as c;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;

use super::{code, millis, text};
use crate::kafka::context::Context;
use crate::topic::{TopicId, TopicInfo};

/// A topic, or why nothing is known of it.
pub(in crate::kafka) type Described = (String, Result<TopicInfo, (RDKafkaErrorCode, String)>);

/// What is made for one question, and destroyed with it.
struct Asked {
    options: NonNull<c::rd_kafka_AdminOptions_t>,
    topics: NonNull<c::rd_kafka_TopicCollection_t>,
    queue: NonNull<c::rd_kafka_queue_t>,
}

impl Drop for Asked {
    fn drop(&mut self) {
        // SAFETY: all three were made for this question, and are used no further.
        unsafe {
            c::rd_kafka_AdminOptions_destroy(self.options.as_ptr());
            c::rd_kafka_TopicCollection_destroy(self.topics.as_ptr());
            c::rd_kafka_queue_destroy(self.queue.as_ptr());
        }
    }
}

/// An answer, destroyed when it is read.
struct Event(NonNull<c::rd_kafka_event_t>);

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: the event is ours, and is used no further.
        unsafe { c::rd_kafka_event_destroy(self.0.as_ptr()) }
    }
}

/// Asks for the topics of these names: their ids and how many partitions they have.
///
/// # Errors
/// Where no broker answers within `timeout`, or it answers to nothing.
pub(in crate::kafka) fn describe(
    consumer: &BaseConsumer<Context>,
    names: &[&str],
    timeout: Duration,
) -> Result<Vec<Described>, (RDKafkaErrorCode, String)> {
    let invalid = |_| (RDKafkaErrorCode::InvalidTopic, "the name of a topic holds a NUL byte".to_owned());
    let names =
        names.iter().map(|name| CString::new(*name)).collect::<Result<Vec<_>, _>>().map_err(invalid)?;
    let mut pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
    let client = consumer.client().native_ptr();
    let failed = || (RDKafkaErrorCode::Fail, "out of memory".to_owned());
    // SAFETY: the client is alive during this call, and so are the names, which end with NUL and are copied.
    let (options, topics, queue) = unsafe {
        (
            c::rd_kafka_AdminOptions_new(client, c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS),
            c::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len()),
            c::rd_kafka_queue_new(client),
        )
    };
    let asked = Asked {
        options: NonNull::new(options).ok_or_else(failed)?,
        topics: NonNull::new(topics).ok_or_else(failed)?,
        queue: NonNull::new(queue).ok_or_else(failed)?,
    };
    let mut why = [0; 256];
    // SAFETY: the options are alive and there is room for as many bytes of text as are said. A timeout that is
    // not fit leaves the usual one. Then the question: all of its parts are alive, and it keeps none of them
    // but the queue, which is counted.
    let event = unsafe {
        c::rd_kafka_AdminOptions_set_request_timeout(
            asked.options.as_ptr(),
            millis(timeout),
            why.as_mut_ptr(),
            why.len(),
        );
        c::rd_kafka_DescribeTopics(
            client,
            asked.topics.as_ptr(),
            asked.options.as_ptr(),
            asked.queue.as_ptr(),
        );
        // The answer comes in any case, at the latest when the request has timed out.
        c::rd_kafka_queue_poll(asked.queue.as_ptr(), millis(timeout + Duration::from_secs(5)))
    };
    let timed_out = || (RDKafkaErrorCode::OperationTimedOut, "no broker answers".to_owned());
    let event = Event(NonNull::new(event).ok_or_else(timed_out)?);
    // SAFETY: the event is alive.
    let error = unsafe { c::rd_kafka_event_error(event.0.as_ptr()) };
    if let Some(error) = code(error) {
        // SAFETY: the event is alive, and the text with it.
        return Err((error, unsafe { text(c::rd_kafka_event_error_string(event.0.as_ptr())) }));
    }
    // SAFETY: the event is alive; it gives null where it is no answer to this question.
    let result = unsafe { c::rd_kafka_event_DescribeTopics_result(event.0.as_ptr()) };
    if result.is_null() {
        return Err((RDKafkaErrorCode::Fail, "the answer is to another question".to_owned()));
    }
    let mut count = 0;
    // SAFETY: the result is alive with its event, and the count can be written to.
    let found = unsafe { c::rd_kafka_DescribeTopics_result_topics(result, &raw mut count) };
    if found.is_null() {
        return Ok(Vec::new());
    }
    // SAFETY: there are `count` pointers to descriptions, all of them alive with the event.
    let found = unsafe { slice::from_raw_parts(found, count) };
    // SAFETY: as above.
    Ok(found.iter().map(|topic| unsafe { read(*topic) }).collect())
}

/// Reads what is said of one topic.
///
/// # Safety
/// `topic` is a description that is alive.
unsafe fn read(topic: *const c::rd_kafka_TopicDescription_t) -> Described {
    let mut partitions = 0;
    // SAFETY: the description is alive by the caller's word, what it gives is a part of it, and the place of the
    // count can be written to.
    let (name, error, id) = unsafe {
        c::rd_kafka_TopicDescription_partitions(topic, &raw mut partitions);
        let error = c::rd_kafka_TopicDescription_error(topic);
        let reason = (code(c::rd_kafka_error_code(error)), text(c::rd_kafka_error_string(error)));
        let name = text(c::rd_kafka_TopicDescription_name(topic));
        let id = c::rd_kafka_TopicDescription_topic_id(topic);
        let bits = (!id.is_null()).then(|| {
            (c::rd_kafka_Uuid_most_significant_bits(id), c::rd_kafka_Uuid_least_significant_bits(id))
        });
        (name, reason, bits)
    };
    match (error, id) {
        ((Some(code), reason), _) => (name, Err((code, reason))),
        ((None, _), None) => (name, Err((RDKafkaErrorCode::Fail, "the topic has no id".to_owned()))),
        ((None, _), Some((high, low))) => {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&high.to_be_bytes());
            id[8..].copy_from_slice(&low.to_be_bytes());
            let partitions = i32::try_from(partitions).unwrap_or(i32::MAX);
            (name.clone(), Ok(TopicInfo { name, id: TopicId::from_bytes(id), partitions }))
        }
    }
}
