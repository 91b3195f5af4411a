//! The Flight service: commands in, streams out.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_server::FlightService;
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightEndpoint, FlightInfo,
    HandshakeRequest, HandshakeResponse, PollInfo, PutResult, SchemaAsIpc, SchemaResult, Ticket,
};
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt, TryStreamExt};
use serde_json::json;
use thalweg_backfill::{Cancellation, TrainingSet};
use tokio::sync::Semaphore;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::command::{Command, TrainingSetCommand};
use super::exchange::Exchange;
use super::received::{Received, Room};
use super::sent::{Whole, bytes_of_rows};
use super::spool::Spool;
use super::training_set::{Streaming, Wanted};
use super::{events, follow, history, listing, produce, training_set};
use crate::Error;
use crate::cancel_on_drop::CancelOnDrop;
use crate::metrics::Metrics;
use crate::node::Node;
use crate::pool::Pool;

/// `arrow.flight.protocol.FlightService`.
pub struct FlightServer {
    node: Arc<Node>,
    spool: Spool,
    /// For what is short.
    pool: Arc<Pool>,
    /// For training sets, each of which may use all processors.
    heavy: Arc<Pool>,
    /// For describing training sets whose rows are there, each of which takes them into memory.
    describing: Arc<Pool>,
    /// For reading events out, handing training sets over and writing rows in, each as long as its client takes:
    /// lookups must not wait for them, nor they for each other.
    readers: Arc<Pool>,
    streams: Arc<Pool>,
    writers: Arc<Pool>,
    /// A place for each stream that follows a topic.
    followers: Arc<Semaphore>,
    metrics: Arc<Metrics>,
}

impl FlightServer {
    /// The service over `node`.
    pub fn new(node: Arc<Node>, pool: Arc<Pool>, heavy: Arc<Pool>, metrics: Arc<Metrics>) -> Self {
        let limits = &node.config().limits;
        let room = (limits.spine_bytes as u64).saturating_mul(2);
        let spool = Spool::new(node.spine_dir(), room, limits.kept_spines);
        let places = limits.concurrent_lookups;
        let [readers, streams, writers] =
            ["events", "streams of training sets", "produce"].map(|name| Arc::new(Pool::new(name, places)));
        let describing = Arc::new(Pool::new("descriptions", limits.concurrent_training_sets));
        let followers = Arc::new(Semaphore::new(limits.followers));
        Self { node, spool, pool, heavy, describing, readers, streams, writers, followers, metrics }
    }

    async fn describe(&self, descriptor: FlightDescriptor) -> Result<FlightInfo, Error> {
        let command = self.plain(Command::parse(&descriptor.cmd)?).await?;
        let info = FlightInfo::new().with_ordered(true).with_descriptor(descriptor);
        let endpoint = |ticket: &Command| FlightEndpoint::new().with_ticket(Ticket::new(ticket.to_json()));
        let node = self.node.clone();
        match command {
            Command::TrainingSet(command) => {
                // To count what leaks is to make the training set, twice.
                let made = command.leakage || command.spine.as_ref().is_some_and(|spine| spine.is_made());
                let pool = if made { &self.heavy } else { &self.describing };
                let spool = self.spool.clone();
                let cancelled_with_the_call = CancelOnDrop(Cancellation::default());
                let cancellation = cancelled_with_the_call.0.clone();
                let described =
                    pool.run(move || training_set::describe(&node, &spool, &command, &cancellation)).await?;
                let info = info
                    .try_with_schema(&described.schema)?
                    .with_ordered(described.ordered)
                    .with_total_records(described.rows as i64)
                    .with_app_metadata(training_set::metadata(&described.commit, described.leakage.as_ref()));
                Ok(described.tickets.iter().map(endpoint).fold(info, FlightInfo::with_endpoint))
            }
            Command::FeatureHistory(command) => {
                let made = command.set.spine.as_ref().is_some_and(|spine| spine.is_made());
                let pool = if made { &self.heavy } else { &self.describing };
                let spool = self.spool.clone();
                let cancelled_with_the_call = CancelOnDrop(Cancellation::default());
                let cancellation = cancelled_with_the_call.0.clone();
                let described =
                    pool.run(move || history::describe(&node, &spool, &command, &cancellation)).await?;
                Ok(info
                    .try_with_schema(&described.schema)?
                    .with_app_metadata(training_set::metadata(&described.commit, None))
                    .with_endpoint(endpoint(&described.ticket)))
            }
            Command::Events(command) => {
                let (schema, ticket) = self.pool.run(move || events::describe(&node, &command)).await?;
                Ok(info.try_with_schema(&schema)?.with_endpoint(endpoint(&Command::Events(ticket))))
            }
            Command::Snapshot(_) | Command::Produce(_) => Err(gives_no_rows()),
        }
    }

    /// `command` where it stands for another one: that one.
    async fn plain(&self, command: Command) -> Result<Command, Error> {
        let Command::Snapshot(snapshot) = command else { return Ok(command) };
        let node = self.node.clone();
        let set = self.pool.run(move || snapshot.training_set(&node)).await?;
        Ok(Command::TrainingSet(set))
    }

    async fn computed(&self, wanted: Wanted) -> Result<FlightStream, Error> {
        let cancelled_with_the_stream = CancelOnDrop(Cancellation::default());
        let streaming = Streaming {
            node: self.node.clone(),
            spool: self.spool.clone(),
            heavy: self.heavy.clone(),
            streams: self.streams.clone(),
            metrics: self.metrics.clone(),
        };
        let (schema, batches) = streaming.begin(wanted, cancelled_with_the_stream.0.clone()).await?;
        let metrics = self.metrics.clone();
        let batches = ReceiverStream::new(batches).inspect_ok(move |batch| {
            let _cancels = &cancelled_with_the_stream;
            metrics.count_training_rows(batch.num_rows() as u64);
        });
        Ok(encode(schema, batches))
    }

    /// One batch of answers for each of `rows`, worked on when the one before it has been taken.
    async fn exchange(&self, command: TrainingSetCommand, mut rows: Received) -> Result<FlightStream, Error> {
        let spine = rows.begin().await?;
        let node = self.node.clone();
        let cancelled_with_the_call = CancelOnDrop(Cancellation::default());
        let cancellation = cancelled_with_the_call.0.clone();
        let begin = move || Exchange::begin(&node, command, spine, &cancellation);
        let exchange = Arc::new(self.describing.run(begin).await?);
        let (mut whole, announced) = Whole::begin(exchange.schema());
        let (heavy, metrics) = (self.heavy.clone(), self.metrics.clone());
        let sets = rows.enumerate().then(move |(number, batch)| {
            let (exchange, heavy) = (exchange.clone(), heavy.clone());
            let cancellation = cancelled_with_the_call.0.clone();
            async move {
                let set = match batch {
                    Ok(batch) => heavy.run(move || exchange.join(batch, &cancellation)).await,
                    Err(error) => Err(error),
                };
                let told = |error: Error| {
                    Error::new(error.kind, format!("batch {number} of the exchange: {}", error.message))
                };
                set.map_err(told)
            }
        });
        let answers = sets.map(move |set| {
            let set: TrainingSet = set?;
            metrics.count_training_rows(set.num_rows() as u64);
            metrics.count_failed_on_demand(&set.failed_expressions);
            let about = training_set::metadata(&set.commit, None);
            let messages = whole.encode(set.rows(), about).map_err(Error::from)?;
            Ok::<_, Status>(stream::iter(messages).map(Ok))
        });
        Ok(stream::once(async { Ok(announced) }).chain(answers.try_flatten()).boxed())
    }

    async fn upload(&self, mut rows: Received) -> Result<String, Error> {
        let schema = rows.begin().await?;
        let (mut batches, mut held) = (Vec::new(), Vec::new());
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            held.push(self.node.memory().hold(bytes_of_rows(&batch))?);
            batches.push(batch);
        }
        let spool = self.spool.clone();
        let (hash, rows) = self.describing.run(move || spool.put(&schema, &batches)).await?;
        drop(held);
        Ok(json!({"spine": {"upload": hash}, "rows": rows}).to_string())
    }
}

/// What a client's stream is for, as its first message says, and the data it brings.
async fn opened(
    mut data: tonic::Streaming<FlightData>,
) -> Result<(Command, impl Stream<Item = Result<FlightData, Status>> + Send + 'static), Status> {
    let first = data.message().await?.ok_or_else(|| Error::invalid("the upload is empty"))?;
    let descriptor = first.flight_descriptor.as_ref().ok_or_else(|| {
        Error::invalid("the upload's first message has no descriptor to say what it is for")
    })?;
    let command = Command::parse(&descriptor.cmd)?;
    // Some clients send the descriptor by itself.
    let first = (!first.data_header.is_empty()).then_some(Ok(first));
    Ok((command, stream::iter(first).chain(data)))
}

fn gives_no_rows() -> Error {
    Error::invalid("`produce` takes rows by DoPut; it gives none")
}

type FlightStream = BoxStream<'static, Result<FlightData, Status>>;

fn encode(
    schema: SchemaRef,
    batches: impl Stream<Item = Result<RecordBatch, Error>> + Send + 'static,
) -> FlightStream {
    let batches = batches.map_err(|error| FlightError::from(Status::from(error)));
    super::encode(schema, None, batches).map_err(Status::from).boxed()
}

#[tonic::async_trait]
impl FlightService for FlightServer {
    type HandshakeStream = BoxStream<'static, Result<HandshakeResponse, Status>>;
    type ListFlightsStream = BoxStream<'static, Result<FlightInfo, Status>>;
    type DoGetStream = FlightStream;
    type DoPutStream = BoxStream<'static, Result<PutResult, Status>>;
    type DoExchangeStream = FlightStream;
    type DoActionStream = BoxStream<'static, Result<arrow_flight::Result, Status>>;
    type ListActionsStream = BoxStream<'static, Result<ActionType, Status>>;

    async fn get_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        Ok(Response::new(self.describe(request.into_inner()).await?))
    }

    async fn get_schema(&self, request: Request<FlightDescriptor>) -> Result<Response<SchemaResult>, Status> {
        let info = self.describe(request.into_inner()).await?;
        let schema = info.try_decode_schema().map_err(Error::from)?;
        let options = arrow::ipc::writer::IpcWriteOptions::default();
        let result = SchemaAsIpc::new(&schema, &options).try_into().map_err(Error::from)?;
        Ok(Response::new(result))
    }

    async fn do_get(&self, request: Request<Ticket>) -> Result<Response<Self::DoGetStream>, Status> {
        let stream = match self.plain(Command::parse(&request.into_inner().ticket)?).await? {
            Command::TrainingSet(command) => self.computed(Wanted::TrainingSet(command)).await?,
            Command::FeatureHistory(command) => self.computed(Wanted::History(command)).await?,
            Command::Events(command) => {
                let (node, asked) = (self.node.clone(), command.clone());
                let (schema, _) = self.pool.run(move || events::describe(&node, &asked)).await?;
                let (node, readers) = (self.node.clone(), self.readers.clone());
                let batches = match command.follow {
                    true => follow::stream(node, readers, &self.followers, command)?,
                    false => events::stream(node, readers, command),
                };
                encode(schema, ReceiverStream::new(batches))
            }
            Command::Snapshot(_) | Command::Produce(_) => return Err(gives_no_rows().into()),
        };
        Ok(Response::new(stream))
    }

    async fn do_put(
        &self,
        request: Request<tonic::Streaming<FlightData>>,
    ) -> Result<Response<Self::DoPutStream>, Status> {
        let (command, data) = opened(request.into_inner()).await?;
        let limits = &self.node.config().limits;
        let room = |upload| Room { message: limits.message_bytes, upload };
        let metadata = match command {
            Command::TrainingSet(_) | Command::FeatureHistory(_) => {
                self.upload(Received::new(data, room(limits.spine_bytes))).await?
            }
            Command::Produce(command) => {
                let rows = Received::new(data, room(usize::MAX));
                let produced = produce::produce(self.node.clone(), &self.writers, command, rows).await?;
                self.metrics.count_produced(produced.records);
                json!(produced).to_string()
            }
            Command::Events(_) | Command::Snapshot(_) => {
                return Err(Error::invalid(
                    "`events` and `snapshot` give rows by DoGet; to append rows use `produce`",
                )
                .into());
            }
        };
        let result = PutResult { app_metadata: metadata.into() };
        Ok(Response::new(stream::once(async { Ok(result) }).boxed()))
    }

    async fn list_flights(&self, _: Request<Criteria>) -> Result<Response<Self::ListFlightsStream>, Status> {
        let flights = listing::flights(&self.node.repository())?;
        Ok(Response::new(stream::iter(flights.into_iter().map(Ok)).boxed()))
    }

    async fn handshake(
        &self,
        _: Request<tonic::Streaming<HandshakeRequest>>,
    ) -> Result<Response<Self::HandshakeStream>, Status> {
        Err(Status::unimplemented(
            "there is nothing to shake hands about: this server asks for no credentials",
        ))
    }

    async fn poll_flight_info(&self, _: Request<FlightDescriptor>) -> Result<Response<PollInfo>, Status> {
        Err(Status::unimplemented("flights are described at once; call GetFlightInfo"))
    }

    async fn do_exchange(
        &self,
        request: Request<tonic::Streaming<FlightData>>,
    ) -> Result<Response<Self::DoExchangeStream>, Status> {
        let (command, data) = opened(request.into_inner()).await?;
        let Command::TrainingSet(command) = command else {
            return Err(Error::invalid(
                "an exchange joins rows with features: its command is `training_set`",
            )
            .into());
        };
        // No more is kept of an exchange than one batch.
        let room = Room { message: self.node.config().limits.message_bytes, upload: usize::MAX };
        Ok(Response::new(self.exchange(command, Received::new(data, room)).await?))
    }

    async fn do_action(&self, request: Request<Action>) -> Result<Response<Self::DoActionStream>, Status> {
        Err(Status::unimplemented(format!("there is no action `{}`", request.into_inner().r#type)))
    }

    async fn list_actions(&self, _: Request<Empty>) -> Result<Response<Self::ListActionsStream>, Status> {
        Ok(Response::new(stream::empty().boxed()))
    }
}
