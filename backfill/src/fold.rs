//! From gathered events to the values of a spine's rows.

use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow::array::{Int64Array, UInt32Array};
use arrow::compute::take;
use rayon::prelude::*;
use thalweg_core::{EnteringEvents, FoldPlan, SortedEvents, SortedRows, Swept, sweep, sweep_entering};

use crate::gather::Events;
use crate::reading::Reading;
use crate::served::Served;
use crate::{AsOf, Cancellation, Error};

/// Events and rows that one thread takes at once where rows see events in an order of their own.
const SHARE: usize = 65_536;

/// The events of one view, as rows of any instant are folded from them.
#[derive(Debug)]
pub(crate) enum Foldable {
    /// In their own order: a row sees all up to its instant.
    Sorted(SortedEvents),
    /// To be put into the order in which the log had them.
    Known(Events),
    /// To be put into the order in which they were applied.
    Served(Events, Arc<Served>),
}

impl Foldable {
    /// `events` of so many keys, of which a row sees what `as_of` says, and `served` where that was served.
    ///
    /// # Errors
    /// More events than one sweep takes, columns that grow too large.
    pub(crate) fn new(
        events: Events,
        keys: usize,
        as_of: AsOf,
        served: Option<Arc<Served>>,
    ) -> Result<Self, Error> {
        Ok(match as_of {
            AsOf::EventTime => Self::sorted(&events, keys)?,
            AsOf::Known => Self::Known(events),
            AsOf::Served => Self::Served(events, served.ok_or(Error::NothingServes)?),
        })
    }

    /// `events` of so many keys, of which a row sees all up to its instant.
    ///
    /// # Errors
    /// More events than one sweep takes, columns that grow too large.
    pub(crate) fn sorted(events: &Events, keys: usize) -> Result<Self, Error> {
        Ok(Self::Sorted(SortedEvents::sort(&events.keys, keys, events.order(), &events.inputs)?))
    }

    /// The times of the events of the key with this number, where they are in their own order; else none.
    pub(crate) fn times_of(&self, key: u32) -> &[i64] {
        match self {
            Self::Sorted(sorted) => {
                let start = |key: u32| sorted.key_starts[key as usize] as usize;
                &sorted.times[start(key)..start(key + 1)]
            }
            Self::Known(_) | Self::Served(..) => &[],
        }
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
            Self::Known(events) => {
                entering(plan, keys, events, &events.append_times, &reading.rows, cancellation)
            }
            Self::Served(events, served) => {
                if let [epoch] = served.epochs.as_slice() {
                    return entering(plan, keys, events, &epoch.enters(events), &reading.rows, cancellation);
                }
                let mut places = Vec::with_capacity(reading.rows.at.len());
                let mut parts = Vec::new();
                for epoch in &served.epochs {
                    let (rows, of_epoch) = rows_within(&reading.rows, &epoch.instants);
                    parts.push(entering(plan, keys, events, &epoch.enters(events), &rows, cancellation)?);
                    places.extend(of_epoch);
                }
                match parts.is_empty() {
                    true => {
                        let never = Int64Array::new_null(events.keys.len());
                        entering(plan, keys, events, &never, &reading.rows, cancellation)
                    }
                    false => put_back(&Swept::join(plan, &parts)?, &places),
                }
            }
        }
    }
}

/// The values of every row of `rows`, which sees an event from the instant on that `enters` has for it.
fn entering(
    plan: &FoldPlan,
    keys: usize,
    events: &Events,
    enters: &Int64Array,
    rows: &SortedRows,
    cancellation: &Cancellation,
) -> Result<Swept, Error> {
    let entering = EnteringEvents::sort(&events.keys, keys, enters, events.order(), &events.inputs)?;
    let of_share = |keys| {
        cancellation.check()?;
        Ok(sweep_entering(plan, &entering, rows, keys)?)
    };
    let shares = entering.shares(rows, SHARE).into_par_iter().map(of_share);
    Ok(Swept::join(plan, &shares.collect::<Result<Vec<_>, Error>>()?)?)
}

/// The rows whose instants lie within `instants`, and where each of them stands among all.
fn rows_within(rows: &SortedRows, instants: &RangeInclusive<i64>) -> (SortedRows, Vec<u32>) {
    let mut within = SortedRows { key_starts: vec![0], at: Vec::new(), sources: Vec::new() };
    let mut places = Vec::new();
    for bounds in rows.key_starts.windows(2) {
        for place in bounds[0]..bounds[1] {
            let at = rows.at[place as usize];
            if instants.contains(&at) {
                within.at.push(at);
                within.sources.push(rows.sources[place as usize]);
                places.push(place);
            }
        }
        within.key_starts.push(places.len() as u32);
    }
    (within, places)
}

/// `swept`, whose rows belong at `places`, in the order of these.
fn put_back(swept: &Swept, places: &[u32]) -> Result<Swept, Error> {
    let mut order = vec![0_u32; places.len()];
    for (row, place) in (0..).zip(places) {
        order[*place as usize] = row;
    }
    let statuses = order.iter().map(|row| swept.statuses[*row as usize]).collect();
    let order = UInt32Array::from(order);
    let columns = swept.columns.iter().map(|column| take(column, &order, None));
    Ok(Swept { columns: columns.collect::<Result<_, _>>()?, statuses, overflows: swept.overflows })
}
