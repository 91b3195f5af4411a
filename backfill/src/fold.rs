//! From gathered events to the values of a spine's rows.

use rayon::prelude::*;
use thalweg_core::{EnteringEvents, FoldPlan, SortedEvents, Swept, sweep, sweep_entering};

use crate::gather::Events;
use crate::reading::Reading;
use crate::{AsOf, Cancellation, Error};

/// Events and rows that one thread takes at once where rows see events in an order of their own.
const SHARE: usize = 65_536;

/// The values of one view's features for every row of `reading`, of the `events` that a row sees under `as_of`.
///
/// # Errors
/// More events than one sweep takes, columns that grow too large; [`Error::Cancelled`].
pub(crate) fn fold(
    plan: &FoldPlan,
    events: &Events,
    reading: &Reading,
    as_of: AsOf,
    cancellation: &Cancellation,
) -> Result<Swept, Error> {
    cancellation.check()?;
    let keys = reading.index.len();
    match as_of {
        AsOf::EventTime => {
            let sorted = SortedEvents::sort(&events.keys, keys, events.order(), &events.inputs)?;
            Ok(sweep(plan, &sorted, &reading.rows)?)
        }
        AsOf::Known => {
            let entering = EnteringEvents::sort(
                &events.keys,
                keys,
                &events.append_times,
                events.order(),
                &events.inputs,
            )?;
            let of_share = |keys| {
                cancellation.check()?;
                Ok(sweep_entering(plan, &entering, &reading.rows, keys)?)
            };
            let shares = entering.shares(&reading.rows, SHARE).into_par_iter().map(of_share);
            Ok(Swept::join(plan, &shares.collect::<Result<Vec<_>, Error>>()?)?)
        }
    }
}
