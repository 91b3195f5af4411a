//! The inputs of a view's folds, each once.

use std::collections::BTreeSet;

use thalweg_core::FeatureColumn;

use crate::Input;
use crate::sql::Compiled;

/// The inputs gathered so far, and the fields they read.
#[derive(Default)]
pub(crate) struct Inputs {
    inputs: Vec<Input>,
    fields: BTreeSet<String>,
}

impl Inputs {
    /// The position of the input `expression` where `filter` is true; inputs of one meaning are one.
    pub fn position(&mut self, expression: Compiled, filter: Option<Compiled>) -> usize {
        self.read(&expression);
        let filter = filter.map(|filter| {
            self.read(&filter);
            filter.sql
        });
        let input = Input { expression: expression.sql, filter, field_type: expression.field_type };
        let known = self.inputs.iter().position(|other| *other == input);
        known.unwrap_or_else(|| {
            self.inputs.push(input);
            self.inputs.len() - 1
        })
    }

    /// Notes that the view reads the fields of `expression`.
    pub fn read(&mut self, expression: &Compiled) {
        self.fields.extend(expression.fields.iter().cloned());
    }

    /// The inputs in an order that depends on their meaning alone, with `columns` pointing to their new
    /// positions; and the fields that are read, sorted.
    pub fn into_sorted(self, columns: &mut [FeatureColumn]) -> (Vec<Input>, Vec<String>) {
        let mut inputs: Vec<(usize, Input)> = self.inputs.into_iter().enumerate().collect();
        inputs.sort_by(|(_, a), (_, b)| meaning(a).cmp(&meaning(b)));
        let mut position_of = vec![0; inputs.len()];
        for (new, (old, _)) in inputs.iter().enumerate() {
            position_of[*old] = new;
        }
        for input in columns.iter_mut().flat_map(|column| column.input.iter_mut().chain(&mut column.by)) {
            *input = position_of[*input];
        }
        (inputs.into_iter().map(|(_, input)| input).collect(), self.fields.into_iter().collect())
    }
}

fn meaning(input: &Input) -> (&str, Option<&str>) {
    (&input.expression.meaning, input.filter.as_ref().map(|filter| filter.meaning.as_str()))
}
