//! `thalweg serve`: one process that keeps features up to date and answers.

use std::future::Future;
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use arrow_flight::flight_service_server::FlightServiceServer;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use crate::audit::{Auditor, audit_in_background};
use crate::config::Config;
use crate::flight::FlightServer;
use crate::grpc::{AdminService, OnlineService};
use crate::metrics::Metrics;
use crate::node::{Node, Role};
use crate::pool::Pool;
use crate::wire::admin_server::AdminServer;
use crate::wire::online_features_server::OnlineFeaturesServer;
use crate::{Error, Kind, http, wire};

/// How long calls under way may take to end once the server was told to.
const GRACE: Duration = Duration::from_secs(5);

/// A client that is silent is asked whether it is still there, and given up where it does not say so: a
/// stream to a machine that vanished would be held for ever.
const ASK_AFTER: Duration = Duration::from_secs(60);
const GIVE_UP_AFTER: Duration = Duration::from_secs(20);

/// Bytes a client may have under way to us before we read; hyper's default of 64 KiB slows uploads down.
const WINDOW_BYTES: u32 = 4 << 20;

/// Serves until the process is told to end (SIGINT, SIGTERM), then commits and returns.
///
/// # Errors
/// What [`Node::open`] says; an address that cannot be listened on.
pub fn serve(config: Config) -> Result<(), Error> {
    let filter = tracing_subscriber::EnvFilter::try_from_env("RUST_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let terminal = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(terminal).init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|cause| Error::internal(format!("threads cannot be started: {cause}")))?;
    crate::flight::report_only_our_panics();
    let node = Node::open(config, Role::Serve)?;
    let served = runtime.block_on(run(node.clone(), ended_by_signal()));
    // What still computes for clients that are gone must not hold the process.
    runtime.shutdown_timeout(GRACE);
    node.shutdown()?;
    tracing::info!("stopped; everything applied is durable");
    served
}

/// Serves `node` until `ended` resolves. Calls under way get a moment to end.
///
/// # Errors
/// An address that cannot be listened on; a network that fails.
pub async fn run(node: Arc<Node>, ended: impl Future<Output = ()> + Send + 'static) -> Result<(), Error> {
    let config = node.config();
    let limits = &config.limits;
    let pool = Arc::new(Pool::new("lookups", limits.concurrent_lookups));
    let heavy = Arc::new(Pool::new("training sets", limits.concurrent_training_sets));
    let metrics = Metrics::new();
    let message_bytes = limits.message_bytes;

    let auditor = Arc::new(Auditor::new(node.clone(), heavy.clone(), metrics.clone()));
    let flight = FlightServer::new(node.clone(), pool.clone(), heavy, metrics.clone());
    let online = OnlineService::new(node.clone(), pool.clone(), metrics.clone());
    let admin = AdminService::new(node.clone(), pool.clone(), auditor.clone());
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<OnlineFeaturesServer<OnlineService>>().await;
    health.set_serving::<FlightServiceServer<FlightServer>>().await;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(wire::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .map_err(|cause| Error::internal(format!("reflection cannot be set up: {cause}")))?;

    let grpc = listen(config.listen.grpc, "listen.grpc").await?;
    let web = listen(config.listen.http, "listen.http").await?;
    tracing::info!(
        grpc = %address(&grpc), http = %address(&web),
        log = %config.log.place(), state = %config.state.dir.display(),
        "serving"
    );
    let (stop, stopped) = watch::channel(false);
    let until_stopped = |mut stopped: watch::Receiver<bool>| async move {
        // An error means that nobody can tell us to stop any more, which is the same.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    let routes = http::routes(node.clone(), pool.clone(), metrics);
    let web = axum::serve(web, routes).with_graceful_shutdown(until_stopped(stopped.clone())).into_future();
    // An answer is several small writes; Nagle's algorithm would hold the last back until the client's
    // delayed acknowledgement, for 40 ms.
    let grpc = TcpIncoming::from(grpc).with_nodelay(Some(true));
    let grpc = Server::builder()
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .http2_keepalive_interval(Some(ASK_AFTER))
        .http2_keepalive_timeout(Some(GIVE_UP_AFTER))
        .add_service(health_service)
        .add_service(reflection)
        .add_service(OnlineFeaturesServer::new(online).max_decoding_message_size(message_bytes))
        .add_service(AdminServer::new(admin).max_decoding_message_size(message_bytes))
        .add_service(
            FlightServiceServer::new(flight)
                .max_decoding_message_size(message_bytes)
                .max_encoding_message_size(usize::MAX),
        )
        .serve_with_incoming_shutdown(grpc, until_stopped(stopped.clone()));
    if let Some(interval) = config.verify.interval {
        tokio::spawn(audit_in_background(auditor, interval, stopped.clone()));
    }
    let grpc = tokio::spawn(grpc);
    let web = tokio::spawn(web);
    ended.await;
    tracing::info!("stopping");
    stop.send_replace(true);
    let ends = async {
        let (grpc, web) = tokio::join!(grpc, web);
        let failed = |cause: String| Error::internal(format!("the network failed: {cause}"));
        grpc.map_err(|cause| failed(cause.to_string()))?.map_err(|cause| failed(cause.to_string()))?;
        web.map_err(|cause| failed(cause.to_string()))?.map_err(|cause| failed(cause.to_string()))
    };
    // Streams that clients do not read on would never end by themselves.
    tokio::time::timeout(GRACE, ends).await.unwrap_or(Ok(()))
}

async fn listen(address: std::net::SocketAddr, key: &str) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(|cause| {
        Error::new(
            Kind::FailedPrecondition,
            format!(
                "cannot listen on {address}: {cause}; set `{key}` to another address, or stop whoever has it"
            ),
        )
    })
}

fn address(listener: &TcpListener) -> String {
    listener.local_addr().map_or_else(|cause| cause.to_string(), |address| address.to_string())
}

async fn ended_by_signal() {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        tracing::warn!("signals cannot be heard; end the process with SIGKILL");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
