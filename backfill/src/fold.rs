//! From gathered events to the values of a spine's rows.

use rayon::prelude::*;
use thalweg_core::{EnteringEvents, FoldPlan, SortedEvents, Swept, sweep, sweep_entering};

use crate::gather::Events;
use crate::reading::Reading;
use crate::{AsOf, Cancellation, Error};

/// Events and rows that one thread takes at once where rows see events in an order of their own.
const SHARE: usize = 65_536;

/// The events of one view, as rows of any instant are folded from them.
#[derive(Debug)]
pub(crate) enum Foldable {
    /// In their own order: a row sees all up to its instant.
    Sorted(SortedEvents),
    /// To be put into the order in which they come to be seen.
    Entering(Events),
}

impl Foldable {
    /// `events` of so many keys, of which a row sees what `as_of` says.
    ///
    /// # Errors
    /// More events than one sweep takes, columns that grow too large.
    pub(crate) fn new(events: Events, keys: usize, as_of: AsOf) -> Result<Self, Error> {
        Ok(match as_of {
            AsOf::EventTime => Self::sorted(&events, keys)?,
            AsOf::Known => Self::Entering(events),
        })
    }

    /// `events` of so many keys, of which a row sees all up to its instant.
    ///
    /// # Errors
    /// More events than one sweep takes, columns that grow too large.
    pub(crate) fn sorted(events: &Events, keys: usize) -> Result<Self, Error> {
        Ok(Self::Sorted(SortedEvents::sort(&events.keys, keys, events.order(), &events.inputs)?))
    }

    /// The values of the features of `plan` for every row of `reading`, which are rows of so many keys.
    ///
    /// # Errors
    /// More rows than one sweep takes, columns that grow too large; [`Error::Cancelled`].
    pub(crate) fn fold(
        &self,
        plan: &FoldPlan,
        keys: usize,
        reading: &Reading,
        cancellation: &Cancellation,
    ) -> Result<Swept, Error> {
        cancellation.check()?;
        match self {
            Self::Sorted(sorted) => Ok(sweep(plan, sorted, &reading.rows)?),
            Self::Entering(events) => {
                let enters = &events.append_times;
                let entering =
                    EnteringEvents::sort(&events.keys, keys, enters, events.order(), &events.inputs)?;
                let of_share = |keys| {
                    cancellation.check()?;
                    Ok(sweep_entering(plan, &entering, &reading.rows, keys)?)
                };
                let shares = entering.shares(&reading.rows, SHARE).into_par_iter().map(of_share);
                Ok(Swept::join(plan, &shares.collect::<Result<Vec<_>, Error>>()?)?)
            }
        }
    }
}
