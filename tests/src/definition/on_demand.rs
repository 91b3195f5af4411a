//! Features that are computed from others when they are asked for.

use thalweg_core::{FieldType, Value};

use super::{Definitions, Expression, Row};

/// Features over the columns of views, and over what a question says.
#[derive(Clone, Debug)]
pub struct OnDemandView {
    /// Its name.
    pub name: String,
    /// Names of a view and of one of its columns each.
    pub inputs: Vec<(String, String)>,
    /// What a question says, with its type.
    pub request: Vec<(String, FieldType)>,
    /// Its features.
    pub features: Vec<OnDemandFeature>,
}

/// One column of an on-demand view.
#[derive(Clone, Debug)]
pub struct OnDemandFeature {
    /// Its name.
    pub name: String,
    /// Its value over the inputs.
    pub expression: Expression,
    /// Its type.
    pub of_type: FieldType,
}

impl OnDemandView {
    /// All names that expressions may call the input at `place` by: that of its view and column, and of the
    /// column alone where no other input has it.
    pub fn names(&self, place: usize) -> Vec<String> {
        let (view, column) = &self.inputs[place];
        let alone = self.inputs.iter().filter(|(_, other)| other == column).count() == 1;
        let short = alone.then(|| column.clone());
        [format!("{view}__{column}")].into_iter().chain(short).collect()
    }

    /// The inputs by all their names, where `value` has that of a view's column, and `asked` what the
    /// question says.
    pub fn row(&self, value: impl Fn(&str, &str) -> Value, asked: impl Fn(&str) -> Value) -> Row {
        let named = self.inputs.iter().enumerate().flat_map(|(place, (view, column))| {
            let value = value(view, column);
            self.names(place).into_iter().map(move |name| (name, value.clone()))
        });
        named.chain(self.request.iter().map(|(name, _)| (name.clone(), asked(name)))).collect()
    }
}

impl Definitions {
    /// How many columns the views of both kinds have.
    pub fn count_columns(&self) -> usize {
        let folded: usize = self.views.iter().map(|view| view.columns().len()).sum();
        folded + self.on_demand.iter().map(|view| view.features.len()).sum::<usize>()
    }

    /// Takes away the on-demand views that compute from what is not there.
    pub fn drop_dangling(&mut self) {
        let views = &self.views;
        let is_there = |(view, column): &(String, String)| {
            let mut named = views.iter().filter(|known| known.name == *view);
            named.any(|view| view.columns().iter().any(|known| known.name == *column))
        };
        self.on_demand.retain(|view| view.inputs.iter().all(is_there));
    }
}

/// The name under which the type stands of what is in the list called `name`, where types stand by names.
pub fn list_of(name: &str) -> String {
    format!("{name}[]")
}
