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
use thalweg_backfill::Cancellation;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::command::{Command, TrainingSetCommand};
use super::received::{Received, Room};
use super::spool::Spool;
use super::{events, listing, produce, training_set};
use crate::Error;
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
    /// For reading events out and writing rows in, each as long as its client takes: lookups must not wait for them.
    readers: Arc<Pool>,
    writers: Arc<Pool>,
    metrics: Arc<Metrics>,
}

impl FlightServer {
    /// The service over `node`.
    pub fn new(node: Arc<Node>, pool: Arc<Pool>, heavy: Arc<Pool>, metrics: Arc<Metrics>) -> Self {
        let limit = node.config().limits.spine_bytes as u64;
        let spool = Spool::new(node.spine_dir(), limit.saturating_mul(2));
        let streams = node.config().limits.concurrent_lookups;
        let [readers, writers] = ["events", "produce"].map(|name| Arc::new(Pool::new(name, streams)));
        Self { node, spool, pool, heavy, readers, writers, metrics }
    }

    async fn describe(&self, descriptor: FlightDescriptor) -> Result<FlightInfo, Error> {
        let (node, spool) = (self.node.clone(), self.spool.clone());
        self.pool
            .run(move || {
                let info = FlightInfo::new().with_ordered(true).with_descriptor(descriptor.clone());
                let endpoint =
                    |ticket: &Command| FlightEndpoint::new().with_ticket(Ticket::new(ticket.to_json()));
                match Command::parse(&descriptor.cmd)? {
                    Command::TrainingSet(command) => {
                        let described = training_set::describe(&node, &spool, &command)?;
                        Ok(info
                            .try_with_schema(&described.schema)?
                            .with_total_records(described.rows as i64)
                            .with_app_metadata(training_set::metadata(&described.commit))
                            .with_endpoint(endpoint(&described.ticket)))
                    }
                    Command::Events(command) => {
                        let (schema, ticket) = events::describe(&node, &command)?;
                        Ok(info.try_with_schema(&schema)?.with_endpoint(endpoint(&ticket)))
                    }
                    Command::Produce(_) => {
                        Err(Error::invalid("`produce` takes rows by DoPut; it gives none"))
                    }
                }
            })
            .await
    }

    async fn training_set(&self, command: TrainingSetCommand) -> Result<FlightStream, Error> {
        let (node, spool) = (self.node.clone(), self.spool.clone());
        let cancellation = Cancellation::default();
        let _cancelled_with_the_call = CancelOnDrop(cancellation.clone());
        let set =
            self.heavy.run(move || training_set::answer(&node, &spool, &command, &cancellation)).await?;
        self.metrics.count_training_rows(set.num_rows() as u64);
        let schema = set.schema.clone();
        Ok(encode(schema, stream::iter(training_set::into_batches(set)).map(Ok)))
    }

    async fn upload(&self, mut rows: Received) -> Result<String, Error> {
        let mut batches = Vec::new();
        while let Some(batch) = rows.next().await {
            batches.push(batch?);
        }
        let schema = rows.schema().cloned();
        let schema = schema.ok_or_else(|| Error::invalid("the upload ended before it named a schema"))?;
        let spool = self.spool.clone();
        let (hash, rows) = self.pool.run(move || spool.put(&schema, &batches)).await?;
        Ok(json!({"spine": {"upload": hash}, "rows": rows}).to_string())
    }
}

/// Tells the workers to stop when the call they work for is dropped, as it is when the client goes away.
struct CancelOnDrop(Cancellation);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
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
        let stream = match Command::parse(&request.into_inner().ticket)? {
            Command::TrainingSet(command) => self.training_set(command).await?,
            Command::Events(command) => {
                let (node, asked) = (self.node.clone(), command.clone());
                let (schema, _) = self.pool.run(move || events::describe(&node, &asked)).await?;
                encode(
                    schema,
                    ReceiverStream::new(events::stream(self.node.clone(), self.readers.clone(), command)),
                )
            }
            Command::Produce(_) => {
                return Err(Error::invalid("`produce` takes rows by DoPut; it gives none").into());
            }
        };
        Ok(Response::new(stream))
    }

    async fn do_put(
        &self,
        request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoPutStream>, Status> {
        let mut data = request.into_inner();
        let first = data.message().await?.ok_or_else(|| Error::invalid("the upload is empty"))?;
        let descriptor = first.flight_descriptor.clone().ok_or_else(|| {
            Error::invalid("the upload's first message has no descriptor to say what it is for")
        })?;
        let command = Command::parse(&descriptor.cmd)?;
        let data = stream::once(async { Ok(first) }).chain(data);
        let limits = &self.node.config().limits;
        let room = |upload| Room { message: limits.message_bytes, upload };
        let metadata = match command {
            Command::TrainingSet(_) => self.upload(Received::new(data, room(limits.spine_bytes))).await?,
            Command::Produce(command) => {
                let rows = Received::new(data, room(usize::MAX));
                let produced = produce::produce(self.node.clone(), &self.writers, command, rows).await?;
                self.metrics.count_produced(produced.records);
                json!(produced).to_string()
            }
            Command::Events(_) => {
                return Err(
                    Error::invalid("`events` gives rows by DoGet; to append rows use `produce`").into()
                );
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
        _: Request<Streaming<HandshakeRequest>>,
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
        _: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoExchangeStream>, Status> {
        Err(Status::unimplemented("upload a spine by DoPut and fetch its training set by DoGet"))
    }

    async fn do_action(&self, request: Request<Action>) -> Result<Response<Self::DoActionStream>, Status> {
        Err(Status::unimplemented(format!("there is no action `{}`", request.into_inner().r#type)))
    }

    async fn list_actions(&self, _: Request<Empty>) -> Result<Response<Self::ListActionsStream>, Status> {
        Ok(Response::new(stream::empty().boxed()))
    }
}
