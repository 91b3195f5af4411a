//! Lookups over gRPC.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{Field, Schema};
use thalweg_backfill::Features;
use thalweg_core::Instant;
use thalweg_log::TopicPartition;
use tonic::{Request, Response, Status};

use super::columns::{from_arrow, to_arrow};
use crate::lookup::{LookupAnswer, LookupColumn, LookupRequest};
use crate::node::{Node, not_applied};
use crate::pool::Pool;
use crate::wire::online_features_server::OnlineFeatures;
use crate::wire::{
    Column, FeatureColumn, GetFeaturesRequest, GetFeaturesResponse, PartitionOffset, ViewVersion,
};
use crate::{Error, metrics::Metrics};

/// How long `min_offsets` are waited for where the call has no deadline of its own.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What is kept of a caller's deadline to say that it was missed before the caller says so itself.
const TO_ANSWER: Duration = Duration::from_millis(50);

/// Pauses between looks at the applied offsets: the first, and the longest it doubles to.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(32);

/// `thalweg.v1.OnlineFeatures`.
pub struct OnlineService {
    node: Arc<Node>,
    pool: Arc<Pool>,
    metrics: Arc<Metrics>,
}

impl OnlineService {
    /// The service over `node`, its work done on `pool`.
    pub fn new(node: Arc<Node>, pool: Arc<Pool>, metrics: Arc<Metrics>) -> Self {
        Self { node, pool, metrics }
    }

    /// Waits for `min_offsets`, without a place of the pool while it waits: lookups of others need them.
    async fn wait_applied(&self, min_offsets: Vec<PartitionOffset>, wait: Duration) -> Result<(), Error> {
        if min_offsets.is_empty() {
            return Ok(());
        }
        let wanted = |wanted: PartitionOffset| {
            (TopicPartition { topic: wanted.topic, partition: wanted.partition }, wanted.next_offset)
        };
        let wanted: Arc<[_]> = min_offsets.into_iter().map(wanted).collect();
        let applied = async {
            let mut pause = FIRST_PAUSE;
            loop {
                let (node, wanted) = (self.node.clone(), wanted.clone());
                if self.pool.run(move || node.is_applied(&wanted, Duration::ZERO)).await? {
                    return Ok(());
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        };
        let wait = wait.saturating_sub(TO_ANSWER.min(wait / 4));
        tokio::time::timeout(wait, applied).await.unwrap_or_else(|_| Err(not_applied(wait)))
    }
}

#[tonic::async_trait]
impl OnlineFeatures for OnlineService {
    async fn get_features(
        &self,
        request: Request<GetFeaturesRequest>,
    ) -> Result<Response<GetFeaturesResponse>, Status> {
        let wait = deadline(&request).unwrap_or(LONGEST_WAIT);
        let mut request = request.into_inner();
        let (node, metrics) = (self.node.clone(), self.metrics.clone());
        let timer = self.metrics.lookup_timer();
        let answer = match self.wait_applied(std::mem::take(&mut request.min_offsets), wait).await {
            Ok(()) => self.pool.run(move || answer(&node, &metrics, request)).await,
            Err(error) => Err(error),
        };
        timer.stop(answer.is_ok());
        Ok(Response::new(answer?))
    }
}

fn answer(node: &Node, metrics: &Metrics, request: GetFeaturesRequest) -> Result<GetFeaturesResponse, Error> {
    let features = match (request.feature_service.is_empty(), request.features.is_empty()) {
        (false, true) => Features::Service(request.feature_service),
        (true, false) => Features::List(request.features),
        (true, true) => return Err(Error::invalid("name a `feature_service`, or list `features`")),
        (false, false) => return Err(Error::invalid("give `feature_service` or `features`, not both")),
    };
    let columns = |columns: HashMap<String, Column>| {
        let arrays = columns.iter().map(|(name, column)| Ok((name.clone(), to_arrow(column, name)?)));
        arrays.collect::<Result<BTreeMap<_, _>, Error>>()
    };
    let found = node.lookup(&LookupRequest {
        features,
        entities: columns(request.entities)?,
        request_inputs: columns(request.request_inputs)?,
        at: request.at_us.map(Instant::from_micros),
        full_feature_names: !request.short_feature_names,
    })?;
    metrics.count_failed_on_demand(&found.failed_expressions);
    metrics.count_overflows(found.overflows);
    to_wire(found, request.arrow)
}

fn to_wire(answer: LookupAnswer, arrow: bool) -> Result<GetFeaturesResponse, Error> {
    let (columns, arrow) = match arrow {
        true => (Vec::new(), to_ipc(&answer)?),
        false => (answer.columns.iter().map(column_to_wire).collect::<Result<_, _>>()?, Vec::new()),
    };
    let applied = |(topic, partition, next_offset)| PartitionOffset { topic, partition, next_offset };
    Ok(GetFeaturesResponse {
        columns,
        at_us: answer.at.as_micros(),
        applied: answer.applied.into_iter().map(applied).collect(),
        watermark_us: answer.watermark.map(Instant::as_micros),
        versions: answer.versions.into_iter().map(|(view, version)| ViewVersion { view, version }).collect(),
        arrow,
    })
}

fn column_to_wire(column: &LookupColumn) -> Result<FeatureColumn, Error> {
    Ok(FeatureColumn {
        name: column.name.clone(),
        values: Some(from_arrow(&column.values)?),
        statuses: column.statuses.iter().map(|&status| status as u8).collect(),
        event_times_us: column
            .event_times
            .iter()
            .map(|time| time.map_or(i64::MIN, Instant::as_micros))
            .collect(),
    })
}

fn to_ipc(answer: &LookupAnswer) -> Result<Vec<u8>, Error> {
    let mut fields = Vec::new();
    let mut arrays: Vec<ArrayRef> = Vec::new();
    let mut push = |name: String, array: ArrayRef| {
        fields.push(Field::new(name, array.data_type().clone(), true));
        arrays.push(array);
    };
    for column in &answer.columns {
        push(column.name.clone(), column.values.clone());
    }
    for column in &answer.columns {
        let statuses = StringArray::from_iter_values(column.statuses.iter().map(|status| status.name()));
        push(format!("{}__status", column.name), Arc::new(statuses));
    }
    for column in &answer.columns {
        let times = column.event_times.iter().map(|time| time.map(Instant::as_micros));
        let times = times.collect::<TimestampMicrosecondArray>().with_timezone("UTC");
        push(format!("{}__event_time", column.name), Arc::new(times));
    }
    let schema = Arc::new(Schema::new(fields));
    let options = RecordBatchOptions::new().with_row_count(Some(answer.rows));
    let batch = RecordBatch::try_new_with_options(schema.clone(), arrays, &options)?;
    let mut writer = arrow::ipc::writer::StreamWriter::try_new(Vec::new(), &schema)?;
    writer.write(&batch)?;
    Ok(writer.into_inner()?)
}

/// What is left of the caller's deadline (the `grpc-timeout` header, as the gRPC protocol spells it).
fn deadline<T>(request: &Request<T>) -> Option<Duration> {
    let text = request.metadata().get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let count: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(count.saturating_mul(3_600)),
        "M" => Duration::from_secs(count.saturating_mul(60)),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_are_read_as_grpc_spells_them() {
        let of = |text: &str| {
            let mut request = Request::new(());
            request.metadata_mut().insert("grpc-timeout", text.parse().expect("a header value"));
            deadline(&request)
        };
        assert_eq!(of("250m"), Some(Duration::from_millis(250)));
        assert_eq!(of("2S"), Some(Duration::from_secs(2)));
        assert_eq!(of("2"), None);
        assert_eq!(of("xS"), None);
        assert_eq!(of("1X"), None);
    }
}
