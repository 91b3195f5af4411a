//! Health, readiness and metrics over HTTP.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;

use crate::metrics::Metrics;
use crate::node::Node;
use crate::pool::Pool;
use crate::wire::{StatusResponse, ViewStatus};

#[derive(Clone)]
struct Served {
    node: Arc<Node>,
    pool: Arc<Pool>,
    metrics: Arc<Metrics>,
}

/// The routes of the HTTP port.
///
/// - `/healthz`: 200 while the process lives.
/// - `/readyz`: 200 when every source runs, every view that serves can answer and is behind the log by no
///   more than `limits.ready_lag_records`; else 503 and what is missing, a line each. Views that are built
///   beside others that serve keep nobody from asking those; where no view serves yet, they are what is
///   missing.
/// - `/metrics`: figures for Prometheus.
pub fn routes(node: Arc<Node>, pool: Arc<Pool>, metrics: Arc<Metrics>) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(figures))
        .with_state(Served { node, pool, metrics })
}

async fn status(served: &Served) -> Result<StatusResponse, crate::Error> {
    let node = served.node.clone();
    served.pool.run(move || node.status()).await
}

async fn ready(State(served): State<Served>) -> impl IntoResponse {
    let missing = match status(&served).await {
        Ok(status) => what_is_missing(&status, served.node.config().limits.ready_lag_records),
        Err(error) => vec![error.to_string()],
    };
    match missing.is_empty() {
        true => (StatusCode::OK, "ready\n".to_owned()),
        false => (StatusCode::SERVICE_UNAVAILABLE, missing.join("\n") + "\n"),
    }
}

async fn figures(State(served): State<Served>) -> impl IntoResponse {
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    match status(&served).await {
        Ok(status) => (StatusCode::OK, kind, served.metrics.render(&status)),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, kind, format!("{error}\n")),
    }
}

fn what_is_missing(status: &StatusResponse, lag_limit: u64) -> Vec<String> {
    let mut missing = Vec::new();
    for source in status.sources.iter().filter(|source| source.state != "running") {
        missing.push(format!("source {} is {}", source.name, source.state));
    }
    let serves = |view: &ViewStatus| !view.version.is_empty();
    let some_serve = status.views.iter().any(serves);
    for view in status.views.iter().filter(|view| !view.ready && (serves(view) || !some_serve)) {
        missing.push(format!("view {} is being built from the log", view.name));
    }
    for partition in &status.partitions {
        let lag = partition.next_offset - partition.applied;
        if lag > 0 && lag.unsigned_abs() > lag_limit {
            missing.push(format!(
                "{}-{} is {lag} records behind, the limit `limits.ready_lag_records` is {lag_limit}",
                partition.topic, partition.partition
            ));
        }
    }
    missing
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{PartitionStatus, SourceStatus};

    #[test]
    fn ready_means_running_built_and_caught_up() {
        let partition =
            |applied| PartitionStatus { topic: "t".into(), partition: 0, next_offset: 100, applied };
        let mut status = StatusResponse { partitions: vec![partition(90)], ..Default::default() };
        assert!(what_is_missing(&status, 10).is_empty());
        status.partitions = vec![partition(89)];
        status.sources =
            vec![SourceStatus { name: "s".into(), state: "stopped: damage".into(), ..Default::default() }];
        status.views = vec![ViewStatus { name: "v".into(), ready: false, ..Default::default() }];
        assert_eq!(
            what_is_missing(&status, 10),
            [
                "source s is stopped: damage",
                "view v is being built from the log",
                "t-0 is 11 records behind, the limit `limits.ready_lag_records` is 10",
            ]
        );
    }

    #[test]
    fn a_view_built_beside_others_keeps_nobody_waiting() {
        let first = ViewStatus { name: "new".into(), ..Default::default() };
        let mut status = StatusResponse { views: vec![first], ..Default::default() };
        assert_eq!(what_is_missing(&status, 10), ["view new is being built from the log"]);
        let version = "0011".into();
        status.views.push(ViewStatus { name: "old".into(), version, ready: true, ..Default::default() });
        assert!(what_is_missing(&status, 10).is_empty());
    }
}
