//! `thalweg topics`.

use serde_json::json;

use super::Common;
use super::output::{say, table, thousands};
use super::target::Target;
use crate::Error;
use crate::config::Config;

pub(super) fn run(common: &Common, config: Config) -> Result<(), Error> {
    let topics = match Target::find(common, config)? {
        Target::Server(client) => client.topics()?,
        Target::Files(node) => node.topics()?,
    }
    .topics;
    if common.json {
        let topics = topics.iter().map(|t| {
            json!({"name": t.name, "topic_id": t.topic_id, "start_offsets": t.start_offsets, "next_offsets": t.next_offsets})
        });
        say(json!({"topics": topics.collect::<Vec<_>>()}))
    } else {
        let rows = topics.iter().map(|t| {
            let records: i64 =
                t.next_offsets.iter().zip(&t.start_offsets).map(|(next, start)| next - start).sum();
            [
                t.name.clone(),
                t.next_offsets.len().to_string(),
                thousands(records.unsigned_abs()),
                t.topic_id.clone(),
            ]
        });
        say(table(["TOPIC", "PARTITIONS", "RECORDS", "ID"], rows))
    }
}
