//! The columns of an answer, from what the folds were found to hold.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef};
use thalweg_core::{Instant, Status, Value, column_of};
use thalweg_definitions::{AnswerColumn, FoldColumn, Layout, Origin};
use thalweg_store::Found;

use super::LookupColumn;
use crate::Error;

/// What the columns are made from.
pub(super) struct Answering<'a> {
    pub(super) layout: &'a Layout<'a>,
    /// For each fold what was found.
    pub(super) found: &'a [Found],
    /// The request inputs, in the types they are declared in.
    pub(super) inputs: &'a BTreeMap<String, ArrayRef>,
    /// Rows asked for.
    pub(super) rows: usize,
}

impl Answering<'_> {
    /// The columns in the order of the layout, and for each on-demand view how often an expression failed.
    pub(super) fn columns(&self) -> Result<(Vec<LookupColumn>, BTreeMap<String, u64>), Error> {
        let mut failed = BTreeMap::new();
        let mut inputs = Vec::new();
        for on_demand in &self.layout.on_demand {
            let of_fold = |column: FoldColumn| Ok(self.values(column));
            let of_request = |name: &str| {
                let given = self.inputs.get(name).cloned();
                given.ok_or_else(|| Error::internal(format!("the request input `{name}` was not read")))
            };
            inputs.push(on_demand.input_batch(self.rows, of_fold, of_request)?);
            failed.insert(on_demand.view.name.clone(), 0);
        }
        let mut one = |column: &AnswerColumn| match column.origin {
            Origin::Fold(of_fold) => LookupColumn {
                name: column.name.clone(),
                values: self.values(of_fold),
                statuses: self.statuses(of_fold),
                event_times: self.found[of_fold.fold].last_event_times.clone(),
            },
            Origin::OnDemand { view, feature } => {
                let on_demand = &self.layout.on_demand[view];
                let evaluated = on_demand.view.features[feature].evaluate(&inputs[view]);
                *failed.entry(on_demand.view.name.clone()).or_default() += evaluated.failed;
                let values = evaluated.column;
                let statuses = (0..self.rows).map(|row| Status::of_computed(values.is_null(row))).collect();
                let event_times = self.newest(&on_demand.inputs);
                LookupColumn { name: column.name.clone(), values, statuses, event_times }
            }
        };
        let columns = self.layout.columns.iter().map(&mut one).collect();
        Ok((columns, failed))
    }

    /// The place of a column among all features of its view, which the online fold answers.
    fn place(&self, column: FoldColumn) -> usize {
        let fold = &self.layout.folds[column.fold];
        let name = &fold.plan.features[column.feature_index].name;
        let place = fold.view.plan.features.iter().position(|feature| feature.name == *name);
        place.expect("a layout only has features of the view")
    }

    fn values(&self, column: FoldColumn) -> ArrayRef {
        let (place, view) = (self.place(column), self.layout.folds[column.fold].view);
        let rows = &self.found[column.fold].rows;
        let values: Vec<Value> = rows.iter().map(|row| row[place].0.clone()).collect();
        column_of(&view.column_type(&view.plan.features[place]), values)
    }

    fn statuses(&self, column: FoldColumn) -> Vec<Status> {
        let place = self.place(column);
        self.found[column.fold].rows.iter().map(|row| row[place].1).collect()
    }

    /// For each row the time of the newest event that one of the folds saw.
    fn newest(&self, columns: &[FoldColumn]) -> Vec<Option<Instant>> {
        let newest = |row: usize| {
            columns.iter().filter_map(|column| self.found[column.fold].last_event_times[row]).max()
        };
        (0..self.rows).map(newest).collect()
    }
}
