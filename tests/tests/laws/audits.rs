//! One truth (I2), by the audit that running servers make of themselves.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use rand::Rng;
use thalweg_backfill::Cancellation;
use thalweg_flight_server::audit::audit_view;
use thalweg_tests::generator::check;
use thalweg_tests::harness::Workshop;

/// Keys drawn of each view.
const KEYS: usize = 6;

/// An audit of a state that is the fold of its log finds nothing, whatever is defined; and the same seed
/// audits the same.
#[test]
fn an_audit_of_a_sound_state_finds_nothing() {
    let (cells, skipped) = (AtomicU64::new(0), AtomicUsize::new(0));
    check("an_audit_of_a_sound_state_finds_nothing", 90, |case, chance| {
        let serving = Workshop::with_all(case, chance)?.into_node(true)?;
        let folded = case.definitions.views.iter().map(|view| &view.name);
        let on_demand = case.definitions.on_demand.iter().map(|view| &view.name);
        for view in folded.chain(on_demand) {
            let seed = chance.random();
            let audit = |seed| {
                audit_view(&serving.node, view, KEYS, seed, &Cancellation::default())
                    .map_err(|error| format!("the audit of {view}: {error}"))
            };
            let (one, again) = (audit(seed)?, audit(seed)?);
            if one.differing > 0 {
                return Err(format!("the audit of {view} with seed {seed} found {:?}", one.differences));
            }
            if (one.cells, &one.commit) != (again.cells, &again.commit) {
                return Err(format!("the audit of {view} with seed {seed} was another the second time"));
            }
            cells.fetch_add(one.cells, Ordering::Relaxed);
            skipped.fetch_add(usize::from(!one.skipped.is_empty()), Ordering::Relaxed);
        }
        serving.stop()
    });
    let (cells, skipped) = (cells.into_inner(), skipped.into_inner());
    assert!(cells > 5_000, "{cells} values were compared, {skipped} views skipped");
}
