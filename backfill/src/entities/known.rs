//! The keys that a view knows by an instant.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use arrow::array::Array;
use thalweg_core::{Instant, Order, Selection};

use crate::{Budget, Error};

/// What is kept of each key beside its bytes: its place, its newest record, and what the table leaves free.
const BYTES_PER_KEY: usize = 112;

/// Keys of events; of a table's records each with the newest one.
#[derive(Debug, Default)]
pub(super) struct Known(HashMap<Box<[u8]>, Option<Newest>>);

/// The newest record of a key.
#[derive(Clone, Copy, Debug)]
struct Newest {
    order: Order,
    /// Whether it is shown: it does not delete, and nothing hides it.
    is_shown: bool,
}

impl Known {
    /// Takes in the event at `row` of `selection`, which is of a table's view if it `is_table`.
    ///
    /// # Errors
    /// [`Error::OverBudget`].
    pub(super) fn take(
        &mut self,
        selection: &Selection,
        row: usize,
        is_table: bool,
        budget: &Budget,
    ) -> Result<(), Error> {
        let key = selection.keys.value(row);
        let newest = is_table.then(|| Newest {
            order: Order {
                time: Instant::from_micros(selection.times[row]),
                order_by: selection.order_by.as_ref().filter(|o| o.is_valid(row)).map(|o| o.value(row)),
                partition: selection.partition,
                offset: selection.offsets[row],
            },
            is_shown: selection.inputs.last().is_some_and(|shown| shown.is_valid(row)),
        });
        match self.0.get_mut(key) {
            Some(known) => replace(known, newest),
            None => {
                budget.take(key.len() + BYTES_PER_KEY)?;
                self.0.insert(key.into(), newest);
            }
        }
        Ok(())
    }

    /// What both know.
    pub(super) fn merge(mut self, other: Self) -> Self {
        for (key, newest) in other.0 {
            match self.0.entry(key) {
                Entry::Occupied(mut known) => replace(known.get_mut(), newest),
                Entry::Vacant(place) => drop(place.insert(newest)),
            }
        }
        self
    }

    /// The keys that are there: of a table those whose newest record is shown.
    pub(super) fn into_keys(self) -> impl Iterator<Item = Box<[u8]>> {
        let shows = |newest: Option<Newest>| newest.is_none_or(|newest| newest.is_shown);
        self.0.into_iter().filter(move |(_, newest)| shows(*newest)).map(|(key, _)| key)
    }
}

fn replace(known: &mut Option<Newest>, newest: Option<Newest>) {
    if known.map(|known| known.order) < newest.map(|newest| newest.order) {
        *known = newest;
    }
}
