//! The selected events of the spine's keys, collected in reading order.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, UInt32Array, new_empty_array};
use arrow::compute::{concat, take};
use arrow::datatypes::{DataType, Int64Type};
use thalweg_core::{FoldPlan, OrderColumns, Selection, SortedEvents};

use crate::key_index::KeyIndex;
use crate::{Budget, Error};

/// Events of one view whose keys a spine asks for, each with its key's number.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    keys: Vec<u32>,
    times: Vec<i64>,
    order_by: Vec<ArrayRef>,
    partitions: Vec<i32>,
    offsets: Vec<i64>,
    /// For each input of the plan its pieces, one a selection.
    inputs: Vec<Vec<ArrayRef>>,
}

impl Gathered {
    /// Adds the events of `selection` whose key is in `index` and whose time is not after `latest`,
    /// which no row of the spine could see.
    ///
    /// # Errors
    /// Where the events kept pass the budget.
    pub(crate) fn add(
        &mut self,
        selection: &Selection,
        index: &KeyIndex,
        latest: i64,
        budget: &Budget,
    ) -> Result<(), Error> {
        let before = self.keys.len();
        let mut rows = Vec::new();
        for row in 0..selection.len() {
            if selection.times[row] <= latest
                && let Some(key) = index.get(selection.keys.value(row))
            {
                self.keys.push(key);
                rows.push(row as u32);
            }
        }
        if rows.is_empty() {
            return Ok(());
        }
        let all = rows.len() == selection.len();
        let rows = UInt32Array::from(rows);
        let kept = |column: &dyn Array| take(column, &rows, None);
        let of = |column: &ArrayRef| if all { Ok(column.clone()) } else { kept(column) };
        self.times.extend(rows.values().iter().map(|&row| selection.times[row as usize]));
        self.offsets.extend(rows.values().iter().map(|&row| selection.offsets[row as usize]));
        self.partitions.resize(self.keys.len(), selection.partition);
        self.inputs.resize_with(selection.inputs.len(), Vec::new);
        let mut bytes = (self.keys.len() - before) * size_of::<(u32, i64, i32, i64)>();
        for (pieces, input) in self.inputs.iter_mut().zip(&selection.inputs) {
            let piece = of(input)?;
            bytes += piece.get_buffer_memory_size();
            pieces.push(piece);
        }
        if let Some(order_by) = &selection.order_by {
            let piece = if all { Arc::new(order_by.clone()) as ArrayRef } else { kept(order_by)? };
            bytes += piece.get_buffer_memory_size();
            self.order_by.push(piece);
        }
        budget.take(bytes)
    }

    /// All of `parts` as one run sorted by key number and event order, ready to be swept.
    ///
    /// # Errors
    /// Where Arrow cannot put the pieces together (an offset of a text column past 2 GiB).
    pub(crate) fn sort(parts: Vec<Self>, plan: &FoldPlan, key_count: usize) -> Result<SortedEvents, Error> {
        let mut all = Self { inputs: plan.inputs.iter().map(|_| Vec::new()).collect(), ..Self::default() };
        for part in parts {
            all.keys.extend(part.keys);
            all.times.extend(part.times);
            all.order_by.extend(part.order_by);
            all.partitions.extend(part.partitions);
            all.offsets.extend(part.offsets);
            for (pieces, more) in all.inputs.iter_mut().zip(part.inputs) {
                pieces.extend(more);
            }
        }
        let inputs = all
            .inputs
            .iter()
            .zip(&plan.inputs)
            .map(|(pieces, field_type)| join(pieces, &new_empty_array(&field_type.to_arrow())))
            .collect::<Result<Vec<_>, _>>()?;
        let order_by = match all.order_by.is_empty() {
            true => None,
            false => Some(join(&all.order_by, &new_empty_array(&DataType::Int64))?),
        };
        let order_by = order_by.as_ref().map(|column| column.as_primitive::<Int64Type>());
        let order =
            OrderColumns { times: &all.times, order_by, partitions: &all.partitions, offsets: &all.offsets };
        Ok(SortedEvents::sort(&all.keys, key_count, order, &inputs)?)
    }
}

fn join(pieces: &[ArrayRef], empty: &ArrayRef) -> Result<ArrayRef, Error> {
    match pieces {
        [] => Ok(empty.clone()),
        [only] => Ok(only.clone()),
        many => Ok(concat(&many.iter().map(|piece| piece.as_ref()).collect::<Vec<_>>())?),
    }
}
