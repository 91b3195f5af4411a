//! Arrow data from clients, looked through before it is decoded: what a message claims costs nothing until
//! the message is seen to hold it.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow_flight::FlightData;
use arrow_flight::decode::{DecodedPayload, FlightDataDecoder};
use arrow_flight::error::FlightError;
use futures::{Stream, StreamExt, future};
use tonic::{Code, Status};

use super::claims::{Unfit, bytes_of};
use super::decoding::caught;
use crate::{Error, Kind};

/// How much an upload may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// Bytes of one message once unpacked, and rows of one: `limits.message_bytes`.
    pub(super) message: usize,
    /// Bytes of all messages: `limits.spine_bytes` where they are kept, as many as come where they are not.
    pub(super) upload: usize,
}

/// The rows of an upload.
pub(super) struct Received {
    data: FlightDataDecoder,
    schema: Option<SchemaRef>,
}

impl Received {
    /// The rows in `data`, as far as there is `room` for them.
    pub(super) fn new(
        data: impl Stream<Item = Result<FlightData, Status>> + Send + 'static,
        room: Room,
    ) -> Self {
        let mut held = 0_usize;
        let checked = data.map(move |data| {
            let data = data.map_err(|status| match status.code() {
                // What the transport says of a message that it did not take.
                Code::OutOfRange => Status::from(over_message(room.message, "more bytes than that")),
                _ => status,
            })?;
            let bytes = bytes_of(&data.data_header, &data.data_body, room.message);
            held = held.saturating_add(bytes.map_err(|unfit| Status::from(refused(unfit, room.message)))?);
            match held > room.upload {
                true => Err(Status::from(over_room(room.upload)).into()),
                false => Ok(data),
            }
        });
        // A stream that failed is over: nothing is read behind the failure.
        let checked = checked.scan(false, |failed, data: Result<FlightData, FlightError>| {
            future::ready(match std::mem::replace(failed, data.is_err()) {
                true => None,
                false => Some(data),
            })
        });
        Self { data: FlightDataDecoder::new(checked), schema: None }
    }

    /// Waits for the schema, which comes before any rows.
    ///
    /// # Errors
    /// INVALID_ARGUMENT where anything else comes in its place.
    pub(super) async fn begin(&mut self) -> Result<SchemaRef, Error> {
        loop {
            if let Some(schema) = &self.schema {
                return Ok(schema.clone());
            }
            poll_fn(|context| self.poll_message(context))
                .await
                .ok_or_else(|| Error::invalid("the upload ended before it named a schema"))??;
        }
    }

    fn poll_message(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<DecodedPayload, Error>>> {
        let Some(polled) = caught(|| self.data.poll_next_unpin(context)) else {
            return Poll::Ready(Some(Err(spoilt("its parts contradict each other"))));
        };
        polled.map(|message| {
            message.map(|message| {
                let payload = message.map_err(unreadable)?.payload;
                match &payload {
                    DecodedPayload::Schema(_) if self.schema.is_some() => {
                        return Err(spoilt("it names a second schema"));
                    }
                    DecodedPayload::Schema(schema) => self.schema = Some(schema.clone()),
                    _ => {}
                }
                Ok(payload)
            })
        })
    }
}

impl Stream for Received {
    type Item = Result<RecordBatch, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            return match ready!(self.poll_message(context)) {
                Some(Ok(DecodedPayload::RecordBatch(batch))) => Poll::Ready(Some(Ok(batch))),
                Some(Ok(_)) => continue,
                Some(Err(error)) => Poll::Ready(Some(Err(error))),
                None => Poll::Ready(None),
            };
        }
    }
}

fn refused(unfit: Unfit, limit: usize) -> Error {
    match unfit {
        Unfit::Spoilt(why) => spoilt(&why),
        Unfit::TooMuch(what) => over_message(limit, &what),
    }
}

fn spoilt(why: &str) -> Error {
    Error::invalid(format!("the uploaded Arrow data cannot be read: {why}"))
}

fn over_message(limit: usize, what: &str) -> Error {
    Error::new(
        Kind::ResourceExhausted,
        format!(
            "a message of the upload claims {what}; the limit `limits.message_bytes` is {limit}. Send smaller batches, or raise the limit"
        ),
    )
}

fn over_room(limit: usize) -> Error {
    Error::new(
        Kind::ResourceExhausted,
        format!(
            "the spine has more than {limit} bytes, the limit `limits.spine_bytes`; send it in parts, or raise the limit"
        ),
    )
}

fn unreadable(error: FlightError) -> Error {
    match error {
        FlightError::Tonic(status) => Error::from(*status),
        other => spoilt(other.to_string().trim_end()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, NullArray, StringArray};
    use arrow::ipc::CompressionType;
    use arrow::ipc::writer::IpcWriteOptions;
    use arrow_flight::encode::FlightDataEncoderBuilder;
    use futures::stream;

    use super::*;

    const ROOM: Room = Room { message: 1 << 20, upload: 1 << 20 };

    fn columns(rows: usize) -> RecordBatch {
        let numbers = Int64Array::from_iter_values((0..rows as i64).map(|_| 7));
        let texts = StringArray::from_iter_values(std::iter::repeat_n("text", rows));
        RecordBatch::try_from_iter([("a", Arc::new(numbers) as _), ("b", Arc::new(texts) as _)])
            .expect("a batch")
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
    }

    fn sent(batch: RecordBatch, codec: Option<CompressionType>) -> Vec<FlightData> {
        let options = IpcWriteOptions::default().try_with_compression(codec).expect("a known codec");
        let encoder = FlightDataEncoderBuilder::new().with_options(options).build(stream::iter([Ok(batch)]));
        block_on(encoder.map(|data| data.expect("encodes")).collect())
    }

    fn received(data: Vec<FlightData>, room: Room) -> Result<Vec<RecordBatch>, Error> {
        let rows = Received::new(stream::iter(data.into_iter().map(Ok)), room);
        block_on(rows.collect::<Vec<_>>()).into_iter().collect()
    }

    #[test]
    fn what_was_sent_is_received_packed_or_not() {
        for codec in [None, Some(CompressionType::ZSTD), Some(CompressionType::LZ4_FRAME)] {
            assert_eq!(received(sent(columns(1_000), codec), ROOM).expect("sound"), [columns(1_000)]);
        }
    }

    #[test]
    fn the_schema_is_known_before_any_rows_come() {
        let data = sent(columns(3), None).into_iter().map(Ok);
        let mut rows = Received::new(stream::iter(data.take(1)).chain(stream::pending()), ROOM);
        assert_eq!(block_on(rows.begin()).expect("a schema"), columns(3).schema());
        assert_eq!(block_on(rows.begin()).expect("the same again"), columns(3).schema());

        let mut nothing = Received::new(stream::empty(), ROOM);
        assert!(block_on(nothing.begin()).expect_err("none").message.contains("before it named a schema"));
        let mut twice = sent(columns(3), None);
        twice.insert(1, twice[0].clone());
        assert!(received(twice, ROOM).expect_err("two").message.contains("a second schema"));
    }

    #[test]
    fn claims_are_refused_before_they_cost_memory() {
        let claiming = |codec, bytes: i64| {
            let mut packed = sent(columns(1_000), Some(codec));
            let mut body = packed[1].data_body.to_vec();
            let claim = body
                .windows(8)
                .position(|bytes| bytes == 8_000_i64.to_le_bytes())
                .expect("the numbers' size");
            body[claim..claim + 8].copy_from_slice(&bytes.to_le_bytes());
            packed[1].data_body = body.into();
            received(packed, ROOM).expect_err("another size")
        };
        for codec in [CompressionType::ZSTD, CompressionType::LZ4_FRAME] {
            let error = claiming(codec, 1 << 40);
            assert_eq!(error.kind, Kind::ResourceExhausted);
            assert!(
                error.message.contains("bytes once unpacked; the limit `limits.message_bytes`"),
                "{error}"
            );
            assert_eq!(claiming(codec, 4_000).kind, Kind::InvalidArgument, "less than there is");
        }

        let nothing =
            RecordBatch::try_from_iter([("n", Arc::new(NullArray::new(1 << 40)) as _)]).expect("a batch");
        assert!(
            received(sent(nothing, None), ROOM)
                .expect_err("rows")
                .message
                .contains("claims 1099511627776 rows")
        );
    }

    #[test]
    fn a_message_that_is_cut_short_is_refused_in_words() {
        let mut cut = sent(columns(1_000), None);
        cut[1].data_body.truncate(100);
        let message = received(cut, ROOM).expect_err("half a message").to_string();
        assert!(message.contains("belong to a column, but the message holds 100"), "{message}");
        let mut lz4 = sent(columns(1_000), Some(CompressionType::LZ4_FRAME));
        let mut body = lz4[1].data_body.to_vec();
        let magic =
            body.windows(4).position(|bytes| bytes == 0x184D_2204_u32.to_le_bytes()).expect("a frame");
        body[magic] = 0;
        lz4[1].data_body = body.into();
        assert!(received(lz4, ROOM).expect_err("no frame").message.contains("packed with LZ4"));
    }

    #[test]
    fn contradictions_within_a_message_are_the_clients_mistake() {
        crate::flight::report_only_our_panics();
        let sound = sent(columns(10), None);
        for (message, byte) in (0..2).flat_map(|n| (0..sound[n].data_header.len()).map(move |byte| (n, byte)))
        {
            let mut spoilt = sound.clone();
            let mut header = spoilt[message].data_header.to_vec();
            header[byte] ^= 0xff;
            spoilt[message].data_header = header.into();
            if let Err(error) = received(spoilt, ROOM) {
                assert!([Kind::InvalidArgument, Kind::ResourceExhausted].contains(&error.kind), "{error}");
            }
        }
    }

    #[test]
    fn an_upload_is_measured_by_what_it_takes_whatever_its_columns_are() {
        // Columns of one message share its bytes, which must not be counted once for each of them.
        let wide = (0..500).map(|n| (format!("c{n}"), Arc::new(Int64Array::from(vec![n; 100])) as _));
        let wide = sent(RecordBatch::try_from_iter(wide).expect("a batch"), None);
        assert_eq!(received(wide, ROOM).expect("half a MiB").len(), 1);
        let mut many = sent(columns(10_000), None);
        let repeated = many[1].clone();
        many.extend(std::iter::repeat_n(repeated, 10));
        assert!(received(many, ROOM).expect_err("over").message.contains("`limits.spine_bytes`"));
    }
}
