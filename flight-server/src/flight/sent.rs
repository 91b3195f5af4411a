//! Arrow data to clients and servers, as Flight has it.

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteContext, IpcWriteOptions};
use arrow_flight::encode::{DictionaryHandling, FlightDataEncoderBuilder};
use arrow_flight::error::FlightError;
use arrow_flight::{FlightData, FlightDescriptor, SchemaAsIpc};
use futures::{Stream, StreamExt, future, stream};

/// About the most bytes of one message: clients take four million unless told otherwise.
const MESSAGE_BYTES: usize = 2 << 20;

/// `schema`, then `batches`, every column in the type it has; `descriptor` says what an upload is for.
pub(crate) fn encode(
    schema: SchemaRef,
    descriptor: Option<FlightDescriptor>,
    batches: impl Stream<Item = Result<RecordBatch, FlightError>> + Send + 'static,
) -> impl Stream<Item = Result<FlightData, FlightError>> + Send + 'static {
    // The encoder announces large lists as lists, whose data is then misread; so it is we who announce.
    let mut announced = FlightData::from(SchemaAsIpc::new(&schema, &IpcWriteOptions::default()));
    announced.flight_descriptor = descriptor;
    let encoder = FlightDataEncoderBuilder::new()
        .with_schema(schema)
        .with_dictionary_handling(DictionaryHandling::Resend)
        // The encoder measures what a batch is a slice of; so it is we who cut, by what is in the batch alone.
        .with_max_flight_data_size(usize::MAX)
        .build(batches.flat_map(|batch| stream::iter(pieces(batch))));
    stream::once(future::ready(Ok(announced))).chain(encoder.skip(1))
}

/// `batch` in pieces that each make a message of a bearable size.
fn pieces(batch: Result<RecordBatch, FlightError>) -> Vec<Result<RecordBatch, FlightError>> {
    let Ok(batch) = batch else { return vec![batch] };
    let rows = batch.num_rows().div_ceil(bytes_of_rows(&batch).div_ceil(MESSAGE_BYTES).max(1)).max(1);
    let starts = (0..batch.num_rows().max(1)).step_by(rows);
    starts.map(|from| Ok(batch.slice(from, rows.min(batch.num_rows() - from)))).collect()
}

/// The bytes that the rows of `batch` take, whatever larger columns they are a slice of.
pub(super) fn bytes_of_rows(batch: &RecordBatch) -> usize {
    let bytes = |column: &ArrayRef| {
        column.to_data().get_slice_memory_size().unwrap_or_else(|_| column.get_buffer_memory_size())
    };
    batch.columns().iter().map(bytes).sum()
}

/// Makes one message of each batch, however large or empty it is, where [`encode`] cuts and leaves out.
/// A dictionary that is new to the receiver comes before it in a message of its own.
pub(super) struct Whole {
    generator: IpcDataGenerator,
    dictionaries: DictionaryTracker,
    options: IpcWriteOptions,
    context: IpcWriteContext,
}

impl Whole {
    /// A maker of messages for batches of `schema`, and the message that announces it.
    pub(super) fn begin(schema: &SchemaRef) -> (Self, FlightData) {
        let mut this = Self {
            generator: IpcDataGenerator::default(),
            dictionaries: DictionaryTracker::new(false),
            options: IpcWriteOptions::default(),
            context: IpcWriteContext::default(),
        };
        let announced = this.generator.schema_to_bytes_with_dictionary_tracker(
            schema,
            &mut this.dictionaries,
            &this.options,
        );
        (this, announced.into())
    }

    /// The messages of `batch`, the last of them its rows with `about` as their `app_metadata`.
    ///
    /// # Errors
    /// Columns that Arrow cannot write.
    pub(super) fn encode(
        &mut self,
        batch: &RecordBatch,
        about: String,
    ) -> Result<Vec<FlightData>, ArrowError> {
        let (dictionaries, rows) =
            self.generator.encode(batch, &mut self.dictionaries, &self.options, &mut self.context)?;
        let rows = FlightData::from(rows).with_app_metadata(about);
        Ok(dictionaries.into_iter().map(FlightData::from).chain([rows]).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        DictionaryArray, FixedSizeListArray, Int64Array, LargeListArray, LargeStringArray, ListArray,
        MapBuilder, StringArray, StringBuilder, StringViewArray, StructArray,
    };
    use arrow::datatypes::{Field, Int32Type, Int64Type};
    use arrow_flight::decode::FlightRecordBatchStream;
    use futures::TryStreamExt;

    use super::*;

    fn back(schema: SchemaRef, batches: Vec<RecordBatch>) -> Vec<RecordBatch> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let data = encode(schema, None, stream::iter(batches.into_iter().map(Ok)));
        runtime.block_on(FlightRecordBatchStream::new_from_flight_data(data).try_collect()).expect("decodes")
    }

    fn back_whole(schema: SchemaRef, batches: &[RecordBatch]) -> Vec<RecordBatch> {
        let (mut whole, announced) = Whole::begin(&schema);
        let rows = batches.iter().flat_map(|batch| whole.encode(batch, "about".to_owned()).expect("encodes"));
        let data: Vec<_> = std::iter::once(announced).chain(rows).map(Ok).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let decoded = FlightRecordBatchStream::new_from_flight_data(stream::iter(data));
        runtime.block_on(decoded.try_collect()).expect("decodes")
    }

    #[test]
    fn a_batch_may_be_one_message_however_large_or_empty() {
        let numbers = Arc::new(Int64Array::from_iter_values(0..1_000_000)) as ArrayRef;
        let batch = RecordBatch::try_from_iter([("a", numbers)]).expect("a batch");
        let batches = [batch.slice(0, 0), batch.clone(), batch.slice(7, 0), batch.slice(7, 2)];
        assert_eq!(back_whole(batch.schema(), &batches), batches);
        let (mut whole, _) = Whole::begin(&batch.schema());
        let [message] = &whole.encode(&batch, "about".to_owned()).expect("encodes")[..] else {
            panic!("eight megabytes in several messages")
        };
        assert_eq!(message.app_metadata, "about");
    }

    #[test]
    fn every_kind_of_column_arrives_as_it_was_sent() {
        let lists = || [Some(vec![Some(1), Some(2)]), Some(vec![]), Some(vec![Some(3), None]), None];
        let dictionary = |texts: [&str; 4]| {
            Arc::new(texts.into_iter().collect::<DictionaryArray<Int32Type>>()) as ArrayRef
        };
        let mut maps = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
        for row in 0..4 {
            maps.keys().append_value(format!("key {row}"));
            maps.values().append_value("value");
            maps.append(true).expect("a key for each value");
        }
        let inner = dictionary(["p", "q", "q", "p"]);
        let inner = (Arc::new(Field::new("inner", inner.data_type().clone(), true)), inner);
        let columns: [(&str, ArrayRef); 9] = [
            ("list", Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists()))),
            ("large list", Arc::new(LargeListArray::from_iter_primitive::<Int64Type, _, _>(lists()))),
            (
                "pair",
                Arc::new(FixedSizeListArray::from_iter_primitive::<Int64Type, _, _>(
                    (0..4).map(|n| Some(vec![Some(n), None])),
                    2,
                )),
            ),
            ("first", dictionary(["x", "y", "x", "z"])),
            ("struct", Arc::new(StructArray::from(vec![inner]))),
            ("second", dictionary(["k", "k", "l", "m"])),
            ("large text", Arc::new(LargeStringArray::from(vec!["a", "", "b", "c"]))),
            ("view", Arc::new(StringViewArray::from(vec!["a text of more than twelve bytes", "", "b", "c"]))),
            ("map", Arc::new(maps.finish())),
        ];
        let batch = RecordBatch::try_from_iter(columns).expect("columns of one length");
        let batches = vec![batch.slice(0, 3), batch.slice(3, 1)];
        let schema = batch.schema();
        assert_eq!(back(schema.clone(), batches.clone()), batches);
        assert_eq!(back_whole(schema, &batches), batches);
    }

    #[test]
    fn messages_are_cut_by_what_is_in_a_batch_and_not_by_what_it_is_a_slice_of() {
        let numbers = Arc::new(Int64Array::from_iter_values(0..1_000_000)) as ArrayRef;
        let whole = RecordBatch::try_from_iter([("a", numbers)]).expect("a batch");
        let few = whole.slice(10, 16_384);
        assert_eq!(back(whole.schema(), vec![few.clone()]), [few]);
        let cut = back(whole.schema(), vec![whole.clone()]);
        assert_eq!(cut.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [250_000; 4]);
    }

    #[test]
    fn the_schema_arrives_where_there_are_no_rows() {
        let none: Vec<RecordBatch> = Vec::new();
        let batch = RecordBatch::try_from_iter([("a", Arc::new(Int64Array::from(vec![1])) as ArrayRef)])
            .expect("a batch");
        assert_eq!(back(batch.schema(), none), []);
        let texts = RecordBatch::try_from_iter([("a", Arc::new(StringArray::from(vec!["1"])) as ArrayRef)])
            .expect("a batch");
        assert_eq!(back(texts.schema(), vec![texts.slice(0, 0), texts.clone()]).last(), Some(&texts));
    }
}
