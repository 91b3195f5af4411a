//! Audits that lookups answer what training sets have, on keys drawn by lot.

mod background;
mod drawn;
mod lot;
mod view;

use std::sync::Arc;

use thalweg_backfill::{Cancellation, Features};
use thalweg_ingest::Clock as _;

pub(crate) use self::background::audit_in_background;
use self::drawn::INSTANTS;
pub use self::view::audit_view;
use crate::clock::WallClock;
use crate::metrics::Metrics;
use crate::node::Node;
use crate::pool::Pool;
use crate::wire::ViewAudit;
use crate::{Error, Kind};

/// What is audited.
#[derive(Clone, Debug)]
pub(crate) struct AuditRequest {
    /// Views of either kind; all, if none.
    pub(crate) views: Vec<String>,
    /// Keys drawn of each view; what the settings say, if not given.
    pub(crate) keys: Option<usize>,
    /// What they are drawn by; the clock, if not given.
    pub(crate) seed: Option<u64>,
}

/// Audits the states of a node, one audit at a time.
pub(crate) struct Auditor {
    node: Arc<Node>,
    metrics: Arc<Metrics>,
    /// One place: audits take turns.
    turns: Pool,
    /// For replays, each of which may use all processors.
    heavy: Arc<Pool>,
}

impl Auditor {
    /// An auditor of `node`, which replays on `heavy`.
    pub(crate) fn new(node: Arc<Node>, heavy: Arc<Pool>, metrics: Arc<Metrics>) -> Self {
        Self { node, metrics, turns: Pool::new("audits", 1), heavy }
    }

    /// Audits the views of `request` when it is its turn, and gives each audit to `take` as it is done, until
    /// that says that nobody wants more.
    ///
    /// # Errors
    /// NOT_FOUND for a view that is not there; RESOURCE_EXHAUSTED for more keys than one lookup may ask for;
    /// what keeps a state from being read or the log from being replayed; CANCELLED.
    pub(crate) async fn audit(
        self: &Arc<Self>,
        request: AuditRequest,
        cancellation: Cancellation,
        take: impl FnMut(ViewAudit) -> bool + Send + 'static,
    ) -> Result<(), Error> {
        let auditor = Arc::clone(self);
        self.turns.run(move || auditor.audit_now(&request, &cancellation, take)).await
    }

    fn audit_now(
        &self,
        request: &AuditRequest,
        cancellation: &Cancellation,
        mut take: impl FnMut(ViewAudit) -> bool,
    ) -> Result<(), Error> {
        let keys = request.keys.unwrap_or(self.node.config().verify.keys);
        let seed = request.seed.unwrap_or_else(|| WallClock.now().as_micros().cast_unsigned());
        check_keys(keys, self.node.config().limits.lookup_rows)?;
        for view in self.views(&request.views)? {
            let audited = {
                let _place = self.heavy.place()?;
                audit_view(&self.node, &view, keys, seed, cancellation)
            };
            if audited.as_ref().is_err_and(|error| error.kind != Kind::Cancelled) {
                self.metrics.count_failed_audit();
            }
            let audit = audited?;
            self.metrics.count_audit(&audit, WallClock.now());
            complain(&audit, keys);
            if !take(audit) {
                break;
            }
        }
        Ok(())
    }

    /// The views named, or all there are.
    ///
    /// # Errors
    /// NOT_FOUND for a view that is not there.
    fn views(&self, named: &[String]) -> Result<Vec<String>, Error> {
        let registered = self.node.repository();
        if named.is_empty() {
            let folded = registered.views.iter().map(|view| &view.name);
            let on_demand = registered.on_demand_views.iter().map(|view| &view.name);
            return Ok(folded.chain(on_demand).cloned().collect());
        }
        for view in named {
            all_of(view).resolve(&registered)?;
        }
        Ok(named.to_vec())
    }
}

/// Refuses more keys than one lookup may ask for.
fn check_keys(keys: usize, limit: usize) -> Result<(), Error> {
    match keys.saturating_mul(INSTANTS) {
        rows if rows > limit => Err(Error::new(
            Kind::ResourceExhausted,
            format!(
                "an audit of {keys} keys looks up {rows} rows, each key at {INSTANTS} instants; the limit \
                 `limits.lookup_rows` is {limit}. Draw at most {} keys, or raise the limit",
                limit / INSTANTS
            ),
        )),
        _ => Ok(()),
    }
}

/// All features of `view`.
fn all_of(view: &str) -> Features {
    Features::List(vec![format!("{view}:*")])
}

/// Says a difference loudly, with everything needed to see it again.
fn complain(audit: &ViewAudit, keys: usize) {
    let Some(first) = audit.differences.first() else { return };
    let applied: Vec<_> =
        audit.applied.iter().map(|at| format!("{}-{}:{}", at.topic, at.partition, at.next_offset)).collect();
    let versions: Vec<_> = audit.versions.iter().map(|(view, version)| format!("{view}={version}")).collect();
    tracing::error!(
        view = audit.view,
        row = first.row,
        at_us = first.at_us,
        column = first.column,
        online = first.online,
        online_status = first.online_status,
        replayed = first.replayed,
        replayed_status = first.replayed_status,
        applied = applied.join(" "),
        versions = versions.join(" "),
        commit = audit.commit,
        differing = audit.differing,
        cells = audit.cells,
        "A LOOKUP ANSWERS WHAT NO TRAINING SET HAS: the online state is not the fold of the log. See it again by \
         `thalweg verify {} --keys {keys} --seed {}`, or by a training set with `--pin {}`; keep a copy of the folders \
         of the log and the state for whoever looks into it, and then build the feature views again by `thalweg backfill`",
        audit.view,
        audit.seed,
        audit.commit
    );
}
