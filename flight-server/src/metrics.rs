//! Figures for Prometheus.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::wire::{StatusResponse, ViewAudit};

/// Everything the server counts. Gauges of the state are set when they are asked for.
pub struct Metrics {
    registry: Registry,
    lookups: Family<Outcome, Counter>,
    lookup_seconds: Histogram,
    lookup_overflows: Counter,
    training_rows: Counter,
    produced_records: Counter,
    lag_records: Family<Partition, Gauge>,
    keys: Family<View, Gauge>,
    state_bytes: Family<View, Gauge>,
    records_left: Family<View, Gauge>,
    watermark_us: Family<Source, Gauge>,
    events: Family<Source, Gauge>,
    dead_letters: Family<Source, Gauge>,
    failed_expressions: Family<Source, Gauge>,
    failed_on_demand: Family<View, Counter>,
    verified_cells: Family<View, Counter>,
    verified_differences: Family<View, Counter>,
    verify_failures: Counter,
    verify_last_us: Family<View, Gauge>,
    verify_last_elapsed_us: Family<View, Gauge>,
}

type Label = Vec<(&'static str, String)>;
type Outcome = Label;
type Partition = Label;
type View = Label;
type Source = Label;

impl Metrics {
    /// All figures at zero.
    pub fn new() -> Arc<Self> {
        let mut registry = Registry::with_prefix("thalweg");
        let metrics = Self {
            lookups: Family::default(),
            lookup_seconds: Histogram::new(exponential_buckets(50e-6, 2.0, 16)),
            lookup_overflows: Counter::default(),
            training_rows: Counter::default(),
            produced_records: Counter::default(),
            lag_records: Family::default(),
            keys: Family::default(),
            state_bytes: Family::default(),
            records_left: Family::default(),
            watermark_us: Family::default(),
            events: Family::default(),
            dead_letters: Family::default(),
            failed_expressions: Family::default(),
            failed_on_demand: Family::default(),
            verified_cells: Family::default(),
            verified_differences: Family::default(),
            verify_failures: Counter::default(),
            verify_last_us: Family::default(),
            verify_last_elapsed_us: Family::default(),
            registry: Registry::default(),
        };
        registry.register("lookups", "Lookups answered, by outcome", metrics.lookups.clone());
        registry.register(
            "lookup_seconds",
            "Time a lookup took, waiting included",
            metrics.lookup_seconds.clone(),
        );
        registry.register(
            "lookup_overflows",
            "Values found null because they do not fit: integer sums 64 bits, distinct values their limit",
            metrics.lookup_overflows.clone(),
        );
        registry.register("training_rows", "Rows of training sets made", metrics.training_rows.clone());
        registry.register(
            "produced_records",
            "Records appended through this server",
            metrics.produced_records.clone(),
        );
        registry.register("lag_records", "Records of the log not applied yet", metrics.lag_records.clone());
        registry.register("view_keys", "Entity keys with state", metrics.keys.clone());
        registry.register("view_state_bytes", "Bytes of state, about", metrics.state_bytes.clone());
        registry.register(
            "view_records_left",
            "Records that a version being built has not read yet",
            metrics.records_left.clone(),
        );
        registry.register("source_watermark_us", "How far event time has come", metrics.watermark_us.clone());
        registry.register("source_events", "Events applied since the start", metrics.events.clone());
        registry.register(
            "source_dead_letters",
            "Dead letters since the start",
            metrics.dead_letters.clone(),
        );
        registry.register(
            "source_failed_expressions",
            "Expressions that failed on a row and gave null, since the start",
            metrics.failed_expressions.clone(),
        );
        registry.register(
            "on_demand_failed_expressions",
            "Expressions of on-demand features that failed on a row and gave null, in lookups and training sets",
            metrics.failed_on_demand.clone(),
        );
        registry.register(
            "verified_cells",
            "Values of lookups that audits compared with a replay of the log",
            metrics.verified_cells.clone(),
        );
        registry.register(
            "verified_differences",
            "Values of lookups that were not those of a replay of the log: anything but 0 is a defect",
            metrics.verified_differences.clone(),
        );
        registry.register(
            "verify_failures",
            "Audits that could not be done",
            metrics.verify_failures.clone(),
        );
        registry.register("verify_last_us", "When a view was last audited", metrics.verify_last_us.clone());
        registry.register(
            "verify_last_elapsed_us",
            "Time the last audit of a view took",
            metrics.verify_last_elapsed_us.clone(),
        );
        Arc::new(Self { registry, ..metrics })
    }

    /// Begins to time a lookup.
    #[allow(clippy::disallowed_methods, reason = "latency is measured, no value depends on it")]
    pub fn lookup_timer(self: &Arc<Self>) -> LookupTimer {
        LookupTimer { metrics: self.clone(), begun: Instant::now() }
    }

    /// Counts values of a lookup that are null because they do not fit.
    pub fn count_overflows(&self, values: u64) {
        self.lookup_overflows.inc_by(values);
    }

    /// Counts rows of a training set.
    pub fn count_training_rows(&self, rows: u64) {
        self.training_rows.inc_by(rows);
    }

    /// Counts expressions of on-demand feature views, by name, that failed on a row.
    pub fn count_failed_on_demand(&self, failed: &BTreeMap<String, u64>) {
        for (view, count) in failed {
            self.failed_on_demand.get_or_create(&vec![("view", view.clone())]).inc_by(*count);
        }
    }

    /// Counts what the audit of a view compared, which ended at `now`.
    pub fn count_audit(&self, audit: &ViewAudit, now: thalweg_core::Instant) {
        if !audit.skipped.is_empty() {
            return;
        }
        let label = vec![("view", audit.view.clone())];
        self.verified_cells.get_or_create(&label).inc_by(audit.cells);
        self.verified_differences.get_or_create(&label).inc_by(audit.differing);
        self.verify_last_us.get_or_create(&label).set(now.as_micros());
        self.verify_last_elapsed_us.get_or_create(&label).set(audit.elapsed_us);
    }

    /// Counts an audit that could not be done.
    pub fn count_failed_audit(&self) {
        self.verify_failures.inc();
    }

    /// Counts records appended.
    pub fn count_produced(&self, records: u64) {
        self.produced_records.inc_by(records);
    }

    /// All figures in the Prometheus text format, those of the state as `status` has them.
    pub fn render(&self, status: &StatusResponse) -> String {
        for partition in &status.partitions {
            let label =
                vec![("topic", partition.topic.clone()), ("partition", partition.partition.to_string())];
            self.lag_records.get_or_create(&label).set(partition.next_offset - partition.applied);
        }
        for view in &status.views {
            let label = vec![("view", view.name.clone())];
            self.keys.get_or_create(&label).set(to_gauge(view.keys));
            self.state_bytes.get_or_create(&label).set(to_gauge(view.bytes));
            let left = view.building.as_ref().map_or(0, |building| building.records_left);
            self.records_left.get_or_create(&label).set(to_gauge(left));
        }
        for source in &status.sources {
            let label = vec![("source", source.name.clone())];
            if let Some(watermark_us) = source.watermark_us {
                self.watermark_us.get_or_create(&label).set(watermark_us);
            }
            self.events.get_or_create(&label).set(to_gauge(source.events));
            self.dead_letters.get_or_create(&label).set(to_gauge(source.dead_letters));
            self.failed_expressions.get_or_create(&label).set(to_gauge(source.failed_expressions));
        }
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a string cannot fail");
        text
    }
}

/// A lookup under way.
pub struct LookupTimer {
    metrics: Arc<Metrics>,
    begun: Instant,
}

impl LookupTimer {
    /// Counts the lookup and its time.
    pub fn stop(self, answered: bool) {
        let outcome = if answered { "answered" } else { "refused" };
        self.metrics.lookups.get_or_create(&vec![("outcome", outcome.to_owned())]).inc();
        self.metrics.lookup_seconds.observe(self.begun.elapsed().as_secs_f64());
    }
}

fn to_gauge(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
