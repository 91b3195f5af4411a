//! What a reference may lead to: a feature view, or an on-demand feature view.

use arrow::datatypes::DataType;

use crate::declarations::Declarations;
use crate::mistakes::{Mistakes, Place, suggestion};
use crate::{FeatureView, OnDemandView};

/// A view of either kind.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Taken<'a> {
    /// Features folded from events.
    Folded(&'a FeatureView),
    /// Features computed from others.
    OnDemand(&'a OnDemandView),
}

impl<'a> Taken<'a> {
    /// Name of the view.
    pub fn name(self) -> &'a str {
        match self {
            Self::Folded(view) => &view.name,
            Self::OnDemand(view) => &view.name,
        }
    }

    /// Names of its columns, in the order of the definition.
    pub fn columns(self) -> Vec<&'a str> {
        match self {
            Self::Folded(view) => view.columns.iter().map(String::as_str).collect(),
            Self::OnDemand(view) => view.features.iter().map(|feature| feature.name.as_str()).collect(),
        }
    }

    /// The Arrow type of the values of `column`, if there is such a one.
    pub fn column_type(self, column: &str) -> Option<DataType> {
        match self {
            Self::Folded(view) => Some(view.column_type(view.column(column)?)),
            Self::OnDemand(view) => Some(view.feature(column)?.field_type.to_arrow()),
        }
    }
}

/// The views of both kinds that are declared.
#[derive(Clone, Copy)]
pub(crate) struct DeclaredViews<'a> {
    /// Feature views.
    pub folded: &'a Declarations<FeatureView>,
    /// On-demand feature views.
    pub on_demand: &'a Declarations<OnDemandView>,
}

impl<'a> DeclaredViews<'a> {
    /// The view called `name`, written at `place`; a name that nobody declared is a mistake.
    pub fn find(self, name: &str, place: &Place, mistakes: &mut Mistakes) -> Option<Taken<'a>> {
        if self.folded.place(name).is_some() || self.on_demand.place(name).is_some() {
            return self.get(name);
        }
        if self.folded.is_complete() && self.on_demand.is_complete() {
            let names: Vec<_> = self.folded.names().chain(self.on_demand.names()).collect();
            mistakes.add_with_help(
                place,
                format!("there is no feature view `{name}`"),
                suggestion(name, names.iter().copied()),
            );
        }
        None
    }

    /// The view called `name`, if there is a good one.
    pub fn get(self, name: &str) -> Option<Taken<'a>> {
        let folded = self.folded.get(name).map(Taken::Folded);
        folded.or_else(|| self.on_demand.get(name).map(Taken::OnDemand))
    }
}
