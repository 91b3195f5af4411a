//! Audits that nobody asks for, again and again.

use std::sync::Arc;
use std::time::Duration;

use thalweg_backfill::Cancellation;
use thalweg_core::TimeDelta;
use thalweg_ingest::Clock as _;
use tokio::sync::watch;

use super::{AuditRequest, Auditor};
use crate::cancel_on_drop::CancelOnDrop;
use crate::clock::WallClock;

/// Audits all views, waits for `interval`, and so on until `stopped`. Each audit has a seed of its own.
pub(crate) async fn audit_in_background(
    auditor: Arc<Auditor>,
    interval: TimeDelta,
    mut stopped: watch::Receiver<bool>,
) {
    let interval = Duration::from_micros(interval.as_micros().unsigned_abs());
    let first_seed = WallClock.now().as_micros().cast_unsigned();
    let audits = async {
        for number in 0.. {
            tokio::time::sleep(interval).await;
            let seed = first_seed.wrapping_add(number);
            // One by one, so that a view that cannot be audited keeps no other from it.
            for view in auditor.views(&[]).unwrap_or_default() {
                let cancelled_with_the_server = CancelOnDrop(Cancellation::default());
                let cancellation = cancelled_with_the_server.0.clone();
                let request = AuditRequest { views: vec![view.clone()], keys: None, seed: Some(seed) };
                if let Err(error) = auditor.audit(request, cancellation, |_| true).await {
                    tracing::warn!(view, seed, %error, "a view could not be audited in the background");
                }
            }
        }
    };
    tokio::select! {
        () = audits => {}
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
}
