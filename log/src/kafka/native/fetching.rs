//! One partition that is being fetched.

use std::collections::VecDeque;
use std::ffi::{CStr, CString};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::bindings as c;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;

use super::{Message, code, millis};
use crate::kafka::context::Context;

/// Messages that are taken off the queue in one call.
const BATCH: usize = 1_000;

/// A partition that librdkafka fetches in the background into a queue of its own.
///
/// This is librdkafka's simple consumer: its records go into this queue from the first one on. Queues split off
/// an assignment later would leave a moment in which they go elsewhere.
pub(in crate::kafka) struct Fetching {
    queue: NonNull<c::rd_kafka_queue_t>,
    topic: NonNull<c::rd_kafka_topic_t>,
    name: CString,
    partition: i32,
    /// Space for the pointers of one call, all null between calls.
    taken: Vec<*mut c::rd_kafka_message_t>,
    /// Last, as the others are a part of it.
    consumer: Arc<BaseConsumer<Context>>,
}

// SAFETY: librdkafka's functions on queues, topics and clients may be called by any thread. `taken` holds null
// pointers alone whenever no method runs.
unsafe impl Send for Fetching {}

impl Fetching {
    /// Begins to fetch `partition` of `topic` from `offset` on. The consumer must have no group.
    ///
    /// # Errors
    /// What librdkafka has against it; it has asked no broker yet.
    pub(in crate::kafka) fn start(
        consumer: &Arc<BaseConsumer<Context>>,
        topic: &str,
        partition: i32,
        offset: i64,
    ) -> Result<Self, RDKafkaErrorCode> {
        let client = consumer.client().native_ptr();
        let name = CString::new(topic).map_err(|_| RDKafkaErrorCode::InvalidTopic)?;
        // SAFETY: the client lives as long as `consumer`, of which a share is kept beside what is made here; the
        // name ends with NUL.
        let topic = unsafe { c::rd_kafka_topic_new(client, name.as_ptr(), ptr::null_mut()) };
        let topic = NonNull::new(topic).ok_or_else(last_error)?;
        // SAFETY: as above.
        let Some(queue) = NonNull::new(unsafe { c::rd_kafka_queue_new(client) }) else {
            // SAFETY: the topic was made above and is used no further.
            unsafe { c::rd_kafka_topic_destroy(topic.as_ptr()) };
            return Err(RDKafkaErrorCode::Fail);
        };
        // SAFETY: topic and queue are of this client and alive.
        let started =
            unsafe { c::rd_kafka_consume_start_queue(topic.as_ptr(), partition, offset, queue.as_ptr()) };
        let error = last_error();
        let fetching = Self {
            queue,
            topic,
            name,
            partition,
            taken: vec![ptr::null_mut(); BATCH],
            consumer: Arc::clone(consumer),
        };
        if started == 0 { Ok(fetching) } else { Err(error) }
    }

    /// Appends to `out` what has been fetched; if that is nothing, waits for something, at most for `patience`.
    pub(in crate::kafka) fn take(&mut self, patience: Duration, out: &mut VecDeque<Message>) {
        // A call waits until it has as many messages as are asked for: one of many must not wait at all.
        if self.take_up_to(BATCH, Duration::ZERO, out) == 0 && !patience.is_zero() {
            self.take_up_to(1, patience, out);
        }
    }

    /// The offset after the last record of the partition, committed or not, as the last fetch had it.
    pub(in crate::kafka) fn high_watermark(&self) -> Option<i64> {
        let (mut low, mut high) = (0, 0);
        // SAFETY: the client is alive, the name ends with NUL, both places can be written to.
        let error = unsafe {
            c::rd_kafka_get_watermark_offsets(
                self.consumer.client().native_ptr(),
                self.name.as_ptr(),
                self.partition,
                &raw mut low,
                &raw mut high,
            )
        };
        (code(error).is_none() && high >= 0).then_some(high)
    }

    /// Whether nothing is there that was fetched.
    pub(in crate::kafka) fn is_empty(&self) -> bool {
        // SAFETY: the queue is alive.
        unsafe { c::rd_kafka_queue_length(self.queue.as_ptr()) == 0 }
    }

    fn take_up_to(&mut self, count: usize, patience: Duration, out: &mut VecDeque<Message>) -> usize {
        let taken = &mut self.taken[..count];
        // SAFETY: the queue is alive and there is room for `count` pointers.
        let found = unsafe {
            c::rd_kafka_consume_batch_queue(self.queue.as_ptr(), millis(patience), taken.as_mut_ptr(), count)
        };
        // Less than nothing is an error, of which nothing is said here but in the log.
        let found = usize::try_from(found).unwrap_or(0);
        out.extend(taken[..found].iter_mut().filter_map(|message| {
            let message = std::mem::replace(message, ptr::null_mut());
            // SAFETY: the call gave the message to us. Whoever has it has a share in the consumer too: the
            // reader keeps its messages beside this, and drops them first.
            unsafe { Message::own(message) }
        }));
        found
    }
}

impl Drop for Fetching {
    fn drop(&mut self) {
        // SAFETY: all three are alive and used no further. That stopping may fail, where the partition is gone,
        // changes nothing; what is left in the queue is destroyed with it.
        unsafe {
            c::rd_kafka_consume_stop(self.topic.as_ptr(), self.partition);
            c::rd_kafka_queue_destroy(self.queue.as_ptr());
            c::rd_kafka_topic_destroy(self.topic.as_ptr());
        }
    }
}

fn last_error() -> RDKafkaErrorCode {
    // SAFETY: it reads a variable of this thread.
    let error = unsafe { c::rd_kafka_last_error() };
    code(error).unwrap_or(RDKafkaErrorCode::Fail)
}

impl std::fmt::Debug for Fetching {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name: &CStr = &self.name;
        f.debug_struct("Fetching").field("topic", &name).field("partition", &self.partition).finish()
    }
}
