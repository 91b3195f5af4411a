//! How a node is doing, as the wire contract has it.

use thalweg_core::Instant;
use thalweg_definitions::Repository;
use thalweg_ingest::{BuildStatus, Condition, Status, TopicStatus, ViewBuild};
use thalweg_log::{Log, TopicPartition};

use crate::Error;
use crate::wire::{PartitionStatus, SourceStatus, StatusResponse, ViewBuild as WireBuild, ViewStatus};

/// The status of a running ingest.
pub fn of_ingest(status: &Status) -> StatusResponse {
    let sources: Vec<_> = status.topics.iter().flat_map(sources).collect();
    // A source without a watermark holds the least one back.
    let watermark_us = sources.iter().map(|source| source.watermark_us).min().flatten();
    StatusResponse {
        partitions: status.topics.iter().flat_map(partitions).collect(),
        views: views(status),
        sources,
        watermark_us,
    }
}

/// What can be said where nothing is ingested: what the log has, nothing of it applied.
pub fn of_log(log: &dyn Log, repository: &Repository) -> Result<StatusResponse, Error> {
    let mut status = StatusResponse::default();
    for source in &repository.sources {
        let Some(topic) = log.topic(&source.topic)? else { continue };
        for partition in 0..topic.partitions {
            let at = TopicPartition { topic: topic.name.clone(), partition };
            let next_offset = log.next_offset(&at)?;
            status.partitions.push(PartitionStatus { topic: at.topic, partition, next_offset, applied: 0 });
        }
    }
    status.sources = repository
        .sources
        .iter()
        .map(|source| SourceStatus {
            name: source.name.clone(),
            state: "not running: no server is up".to_owned(),
            ..Default::default()
        })
        .collect();
    Ok(status)
}

fn partitions(topic: &TopicStatus) -> impl Iterator<Item = PartitionStatus> + '_ {
    topic.partitions.iter().map(|partition| PartitionStatus {
        topic: topic.topic.clone(),
        partition: partition.partition,
        next_offset: partition.next_offset,
        applied: partition.applied,
    })
}

/// The views that serve, each with what is built to take its place, and those whose first version is built.
fn views(status: &Status) -> Vec<ViewStatus> {
    let building = status.building.as_ref();
    let build_of = |name: &str| {
        let building = building?;
        let build = building.views.iter().find(|build| build.view.name == name)?;
        Some(to_wire(building, build))
    };
    let serving = status.topics.iter().flat_map(|topic| &topic.views).map(|view| ViewStatus {
        version: short(&view.version),
        ready: !view.rebuilding,
        building: build_of(&view.name),
        ..sizes(view)
    });
    let mut views: Vec<_> = serving.collect();
    let builds = building.map_or(&[][..], |building| &building.views);
    let first = builds.iter().filter(|build| views.iter().all(|view| view.name != build.view.name));
    let first: Vec<_> = first
        .map(|build| ViewStatus { building: build_of(&build.view.name), ..sizes(&build.view) })
        .collect();
    views.extend(first);
    views.sort_by(|a, b| a.name.cmp(&b.name));
    views
}

/// Name and size of what there is of a view.
fn sizes(view: &thalweg_store::ViewStatus) -> ViewStatus {
    ViewStatus {
        name: view.name.clone(),
        keys: view.keys,
        bytes: view.bytes_on_disk.max(view.bytes_in_memory),
        ..ViewStatus::default()
    }
}

fn to_wire(building: &BuildStatus, build: &ViewBuild) -> WireBuild {
    let stopped = build.stopped.clone().or_else(|| building.held_up.clone());
    WireBuild {
        version: short(&build.view.version),
        records_left: build.records_left,
        stopped: stopped.unwrap_or_default(),
    }
}

/// A version as people are shown it.
fn short(version: &thalweg_store::Version) -> String {
    version[..6].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sources(topic: &TopicStatus) -> impl Iterator<Item = SourceStatus> + '_ {
    let state = match &topic.condition {
        Condition::Running => "running".to_owned(),
        Condition::WaitingForTopic => format!("waiting for topic {}", topic.topic),
        Condition::Waiting(reason) => format!("waiting: {reason}"),
        Condition::Stopped(reason) => format!("stopped: {reason}"),
    };
    topic.sources.iter().map(move |source| SourceStatus {
        name: source.name.clone(),
        state: state.clone(),
        watermark_us: source.watermark.map(Instant::as_micros),
        events: topic.counters.events,
        dead_letters: topic.counters.dead_letters,
        failed_expressions: topic.counters.failed_expressions,
    })
}
