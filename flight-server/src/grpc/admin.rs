//! What the command line asks of a running server.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream::BoxStream;
use thalweg_backfill::Cancellation;
use thalweg_definitions::DefinitionFile;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::audit::{AuditRequest, Auditor};
use crate::cancel_on_drop::CancelOnDrop;
use crate::node::Node;
use crate::pool::Pool;
use crate::wire::admin_server::Admin;
use crate::wire::{
    ApplyRequest, ApplyResponse, RebuildRequest, RebuildResponse, StatusRequest, StatusResponse,
    TopicsRequest, TopicsResponse, VerifyRequest, ViewAudit,
};
use crate::{Error, Kind};

/// Audits handed over ahead of a slow client.
const AUDITS_AHEAD: usize = 4;

/// `thalweg.v1.Admin`.
pub struct AdminService {
    node: Arc<Node>,
    pool: Arc<Pool>,
    auditor: Arc<Auditor>,
}

impl AdminService {
    /// The service over `node`, its work done on `pool`; audits are those of `auditor`.
    pub(crate) fn new(node: Arc<Node>, pool: Arc<Pool>, auditor: Arc<Auditor>) -> Self {
        Self { node, pool, auditor }
    }
}

#[tonic::async_trait]
impl Admin for AdminService {
    async fn apply(&self, request: Request<ApplyRequest>) -> Result<Response<ApplyResponse>, Status> {
        let node = self.node.clone();
        let request = request.into_inner();
        Ok(Response::new(self.pool.run(move || apply(&node, request)).await?))
    }

    async fn rebuild(&self, request: Request<RebuildRequest>) -> Result<Response<RebuildResponse>, Status> {
        let node = self.node.clone();
        let RebuildRequest { views, stopped } = request.into_inner();
        let views = self.pool.run(move || node.rebuild(views, stopped)).await?;
        Ok(Response::new(RebuildResponse { views }))
    }

    async fn status(&self, _: Request<StatusRequest>) -> Result<Response<StatusResponse>, Status> {
        let node = self.node.clone();
        Ok(Response::new(self.pool.run(move || node.status()).await?))
    }

    async fn topics(&self, _: Request<TopicsRequest>) -> Result<Response<TopicsResponse>, Status> {
        let node = self.node.clone();
        Ok(Response::new(self.pool.run(move || node.topics()).await?))
    }

    type VerifyStream = BoxStream<'static, Result<ViewAudit, Status>>;

    async fn verify(&self, request: Request<VerifyRequest>) -> Result<Response<Self::VerifyStream>, Status> {
        let VerifyRequest { views, keys, seed } = request.into_inner();
        let keys = keys.map(|keys| keys as usize);
        let cancelled_with_the_stream = CancelOnDrop(Cancellation::default());
        let cancellation = cancelled_with_the_stream.0.clone();
        let (sender, audits) = mpsc::channel(AUDITS_AHEAD);
        let auditor = Arc::clone(&self.auditor);
        tokio::spawn(async move {
            let take = sender.clone();
            let request = AuditRequest { views, keys, seed };
            let audited =
                auditor.audit(request, cancellation, move |audit| take.blocking_send(Ok(audit)).is_ok());
            if let Err(error) = audited.await {
                // Nobody is left to tell where this fails.
                let _ = sender.send(Err(Status::from(error))).await;
            }
        });
        let audits = ReceiverStream::new(audits).inspect(move |_| {
            let _cancels = &cancelled_with_the_stream;
        });
        Ok(Response::new(audits.boxed()))
    }
}

/// Applies definition files to `node`: what the service does, and the command line without a server.
///
/// # Errors
/// INVALID_ARGUMENT with every mistake in the files.
pub fn apply(node: &Node, request: ApplyRequest) -> Result<ApplyResponse, Error> {
    let files: Vec<_> =
        request.files.into_iter().map(|file| DefinitionFile { name: file.name, text: file.text }).collect();
    let diff = node.apply(&files, request.dry_run)?;
    let json = serde_json::to_string(&diff).map_err(|cause| {
        Error::new(Kind::Internal, format!("the changes cannot be shown as JSON: {cause}"))
    })?;
    let mut text = diff.to_string();
    if let Some(builds) = node.being_built().filter(|_| !request.dry_run) {
        text = format!(
            "{}\nbeing built from the log, `thalweg status` shows how far: {builds}",
            text.trim_end()
        );
    }
    Ok(ApplyResponse { text, json, changes: !diff.is_empty() })
}
