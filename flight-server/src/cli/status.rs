//! `thalweg status`.

use serde_json::json;

use super::output::{say, table, thousands};
use super::target::Target;
use super::{Common, instant};
use crate::Error;
use crate::config::Config;
use crate::wire::StatusResponse;

pub(super) fn run(common: &Common, config: Config) -> Result<(), Error> {
    let status = match Target::find(common, config)? {
        Target::Server(client) => client.status()?,
        Target::Files(node) => node.status()?,
    };
    if common.json { say(to_json(&status)) } else { say(to_text(&status)) }
}

/// The status in the shape the documentation promises.
pub(crate) fn to_json(status: &StatusResponse) -> serde_json::Value {
    let partitions = status.partitions.iter().map(|p| {
        json!({"topic": p.topic, "partition": p.partition, "next_offset": p.next_offset, "applied": p.applied})
    });
    let views = status.views.iter().map(|v| {
        let building = v
            .building
            .as_ref()
            .map(|b| json!({"version": b.version, "records_left": b.records_left, "stopped": b.stopped}));
        json!({
            "name": v.name, "version": v.version, "keys": v.keys, "bytes": v.bytes, "ready": v.ready,
            "building": building,
        })
    });
    let sources = status.sources.iter().map(|s| {
        json!({
            "name": s.name, "state": s.state, "watermark": s.watermark_us.map(instant::show), "events": s.events,
            "dead_letters": s.dead_letters, "failed_expressions": s.failed_expressions,
        })
    });
    json!({
        "partitions": partitions.collect::<Vec<_>>(),
        "views": views.collect::<Vec<_>>(),
        "sources": sources.collect::<Vec<_>>(),
        "watermark": status.watermark_us.map(instant::show),
    })
}

fn to_text(status: &StatusResponse) -> String {
    let time = |micros: Option<i64>| micros.map_or("-".to_owned(), instant::show);
    let sources = status.sources.iter().map(|s| {
        [
            s.name.clone(),
            s.state.clone(),
            time(s.watermark_us),
            thousands(s.events),
            thousands(s.dead_letters),
            thousands(s.failed_expressions),
        ]
    });
    let partitions = status.partitions.iter().map(|p| {
        let lag = p.next_offset.saturating_sub(p.applied).max(0).unsigned_abs();
        [
            format!("{}-{}", p.topic, p.partition),
            p.next_offset.to_string(),
            p.applied.to_string(),
            thousands(lag),
        ]
    });
    let views = status.views.iter().map(|v| {
        let state = if v.ready { "ready" } else { "being built" };
        let building = v.building.as_ref().map_or("-".to_owned(), |b| match b.stopped.as_str() {
            "" => format!("{}, {} records left", b.version, thousands(b.records_left)),
            reason => format!("{}, stopped: {reason}", b.version),
        });
        let version = if v.version.is_empty() { "-" } else { &v.version };
        [
            v.name.clone(),
            version.to_owned(),
            state.to_owned(),
            thousands(v.keys),
            thousands(v.bytes),
            building,
        ]
    });
    [
        table(["SOURCE", "STATE", "WATERMARK", "EVENTS", "DEAD LETTERS", "FAILED EXPRESSIONS"], sources),
        table(["PARTITION", "NEXT OFFSET", "APPLIED", "LAG"], partitions),
        table(["VIEW", "VERSION", "STATE", "KEYS", "BYTES", "BEING BUILT"], views),
    ]
    .join("\n\n")
}
