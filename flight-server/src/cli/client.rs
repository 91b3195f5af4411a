//! A connection to a running server, for callers that wait for each answer.

use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow_flight::{FlightClient, FlightDescriptor, FlightInfo, Ticket};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use tokio::runtime::Runtime;
use tonic::transport::{Channel, Endpoint};

use crate::Error;
use crate::flight::{Command, encode};
use crate::wire::admin_client::AdminClient;
use crate::wire::online_features_client::OnlineFeaturesClient;
use crate::wire::{
    ApplyRequest, ApplyResponse, GetFeaturesRequest, GetFeaturesResponse, RebuildRequest, StatusRequest,
    StatusResponse, TopicsRequest, TopicsResponse, VerifyRequest, ViewAudit,
};

/// A client of one server.
pub(crate) struct Client {
    runtime: Runtime,
    channel: Channel,
}

/// The largest message taken from a server.
const MESSAGE_BYTES: usize = 1 << 30;

impl Client {
    /// Connects to `address`, a host and port.
    ///
    /// # Errors
    /// Why it cannot be reached.
    pub(crate) fn connect(address: &str, timeout: Duration) -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|cause| cause.to_string())?;
        let endpoint =
            Endpoint::from_shared(format!("http://{address}")).map_err(|cause| cause.to_string())?;
        let channel = runtime.block_on(endpoint.connect_timeout(timeout).connect()).map_err(|cause| {
            std::error::Error::source(&cause).map_or(cause.to_string(), ToString::to_string)
        })?;
        Ok(Self { runtime, channel })
    }

    /// Sends definitions.
    pub(crate) fn apply(&self, request: ApplyRequest) -> Result<ApplyResponse, Error> {
        Ok(self.runtime.block_on(self.admin().apply(request))?.into_inner())
    }

    /// Has views built again; gives their names.
    pub(crate) fn rebuild(&self, request: RebuildRequest) -> Result<Vec<String>, Error> {
        Ok(self.runtime.block_on(self.admin().rebuild(request))?.into_inner().views)
    }

    /// Asks for the status.
    pub(crate) fn status(&self) -> Result<StatusResponse, Error> {
        Ok(self.runtime.block_on(self.admin().status(StatusRequest {}))?.into_inner())
    }

    /// Asks for the topics.
    pub(crate) fn topics(&self) -> Result<TopicsResponse, Error> {
        Ok(self.runtime.block_on(self.admin().topics(TopicsRequest {}))?.into_inner())
    }

    /// Audits views, handing each audit to `take` as it is done.
    pub(crate) fn verify(
        &self,
        request: VerifyRequest,
        mut take: impl FnMut(ViewAudit) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.runtime.block_on(async {
            let mut audits = self.admin().verify(request).await?.into_inner();
            while let Some(audit) = audits.message().await? {
                take(audit)?;
            }
            Ok(())
        })
    }

    /// Looks features up.
    pub(crate) fn get_features(&self, request: GetFeaturesRequest) -> Result<GetFeaturesResponse, Error> {
        let mut client =
            OnlineFeaturesClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_BYTES);
        Ok(self.runtime.block_on(client.get_features(request))?.into_inner())
    }

    /// All flights.
    pub(crate) fn list(&self) -> Result<Vec<FlightInfo>, Error> {
        self.runtime.block_on(async {
            let flights = self.flight().list_flights(Bytes::new()).await.map_err(flight_error)?;
            flights.try_collect().await.map_err(flight_error)
        })
    }

    /// Sends rows with the command that says what they are for, and gives the server's answer.
    pub(crate) fn put(
        &self,
        command: &Command,
        schema: SchemaRef,
        batches: impl Iterator<Item = Result<RecordBatch, Error>> + Send + 'static,
    ) -> Result<serde_json::Value, Error> {
        let batches =
            stream::iter(batches.map(|batch| batch.map_err(|error| tonic::Status::from(error).into())));
        let data = encode(schema, Some(FlightDescriptor::new_cmd(command.to_json())), batches);
        self.runtime.block_on(async {
            let mut results = self.flight().do_put(data).await.map_err(flight_error)?;
            let result =
                results.next().await.ok_or_else(|| Error::internal("the server acknowledged nothing"))?;
            let result = result.map_err(flight_error)?;
            serde_json::from_slice(&result.app_metadata).map_err(|cause| {
                Error::internal(format!("the server's acknowledgement cannot be read: {cause}"))
            })
        })
    }

    /// Describes what `command` gives.
    pub(crate) fn describe(&self, command: &Command) -> Result<FlightInfo, Error> {
        let descriptor = FlightDescriptor::new_cmd(command.to_json());
        self.runtime.block_on(self.flight().get_flight_info(descriptor)).map_err(flight_error)
    }

    /// The tickets of a flight, in the order in which they are to be read.
    pub(crate) fn tickets(info: &FlightInfo) -> Result<Vec<Ticket>, Error> {
        let tickets: Vec<_> = info.endpoint.iter().filter_map(|endpoint| endpoint.ticket.clone()).collect();
        match tickets.len() == info.endpoint.len() && !tickets.is_empty() {
            true => Ok(tickets),
            false => Err(Error::internal("the server's description lacks an endpoint or its ticket")),
        }
    }

    /// Fetches all batches of a ticket, handing each to `take`.
    pub(crate) fn fetch(
        &self,
        ticket: Ticket,
        mut take: impl FnMut(RecordBatch) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.runtime.block_on(async {
            let mut batches = self.flight().do_get(ticket).await.map_err(flight_error)?;
            while let Some(batch) = batches.next().await {
                take(batch.map_err(flight_error)?)?;
            }
            Ok(())
        })
    }

    fn admin(&self) -> AdminClient<Channel> {
        AdminClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_BYTES)
    }

    fn flight(&self) -> FlightClient {
        FlightClient::new(self.channel.clone())
    }
}

fn flight_error(error: arrow_flight::error::FlightError) -> Error {
    match error {
        arrow_flight::error::FlightError::Tonic(status) => Error::from(*status),
        other => Error::internal(format!("the server's answer cannot be read: {other}")),
    }
}
