//! The selected events of the spine's keys, collected in reading order.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, UInt32Array, new_empty_array};
use arrow::compute::{concat, take};
use arrow::datatypes::{DataType, Int64Type};
use thalweg_core::{FoldPlan, OrderColumns};
use thalweg_definitions::Selected;

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
    /// When the log learned of each, where that is asked for.
    append_times: Vec<Option<i64>>,
    /// For each input of the plan its pieces, one a selection.
    inputs: Vec<Vec<ArrayRef>>,
}

/// Which events are gathered, and what is kept of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// The latest event time that some row of the spine could see, microseconds since the epoch.
    pub(crate) latest: i64,
    /// Whether append times are kept.
    pub(crate) append_times: bool,
}

impl Gathered {
    /// Adds the events among `selected` whose key is in `index` and that are `wanted`.
    ///
    /// # Errors
    /// Where the events kept pass the budget.
    pub(crate) fn add(
        &mut self,
        selected: &Selected,
        index: &KeyIndex,
        wanted: Wanted,
        budget: &Budget,
    ) -> Result<(), Error> {
        let selection = &selected.selection;
        let before = self.keys.len();
        let mut rows = Vec::new();
        for row in 0..selection.len() {
            if selection.times[row] <= wanted.latest
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
        if wanted.append_times {
            let of_row = |row: usize| {
                let said = selected.append_times.as_ref().filter(|append_times| append_times.is_valid(row));
                said.map(|append_times| append_times.value(row))
            };
            self.append_times.extend(rows.values().iter().map(|&row| of_row(row as usize)));
            bytes += rows.len() * size_of::<Option<i64>>();
        }
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

    /// All of `parts` as columns.
    ///
    /// # Errors
    /// Where Arrow cannot put the pieces together (an offset of a text column past 2 GiB).
    pub(crate) fn join(parts: Vec<Self>, plan: &FoldPlan) -> Result<Events, Error> {
        let mut all = Self { inputs: plan.inputs.iter().map(|_| Vec::new()).collect(), ..Self::default() };
        for part in parts {
            all.keys.extend(part.keys);
            all.times.extend(part.times);
            all.order_by.extend(part.order_by);
            all.partitions.extend(part.partitions);
            all.offsets.extend(part.offsets);
            all.append_times.extend(part.append_times);
            for (pieces, more) in all.inputs.iter_mut().zip(part.inputs) {
                pieces.extend(more);
            }
        }
        let inputs = all
            .inputs
            .iter()
            .zip(&plan.inputs)
            .map(|(pieces, field_type)| join(pieces, &new_empty_array(&field_type.to_arrow())));
        let order_by = match all.order_by.is_empty() {
            true => None,
            false => {
                let joined = join(&all.order_by, &new_empty_array(&DataType::Int64))?;
                Some(joined.as_primitive::<Int64Type>().clone())
            }
        };
        Ok(Events {
            inputs: inputs.collect::<Result<_, _>>()?,
            keys: all.keys,
            times: all.times,
            order_by,
            partitions: all.partitions,
            offsets: all.offsets,
            append_times: all.append_times.into(),
        })
    }
}

/// Events of one view, in no order.
#[derive(Debug)]
pub(crate) struct Events {
    /// The number of each event's key.
    pub(crate) keys: Vec<u32>,
    times: Vec<i64>,
    order_by: Option<Int64Array>,
    pub(crate) partitions: Vec<i32>,
    pub(crate) offsets: Vec<i64>,
    /// When the log learned of each, if that was asked for.
    pub(crate) append_times: Int64Array,
    /// The columns of the plan's inputs.
    pub(crate) inputs: Vec<ArrayRef>,
}

impl Events {
    /// Where the events stand in their order.
    pub(crate) fn order(&self) -> OrderColumns<'_> {
        let Self { times, order_by, partitions, offsets, .. } = self;
        OrderColumns { times, order_by: order_by.as_ref(), partitions, offsets }
    }
}

fn join(pieces: &[ArrayRef], empty: &ArrayRef) -> Result<ArrayRef, Error> {
    match pieces {
        [] => Ok(empty.clone()),
        [only] => Ok(only.clone()),
        many => Ok(concat(&many.iter().map(|piece| piece.as_ref()).collect::<Vec<_>>())?),
    }
}
